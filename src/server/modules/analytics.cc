#include "server/modules/analytics.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "analytics/app/runner.h"
#include "analytics/operations.h"
#include "analytics/service.h"
#include "aws/gen/analytics_v1/operations.gen.h"
#include "aws/gen/analytics_v2/operations.gen.h"
#include "catalog/catalog.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/runtime.h"
#include "core/task.h"
#include "core/work_pool.h"
#include "http/message.h"
#include "server/local_call.h"

namespace riacho::server {
namespace {

// AWS: spec 9.3.
constexpr std::uint32_t applications_max = 50;
// Every running application has one piece of work in the pool at a time.
constexpr std::size_t cpu_queue_max = 4'096;

}  // namespace

// In the order of construction; taken apart the other way round.
struct AnalyticsModule::Impl {
    explicit Impl(const Parts& given)
        : parts(given),
          cpu({.name = "sql", .threads_max = given.runtime.size(), .queue_max = cpu_queue_max, .gives_way = true}),
          runner({parts.runtime, parts.catalog, parts.log, parts.commands, parts.clock, parts.rng, cpu, parts.memory,
                  *parts.streams, parts.delivery_streams, parts.config.transition_delay_ms}),
          service{parts.catalog,   parts.commands, parts.clock, parts.rng,
                  *parts.streams,  runner,         cpu,         parts.config.transition_delay_ms,
                  applications_max} {}

    Parts parts;
    core::WorkPool cpu;
    analytics::Runner runner;
    analytics::Service service;
};

AnalyticsModule::AnalyticsModule(const Parts& parts) : impl_(std::make_unique<Impl>(parts)) {
    parts.metrics.add_collector([impl = impl_.get()](core::MetricsWriter& writer) { impl->runner.collect(writer); });
}

AnalyticsModule::~AnalyticsModule() { stop(); }

std::vector<aws::ServiceEntry> AnalyticsModule::entries() {
    return {{&api::analytics_v1::model, &impl_->service, analytics::operations_v1()},
            {&api::analytics_v2::model, &impl_->service, analytics::operations_v2()}};
}

void AnalyticsModule::start() { impl_->runner.start(); }

void AnalyticsModule::stop() {
    impl_->runner.stop();
    impl_->cpu.stop();
}

namespace {

Task<http::Response> peek(analytics::Runner& runner, core::Core& core, std::uint64_t uid, std::string stream) {
    const analytics::Peeked peeked = co_await runner.peek(core, uid, std::move(stream));
    if (!peeked.is_known) {
        co_return json_reply(404, R"({"error":"the application does not run, or has no such in-application stream"})");
    }
    http::Response response;
    response.status = 200;
    response.headers.add("content-type", "application/x-ndjson");
    for (const std::string& row : peeked.rows) {
        response.body.append(row);
        response.body.append("\n");
    }
    co_return response;
}

Task<http::Response> refuse() { co_return json_reply(404, R"({"error":"there is no such application"})"); }

}  // namespace

std::optional<Task<http::Response>> AnalyticsModule::administer(core::Core& core, std::string_view path,
                                                                std::string_view body) {
    if (path != "analytics/peek") return std::nullopt;
    const Config& config = impl_->parts.config;
    const std::string name = field(body, "application");
    const auto snapshot = impl_->parts.catalog.snapshot();
    const auto object = name.starts_with("arn:") ? snapshot->find_object(name)
                                                 : snapshot->find_object(catalog::ObjectState::Kind::application,
                                                                         config.account, config.region, name);
    if (object == nullptr || object->kind != catalog::ObjectState::Kind::application) return refuse();
    return peek(impl_->runner, core, object->uid, field(body, "stream"));
}

}  // namespace riacho::server
