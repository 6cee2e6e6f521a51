#include "server/modules/data_streams.h"

#include <fmt/format.h>

#include <utility>

#include "aws/arn.h"
#include "aws/gen/kinesis/operations.gen.h"
#include "aws/operation.h"
#include "catalog/catalog.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/runtime.h"
#include "log/command_log.h"
#include "log/record_log.h"
#include "server/janitor.h"
#include "streams/directory.h"
#include "streams/limits.h"
#include "streams/operations.h"
#include "streams/queue_metrics.h"
#include "streams/queues.h"
#include "streams/service.h"
#include "streams/subscriptions.h"

namespace riacho::server {

// Members in the order of construction; destroyed in reverse.
struct DataStreamsModule::Impl {
    explicit Impl(const Parts& given);
    void add_metrics();

    Parts parts;
    streams::StreamMetrics metrics;
    streams::Subscriptions subscriptions;
    streams::DataKeys data_keys;
    streams::Limits limits;
    streams::Queues queues;
    streams::Service service;
    streams::Directory directory{service};
    Janitor janitor;
    bool stopped = false;
};

DataStreamsModule::Impl::Impl(const Parts& given)
    : parts(given),
      subscriptions(parts.event_bytes_max),
      data_keys(parts.keyring, parts.rng, parts.config.key_faults),
      limits(parts.config.limits),
      queues(&parts.memory),
      service(parts.catalog, parts.log, parts.commands, parts.clock, parts.rng, parts.tokens, metrics, subscriptions,
              data_keys, limits, queues, parts.config.faults, parts.config.transition_delay_ms,
              parts.config.consumers_max, parts.memory),
      janitor(parts.runtime.core(0), parts.clock, parts.catalog, parts.log, parts.commands, metrics, queues,
              parts.config.transition_delay_ms) {}

void DataStreamsModule::Impl::add_metrics() {
    parts.metrics.add_collector([this](core::MetricsWriter& writer) { metrics.collect(writer); });
    parts.metrics.add_collector([this](core::MetricsWriter& writer) {
        writer.family("riacho_queues_in_memory", core::MetricsWriter::Kind::gauge, "Queues with state in this process");
        writer.sample({}, std::uint64_t{queues.size()});
    });
    parts.metrics.add_collector([this](core::MetricsWriter& writer) {
        writer.family("riacho_subscriptions", core::MetricsWriter::Kind::gauge, "SubscribeToShard calls in progress");
        writer.sample({}, std::uint64_t{subscriptions.active()});
    });
    parts.metrics.add_collector([this](core::MetricsWriter& writer) {
        streams::collect_queues(parts.catalog, parts.log, queues, parts.clock.now(), writer);
    });
}

DataStreamsModule::DataStreamsModule(const Parts& parts) : impl_(std::make_unique<Impl>(parts)) {
    impl_->add_metrics();
}

DataStreamsModule::~DataStreamsModule() { stop(); }

Expected<void, StartError> DataStreamsModule::create_streams() {
    const Config& config = impl_->parts.config;
    for (const StreamToCreate& wanted : config.create_streams) {
        catalog::CreateStream command;
        command.key = {config.account, config.region, wanted.name};
        command.arn = aws::stream_arn(config.region, config.account, wanted.name);
        command.shard_count = static_cast<std::uint32_t>(wanted.shards);
        const auto result =
            impl_->parts.commands.submit_and_wait(catalog::encode(catalog::Command(std::move(command))));
        if (!result) {
            return fail(StartError{
                exit_io, fmt::format("cannot create the stream {}: {}", wanted.name, to_string(result.error()))});
        }
    }
    return {};
}

std::vector<aws::ServiceEntry> DataStreamsModule::entries() {
    if (!impl_->parts.config.services.data_streams) {
        return {{&api::kinesis::model, nullptr, aws::not_yet(api::kinesis::operations), false}};
    }
    return {{&api::kinesis::model, &impl_->service, streams::operations()}};
}

void DataStreamsModule::on_publish(const catalog::Feed& feed) { impl_->janitor.notify(feed); }

ports::StreamDirectory& DataStreamsModule::directory() { return impl_->directory; }

void DataStreamsModule::start() { impl_->janitor.start(); }

void DataStreamsModule::end_waits() { impl_->queues.stop(); }

void DataStreamsModule::stop() {
    if (std::exchange(impl_->stopped, true)) return;
    impl_->janitor.stop();
}

}  // namespace riacho::server
