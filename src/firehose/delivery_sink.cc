#include "firehose/delivery_sink.h"

#include <utility>

#include "aws/arn.h"
#include "base/check.h"
#include "core/clock.h"
#include "core/task.h"
#include "firehose/put.h"
#include "ports/record_sink.h"
#include "ports/record_source.h"

namespace riacho::firehose {
namespace {

using ports::SinkFault;
using ports::StreamFault;

SinkFault to_sink_fault(log::LogError error) {
    switch (error) {
        case log::LogError::overloaded:
            return SinkFault::overloaded;
        case log::LogError::disk_full:
        case log::LogError::poisoned:
        case log::LogError::shutting_down:
        case log::LogError::corrupt:
            return SinkFault::unavailable;
        case log::LogError::sealed:
        case log::LogError::unknown_shard:
            return SinkFault::gone;
    }
    RIACHO_CHECK(false, "an unknown LogError");
}

class Sink final : public ports::RecordSink {
public:
    Sink(Service& service, std::uint64_t uid) : service_(service), uid_(uid) {}

    Task<std::vector<Expected<ports::SentRecord, SinkFault>>> append(
        core::Core& core, std::span<const ports::RecordToSend> records) override {
        std::vector<Expected<ports::SentRecord, SinkFault>> results(records.size(), fail(SinkFault::gone));
        auto object = service_.catalog.snapshot()->find_object(uid_);
        const bool is_active =
            object != nullptr && status_of(*object, service_.clock.now()) == api::DeliveryStreamStatus::active;
        if (!is_active || object->shards.empty()) co_return results;
        SettingsRef settings = service_.settings.of(*object);
        if (settings == nullptr) co_return results;
        const StreamRef stream{std::move(object), std::move(settings)};
        std::vector<wire::Blob> blobs;
        std::vector<std::size_t> places;
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < records.size(); ++i) {
            if (records[i].data.size() > record_bytes_max) {
                results[i] = fail(SinkFault::too_large);
                continue;
            }
            blobs.emplace_back(records[i].data);
            places.push_back(i);
            bytes += records[i].data.size();
        }
        if (blobs.empty()) co_return results;
        if (is_backlogged(*counters_of(service_, stream))) {
            for (const std::size_t place : places) results[place] = fail(SinkFault::throttled);
            co_return results;
        }
        const bool seals = stream.settings->seals(service_.clock.now());
        const auto appended = co_await append_records(service_, core, stream, blobs, seals);
        if (!appended) {
            for (const std::size_t place : places) results[place] = fail(to_sink_fault(appended.error()));
            co_return results;
        }
        count_accepted(*counters_of(service_, stream), places.size(), bytes);
        std::uint64_t seq = appended->first.value();
        for (const std::size_t place : places) results[place] = ports::SentRecord{0, seq++};
        co_return results;
    }

private:
    Service& service_;
    const std::uint64_t uid_;
};

}  // namespace

Expected<ports::FoundStream, StreamFault> DeliveryDirectory::find(std::string_view arn, const ports::StreamUser& user,
                                                                  ports::StreamAccess access) const {
    const auto parsed = aws::parse_arn(arn);
    if (!parsed || parsed->service != "firehose" || !parsed->resource.starts_with("deliverystream/")) {
        return fail(StreamFault::not_an_arn);
    }
    if (parsed->account != user.account || access == ports::StreamAccess::read) return fail(StreamFault::denied);
    const auto object = service_.catalog.snapshot()->find_object(arn);
    if (object == nullptr || object->kind != catalog::ObjectState::Kind::delivery_stream) {
        return fail(StreamFault::missing);
    }
    switch (status_of(*object, service_.clock.now())) {
        case api::DeliveryStreamStatus::creating:
            return fail(StreamFault::not_ready);
        case api::DeliveryStreamStatus::active:
            break;
        default:
            return fail(StreamFault::missing);
    }
    if (object->shards.empty()) return fail(StreamFault::denied);
    return ports::FoundStream{object->uid, object->name, object->arn, object->account, object->created_at};
}

std::shared_ptr<ports::RecordSource> DeliveryDirectory::source(std::uint64_t, const ports::StreamUser&) {
    return nullptr;
}

std::shared_ptr<ports::RecordSink> DeliveryDirectory::sink(std::uint64_t stream_uid, const ports::StreamUser&) {
    return std::make_shared<Sink>(service_, stream_uid);
}

}  // namespace riacho::firehose
