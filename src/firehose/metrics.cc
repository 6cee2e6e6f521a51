#include "firehose/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "firehose/limits.h"

namespace riacho::firehose {
namespace {

using Kind = core::MetricsWriter::Kind;
using Streams = std::vector<std::shared_ptr<Counters>>;

struct Family {
    std::string_view name;
    std::string_view help;
    Counter Counters::* counter;
    enum class Of : std::uint8_t { all, direct_put, source } of = Of::all;
};

// AWS: names are CloudWatch's, with the dot as an underscore.
constexpr std::array families = {
    Family{"IncomingBytes", "IncomingBytes", &Counters::incoming_bytes, Family::Of::direct_put},
    Family{"IncomingRecords", "IncomingRecords", &Counters::incoming_records, Family::Of::direct_put},
    Family{"IncomingPutRequests", "IncomingPutRequests", &Counters::incoming_put_requests, Family::Of::direct_put},
    Family{"ThrottledRecords", "ThrottledRecords", &Counters::throttled_records, Family::Of::direct_put},
    Family{"PutRecord_Bytes", "PutRecord.Bytes", &Counters::put_record_bytes, Family::Of::direct_put},
    Family{"PutRecord_Requests", "PutRecord.Requests", &Counters::put_record_requests, Family::Of::direct_put},
    Family{"PutRecordBatch_Bytes", "PutRecordBatch.Bytes", &Counters::put_record_batch_bytes, Family::Of::direct_put},
    Family{"PutRecordBatch_Records", "PutRecordBatch.Records", &Counters::put_record_batch_records,
           Family::Of::direct_put},
    Family{"PutRecordBatch_Requests", "PutRecordBatch.Requests", &Counters::put_record_batch_requests,
           Family::Of::direct_put},
    Family{"DataReadFromKinesisStream_Bytes", "DataReadFromKinesisStream.Bytes, with what was read again",
           &Counters::source_bytes, Family::Of::source},
    Family{"DataReadFromKinesisStream_Records", "DataReadFromKinesisStream.Records, with what was read again",
           &Counters::source_records, Family::Of::source},
    Family{"ThrottledGetRecords", "ThrottledGetRecords", &Counters::source_throttled, Family::Of::source},
    Family{"DeliveryToS3_Bytes", "DeliveryToS3.Bytes, before compression", &Counters::delivered_bytes},
    Family{"DeliveryToS3_Records", "DeliveryToS3.Records", &Counters::delivered_records},
    Family{"DeliveryToS3_ObjectCount", "DeliveryToS3.ObjectCount", &Counters::delivered_objects},
    Family{"DeliveryToS3_Attempts", "Attempts that DeliveryToS3.Success is a share of", &Counters::attempts},
    Family{"DeliveryToS3_Success", "DeliveryToS3.Success, sum", &Counters::attempts_succeeded},
    Family{"ExpiredRecords", "Records that were older than their source keeps them before they could be delivered",
           &Counters::expired_records},
};

bool is_of(const Counters& counters, Family::Of of) {
    if (of == Family::Of::all) return true;
    return counters.is_direct_put.load(std::memory_order_relaxed) == (of == Family::Of::direct_put);
}

void gauge(const Streams& streams, core::MetricsWriter& writer, std::string_view name, std::string_view help,
           const std::function<std::optional<double>(const Counters&)>& value) {
    writer.family(fmt::format("riacho_firehose_{}", name), Kind::gauge, help);
    for (const auto& counters : streams) {
        if (const auto shown = value(*counters)) {
            writer.sample(
                {{"account", counters->account}, {"region", counters->region}, {"delivery_stream", counters->name}},
                *shown);
        }
    }
}

std::optional<double> age(std::int64_t oldest_ms, TimestampMs now, double unit_ms) {
    if (oldest_ms == 0) return std::nullopt;
    return static_cast<double>(std::max<std::int64_t>(now.value() - oldest_ms, 0)) / unit_ms;
}

void latency(const Streams& streams, core::MetricsWriter& writer, std::string_view name, std::string_view help,
             core::Histogram Counters::* histogram) {
    writer.family(fmt::format("riacho_firehose_{}", name), Kind::histogram, help);
    for (const auto& counters : streams) {
        if (!is_of(*counters, Family::Of::direct_put)) continue;
        writer.histogram(
            {{"account", counters->account}, {"region", counters->region}, {"delivery_stream", counters->name}},
            (*counters).*histogram);
    }
}

// AWS: limits of the account, which CloudWatch shows for each delivery stream that takes puts.
void show_limits(const Streams& streams, core::MetricsWriter& writer) {
    struct Limit {
        std::string_view name;
        std::uint64_t IngestLimits::* value;
    };
    constexpr std::array limits = {Limit{"BytesPerSecondLimit", &IngestLimits::bytes},
                                   Limit{"RecordsPerSecondLimit", &IngestLimits::records},
                                   Limit{"PutRequestsPerSecondLimit", &IngestLimits::requests}};
    for (const Limit& limit : limits) {
        gauge(streams, writer, limit.name, limit.name, [&limit](const Counters& counters) -> std::optional<double> {
            if (!is_of(counters, Family::Of::direct_put)) return std::nullopt;
            return static_cast<double>(ingest_limits(counters.region).*limit.value);
        });
    }
}

}  // namespace

std::shared_ptr<Counters> Metrics::of(std::uint64_t uid, std::string_view account, std::string_view region,
                                      std::string_view name) {
    const MutexLock lock(mutex_);
    if (const auto known = streams_.find(uid); known != streams_.end()) return known->second;
    auto counters = std::make_shared<Counters>();
    counters->account = account;
    counters->region = region;
    counters->name = name;
    if (std::ranges::find(forgotten_, uid) == forgotten_.end()) streams_.emplace(uid, counters);
    return counters;
}

void Metrics::forget(std::uint64_t uid) {
    constexpr std::size_t forgotten_max = 256;
    const MutexLock lock(mutex_);
    if (streams_.erase(uid) == 0) return;
    forgotten_.push_back(uid);
    if (forgotten_.size() > forgotten_max) forgotten_.pop_front();
}

void Metrics::collect(TimestampMs now, const Limits& limits, core::MetricsWriter& writer) const {
    Streams streams;
    {
        const MutexLock lock(mutex_);
        for (const auto& [uid, counters] : streams_) streams.push_back(counters);
    }
    // AWS: AWS/Usage ResourceCount of DeliveryStreams.
    writer.family("riacho_firehose_delivery_streams", Kind::gauge, "ResourceCount of DeliveryStreams");
    writer.sample({}, std::uint64_t{streams.size()});
    if (streams.empty()) return;
    for (const Family& family : families) {
        writer.family(fmt::format("riacho_firehose_{}_total", family.name), Kind::counter, family.help);
        for (const auto& counters : streams) {
            if (!is_of(*counters, family.of)) continue;
            writer.sample(
                {{"account", counters->account}, {"region", counters->region}, {"delivery_stream", counters->name}},
                ((*counters).*family.counter).load(std::memory_order_relaxed));
        }
    }
    if (limits.enforced()) show_limits(streams, writer);
    latency(streams, writer, "PutRecord_Latency", "PutRecord.Latency", &Counters::put_record_latency);
    latency(streams, writer, "PutRecordBatch_Latency", "PutRecordBatch.Latency", &Counters::put_record_batch_latency);
    // AWS: not emitted while everything is delivered.
    gauge(streams, writer, "DeliveryToS3_DataFreshness", "DeliveryToS3.DataFreshness, in seconds",
          [now](const Counters& counters) { return age(counters.oldest_ms, now, 1'000); });
    gauge(streams, writer, "KinesisMillisBehindLatest", "KinesisMillisBehindLatest",
          [now](const Counters& counters) -> std::optional<double> {
              if (!is_of(counters, Family::Of::source)) return std::nullopt;
              return age(counters.source_oldest_ms, now, 1).value_or(0);
          });
    gauge(streams, writer, "stored_bytes", "Records of its own, delivered or not, as they are kept",
          [](const Counters& counters) -> std::optional<double> {
              if (!is_of(counters, Family::Of::direct_put)) return std::nullopt;
              return static_cast<double>(counters.stored_bytes.load(std::memory_order_relaxed));
          });
    gauge(streams, writer, "batches", "Batches that are not delivered yet", [](const Counters& counters) {
        return std::optional(static_cast<double>(counters.batches.load(std::memory_order_relaxed)));
    });
    gauge(streams, writer, "batches_failing", "Batches that wait for another attempt", [](const Counters& counters) {
        return std::optional(static_cast<double>(counters.batches_failing.load(std::memory_order_relaxed)));
    });
}

}  // namespace riacho::firehose
