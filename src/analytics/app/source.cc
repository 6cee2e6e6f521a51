#include "analytics/app/source.h"

#include <algorithm>

#include "core/alarm.h"
#include "core/backoff.h"
#include "core/clock.h"
#include "core/task.h"
#include "core/task_group.h"

namespace riacho::analytics {
namespace {

// The size of one read of a shard.
constexpr std::size_t read_bytes = 256 << 10;
// The size of held records and of reads in progress, of all shards.
constexpr std::size_t held_bytes_max = 4 << 20;
// Memory of a record besides its key and data.
constexpr std::size_t record_overhead = sizeof(ports::SourceRecord);
constexpr std::size_t shards_of_turn_max = 64;
constexpr std::int64_t listing_ms = 1'000;
constexpr std::int64_t fault_ms_first = 100;
constexpr std::int64_t fault_ms_max = 10'000;

std::size_t held_size(const ports::SourceRecord& record) {
    return record.partition_key.size() + record.data.size() + record_overhead;
}

// Copies the records of the slice and returns their size. A slice keeps memory that all readers of streams share, and
// an application may hold its records for hours.
std::size_t make_own(ports::SourceSlice& slice) {
    std::size_t bytes = 0;
    for (const ports::SourceRecord& record : slice.records) bytes += record.partition_key.size() + record.data.size();
    auto own = std::make_shared<std::string>();
    own->reserve(bytes);
    const auto copied = [&own](std::string_view text) {
        const std::size_t at = own->size();
        own->append(text);
        return std::string_view(own->data() + at, text.size());
    };
    for (ports::SourceRecord& record : slice.records) {
        record.partition_key = copied(record.partition_key);
        record.data = copied(record.data);
    }
    slice.keeps = std::move(own);
    return bytes + slice.records.size() * record_overhead;
}

}  // namespace

struct Source::Shard {
    Shard(core::Core& core, const ports::SourceShard& listed) : is(listed), alarm(core) {}
    const ports::SourceShard is;
    core::Alarm alarm;
    std::deque<Held> held;
    std::uint64_t taken_next = 1;  // the next record for a turn
    std::uint64_t read_next = 1;   // the next record to read
    bool is_read = false;          // read to its end: no more records will be held
    bool has_ended = false;        // read to its end, and all its records were taken
    bool is_followed = false;
    bool waits_for_room = false;
    bool is_at_tip = false;
    std::optional<TimestampMs> next_arrival;
};

struct Source::Parts {
    explicit Parts(core::Core& core) : tasks(core), listing(core) {}
    core::TaskGroup tasks;
    core::Alarm listing;
    std::size_t reads = 0;  // number of reads in progress
};

Source::Source(core::Core& core, core::Clock& clock, core::Rng& rng, core::MemoryBudget& budget,
               std::shared_ptr<ports::RecordSource> source, std::uint64_t source_uid, std::function<void()> ready)
    : core_(core),
      clock_(clock),
      rng_(rng),
      budget_(budget),
      memory_(budget, core::MemoryUse::applications),
      source_(std::move(source)),
      source_uid_(source_uid),
      ready_(std::move(ready)),
      parts_(std::make_unique<Parts>(core)) {}

Source::~Source() = default;

// Updates the list of shards.
void Source::refresh() {
    const auto listed = source_->shards();
    if (listed.empty()) return;  // the stream was deleted: records that were read may still be taken
    std::vector<LineageShard> lineage;
    for (const ports::SourceShard& shard : listed) {
        lineage.push_back({shard.index, shard.parent, shard.adjacent_parent});
        auto& known = shards_[shard.index];
        if (known == nullptr) known = std::make_shared<Shard>(core_, shard);
    }
    lineage_.update(lineage);
    // Shards that the stream no longer lists, and whose records were all taken.
    std::erase_if(shards_, [&](const auto& entry) {
        return entry.second->has_ended &&
               !std::ranges::binary_search(listed, entry.first, {}, &ports::SourceShard::index);
    });
}

// Whether the stream exists but no longer lists the shard: all its records have expired.
bool Source::is_forgotten(const Shard& shard) const {
    const auto listed = source_->shards();
    return !listed.empty() && std::ranges::find(listed, shard.is.uid, &ports::SourceShard::uid) == listed.end();
}

void Source::begin_at(const Positions& positions) {
    refresh();
    for (const ShardPosition& position : positions.shards) {
        const auto found = shards_.find(position.shard_index);
        if (found == shards_.end() || found->second->is.uid != position.shard_uid) continue;
        Shard& shard = *found->second;
        shard.taken_next = shard.read_next = position.next;
        shard.is_read = shard.has_ended = position.has_ended;
        if (position.has_ended) lineage_.finish(position.shard_index);
    }
}

Task<std::optional<Positions>> Source::find_start(bool is_oldest) {
    Positions positions;
    positions.source_uid = source_uid_;
    for (const ports::SourceShard& shard : source_->shards()) {
        ShardPosition& position = positions.shards.emplace_back();
        position.shard_uid = shard.uid;
        position.shard_index = shard.index;
        if (is_oldest) continue;
        const auto tip = co_await source_->tip(core_, shard.uid);
        if (!tip) co_return std::nullopt;
        position.next = *tip;
        position.has_ended = shard.is_closed;
    }
    if (positions.shards.empty()) co_return std::nullopt;
    co_return positions;
}

void Source::start() {
    parts_->tasks.spawn([this] { return watch_listing(); });
    start_ready();
}

Task<void> Source::stop() {
    stopping_ = true;
    parts_->listing.wake();
    for (const auto& [index, shard] : shards_) shard->alarm.wake();
    co_await parts_->tasks.join();
}

// Follows shards whose parents were read to their ends.
void Source::start_ready() {
    for (const std::int32_t index : lineage_.take_ready()) {
        const auto found = shards_.find(index);
        if (found == shards_.end() || found->second->is_followed || found->second->is_read) continue;
        found->second->is_followed = true;
        parts_->tasks.spawn([this, shard = found->second] { return follow(shard); });
    }
}

Task<void> Source::watch_listing() {
    while (!stopping_) {
        co_await parts_->listing.sleep(listing_ms);
        if (stopping_) break;
        refresh();
        start_ready();
    }
}

Task<void> Source::follow(std::shared_ptr<Shard> shard) {
    core::Backoff backoff(fault_ms_first, fault_ms_max);
    while (!stopping_) {
        if (!has_room()) {
            shard->waits_for_room = true;
            co_await shard->alarm.sleep(listing_ms);
            shard->waits_for_room = false;
            continue;
        }
        ++parts_->reads;
        auto slice = co_await source_->read(core_, shard->is.uid, shard->read_next, read_bytes);
        --parts_->reads;
        if (stopping_) break;
        if (!slice) {
            wake_waiting();
            if (slice.error() == ports::SourceFault::gone && is_forgotten(*shard)) {
                // The shard expired before it was read to its end. Its children are next.
                ++lost_shards_;
                shard->is_read = true;
                finish_taken(*shard);
                ready_();
                break;
            }
            fault_ = slice.error();
            ready_();
            co_await shard->alarm.sleep(backoff.next_ms(rng_));
            continue;
        }
        backoff.reset();
        fault_.reset();
        if (shard->read_next > 1 && slice->first > shard->read_next) lost_ += slice->first - shard->read_next;
        const std::uint64_t next = slice->next;
        const bool is_at_tip = slice->at_tip;
        const bool has_ended = slice->has_ended;
        shard->read_next = next;
        shard->is_at_tip = is_at_tip;
        shard->next_arrival = slice->next_arrival;
        if (!slice->records.empty()) {
            held_records_ += slice->records.size();
            held_bytes_ += make_own(*slice);
            // The excess is less than one read.
            static_cast<void>(memory_.grow_to(held_bytes_));
            shard->held.push_back({*std::move(slice), 0});
            ready_();
        } else {
            if (shard->held.empty()) shard->taken_next = next;  // records in between have expired
            wake_waiting();
        }
        if (has_ended) {
            shard->is_read = true;
            finish_taken(*shard);
            ready_();
            break;
        }
        if (!is_at_tip) continue;
        const auto watch = source_->watch(core_, shard->is.uid, next, [shard] { shard->alarm.wake(); });
        if (watch != nullptr) co_await shard->alarm.sleep(60'000);
    }
}

// The children of a shard begin when all its records were taken.
void Source::finish_taken(Shard& shard) {
    if (!shard.is_read || shard.has_ended || !shard.held.empty()) return;
    shard.has_ended = true;
    lineage_.finish(shard.is.index);
    refresh();
    start_ready();
}

// Whether another read may begin. One is always allowed, so that each application makes progress; for more, half of the
// memory of applications is left to their state.
bool Source::has_room() const {
    if (held_bytes_ == 0 && parts_->reads == 0) return true;
    if (held_bytes_ + (parts_->reads + 1) * read_bytes > held_bytes_max) return false;
    return budget_.used(core::MemoryUse::applications) < budget_.share(core::MemoryUse::applications) / 2;
}

// Wakes as many waiting shards as there is room for, in turn.
void Source::wake_waiting() {
    const std::size_t taken = held_bytes_ + parts_->reads * read_bytes;
    std::size_t count = std::max<std::size_t>(1, taken < held_bytes_max ? (held_bytes_max - taken) / read_bytes : 0);
    auto next = shards_.upper_bound(last_woken_);
    for (std::size_t seen = 0; seen < shards_.size() && count > 0; ++seen, ++next) {
        if (next == shards_.end()) next = shards_.begin();
        if (!next->second->waits_for_room) continue;
        next->second->waits_for_room = false;
        next->second->alarm.wake();
        last_woken_ = next->first;
        --count;
    }
}

std::vector<TakenRecords> Source::take(std::size_t records_max, std::size_t bytes_max) {
    // Sorted by the arrival of the oldest record.
    std::vector<std::shared_ptr<Shard>> waiting;
    for (const auto& [index, shard] : shards_) {
        if (!shard->held.empty()) waiting.push_back(shard);
    }
    std::ranges::sort(waiting, {}, [](const auto& shard) {
        const Held& front = shard->held.front();
        return std::pair(front.slice.records[front.at].arrival.value(), shard->is.index);
    });
    if (waiting.size() > shards_of_turn_max) waiting.resize(shards_of_turn_max);
    std::vector<TakenRecords> taken;
    std::size_t count = 0;
    std::size_t bytes = 0;
    for (const auto& shard : waiting) {
        while (!shard->held.empty() && count < records_max && (bytes < bytes_max || count == 0)) {
            Held& front = shard->held.front();
            const std::size_t first_at = front.at;
            TakenRecords& part = taken.emplace_back();
            part.range = {shard->is.uid, shard->is.index, shard->is.created_s, front.slice.records[first_at].seq, 0};
            part.keeps = front.slice.keeps;
            while (front.at < front.slice.records.size() && count < records_max && (bytes < bytes_max || count == 0)) {
                const ports::SourceRecord& record = front.slice.records[front.at++];
                part.records.push_back(record);
                bytes += record.data.size() + record.partition_key.size();
                held_bytes_ -= held_size(record);
                ++count;
            }
            held_records_ -= front.at - first_at;
            part.range.next = part.records.back().seq + 1;
            shard->taken_next = part.range.next;
            if (front.at == front.slice.records.size()) {
                shard->taken_next = front.slice.next;
                shard->held.pop_front();
            }
        }
        finish_taken(*shard);
    }
    memory_.shrink_to(held_bytes_);
    wake_waiting();
    return taken;
}

Positions Source::positions() const {
    Positions positions;
    positions.source_uid = source_uid_;
    for (const auto& [index, shard] : shards_) {
        positions.shards.push_back({shard->is.uid, index, shard->taken_next, shard->has_ended});
    }
    return positions;
}

Task<Expected<std::vector<TakenRecords>, ports::SourceFault>> Source::read_again(const Turn& turn) {
    std::vector<TakenRecords> again;
    for (const TurnRange& range : turn.ranges) {
        std::uint64_t next = range.first;
        while (next < range.next) {
            auto slice = co_await source_->read(core_, range.shard_uid, next, read_bytes);
            if (!slice && slice.error() == ports::SourceFault::gone) {
                lost_ += range.next - next;  // the other records may still exist
                break;
            }
            if (!slice) co_return fail(slice.error());
            if (slice->first > next) lost_ += std::min(slice->first, range.next) - next;
            make_own(*slice);
            TakenRecords part;
            part.range = range;
            part.keeps = slice->keeps;
            for (const ports::SourceRecord& record : slice->records) {
                if (record.seq < range.next) part.records.push_back(record);
            }
            const bool is_over = slice->next <= next && slice->records.empty();
            if (is_over) lost_ += range.next - next;
            next = std::max(slice->next, next);
            if (!part.records.empty()) again.push_back(std::move(part));
            if (is_over) break;
        }
    }
    co_return again;
}

void Source::skip(const Turn& turn) {
    refresh();
    for (const TurnRange& range : turn.ranges) {
        const auto found = shards_.find(range.shard_index);
        if (found == shards_.end() || found->second->is.uid != range.shard_uid) continue;
        Shard& shard = *found->second;
        shard.taken_next = std::max(shard.taken_next, range.next);
        shard.read_next = shard.taken_next;
    }
}

std::int64_t Source::millis_behind() const {
    std::optional<TimestampMs> oldest;
    for (const auto& [index, shard] : shards_) {
        std::optional<TimestampMs> at;
        if (!shard->held.empty()) {
            at = shard->held.front().slice.records[shard->held.front().at].arrival;
        } else if (!shard->is_at_tip && !shard->is_read) {
            at = shard->next_arrival;
        }
        if (at && (!oldest || *at < *oldest)) oldest = at;
    }
    return oldest ? std::max<std::int64_t>(0, clock_.now().value() - oldest->value()) : 0;
}

}  // namespace riacho::analytics
