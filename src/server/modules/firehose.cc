#include "server/modules/firehose.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "aws/gen/firehose/operations.gen.h"
#include "catalog/catalog.h"
#include "catalog/data_keys.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/runtime.h"
#include "core/task.h"
#include "firehose/deliveries.h"
#include "firehose/delivery_sink.h"
#include "firehose/limits.h"
#include "firehose/metrics.h"
#include "firehose/operations.h"
#include "firehose/plan.h"
#include "firehose/service.h"
#include "http/message.h"
#include "io/file_system.h"
#include "log/directory.h"
#include "log/record_log.h"
#include "outbound/object_stores.h"
#include "ports/object_store.h"
#include "server/local_call.h"

namespace riacho::server {
namespace {

// How long a flush waits for a destination.
constexpr std::int64_t flush_ms = 20'000;

// AWS: the members of its error log (firehose spec 16.2).
void log_error(const firehose::Plan& plan, const firehose::ErrorLine& line) {
    core::log_line(core::LogLevel::warn, "delivery failed",
                   {{"deliveryStreamARN", plan.arn},
                    {"destination", plan.bucket_arn},
                    {"deliveryStreamVersionId", plan.version},
                    {"message", line.message},
                    {"errorCode", line.code}});
}

// Used when the store cannot be made: every attempt fails with the reason, and accepted records stay in the log.
class NoStore final : public ports::ObjectStore {
public:
    explicit NoStore(std::string reason) : reason_(std::move(reason)) {}
    Task<Expected<void, ports::StoreError>> put(core::Core&, ports::ObjectName, std::shared_ptr<const ports::Body>,
                                                ports::PutOptions) override {
        ports::StoreError error;
        error.fault = ports::StoreFault::denied;
        error.code = "InternalError";
        error.message = reason_;
        co_return fail(std::move(error));
    }
    [[nodiscard]] std::string host_of(std::string_view) const override { return {}; }

private:
    const std::string reason_;
};

std::unique_ptr<ports::ObjectStore> make_store(const Parts& parts) {
    outbound::ObjectStoreOptions options;
    options.s3_endpoint = parts.config.s3_endpoint;
    options.region = parts.config.region;
    options.local_root = parts.directory.path() + "/buckets";
    const outbound::ObjectStoreParts on{parts.runtime, parts.machine_clock, parts.directory.fs(), parts.files};
    auto made = outbound::make_object_store(options, on);
    if (!made) {
        core::log_line(core::LogLevel::error, "nothing is delivered until the next start", {{"reason", made.error()}});
        return std::make_unique<NoStore>(made.error());
    }
    core::log_line(core::LogLevel::info, "deliveries", {{"to", made->description}});
    return std::move(made->store);
}

std::vector<core::Core*> all_cores(core::Runtime& runtime) {
    std::vector<core::Core*> cores;
    for (std::size_t i = 0; i < runtime.size(); ++i) cores.push_back(&runtime.core(i));
    return cores;
}

}  // namespace

// In the order of construction; taken apart the other way round.
struct FirehoseModule::Impl {
    explicit Impl(const Parts& given);
    void add_metrics();
    Task<http::Response> flush(core::Core& core, std::string account, std::string region, std::string name);

    Parts parts;
    firehose::Metrics metrics;
    firehose::Limits limits;
    firehose::SettingsCache settings;
    catalog::DataKeys data_keys;
    std::unique_ptr<ports::ObjectStore> store;
    firehose::Service service;
    firehose::DeliveryDirectory directory{service};
    firehose::Deliveries deliveries;
};

FirehoseModule::Impl::Impl(const Parts& given)
    : parts(given),
      limits(parts.config.limits),
      data_keys(parts.keyring, parts.rng),
      store(make_store(parts)),
      service(parts.catalog, parts.log, parts.commands, parts.clock, parts.rng, data_keys, *parts.streams, metrics,
              limits, settings, parts.config.transition_delay_ms),
      deliveries({.snapshot = [catalog = &parts.catalog] { return catalog->snapshot(); },
                  .log = parts.log,
                  .commands = parts.commands,
                  .clock = parts.clock,
                  .rng = parts.rng,
                  .data_keys = data_keys,
                  .streams = *parts.streams,
                  .store = *store,
                  .memory = parts.memory,
                  .cpu = &parts.compute,
                  .metrics = metrics,
                  .errors = log_error,
                  .cores = all_cores(parts.runtime)}) {}

void FirehoseModule::Impl::add_metrics() {
    parts.metrics.add_collector(
        [this](core::MetricsWriter& writer) { metrics.collect(parts.clock.now(), limits, writer); });
}

Task<http::Response> FirehoseModule::Impl::flush(core::Core& core, std::string account, std::string region,
                                                 std::string name) {
    const auto object = parts.catalog.snapshot()->find_object(catalog::ObjectState::Kind::delivery_stream,
                                                              account.empty() ? parts.config.account : account,
                                                              region.empty() ? parts.config.region : region, name);
    if (object == nullptr) co_return json_reply(404, R"({"error":"there is no delivery stream of that name"})");
    const auto report = co_await deliveries.flush(core, object->uid, flush_ms);
    if (report) co_return json_reply(200, fmt::format(R"({{"undelivered":{}}})", report->undelivered));
    switch (report.error()) {
        case firehose::FlushFault::no_stream:
            co_return json_reply(409, R"({"error":"the delivery stream is not ACTIVE"})");
        case firehose::FlushFault::timeout:
            break;
    }
    co_return json_reply(503, R"({"error":"the destination has not taken everything yet"})");
}

FirehoseModule::FirehoseModule(const Parts& parts) : impl_(std::make_unique<Impl>(parts)) { impl_->add_metrics(); }

FirehoseModule::~FirehoseModule() { stop(); }

std::vector<aws::ServiceEntry> FirehoseModule::entries() {
    return {{&api::firehose::model, &impl_->service, firehose::operations()}};
}

ports::StreamDirectory& FirehoseModule::directory() { return impl_->directory; }

std::optional<Task<http::Response>> FirehoseModule::administer(core::Core& core, std::string_view path,
                                                               std::string_view body) {
    if (path != "firehose/flush") return std::nullopt;
    return impl_->flush(core, field(body, "account"), field(body, "region"), field(body, "stream"));
}

void FirehoseModule::on_publish(const catalog::Feed& feed) {
    for (const std::uint64_t uid : feed.objects) {
        if (impl_->parts.catalog.snapshot()->find_object(uid) == nullptr) impl_->settings.forget(uid);
    }
    impl_->deliveries.on_publish(feed);
}

void FirehoseModule::start() { impl_->deliveries.start(); }

void FirehoseModule::stop() {
    impl_->deliveries.begin_stop();
    impl_->store->stop();
    impl_->deliveries.stop();
}

}  // namespace riacho::server
