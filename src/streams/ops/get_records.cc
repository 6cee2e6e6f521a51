#include <fmt/format.h>

#include <array>
#include <ctime>

#include "aws/call_log.h"
#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_get_records.gen.h"
#include "base/try.h"
#include "core/clock.h"
#include "core/task.h"
#include "streams/faults.h"
#include "streams/limits.h"
#include "streams/ops/ops.h"
#include "streams/reader.h"
#include "streams/records.h"
#include "streams/shards.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

constexpr std::int32_t records_max = 10'000;
constexpr std::size_t bytes_max = std::size_t{10} << 20;
// Replies up to this size are counted by the HTTP server, and only when they have to wait for their client.
constexpr std::size_t reply_size_small = std::size_t{128} << 10;

// "Thu Jan 22 01:22:02 UTC 2015", the format of Java's Date.toString().
std::string java_date(TimestampMs at) {
    static constexpr std::array days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t seconds = at.value() / 1000;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    return fmt::format("{} {} {:02} {:02}:{:02}:{:02} UTC {}", days[static_cast<std::size_t>(utc.tm_wday)],
                       months[static_cast<std::size_t>(utc.tm_mon)], utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                       utc.tm_year + 1900);
}

Result<ShardIterator> open_live_iterator(StreamsOp op, std::string_view text) {
    const auto iterator = open_iterator(op.tokens(), text);
    if (!iterator) return fail(errors::invalid_shard_iterator());
    if (op.now().value() - iterator->issued_at.value() > token_lifetime_ms) {
        return fail(errors::expired_iterator(java_date(iterator->issued_at), java_date(op.now()), token_lifetime_ms));
    }
    return *iterator;
}

// The shard of the iterator; a stream that was deleted, and perhaps re-created, no longer has it.
Result<ShardRef> shard_of(StreamsOp op, const ShardIterator& iterator,
                          const std::optional<std::string_view>& stream_arn) {
    StreamRef stream = op.catalog().snapshot()->find_by_uid(iterator.stream_uid);
    if (stream != nullptr && stream->is_gone(op.now())) stream = nullptr;
    const catalog::ShardState* shard = nullptr;
    // AWS: another account sends the stream's ARN with the iterator, and the stream's resource policy decides (spec
    // 2.8).
    if (stream != nullptr && stream->account != op.account() && stream_arn == stream->arn) {
        TRY(stream, op.resolve(std::nullopt, stream_arn));
        shard = stream->find_shard(iterator.shard_index);
    } else if (stream != nullptr && stream->account == op.account() && stream->region == op.region()) {
        shard = stream->find_shard(iterator.shard_index);
    }
    if (shard == nullptr) {
        return fail(errors::shard_does_not_exist(shard_id(iterator.shard_index), iterator.stream_name, op.account()));
    }
    return ShardRef{std::move(stream), shard};
}

// Takes memory for the reply before it is encoded. False: the share for replies has none.
bool hold_reply(StreamsOp op, const log::ReadResult& read) {
    const std::size_t bytes = encoded_size(read);
    if (bytes <= reply_size_small) return true;
    core::MemoryLease memory(op.service().memory, core::MemoryUse::replies);
    if (!memory.grow_to(bytes)) return false;
    op.context().hold_reply(std::move(memory));
    return true;
}

// Counts a successful call; age_ms: MillisBehindLatest.
void count(StreamCounters& counters, std::int32_t shard_index, const log::ReadResult& read, std::uint64_t age_ms) {
    add(counters.get_records_success, 1);
    add(counters.get_records_records, read.record_count);
    add(counters.get_records_bytes, read.payload_bytes);
    const bool has_age = read.record_count > 0 || read.at_tip;
    if (has_age) counters.iterator_age_ms = age_ms;
    ShardCounters* figures = counters.shard(shard_index);
    if (figures == nullptr) return;
    add(figures->outgoing_records, read.record_count);
    add(figures->outgoing_bytes, read.payload_bytes);
    if (has_age) figures->iterator_age_ms = age_ms;
}

}  // namespace

Task<Result<api::GetRecordsOutput>> get_records(StreamsOp op, api::GetRecordsInput request) {
    const MonotonicNs started = op.service().clock.monotonic();
    CO_TRY(const ShardIterator iterator, open_live_iterator(op, request.shard_iterator));
    CO_TRY(const ShardRef found, shard_of(op, iterator, request.stream_arn));
    if (aws::calls_logged()) op.context().set_stream(found.stream->name);
    if (request.stream_arn && *request.stream_arn != found.stream->arn)
        co_return fail(errors::invalid_shard_iterator());
    if (request.dry_run.value_or(false)) co_return fail(errors::dry_run());

    CO_TRY_VOID(co_await inject_faults(op, found.stream, found.shard->index));
    const auto owned_counters = op.counters(*found.stream);
    StreamCounters& counters = *owned_counters;
    if (!op.service().limits.begin_read(found.shard->uid, started)) {
        add(counters.read_throttled, 1);
        add(counters.get_records_failure, 1);
        if (ShardCounters* figures = counters.shard(found.shard->index)) add(figures->read_throttled, 1);
        co_return fail(
            errors::shard_throughput_exceeded(shard_id(found.shard->index), found.stream->name, found.stream->account));
    }
    ShardReader reader(op.service(), op.core(), found, log::SeqIx(iterator.next_seq));
    const log::ReadLimits limits{static_cast<std::size_t>(request.limit.value_or(records_max)), bytes_max};
    auto result = co_await reader.read(limits);
    if (!result) {
        add(counters.get_records_failure, 1);
        co_return fail(std::move(result).error());
    }
    if (!hold_reply(op, result->log)) {
        add(counters.get_records_failure, 1);
        co_return fail(errors::overloaded());
    }
    const auto read = std::make_shared<const ShardRead>(*std::move(result));
    api::GetRecordsOutput output;
    fill_records(*found.shard, *read, output.records);
    output.millis_behind_latest = millis_behind(read->log, op.now());
    if (read->is_end_of_shard()) {
        output.child_shards = child_shards(*found.stream, *found.shard);
    } else {
        const ShardIterator next{op.now(), found.stream->uid, found.shard->index, read->log.next.value(),
                                 found.stream->name};
        output.next_shard_iterator = seal_iterator(op.tokens(), next);
    }
    op.service().limits.charge_read(found.shard->uid, read->log.payload_bytes, started);
    count(counters, found.shard->index, read->log, static_cast<std::uint64_t>(*output.millis_behind_latest));
    counters.get_records_latency.record_ns(op.service().clock.monotonic().value() - started.value());
    op.context().keep(read);
    co_return output;
}

}  // namespace riacho::streams
