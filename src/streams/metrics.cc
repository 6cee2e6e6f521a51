#include "streams/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "streams/shards.h"

namespace riacho::streams {
namespace {

std::uint64_t next_id() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

struct CounterFamily {
    std::string_view name;
    std::string_view help;
    Counter StreamCounters::* counter;
};

// AWS: names are CloudWatch's, with the dot as an underscore (data-streams spec 7).
constexpr std::array counters = {
    CounterFamily{"IncomingBytes", "IncomingBytes", &StreamCounters::incoming_bytes},
    CounterFamily{"IncomingRecords", "IncomingRecords", &StreamCounters::incoming_records},
    CounterFamily{"PutRecord_Bytes", "PutRecord.Bytes", &StreamCounters::put_record_bytes},
    CounterFamily{"PutRecord_Success", "PutRecord.Success, sum", &StreamCounters::put_record_success},
    CounterFamily{"PutRecord_Failure", "PutRecord calls that PutRecord.Success counts as 0",
                  &StreamCounters::put_record_failure},
    CounterFamily{"PutRecords_Bytes", "PutRecords.Bytes", &StreamCounters::put_records_bytes},
    CounterFamily{"PutRecords_Success", "PutRecords.Success, sum", &StreamCounters::put_records_success},
    CounterFamily{"PutRecords_Failure", "PutRecords calls that stored no record", &StreamCounters::put_records_failure},
    CounterFamily{"PutRecords_TotalRecords", "PutRecords.TotalRecords", &StreamCounters::put_records_total},
    CounterFamily{"PutRecords_SuccessfulRecords", "PutRecords.SuccessfulRecords",
                  &StreamCounters::put_records_successful},
    CounterFamily{"PutRecords_FailedRecords", "PutRecords.FailedRecords", &StreamCounters::put_records_failed},
    CounterFamily{"PutRecords_ThrottledRecords", "PutRecords.ThrottledRecords", &StreamCounters::put_records_throttled},
    CounterFamily{"GetRecords_Bytes", "GetRecords.Bytes", &StreamCounters::get_records_bytes},
    CounterFamily{"GetRecords_Records", "GetRecords.Records", &StreamCounters::get_records_records},
    CounterFamily{"GetRecords_Success", "GetRecords.Success, sum", &StreamCounters::get_records_success},
    CounterFamily{"GetRecords_Failure", "GetRecords calls that GetRecords.Success counts as 0",
                  &StreamCounters::get_records_failure},
    CounterFamily{"ReadProvisionedThroughputExceeded", "ReadProvisionedThroughputExceeded",
                  &StreamCounters::read_throttled},
    CounterFamily{"WriteProvisionedThroughputExceeded", "WriteProvisionedThroughputExceeded",
                  &StreamCounters::write_throttled},
};

struct LatencyFamily {
    std::string_view name;
    std::string_view help;
    core::Histogram StreamCounters::* histogram;
};
constexpr std::array latencies = {
    LatencyFamily{"PutRecord_Latency", "PutRecord.Latency", &StreamCounters::put_record_latency},
    LatencyFamily{"PutRecords_Latency", "PutRecords.Latency", &StreamCounters::put_records_latency},
    LatencyFamily{"GetRecords_Latency", "GetRecords.Latency", &StreamCounters::get_records_latency},
};

constexpr std::string_view prefix = "riacho_kinesis_";

struct ConsumerFamily {
    std::string_view name;
    std::string_view help;
    Counter ConsumerCounters::* counter;
};
constexpr std::array consumer_counters = {
    ConsumerFamily{"SubscribeToShard_Success", "SubscribeToShard.Success, sum", &ConsumerCounters::subscribe_success},
    ConsumerFamily{"SubscribeToShard_RateExceeded", "SubscribeToShard.RateExceeded",
                   &ConsumerCounters::subscribe_refused},
    ConsumerFamily{"SubscribeToShardEvent_Success", "SubscribeToShardEvent.Success, sum",
                   &ConsumerCounters::event_success},
    ConsumerFamily{"SubscribeToShardEvent_Bytes", "SubscribeToShardEvent.Bytes", &ConsumerCounters::event_bytes},
    ConsumerFamily{"SubscribeToShardEvent_Records", "SubscribeToShardEvent.Records", &ConsumerCounters::event_records},
};

struct ShardFamily {
    std::string_view name;
    core::MetricsWriter::Kind kind;
    Counter ShardCounters::* counter;
};
// In the order of the API's names, which is the order of the bits.
constexpr std::array shard_figures = {
    ShardFamily{"IncomingBytes", core::MetricsWriter::Kind::counter, &ShardCounters::incoming_bytes},
    ShardFamily{"IncomingRecords", core::MetricsWriter::Kind::counter, &ShardCounters::incoming_records},
    ShardFamily{"OutgoingBytes", core::MetricsWriter::Kind::counter, &ShardCounters::outgoing_bytes},
    ShardFamily{"OutgoingRecords", core::MetricsWriter::Kind::counter, &ShardCounters::outgoing_records},
    ShardFamily{"WriteProvisionedThroughputExceeded", core::MetricsWriter::Kind::counter,
                &ShardCounters::write_throttled},
    ShardFamily{"ReadProvisionedThroughputExceeded", core::MetricsWriter::Kind::counter,
                &ShardCounters::read_throttled},
    ShardFamily{"IteratorAgeMilliseconds", core::MetricsWriter::Kind::gauge, &ShardCounters::iterator_age_ms},
};

}  // namespace

ConsumerCounters& StreamCounters::consumer(std::string_view name) {
    const std::lock_guard lock(mutex_);
    auto found = consumers_.find(name);
    if (found == consumers_.end()) {
        found = consumers_.emplace(std::string(name), std::make_unique<ConsumerCounters>()).first;
    }
    return *found->second;
}

std::vector<std::pair<std::string, const ConsumerCounters*>> StreamCounters::all_consumers() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::pair<std::string, const ConsumerCounters*>> all;
    all.reserve(consumers_.size());
    for (const auto& [name, figures] : consumers_) all.emplace_back(name, figures.get());
    return all;
}

ShardCounters* StreamCounters::shard(std::int32_t index) {
    if (shard_metrics.load(std::memory_order_relaxed) == 0) return nullptr;
    const std::lock_guard lock(mutex_);
    auto& found = shards_[index];
    if (!found) found = std::make_unique<ShardCounters>();
    return found.get();
}

std::vector<std::pair<std::int32_t, const ShardCounters*>> StreamCounters::all_shards() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::pair<std::int32_t, const ShardCounters*>> all;
    all.reserve(shards_.size());
    for (const auto& [index, figures] : shards_) all.emplace_back(index, figures.get());
    return all;
}

StreamMetrics::StreamMetrics() : id_(next_id()) {}

std::shared_ptr<StreamCounters> StreamMetrics::of(std::uint64_t uid, std::string_view account, std::string_view region,
                                                  std::string_view stream) {
    struct Seen {
        std::uint64_t owner = 0;
        std::uint64_t generation = 0;
        std::unordered_map<std::uint64_t, std::shared_ptr<StreamCounters>> counters;
    };
    thread_local Seen seen;
    const std::uint64_t generation = generation_.load(std::memory_order_acquire);
    if (seen.owner != id_ || seen.generation != generation) seen = {id_, generation, {}};
    std::shared_ptr<StreamCounters>& known = seen.counters[uid];
    if (known != nullptr) return known;
    const std::lock_guard lock(mutex_);
    const auto entry = shown_.find(uid);
    if (entry != shown_.end()) return known = entry->second;
    known = std::make_shared<StreamCounters>();
    known->account = account;
    known->region = region;
    known->stream = stream;
    if (std::ranges::find(forgotten_, uid) == forgotten_.end()) shown_.emplace(uid, known);
    return known;
}

void StreamMetrics::forget(std::uint64_t uid) {
    constexpr std::size_t forgotten_max = 256;
    std::shared_ptr<StreamCounters> gone;  // destroyed after the lock is released
    const std::lock_guard lock(mutex_);
    forgotten_.push_back(uid);
    if (forgotten_.size() > forgotten_max) forgotten_.pop_front();
    if (const auto found = shown_.find(uid); found != shown_.end()) {
        gone = std::move(found->second);
        shown_.erase(found);
    }
    generation_.fetch_add(1, std::memory_order_release);
}

void StreamMetrics::collect(core::MetricsWriter& writer) const {
    using Kind = core::MetricsWriter::Kind;
    const std::lock_guard lock(mutex_);
    const auto each = [&](const auto& write) {
        for (const auto& [uid, stream] : shown_) {
            write(
                core::MetricLabels{
                    {"account", stream->account}, {"region", stream->region}, {"stream", stream->stream}},
                *stream);
        }
    };
    for (const CounterFamily& family : counters) {
        writer.family(std::string(prefix) + std::string(family.name) + "_total", Kind::counter,
                      "CloudWatch AWS/Kinesis " + std::string(family.help));
        each([&](core::MetricLabels labels, const StreamCounters& stream) {
            writer.sample(labels, (stream.*family.counter).load(std::memory_order_relaxed));
        });
    }
    for (const LatencyFamily& family : latencies) {
        writer.family(std::string(prefix) + std::string(family.name) + "_seconds", Kind::histogram,
                      "CloudWatch AWS/Kinesis " + std::string(family.help));
        each([&](core::MetricLabels labels, const StreamCounters& stream) {
            writer.histogram(labels, stream.*family.histogram);
        });
    }
    const auto each_consumer = [&](const auto& write) {
        for (const auto& [uid, stream] : shown_) {
            for (const auto& [name, consumer] : stream->all_consumers()) {
                write(core::MetricLabels{{"account", stream->account},
                                         {"region", stream->region},
                                         {"stream", stream->stream},
                                         {"consumer", name}},
                      *consumer);
            }
        }
    };
    for (const ConsumerFamily& family : consumer_counters) {
        writer.family(std::string(prefix) + std::string(family.name) + "_total", Kind::counter,
                      "CloudWatch AWS/Kinesis " + std::string(family.help));
        each_consumer([&](core::MetricLabels labels, const ConsumerCounters& consumer) {
            writer.sample(labels, (consumer.*family.counter).load(std::memory_order_relaxed));
        });
    }
    writer.family(std::string(prefix) + "SubscribeToShardEvent_MillisBehindLatest", Kind::gauge,
                  "CloudWatch AWS/Kinesis SubscribeToShardEvent.MillisBehindLatest of the newest event");
    each_consumer([&](core::MetricLabels labels, const ConsumerCounters& consumer) {
        writer.sample(labels, consumer.millis_behind.load(std::memory_order_relaxed));
    });
    writer.family(std::string(prefix) + "GetRecords_IteratorAgeMilliseconds", Kind::gauge,
                  "CloudWatch AWS/Kinesis GetRecords.IteratorAgeMilliseconds of the newest call");
    each([&](core::MetricLabels labels, const StreamCounters& stream) {
        writer.sample(labels, stream.iterator_age_ms.load(std::memory_order_relaxed));
    });
    collect_shards(writer);
}

void StreamMetrics::collect_shards(core::MetricsWriter& writer) const {
    for (std::size_t bit = 0; bit < shard_figures.size(); ++bit) {
        const ShardFamily& family = shard_figures[bit];
        const bool is_counter = family.kind == core::MetricsWriter::Kind::counter;
        writer.family(fmt::format("{}Shard_{}{}", prefix, family.name, is_counter ? "_total" : ""), family.kind,
                      fmt::format("CloudWatch AWS/Kinesis {} by shard, with enhanced monitoring", family.name));
        for (const auto& [uid, stream] : shown_) {
            if ((stream->shard_metrics.load(std::memory_order_relaxed) >> bit & 1U) == 0) continue;
            for (const auto& [index, shard] : stream->all_shards()) {
                writer.sample({{"account", stream->account},
                               {"region", stream->region},
                               {"stream", stream->stream},
                               {"shard", shard_id(index)}},
                              (shard->*family.counter).load(std::memory_order_relaxed));
            }
        }
    }
}

}  // namespace riacho::streams
