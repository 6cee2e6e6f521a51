// Source: the input of an application. Follows the shards of a stream, parents before children, and holds records until
// a turn takes them.
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

// Records that a turn has taken: a part of a slice.
struct TakenRecords {
    TurnRange range;
    std::vector<ports::SourceRecord> records;
    std::shared_ptr<const void> keeps;  // owns the bytes: a copy, so that they use no memory of other readers
};

// Used on one core. start() spawns coroutines that stop() ends.
class Source {
public:
    // `ready` is called on the core when there are new records or a fault.
    Source(core::Core& core, core::Clock& clock, core::Rng& rng, core::MemoryBudget& budget,
           std::shared_ptr<ports::RecordSource> source, std::uint64_t source_uid, std::function<void()> ready);
    ~Source();
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;

    // Sets the positions at which reading begins. Shards without a position are newer and are read from their first
    // record on.
    void begin_at(const Positions& positions);
    // The positions of the tips (is_oldest: of the oldest records); nothing after a fault.
    Task<std::optional<Positions>> find_start(bool is_oldest);
    // Reads until stop().
    void start();
    Task<void> stop();

    // Whether records wait to be taken.
    [[nodiscard]] bool has_records() const { return held_records_ > 0; }
    // Takes the oldest held records, of at most 64 shards.
    std::vector<TakenRecords> take(std::size_t records_max, std::size_t bytes_max);
    // The positions behind all taken records.
    [[nodiscard]] Positions positions() const;

    // Reads the records of a turn again; fewer when some have expired since, which lost() counts. Never
    // SourceFault::gone.
    Task<Expected<std::vector<TakenRecords>, ports::SourceFault>> read_again(const Turn& turn);
    // Moves the positions behind the records of a turn that was replayed.
    void skip(const Turn& turn);

    // The age of the oldest record that is in no turn yet; 0 when there is none.
    [[nodiscard]] std::int64_t millis_behind() const;
    // The fault for which the stream cannot be read at present, if any.
    [[nodiscard]] std::optional<ports::SourceFault> fault() const { return fault_; }
    // Records that expired before they were read.
    [[nodiscard]] std::uint64_t lost() const { return lost_; }
    // Shards that expired before they were read to their ends: the number of their records is unknown.
    [[nodiscard]] std::uint64_t lost_shards() const { return lost_shards_; }

private:
    struct Held {
        ports::SourceSlice slice;
        std::size_t at = 0;  // index of the first record that is not taken
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
    std::size_t held_bytes_ = 0;    // data, keys and overhead
    std::int32_t last_woken_ = -1;  // index of a shard that waited for room
    std::uint64_t lost_ = 0;
    std::uint64_t lost_shards_ = 0;
    std::optional<ports::SourceFault> fault_;
    bool stopping_ = false;
};

}  // namespace riacho::analytics
