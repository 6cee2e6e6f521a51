// The outgoing side of a lane: attempts, and the positions behind delivered batches.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "core/task.h"
#include "firehose/detail/lane.h"
#include "firehose/detail/stream.h"
#include "firehose/metrics.h"
#include "ports/object_store.h"

namespace riacho::firehose::detail {
namespace {

constexpr std::size_t in_flight_max = 4;
// AWS: the gaps between attempts at S3 are not known (spec 14.1).
constexpr std::int64_t passing_gap_ms = 1'000;   // failures that pass by themselves
constexpr std::int64_t operator_gap_ms = 5'000;  // failures that an operator has to correct
// A file is kept for the next attempt if that is within this time; otherwise it is made again.
constexpr std::int64_t kept_ms = 10'000;
constexpr std::int64_t make_again_ms = 500;
constexpr std::int64_t unreadable_ms_max = 120'000;
constexpr std::int64_t timeout_base_ms = 30'000;
constexpr std::uint64_t timeout_bytes_per_s = 256U << 10;
// Delivered records are trimmed when they reach this size, or after this time.
constexpr std::uint64_t trim_bytes = 8U << 20;
constexpr std::int64_t trim_ms = 60'000;

struct Fault {
    bool is_of_bucket = false;  // not of the server
    std::int64_t gap_ms = passing_gap_ms;
    bool may_be_there = false;  // it is unknown whether the object was stored
};

Fault fault_of(ports::StoreFault fault) {
    using ports::StoreFault;
    switch (fault) {
        case StoreFault::unreachable:
        case StoreFault::slow_down:
            return {};
        case StoreFault::timeout:
        case StoreFault::server:
            return {.may_be_there = true};
        case StoreFault::full:
            return {.gap_ms = operator_gap_ms};
        case StoreFault::denied:
        case StoreFault::no_bucket:
        case StoreFault::kms:
        case StoreFault::rejected:
            return {.is_of_bucket = true, .gap_ms = operator_gap_ms};
        case StoreFault::exists:
        case StoreFault::body_lost:
            return {.is_of_bucket = true, .gap_ms = passing_gap_ms};
    }
    return {};
}

}  // namespace

void Lane::deliver() {
    if (stream_.is_stopped()) return;
    for (const auto& batch : batches_) {
        if (in_flight_ >= in_flight_max) return;
        if (batch->state != Batch::State::ready) continue;
        batch->state = Batch::State::working;
        ++in_flight_;
        stream_.home().spawn([keep = stream_.shared_from_this(), this, batch] { return run_attempt(batch); });
    }
}

Task<void> Lane::run_attempt(std::shared_ptr<Batch> batch) {
    const bool is_done = co_await attempt(batch);
    --in_flight_;
    if (is_done) {
        batch->state = Batch::State::done;
        batch->made.reset();
    }
    if (stream_.is_stopped()) co_return;
    if (is_done) complete();
    deliver();
    stream_.show_figures();
    if (co_await stream_.look_at_backlog() && !stream_.is_stopped()) try_later(log_busy_ms);
}

void Lane::wait(Batch& batch, TimestampMs until) {
    if (stream_.is_stopped()) return;
    Home& home = stream_.home();
    if (until.value() - home.now().value() > kept_ms) batch.made.reset();
    batch.state = Batch::State::waiting;
    home.set(batch, until);
}

Task<bool> Lane::attempt(std::shared_ptr<Batch> batch) {
    Home& home = stream_.home();
    const bool is_old = batch->row.version != stream_.plan()->version && (batch->has_failed || batch->plan == nullptr);
    if (is_old && !co_await replan(*batch)) {
        wait(*batch, home.now().plus(log_busy_ms));
        co_return false;
    }
    std::string host = stream_.needs().store.host_of(batch->plan->bucket);
    std::string bucket_place = host + '/' + batch->plan->bucket;
    auto blocked = home.health().blocked_until(bucket_place, home.now());
    if (!blocked) {
        blocked = home.health().blocked_until(host, home.now());
        if (blocked) home.health().let_go(bucket_place);
    }
    if (blocked) {
        wait(*batch, *blocked);
        co_return false;
    }
    const bool is_made = batch->made || co_await make(batch);
    const bool has_bytes = is_made && batch->made->has_bytes();
    if (!has_bytes || stream_.is_stopped()) {
        home.health().let_go(bucket_place);
        home.health().let_go(host);
        if (is_made && !stream_.is_stopped()) count_delivered(*batch);
        // A draft ends before its store.
        if (stream_.is_stopped()) batch->made.reset();
        const bool is_nothing_left = is_made && !has_bytes;
        co_return is_nothing_left;
    }
    co_return co_await put(batch, std::move(host), std::move(bucket_place));
}

// Plans the batch under the newest settings; the row comes first. UpdateDestination corrects a wrong bucket this way.
Task<bool> Lane::replan(Batch& batch) {
    const std::shared_ptr<const Plan> plan = stream_.plan();
    BatchRow row = batch.row;
    row.version = plan->version;
    const std::string bytes = encode(row);
    catalog::MoveProgress::OwnerMoves moves;
    moves.owner = stream_.uid();
    moves.moves.push_back({key_of(batch), batch.row_bytes, bytes});
    const MoveResult result = co_await stream_.home().move(std::move(moves));
    if (stream_.is_stopped()) co_return false;
    if (result == MoveResult::refused) stream_.stop_broken("the row of a batch that is planned anew was refused");
    if (result != MoveResult::moved) co_return false;
    batch.row = std::move(row);
    batch.row_bytes = bytes;
    batch.plan = plan;
    batch.made.reset();
    // No attempt was made under the new name.
    batch.may_be_there = false;
    co_return true;
}

Task<bool> Lane::make(std::shared_ptr<Batch> batch) {
    std::vector<Range> ranges;
    for (const BatchRow::Range& range : batch->row.ranges) {
        const Cursor* cursor = find(range.ordinal);
        RIACHO_CHECK(cursor != nullptr, "a batch names a shard that is not there");
        ranges.push_back({cursor->shard.uid, range.first, range.next});
    }
    auto made =
        co_await make_file(stream_.needs(), stream_.home().core(), stream_.source(), batch->plan,
                           stream_.needs().store.make_draft(name_of(*batch)), std::move(ranges), batch->row.bytes,
                           entry_name(*batch->plan, number_, batch->number), [this] { return stream_.is_stopped(); });
    if (made) {
        batch->made = *std::move(made);
        co_return true;
    }
    Home& home = stream_.home();
    switch (made.error()) {
        case MakeFault::busy:
            wait(*batch, home.now().plus(make_again_ms));
            co_return false;
        case MakeFault::unreadable:
            stream_.error(*batch->plan, "Kinesis.Damaged", "Records of a batch cannot be read from disk any more.");
            break;
        case MakeFault::denied:
            stream_.error(*batch->plan, "Kinesis.AccessDenied", "The source stream's policy does not allow reading.");
            break;
        case MakeFault::key:
            stream_.error(*batch->plan, "Kinesis.KMSAccessDenied", "The key of the records cannot be used.");
            break;
    }
    // Such records are not read over and over until an operator corrects the cause or they expire.
    batch->unreadable_ms = std::min(std::max(batch->unreadable_ms * 2, operator_gap_ms), unreadable_ms_max);
    wait(*batch, home.now().plus(batch->unreadable_ms));
    co_return false;
}

Task<bool> Lane::put(std::shared_ptr<Batch> batch, std::string host, std::string bucket_place) {
    Home& home = stream_.home();
    const Plan& plan = *batch->plan;
    ports::PutOptions options;
    options.content_encoding = plan.content_encoding;
    options.kms_key_id = plan.kms_key_id;
    options.if_absent = batch->may_be_there;
    ++batch->attempts;
    add(stream_.counters().attempts, 1);
    const auto stored = co_await store(*batch, std::move(options));
    // What an earlier attempt stored under this name are the same records.
    const bool is_there = stored || (stored.error().fault == ports::StoreFault::exists && batch->may_be_there);
    if (is_there) {
        const bool host_is_back = home.health().succeeded(host);
        const bool bucket_is_back = home.health().succeeded(bucket_place);
        if (host_is_back || bucket_is_back) home.tell_recovery();
        add(stream_.counters().attempts_succeeded, 1);
        count_delivered(*batch);
        co_return true;
    }
    const ports::StoreError& error = stored.error();
    const Fault fault = fault_of(error.fault);
    batch->has_failed = true;
    batch->may_be_there = batch->may_be_there || fault.may_be_there;
    if (batch->made->draft != nullptr || error.fault == ports::StoreFault::body_lost) batch->made.reset();
    // A server that speaks of a bucket is there.
    if (fault.is_of_bucket && home.health().succeeded(host)) home.tell_recovery();
    const TimestampMs next =
        home.health().failed(fault.is_of_bucket ? bucket_place : host, home.now(), fault.gap_ms, error.retry_after_ms);
    if (!fault.is_of_bucket) home.health().let_go(bucket_place);
    stream_.error(plan, error.code, error.message);
    wait(*batch, next);
    co_return false;
}

ports::ObjectName Lane::name_of(const Batch& batch) const {
    return object_name(*batch.plan, number_, batch.number, batch.row.oldest);
}

Task<Expected<void, ports::StoreError>> Lane::store(const Batch& batch, ports::PutOptions options) {
    core::Core& core = stream_.home().core();
    const Made& made = *batch.made;
    if (made.draft != nullptr) return made.draft->finish(core, std::move(options));
    options.timeout_ms = timeout_base_ms + static_cast<std::int64_t>(made.body->size() / timeout_bytes_per_s) * 1'000;
    return stream_.needs().store.put(core, name_of(batch), made.body, std::move(options));
}

void Lane::count_delivered(const Batch& batch) {
    Counters& counters = stream_.counters();
    const Made& made = *batch.made;
    if (made.has_bytes()) {
        add(counters.delivered_objects, 1);
        add(counters.delivered_records, made.records);
        add(counters.delivered_bytes, made.bytes);
    }
    if (made.lost == 0) return;
    add(counters.expired_records, made.lost);
    stream_.error(*batch.plan, "DataReadFromKinesisStream.Lost",
                  "Records were older than they are kept before they could be delivered.");
}

void Lane::complete() {
    if (stream_.is_stopped() || std::exchange(is_completing_, true)) return;
    stream_.home().spawn([keep = stream_.shared_from_this(), this] { return run_completion(); });
}

Task<void> Lane::run_completion() {
    bool moved = false;
    while (co_await complete_front()) moved = true;
    if (!stream_.is_stopped()) co_await mark_done();
    // Also batches that were delivered while a row was changed.
    while (co_await complete_front()) moved = true;
    is_completing_ = false;
    if (!moved || stream_.is_stopped()) co_return;
    stream_.show_figures();
    deliver();
    pump();
}

Task<bool> Lane::complete_front() {
    if (stream_.is_stopped()) co_return false;
    std::size_t count = 0;
    while (count < batches_.size() && batches_[count]->state == Batch::State::done) ++count;
    if (stream_.is_changing_rows) {
        if (count > 0) try_later(make_again_ms);
        co_return false;
    }
    Completion completion = completion_of(count);
    if (completion.moves.moves.empty()) co_return false;
    catalog::MoveProgress::OwnerMoves moves = completion.moves;
    stream_.is_changing_rows = true;
    const MoveResult result = co_await stream_.home().move(std::move(moves));
    stream_.is_changing_rows = false;
    if (stream_.is_stopped()) co_return false;
    if (result == MoveResult::unavailable) {
        try_later(log_busy_ms);
        co_return false;
    }
    if (result == MoveResult::refused) {
        stream_.stop_broken("the rows of delivered batches were refused");
        co_return false;
    }
    settle(count, completion);
    co_return true;
}

Lane::Completion Lane::completion_of(std::size_t count) const {
    Completion completion;
    completion.moves.owner = stream_.uid();
    auto& moves = completion.moves.moves;
    for (std::size_t i = 0; i < count; ++i) {
        moves.push_back({key_of(*batches_[i]), batches_[i]->row_bytes, std::nullopt});
        completion.bytes += batches_[i]->row.bytes;
    }
    for (const auto& cursor : cursors_) {
        CursorRow row = cursor->row;
        for (std::size_t i = 0; i < count; ++i) {
            for (const BatchRow::Range& range : batches_[i]->row.ranges) {
                if (range.ordinal == row.ordinal) row.floor = std::max(row.floor, range.next);
            }
        }
        const bool is_over = cursor->is_ended && row.has_children && !is_used(row.ordinal, count);
        if (is_over) {
            moves.push_back({cursor_key(cursor->shard.uid), cursor->row_bytes, std::nullopt});
            completion.removed.push_back(cursor.get());
        } else if (row != cursor->row) {
            moves.push_back({cursor_key(cursor->shard.uid), cursor->row_bytes, encode(row)});
            completion.floors.emplace_back(cursor.get(), row);
        }
    }
    const TimestampMs now = stream_.home().now();
    completion.trims =
        stream_.is_direct_put() && count > 0 &&
        (untrimmed_bytes_ + completion.bytes >= trim_bytes || now.value() - trimmed_at_.value() >= trim_ms);
    if (!completion.trims) return completion;
    for (const auto& [cursor, row] : completion.floors) {
        completion.moves.trims.push_back({cursor->shard.uid, row.floor});
    }
    return completion;
}

void Lane::settle(std::size_t count, Completion& completion) {
    for (auto& [cursor, row] : completion.floors) {
        cursor->row = row;
        cursor->row_bytes = encode(row);
    }
    std::erase_if(cursors_, [&](const auto& cursor) {
        return std::ranges::find(completion.removed, cursor.get()) != completion.removed.end();
    });
    turn_ = cursors_.empty() ? 0 : turn_ % cursors_.size();
    batches_.erase(batches_.begin(), batches_.begin() + static_cast<std::ptrdiff_t>(count));
    untrimmed_bytes_ = completion.trims ? 0 : untrimmed_bytes_ + completion.bytes;
    if (!completion.trims) return;
    trimmed_at_ = stream_.home().now();
    stream_.forget_backlog();
}

// Marks batches delivered behind an undelivered one: a restart does not send them again.
Task<void> Lane::mark_done() {
    for (std::size_t i = 0; i < batches_.size(); ++i) {
        const std::shared_ptr<Batch> batch = batches_[i];
        if (batch->state != Batch::State::done || batch->row.state == BatchRow::State::done) continue;
        BatchRow row = batch->row;
        row.state = BatchRow::State::done;
        const std::string bytes = encode(row);
        catalog::MoveProgress::OwnerMoves moves;
        moves.owner = stream_.uid();
        moves.moves.push_back({key_of(*batch), batch->row_bytes, bytes});
        const MoveResult result = co_await stream_.home().move(std::move(moves));
        // The mark only saves work: the next completion tries again.
        if (result != MoveResult::moved || stream_.is_stopped()) co_return;
        batch->row = std::move(row);
        batch->row_bytes = bytes;
    }
}

}  // namespace riacho::firehose::detail
