// Source: what an application reads. Follows the shards of a stream, parents before children, and holds what was read
// until a turn takes it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analytics/app/turn.h"
#include "base/lineage.h"
#include "core/fwd.h"
#include "core/memory_budget.h"
#include "core/task_fwd.h"
#include "ports/record_source.h"

namespace riacho::analytics {

// Records that a turn has taken: a part of a slice that was read.
struct TakenRecords {
    TurnRange range;
    std::vector<ports::SourceRecord> records;
    std::shared_ptr<const void> keeps;  // the bytes: a copy, so that what waits here takes nothing from other readers
};

// On one core. start() spawns coroutines that stop() ends.
class Source {
public:
    // `ready` is called on the core when there is something new to take, or a fault.
    Source(core::Core& core, core::Clock& clock, core::Rng& rng, core::MemoryBudget& budget,
           std::shared_ptr<ports::RecordSource> source, std::uint64_t source_uid, std::function<void()> ready);
    ~Source();
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;

    // Where reading begins. Shards that the positions do not name came later and are read from their first record on.
    void begin_at(const Positions& positions);
    // Begins at what comes from now on (is_oldest: at the oldest records); nothing after a fault.
    Task<std::optional<Positions>> find_start(bool is_oldest);
    // Reads on, until stop().
    void start();
    Task<void> stop();

    // Whether records wait to be taken.
    [[nodiscard]] bool has_records() const { return held_records_ > 0; }
    // The oldest records that wait, of at most 64 shards; they count as read from here on.
    std::vector<TakenRecords> take(std::size_t records_max, std::size_t bytes_max);
    // How far everything has been taken.
    [[nodiscard]] Positions positions() const;

    // Reads what a turn named, again: fewer records than it named when some have expired since, which lost() counts.
    // Never SourceFault::gone.
    Task<Expected<std::vector<TakenRecords>, ports::SourceFault>> read_again(const Turn& turn);
    // Moves the positions behind the records of a turn that was replayed.
    void skip(const Turn& turn);

    // How long the oldest record that is in no turn yet has been there; 0 at the end of everything.
    [[nodiscard]] std::int64_t millis_behind() const;
    // The stream or its records cannot be read at present; empty when all is well.
    [[nodiscard]] std::optional<ports::SourceFault> fault() const { return fault_; }
    // Records that expired before they were read.
    [[nodiscard]] std::uint64_t lost() const { return lost_; }
    // Shards that were forgotten before they were read to their ends: nobody knows how many records they had.
    [[nodiscard]] std::uint64_t lost_shards() const { return lost_shards_; }

private:
    struct Held {
        ports::SourceSlice slice;
        std::size_t at = 0;  // index of the first record that was not taken
    };
    struct Shard;

    void refresh();
    [[nodiscard]] bool is_forgotten(const Shard& shard) const;
    void start_ready();
    void finish_taken(Shard& shard);
    Task<void> watch_listing();
    Task<void> follow(std::shared_ptr<Shard> shard);
    [[nodiscard]] bool has_room() const;
    void wake_waiting();

    core::Core& core_;
    core::Clock& clock_;
    core::Rng& rng_;
    core::MemoryBudget& budget_;
    core::MemoryLease memory_;
    const std::shared_ptr<ports::RecordSource> source_;
    const std::uint64_t source_uid_;
    const std::function<void()> ready_;
    struct Parts;
    const std::unique_ptr<Parts> parts_;
    Lineage lineage_;
    std::map<std::int32_t, std::shared_ptr<Shard>> shards_;  // by index
    std::size_t held_records_ = 0;
    std::size_t held_bytes_ = 0;    // data, keys and what describes them
    std::int32_t last_woken_ = -1;  // of the shards that wait for room
    std::uint64_t lost_ = 0;
    std::uint64_t lost_shards_ = 0;
    std::optional<ports::SourceFault> fault_;
    bool stopping_ = false;
};

}  // namespace riacho::analytics
