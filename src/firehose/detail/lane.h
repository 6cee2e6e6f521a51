// Lane: one buffer of a delivery stream, for at most 48 shards of its source. Counts arriving records, seals batches,
// has them delivered, and moves the positions behind delivered batches.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "firehose/detail/home.h"
#include "firehose/detail/maker.h"
#include "firehose/plan.h"
#include "firehose/row.h"
#include "ports/object_store.h"
#include "ports/record_source.h"

namespace riacho::firehose::detail {

class Lane;
class Stream;

// Pause after the log refused a command.
inline constexpr std::int64_t log_busy_ms = 1'000;

// The reading position in a shard.
struct Cursor {
    ports::SourceShard shard;
    CursorRow row;
    std::string row_bytes;      // as in the catalog; empty: no row yet
    std::uint64_t next = 1;     // the number of the next record to read
    bool is_at_tip = false;     // all records were read; `watch` waits for more
    bool is_ended = false;      // read to its end
    TimestampMs readable_from;  // the shard could not be read; the next read is at this time
    std::unique_ptr<ports::SourceWatch> watch;
};

// Sealed: its row is durable. collecting --seal--> ready --> working --> done --lowest--> gone
//                                                     ^        |--failure--> waiting --time--> ready
struct Batch final : Home::Timed {
    enum class State : std::uint8_t { ready, working, waiting, done };
    Batch(Lane& owner, std::uint64_t n) : lane(owner), number(n) {}
    void on_time() override;

    Lane& lane;
    const std::uint64_t number;
    BatchRow row;
    std::string row_bytes;
    std::shared_ptr<const Plan> plan;
    State state = State::ready;
    bool may_be_there = false;  // an attempt ended without a known result, or was made by an earlier process
    bool has_failed = false;
    std::uint32_t attempts = 0;
    std::int64_t unreadable_ms = 0;  // the last wait because records could not be read
    std::optional<Made> made;        // the file, kept while the next attempt is near
};

// Lives on the core of its stream, which owns it.
class Lane {
public:
    Lane(Stream& stream, std::uint32_t number) : stream_(stream), number_(number), timer_(*this), retry_(*this) {}
    ~Lane();

    [[nodiscard]] std::uint32_t number() const { return number_; }
    [[nodiscard]] std::vector<std::unique_ptr<Cursor>>& cursors() { return cursors_; }
    [[nodiscard]] bool has_room() const { return cursors_.size() < lane_shards_max; }
    Cursor& add_cursor(std::unique_ptr<Cursor> cursor);
    // An ordinal for rows of batches that no shard, no batch and none of `taken` uses.
    [[nodiscard]] std::uint32_t free_ordinal(const std::vector<std::uint32_t>& taken) const;
    // The row key of a shard's cursor.
    [[nodiscard]] std::string cursor_key(std::uint64_t shard_uid) const;
    // A batch that an earlier process sealed.
    void add_batch(std::uint64_t number, BatchRow row, std::string row_bytes);
    // Restores the positions from the rows, after all cursors and batches were added.
    void resume();

    // Reads available records and seals batches that are full or due.
    void pump();
    // Starts attempts for batches that are next.
    void deliver();
    // Moves the positions behind delivered batches.
    void complete();
    // The settings have changed: open records are sealed under the old ones, failing batches are tried again under the
    // new ones.
    void on_update();
    void flush();
    // Waiting batches are tried again soon.
    void on_recovery();
    void stop();

    // No record is collected or undelivered.
    [[nodiscard]] bool is_empty() const { return open_.records == 0 && batches_.empty(); }
    // A requested flush has not read all records yet.
    [[nodiscard]] bool is_flushing() const { return flush_wanted_ || is_pumping_; }
    // Arrival of the newest record read, while there are more to read.
    [[nodiscard]] std::optional<TimestampMs> behind_at() const;
    // Arrival of the oldest undelivered record.
    [[nodiscard]] std::optional<TimestampMs> oldest() const;
    [[nodiscard]] std::size_t batch_count() const { return batches_.size(); }
    [[nodiscard]] std::size_t failing_count() const;

private:
    // Reads again after a pause, or seals the open batch.
    struct Timer final : Home::Timed {
        explicit Timer(Lane& l) : lane(l) {}
        void on_time() override {
            lane.complete();
            lane.pump();
        }
        Lane& lane;
    };
    // Counts of records that are read but not sealed.
    struct Open {
        std::shared_ptr<const Plan> plan;
        std::vector<BatchRow::Range> ranges;
        std::uint64_t bytes = 0;
        std::uint64_t records = 0;
        TimestampMs oldest;
        TimestampMs newest;
    };
    // The rows to change when batches are delivered, from the lowest one on.
    struct Completion {
        catalog::MoveProgress::OwnerMoves moves;
        std::vector<std::pair<Cursor*, CursorRow>> floors;
        std::vector<Cursor*> removed;
        std::uint64_t bytes = 0;
        bool trims = false;
    };
    struct Failure {
        std::string place;
        std::int64_t gap_ms = 0;
        bool may_be_there = false;
    };

    Task<void> run_pump();
    Task<void> pump_once();
    [[nodiscard]] bool is_full() const;
    [[nodiscard]] bool is_due() const;
    [[nodiscard]] std::size_t size_limit() const;
    [[nodiscard]] bool has_waited() const;
    [[nodiscard]] bool wants_adoption() const;
    Cursor* next_readable();
    Task<void> read(Cursor& cursor);
    void on_read_fault(Cursor& cursor, ports::SourceFault fault);
    void take(Cursor& cursor, const ports::SourceSlice& slice);
    Task<bool> seal();
    [[nodiscard]] std::shared_ptr<Batch> sealed() const;
    // False: there are records to read.
    bool arm();
    // The time of the next read of a shard that cannot be read at the moment.
    [[nodiscard]] std::optional<TimestampMs> held_until() const;
    void hold(Cursor& cursor, std::int64_t ms) const;

    Task<void> run_attempt(std::shared_ptr<Batch> batch);
    // True: delivered. False: the batch waits for another attempt.
    Task<bool> attempt(std::shared_ptr<Batch> batch);
    Task<bool> put(std::shared_ptr<Batch> batch, std::string host, std::string bucket_place);
    Task<Expected<void, ports::StoreError>> store(const Batch& batch, ports::PutOptions options);
    [[nodiscard]] ports::ObjectName name_of(const Batch& batch) const;
    Task<bool> replan(Batch& batch);
    Task<bool> make(std::shared_ptr<Batch> batch);
    void wait(Batch& batch, TimestampMs until);
    void count_delivered(const Batch& batch);

    Task<void> run_completion();
    // False: there is nothing to complete, or it has to be tried again later.
    Task<bool> complete_front();
    Task<void> mark_done();
    [[nodiscard]] Completion completion_of(std::size_t count) const;
    void settle(std::size_t count, Completion& completion);
    [[nodiscard]] bool is_used(std::uint32_t ordinal, std::size_t from) const;
    [[nodiscard]] Cursor* find(std::uint32_t ordinal) const;
    [[nodiscard]] std::string key_of(const Batch& batch) const;
    void try_later(std::int64_t ms);

    Stream& stream_;
    const std::uint32_t number_;
    std::vector<std::unique_ptr<Cursor>> cursors_;
    TimestampMs read_up_to_;  // arrival of the newest record read
    std::size_t turn_ = 0;    // the shard to read next
    Open open_;
    std::deque<std::shared_ptr<Batch>> batches_;
    std::uint64_t next_number_ = 1;  // lower bound; numbers are times, so that no number is used twice
    Timer timer_;                    // for sealing
    Timer retry_;                    // for reading again
    bool is_pumping_ = false;
    bool pump_again_ = false;
    bool flush_wanted_ = false;
    std::size_t in_flight_ = 0;
    bool is_completing_ = false;
    std::uint64_t untrimmed_bytes_ = 0;  // delivered but not trimmed yet
    TimestampMs trimmed_at_;
};

}  // namespace riacho::firehose::detail
