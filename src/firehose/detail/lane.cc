#include "firehose/detail/lane.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "core/memory_budget.h"
#include "core/rng.h"
#include "core/task.h"
#include "firehose/detail/stream.h"
#include "firehose/metrics.h"
#include "ports/record_source.h"

// The incoming side: reading, counting, sealing. The outgoing side is in delivery.cc.
namespace riacho::firehose::detail {
namespace {

// The number of undelivered batches at which reading stops: the backlog stays in the source.
constexpr std::size_t batches_max = 8;
constexpr std::size_t read_bytes_max = std::size_t{1} << 20;
constexpr std::size_t batch_bytes_min = std::size_t{1} << 20;
constexpr std::size_t batch_bytes_max = std::size_t{128} << 20;  // AWS: the largest hint
constexpr std::size_t growth_max = 4;  // the largest batch of a lane that is behind, as a multiple of the hint
constexpr std::size_t memory_overhead = 512U << 10;  // memory for making a file, beside its bytes (maker.cc)
constexpr std::int64_t overloaded_ms = 200;
constexpr std::int64_t backlog_ms = 10'000;
constexpr std::int64_t not_allowed_ms = 10'000;
constexpr std::int64_t damaged_ms = 60'000;

}  // namespace

void Batch::on_time() {
    if (state == State::waiting) state = State::ready;
    lane.deliver();
}

Lane::~Lane() { stop(); }

void Lane::stop() {
    Home& home = stream_.home();
    home.clear(timer_);
    home.clear(retry_);
    for (const auto& cursor : cursors_) cursor->watch.reset();
    for (const auto& batch : batches_) home.clear(*batch);
}

Cursor& Lane::add_cursor(std::unique_ptr<Cursor> cursor) {
    cursors_.push_back(std::move(cursor));
    return *cursors_.back();
}

bool Lane::is_used(std::uint32_t ordinal, std::size_t from) const {
    const auto names = [&](const BatchRow::Range& range) { return range.ordinal == ordinal; };
    if (std::ranges::any_of(open_.ranges, names)) return true;
    return std::any_of(batches_.begin() + static_cast<std::ptrdiff_t>(from), batches_.end(),
                       [&](const auto& batch) { return std::ranges::any_of(batch->row.ranges, names); });
}

std::uint32_t Lane::free_ordinal(const std::vector<std::uint32_t>& taken) const {
    std::uint32_t ordinal = 0;
    while (find(ordinal) != nullptr || is_used(ordinal, 0) || std::ranges::find(taken, ordinal) != taken.end()) {
        ++ordinal;
    }
    return ordinal;
}

Cursor* Lane::find(std::uint32_t ordinal) const {
    const auto found = std::ranges::find_if(cursors_, [&](const auto& c) { return c->row.ordinal == ordinal; });
    return found == cursors_.end() ? nullptr : found->get();
}

std::string Lane::cursor_key(std::uint64_t shard_uid) const {
    RowKey key;
    key.kind = RowKey::Kind::cursor;
    key.lane = number_;
    key.number = shard_uid;
    return encode(key);
}

std::string Lane::key_of(const Batch& batch) const {
    RowKey key;
    key.kind = RowKey::Kind::batch;
    key.lane = number_;
    key.number = batch.number;
    return encode(key);
}

void Lane::add_batch(std::uint64_t number, BatchRow row, std::string row_bytes) {
    auto batch = std::make_shared<Batch>(*this, number);
    batch->row = std::move(row);
    batch->row_bytes = std::move(row_bytes);
    batch->may_be_there = true;
    if (batch->row.state == BatchRow::State::done) batch->state = Batch::State::done;
    // Only the newest plan is in memory: a batch of other settings is planned again before its first byte is sent.
    if (batch->row.version == stream_.plan()->version) batch->plan = stream_.plan();
    next_number_ = std::max(next_number_, number + 1);
    batches_.push_back(std::move(batch));
}

void Lane::resume() {
    for (const auto& cursor : cursors_) {
        cursor->next = cursor->row.floor;
        for (const auto& batch : batches_) {
            for (const BatchRow::Range& range : batch->row.ranges) {
                if (range.ordinal == cursor->row.ordinal) cursor->next = std::max(cursor->next, range.next);
            }
        }
    }
    complete();
    deliver();
    pump();
}

void Lane::try_later(std::int64_t ms) { stream_.home().set_by(retry_, stream_.home().now().plus(ms)); }

void Lane::pump() {
    if (stream_.is_stopped()) return;
    if (std::exchange(is_pumping_, true)) {
        pump_again_ = true;
        return;
    }
    stream_.home().spawn([keep = stream_.shared_from_this(), this] { return run_pump(); });
}

Task<void> Lane::run_pump() {
    do {
        pump_again_ = false;
        co_await pump_once();
    } while (pump_again_ && !stream_.is_stopped());
    is_pumping_ = false;
    if (stream_.is_stopped()) co_return;
    stream_.show_figures();
    if (co_await stream_.look_at_backlog() && !stream_.is_stopped()) try_later(backlog_ms);
}

Task<void> Lane::pump_once() {
    Home& home = stream_.home();
    while (!stream_.is_stopped()) {
        if (is_full()) {
            // The next delivered batch calls again; meanwhile the backlog grows.
            try_later(backlog_ms);
            co_return;
        }
        if (is_due()) {
            if (!co_await seal()) co_return;
            continue;
        }
        if (wants_adoption() && !co_await stream_.adopt_children()) try_later(overloaded_ms);
        if (Cursor* cursor = next_readable()) {
            co_await read(*cursor);
            continue;
        }
        // Every shard is at its tip or cannot be read at the moment: waiting longer gains nothing.
        if (open_.records > 0 && (flush_wanted_ || has_waited())) {
            if (!co_await seal()) co_return;
            continue;
        }
        if (!held_until()) flush_wanted_ = false;
        if (arm()) break;
    }
    if (stream_.is_stopped()) co_return;
    if (const auto at = held_until()) home.set_by(retry_, *at);
    if (open_.records > 0) home.set(timer_, open_.oldest.plus(open_.plan->interval_ms));
}

bool Lane::is_full() const { return batches_.size() >= batches_max; }

bool Lane::has_waited() const { return stream_.home().now().value() - open_.oldest.value() >= open_.plan->interval_ms; }

// Fewer and larger files while more arrives than the interval allows. No file is larger than the memory that all of
// them share.
std::size_t Lane::size_limit() const {
    const std::size_t hint = open_.plan->size_bytes;
    const std::size_t share = stream_.needs().memory.share(core::MemoryUse::deliveries);
    const std::size_t most = std::max(share - std::min(share, memory_overhead), batch_bytes_min);
    return std::min({has_waited() ? hint * growth_max : hint, most, std::max(batch_bytes_max, hint)});
}

bool Lane::is_due() const {
    if (open_.records == 0) return false;
    return open_.plan != stream_.plan() || open_.bytes >= size_limit();
}

bool Lane::wants_adoption() const {
    return std::ranges::any_of(cursors_, [](const auto& c) { return c->is_ended && !c->row.has_children; });
}

Cursor* Lane::next_readable() {
    for (std::size_t i = 0; i < cursors_.size(); ++i) {
        Cursor& cursor = *cursors_[(turn_ + i) % cursors_.size()];
        if (cursor.is_at_tip || cursor.is_ended || stream_.home().now() < cursor.readable_from) continue;
        if (stream_.has_unread_parent(cursor.shard)) continue;
        turn_ = (turn_ + i + 1) % cursors_.size();
        return &cursor;
    }
    return nullptr;
}

Task<void> Lane::read(Cursor& cursor) {
    const std::size_t left = open_.records == 0 ? read_bytes_max : size_limit() - open_.bytes;
    const auto slice = co_await stream_.source()->read(stream_.home().core(), cursor.shard.uid, cursor.next,
                                                       std::clamp<std::size_t>(left, 1, read_bytes_max));
    if (stream_.is_stopped()) co_return;
    if (!slice) {
        on_read_fault(cursor, slice.error());
        co_return;
    }
    take(cursor, *slice);
    cursor.is_at_tip = slice->at_tip;
    cursor.is_ended = slice->has_ended;
}

void Lane::hold(Cursor& cursor, std::int64_t ms) const { cursor.readable_from = stream_.home().now().plus(ms); }

std::optional<TimestampMs> Lane::held_until() const {
    std::optional<TimestampMs> first;
    const TimestampMs now = stream_.home().now();
    for (const auto& cursor : cursors_) {
        if (cursor->is_ended || cursor->readable_from <= now) continue;
        first = std::min(first.value_or(cursor->readable_from), cursor->readable_from);
    }
    return first;
}

// Other shards are read meanwhile.
void Lane::on_read_fault(Cursor& cursor, ports::SourceFault fault) {
    const Plan& plan = *stream_.plan();
    switch (fault) {
        case ports::SourceFault::overloaded:
            if (!stream_.is_direct_put()) add(stream_.counters().source_throttled, 1);
            return hold(cursor, overloaded_ms);
        case ports::SourceFault::denied:
            stream_.error(plan, "Kinesis.AccessDenied", "The source stream's policy does not allow reading any more.");
            return hold(cursor, not_allowed_ms);
        case ports::SourceFault::key:
            stream_.error(plan, "Kinesis.KMSAccessDenied", "The key of the source's records cannot be used.");
            return hold(cursor, not_allowed_ms);
        case ports::SourceFault::damaged:
            stream_.error(plan, "Kinesis.Damaged", "Records of the source cannot be read from disk.");
            return hold(cursor, damaged_ms);
        case ports::SourceFault::gone:
            break;
    }
    const auto listing = stream_.source()->shards();
    if (std::ranges::find(listing, cursor.shard.uid, &ports::SourceShard::uid) != listing.end()) {
        return hold(cursor, overloaded_ms);
    }
    // The whole shard has expired, or the stream was deleted. The shard's children, if there are any, are followed.
    if (!stream_.is_direct_put()) {
        stream_.error(plan, "DataReadFromKinesisStream.Lost",
                      listing.empty() ? "The source stream was deleted." : "A shard of the source has expired.");
    }
    cursor.is_ended = true;
}

// Counts the records of a slice.
void Lane::take(Cursor& cursor, const ports::SourceSlice& slice) {
    Counters& counters = stream_.counters();
    const auto known = std::ranges::find(open_.ranges, cursor.row.ordinal, &BatchRow::Range::ordinal);
    const bool is_new = known == open_.ranges.end();
    // A gap inside a batch is found again, and counted, when its file is made.
    if (slice.first > cursor.next && is_new) {
        add(counters.expired_records, slice.first - cursor.next);
        stream_.error(*stream_.plan(), "DataReadFromKinesisStream.Lost",
                      "Records have expired in the source before they could be delivered.");
    }
    cursor.next = slice.next;
    if (slice.records.empty()) return;
    read_up_to_ = slice.records.back().arrival;
    if (!stream_.is_direct_put()) {
        add(counters.source_records, slice.records.size());
        add(counters.source_bytes, slice.bytes);
    }
    const TimestampMs first = slice.records.front().arrival;
    const TimestampMs last = slice.records.back().arrival;
    if (open_.records == 0) {
        open_.plan = stream_.plan();
        open_.oldest = first;
        open_.newest = last;
    }
    open_.oldest = std::min(open_.oldest, first);
    open_.newest = std::max(open_.newest, last);
    open_.records += slice.records.size();
    open_.bytes += slice.bytes + slice.records.size() * open_.plan->delimiter.size();
    if (is_new) {
        open_.ranges.push_back({cursor.row.ordinal, slice.first, slice.next});
    } else {
        known->next = slice.next;
    }
}

std::shared_ptr<Batch> Lane::sealed() const {
    const TimestampMs now = stream_.home().now();
    // Node time never goes back, so no batch of this lane had the number before.
    const std::uint64_t number = std::max(next_number_, static_cast<std::uint64_t>(now.value()));
    auto batch = std::make_shared<Batch>(const_cast<Lane&>(*this), number);
    batch->plan = open_.plan;
    batch->row.version = open_.plan->version;
    batch->row.ranges = open_.ranges;
    batch->row.bytes = open_.bytes;
    batch->row.oldest = open_.oldest;
    batch->row.newest = open_.newest;
    batch->row.sealed_at = now;
    batch->row_bytes = encode(batch->row);
    return batch;
}

// The ranges of a batch are durable before any byte of it is sent: every process makes the same file of it.
Task<bool> Lane::seal() {
    auto batch = sealed();
    catalog::MoveProgress::OwnerMoves moves;
    moves.owner = stream_.uid();
    moves.moves.push_back({key_of(*batch), std::string(), batch->row_bytes});
    const MoveResult result = co_await stream_.home().move(std::move(moves));
    if (stream_.is_stopped()) co_return false;
    if (result == MoveResult::unavailable) {
        try_later(log_busy_ms);
        co_return false;
    }
    if (result == MoveResult::refused) {
        stream_.stop_broken("the row of a new batch was refused");
        co_return false;
    }
    next_number_ = batch->number + 1;
    batches_.push_back(std::move(batch));
    open_ = {};
    stream_.home().clear(timer_);
    deliver();
    stream_.show_figures();
    co_return true;
}

bool Lane::arm() {
    bool has_none = true;
    for (const auto& entry : cursors_) {
        Cursor& cursor = *entry;
        if (!cursor.is_at_tip || cursor.is_ended || cursor.watch != nullptr) continue;
        cursor.watch =
            stream_.source()->watch(stream_.home().core(), cursor.shard.uid, cursor.next, [this, at = &cursor] {
                at->watch.reset();
                at->is_at_tip = false;
                pump();
            });
        if (cursor.watch != nullptr) continue;
        cursor.is_at_tip = false;
        has_none = false;
    }
    return has_none;
}

void Lane::on_update() {
    Home& home = stream_.home();
    for (const auto& batch : batches_) {
        if (batch->state == Batch::State::waiting) home.set(*batch, home.now());
    }
    pump();
}

void Lane::on_recovery() {
    constexpr std::uint64_t spread_ms = 2'000;
    Home& home = stream_.home();
    for (const auto& batch : batches_) {
        if (batch->state != Batch::State::waiting) continue;
        home.set_by(*batch, home.now().plus(static_cast<std::int64_t>(stream_.needs().rng.next() % spread_ms)));
    }
}

void Lane::flush() {
    flush_wanted_ = true;
    on_update();
}

std::optional<TimestampMs> Lane::behind_at() const {
    const bool is_at_tip = std::ranges::all_of(cursors_, [](const auto& c) { return c->is_at_tip || c->is_ended; });
    if (is_at_tip || read_up_to_.value() == 0) return std::nullopt;
    return read_up_to_;
}

std::optional<TimestampMs> Lane::oldest() const {
    std::optional<TimestampMs> at;
    if (open_.records > 0) at = open_.oldest;
    for (const auto& batch : batches_) {
        if (batch->state != Batch::State::done) at = std::min(at.value_or(batch->row.oldest), batch->row.oldest);
    }
    return at;
}

std::size_t Lane::failing_count() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        batches_, [](const auto& batch) { return batch->has_failed && batch->state != Batch::State::done; }));
}

}  // namespace riacho::firehose::detail
