#include "streams/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "aws/gen/kinesis/errors.gen.h"
#include "base/check.h"
#include "base/hash_key.h"
#include "base/try.h"
#include "core/clock.h"
#include "core/rng.h"
#include "core/runtime.h"
#include "core/task.h"
#include "log/record_log.h"
#include "streams/encryption.h"
#include "streams/limits.h"
#include "streams/metrics.h"
#include "streams/shards.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

// A reshard can overtake an append only while the catalog publishes its newer snapshot, so one retry suffices; the
// limit guards against bugs.
constexpr int attempts_max = 4;

struct Placed {
    const catalog::ShardState* shard;
    std::uint32_t record;  // index into the request's records
};

log::HashKeyBytes hash_key_bytes(U128 key) {
    log::HashKeyBytes bytes{};
    for (std::size_t i = bytes.size(); i-- > 0; key >>= 8) bytes[i] = static_cast<std::uint8_t>(key);
    return bytes;
}

// Encodes the records of one shard in request order.
log::Batch encode(const Service& service, const catalog::StreamState& stream, std::span<const Placed> placed,
                  std::span<const RecordToAppend> records) {
    const bool sealed = !stream.key_id.empty();
    const std::size_t overhead = sealed ? seal_overhead : 0;
    std::size_t size = 0;
    for (const Placed& place : placed) {
        const RecordToAppend& record = records[place.record];
        size += log::BatchBuilder::record_size(record.partition_key.size(), record.key.explicit_key,
                                               record.data->size() + overhead);
    }
    log::BatchBuilder builder(size);
    for (const Placed& place : placed) {
        const RecordToAppend& record = records[place.record];
        const log::HashKeyBytes explicit_key =
            record.key.explicit_key ? hash_key_bytes(record.key.hash) : log::HashKeyBytes{};
        const auto room = builder.add(record.partition_key, record.key.explicit_key ? &explicit_key : nullptr,
                                      record.data->size() + overhead);
        if (sealed) {
            service.data_keys.seal(stream, record.partition_key, record.data->to_string(), room);
        } else {
            record.data->decode_to(reinterpret_cast<char*>(room.data()));
        }
    }
    if (sealed) builder.mark_sealed();
    return builder.seal();
}

// Splits a list sorted by shard and place in the request into one group for each shard.
std::vector<std::span<const Placed>> split_by_shard(const std::vector<Placed>& placed) {
    std::vector<std::span<const Placed>> groups;
    for (auto begin = placed.begin(); begin != placed.end();) {
        const auto end = std::find_if(begin, placed.end(), [&](const Placed& p) { return p.shard != begin->shard; });
        groups.emplace_back(begin, end);
        begin = end;
    }
    return groups;
}

AppendedRecord appended(const catalog::ShardState& shard, std::uint64_t seq, TimestampMs arrival) {
    SequenceNumber number;
    number.created_s = shard.created_s;
    number.shard_index = shard.index;
    number.seq_ix = seq;
    number.time_s = arrival.value() / 1000;
    return {shard.index, format_sequence_number(number), seq};
}

AppendError append_error(log::LogError error) {
    switch (error) {
        case log::LogError::overloaded:
            return AppendError::overloaded;
        case log::LogError::disk_full:
        case log::LogError::shutting_down:
        case log::LogError::poisoned:
            return AppendError::unavailable;
        case log::LogError::sealed:         // the children did not appear
        case log::LogError::unknown_shard:  // deleted meanwhile
            return AppendError::gone;
        case log::LogError::corrupt:
            return AppendError::corrupt;
    }
    RIACHO_CHECK(false, "an unknown LogError");
}

// Stores the results of one shard's append; adds to `again` the records to retry at the shard's children.
void settle(std::span<const Placed> group, const Expected<log::Appended, log::LogError>& outcome,
            std::vector<AppendResult>& results, std::vector<std::uint32_t>& again) {
    std::uint64_t seq = outcome ? outcome->first.value() : 0;
    for (const Placed& place : group) {
        if (outcome) {
            results[place.record] = appended(*place.shard, seq++, outcome->arrival);
        } else if (outcome.error() == log::LogError::sealed) {
            again.push_back(place.record);
        } else {
            results[place.record] = fail(append_error(outcome.error()));
        }
    }
}

Task<std::vector<AppendResult>> append_records(Writer writer, StreamRef stream,
                                               std::span<const RecordToAppend> records) {
    std::vector<AppendResult> results(records.size(), AppendResult(fail(AppendError::gone)));
    std::vector<std::uint32_t> waiting(records.size());
    for (std::uint32_t i = 0; i < waiting.size(); ++i) waiting[i] = i;
    for (int attempt = 0; attempt < attempts_max && !waiting.empty(); ++attempt) {
        if (attempt > 0) {
            StreamRef newer = writer.service.catalog.snapshot()->find_by_uid(stream->uid);
            if (newer == nullptr) break;
            stream = std::move(newer);
        }
        std::vector<Placed> placed;
        placed.reserve(waiting.size());
        for (const std::uint32_t i : waiting) placed.push_back({&stream->shard_for(records[i].key.hash), i});
        std::ranges::sort(placed, {}, [](const Placed& p) { return std::pair(p.shard->index, p.record); });
        waiting.clear();

        const std::vector<std::span<const Placed>> groups = split_by_shard(placed);
        std::vector<log::ShardBatch> batches(groups.size());
        for (std::size_t i = 0; i < groups.size(); ++i) {
            batches[i].shard = log::ShardUid(groups[i].front().shard->uid);
            batches[i].batch = encode(writer.service, *stream, groups[i], records);
        }
        log::AppendRequest request;
        request.batches = batches;
        request.core = &writer.core;
        co_await core::suspend([&](core::Wakeup& wakeup) {
            request.wakeup = &wakeup;
            writer.service.log.enqueue(request);
        });
        for (std::size_t i = 0; i < groups.size(); ++i) settle(groups[i], batches[i].result, results, waiting);
        std::ranges::sort(waiting);
    }
    co_return results;
}

// Counts one record, stored or throttled, in the metrics of the stream and the shard.
void count_record(StreamCounters& counters, std::int32_t shard_index, std::size_t bytes, bool throttled) {
    ShardCounters* figures = counters.shard(shard_index);
    if (throttled) {
        add(counters.write_throttled, 1);
        if (figures != nullptr) add(figures->write_throttled, 1);
        return;
    }
    add(counters.incoming_bytes, bytes);
    add(counters.incoming_records, 1);
    if (figures == nullptr) return;
    add(figures->incoming_bytes, bytes);
    add(figures->incoming_records, 1);
}

// Counts a batch, with one addition for each metric of the stream.
void count_records(StreamCounters& counters, const catalog::StreamState& stream,
                   std::span<const RecordToAppend> records, const std::vector<AppendResult>& results) {
    std::uint64_t stored = 0;
    std::uint64_t bytes = 0;
    std::uint64_t throttled = 0;
    for (std::size_t i = 0; i < results.size(); ++i) {
        if (results[i]) {
            ++stored;
            bytes += records[i].size();
        } else if (results[i].error() == AppendError::throttled) {
            ++throttled;
        }
    }
    add(counters.incoming_records, stored);
    add(counters.incoming_bytes, bytes);
    add(counters.write_throttled, throttled);
    if (stream.shard_metrics == 0) return;
    for (std::size_t i = 0; i < results.size(); ++i) {
        const bool was_throttled = !results[i] && results[i].error() == AppendError::throttled;
        if (!results[i] && !was_throttled) continue;
        ShardCounters* figures =
            counters.shard(was_throttled ? stream.shard_for(records[i].key.hash).index : results[i]->shard_index);
        if (figures == nullptr) return;
        add(figures->write_throttled, was_throttled ? 1 : 0);
        add(figures->incoming_records, was_throttled ? 0 : 1);
        add(figures->incoming_bytes, was_throttled ? 0 : records[i].size());
    }
}

// Appends the records that the limits of their shards and the injected faults admit; the others are throttled.
Task<std::vector<AppendResult>> append_admitted(Writer writer, StreamRef stream,
                                                std::span<const RecordToAppend> records) {
    const int partial = writer.faults.partial;
    Limits& limits = writer.service.limits;
    if (partial == 0 && !limits.enforced()) co_return co_await append_records(writer, stream, records);
    const MonotonicNs now = writer.service.clock.monotonic();
    std::vector<AppendResult> results(records.size(), AppendResult(fail(AppendError::throttled)));
    std::vector<RecordToAppend> admitted;
    std::vector<std::size_t> places;
    std::set<std::uint64_t> refusing;  // shards, to keep their order
    for (std::size_t i = 0; i < records.size(); ++i) {
        const std::uint64_t shard = stream->shard_for(records[i].key.hash).uid;
        if (writer.keeps_order && refusing.contains(shard)) continue;
        if (happens(writer.service.rng, partial) || !limits.write(shard, records[i].size(), now)) {
            if (writer.keeps_order) refusing.insert(shard);
            continue;
        }
        admitted.push_back(records[i]);
        places.push_back(i);
    }
    if (admitted.empty()) co_return results;
    const auto appended = co_await append_records(writer, stream, admitted);
    for (std::size_t i = 0; i < places.size(); ++i) results[places[i]] = appended[i];
    co_return results;
}

}  // namespace

RoutingKey any_shard(core::Rng& rng) { return {static_cast<U128>(rng.next()) << 64 | rng.next(), false}; }

Result<RoutingKey> routing_key(std::string_view partition_key,
                               const std::optional<std::string_view>& explicit_hash_key) {
    if (explicit_hash_key) {
        const auto key = parse_u128(*explicit_hash_key);
        if (!key) return fail(errors::invalid_explicit_hash_key(*explicit_hash_key));
        return RoutingKey{*key, true};
    }
    return RoutingKey{hash_key_of(partition_key), false};
}

Task<Result<std::vector<AppendResult>>> write_records(Writer writer, StreamRef stream,
                                                      std::span<const RecordToAppend> records) {
    if (const auto refused = writer.service.data_keys.refusal(stream->key_id, *stream, true)) co_return fail(*refused);
    if (writer.faults != Faults{}) {
        const std::int32_t shard_index = stream->shard_for(records.front().key.hash).index;
        CO_TRY_VOID(co_await inject_faults(writer.service, writer.core, writer.faults, stream, shard_index));
    }
    std::vector<AppendResult> results = co_await append_admitted(writer, stream, records);
    count_records(*counters_of(writer.service, *stream), *stream, records, results);
    co_return results;
}

// One coroutine, and one owner of the stream: each further one would cost every PutRecord a frame, and a count that all
// cores share.
Task<Result<AppendedRecord>> write_record(Writer writer, StreamRef stream, RecordToAppend record) {
    const catalog::ShardState* shard = &stream->shard_for(record.key.hash);
    if (const auto refused = writer.service.data_keys.refusal(stream->key_id, *stream, true)) co_return fail(*refused);
    if (writer.faults != Faults{}) {
        CO_TRY_VOID(co_await inject_faults(writer.service, writer.core, writer.faults, stream, shard->index));
    }
    Limits& limits = writer.service.limits;
    if (limits.enforced() && !limits.write(shard->uid, record.size(), writer.service.clock.monotonic())) {
        count_record(*counters_of(writer.service, *stream), shard->index, record.size(), true);
        co_return fail(to_api(AppendError::throttled, *stream, record.key));
    }
    AppendError error = AppendError::gone;
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        if (attempt > 0) {
            StreamRef newer = writer.service.catalog.snapshot()->find_by_uid(stream->uid);
            if (newer == nullptr) {
                error = AppendError::gone;
                break;
            }
            stream = std::move(newer);
            shard = &stream->shard_for(record.key.hash);
        }
        const Placed place{shard, 0};
        log::ShardBatch batch;
        batch.shard = log::ShardUid(shard->uid);
        batch.batch = encode(writer.service, *stream, {&place, 1}, {&record, 1});
        log::AppendRequest request;
        request.batches = {&batch, 1};
        request.core = &writer.core;
        co_await core::suspend([&](core::Wakeup& wakeup) {
            request.wakeup = &wakeup;
            writer.service.log.enqueue(request);
        });
        if (batch.result) {
            count_record(*counters_of(writer.service, *stream), shard->index, record.size(), false);
            co_return appended(*shard, batch.result->first.value(), batch.result->arrival);
        }
        error = append_error(batch.result.error());
        if (batch.result.error() != log::LogError::sealed) break;
    }
    co_return fail(to_api(error, *stream, record.key));
}

Result<void> check_record_size(const catalog::StreamState& stream, std::string_view partition_key,
                               const wire::Blob& data, std::optional<std::size_t> entry) {
    const std::size_t size_max = static_cast<std::size_t>(stream.max_record_size_kib) * 1024;
    if (partition_key.size() + data.size() <= size_max) return {};
    const std::string path = entry ? fmt::format("records.{}.member.data", *entry + 1) : "data";
    return fail(errors::record_too_large(path, static_cast<std::int64_t>(size_max)));
}

aws::ApiError to_api(AppendError error, const catalog::StreamState& stream, const RoutingKey& key) {
    switch (error) {
        case AppendError::throttled:
            return errors::shard_throughput_exceeded(shard_id(stream.shard_for(key.hash).index), stream.name,
                                                     stream.account);
        // Never a throughput error, to which producers react by changing their rates.
        case AppendError::overloaded:
            return errors::overloaded();
        case AppendError::unavailable:
            return errors::storage_unavailable();
        case AppendError::gone:
            return errors::stream_not_found(stream.name, stream.account);
        case AppendError::corrupt:
            return errors::internal_failure();
    }
    RIACHO_CHECK(false, "an unknown AppendError");
}

aws::ApiError entry_error(AppendError error, const catalog::StreamState& stream, const RoutingKey& key) {
    if (error == AppendError::throttled) return to_api(error, stream, key);
    return errors::record_internal_failure();  // AWS: the only other code an entry can have (spec 2.11)
}

}  // namespace riacho::streams
