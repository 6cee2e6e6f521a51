// Progress of a queue on one shard, as progress rows of the queue: a floor before which every record is done, ranges of
// windows that are entirely done, and a row of bits for each window that is partly done. A step costs the size of one
// window, however many records are done. docs/formats/catalog.md, "Progress of queues".
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catalog/progress.h"

namespace riacho::catalog {

// Number of record numbers in one row of bits.
inline constexpr std::uint64_t queue_window = 4'096;

// A queue delivers no record whose number exceeds that of its oldest unfinished record by this much. The limit bounds
// the rows of a queue (one for each window in between) and the ranges in its first row.
inline constexpr std::uint64_t queue_ahead_max = 4'000'000;

class QueueWindow {
public:
    [[nodiscard]] bool test(std::uint64_t i) const { return (words_[i / 64] >> (i % 64) & 1) != 0; }
    void set(std::uint64_t i) { words_[i / 64] |= std::uint64_t{1} << (i % 64); }
    void clear(std::uint64_t i) { words_[i / 64] &= ~(std::uint64_t{1} << (i % 64)); }
    void clear_before(std::uint64_t i);
    [[nodiscard]] std::uint64_t count_from(std::uint64_t i) const;
    [[nodiscard]] bool is_empty() const;
    [[nodiscard]] bool is_full() const;
    // The first clear bit at or after i; queue_window if there is none.
    [[nodiscard]] std::uint64_t next_clear(std::uint64_t i) const;
    [[nodiscard]] std::uint64_t next_set(std::uint64_t i) const;
    friend bool operator==(const QueueWindow&, const QueueWindow&) = default;

private:
    std::array<std::uint64_t, queue_window / 64> words_{};
};

// The first row of a shard. Runs are ranges of windows that are entirely done, as first window and one after the last,
// sorted; they touch neither each other nor the window of the floor.
struct QueueFloor {
    std::uint64_t floor = 1;
    std::map<std::uint64_t, std::uint64_t> runs;
    friend bool operator==(const QueueFloor&, const QueueFloor&) = default;
};

// The stored forms; equal states have equal bytes. Decoding returns nothing for bytes that no version wrote.
std::string encode(const QueueFloor& floor);
std::optional<QueueFloor> decode_queue_floor(std::string_view bytes);
std::string encode(const QueueWindow& window);
std::optional<QueueWindow> decode_queue_window(std::string_view bytes);

// Reads one shard's rows from a snapshot's progress, which must outlive the view. For one thread.
class QueueShardView {
public:
    QueueShardView(const Progress& progress, std::uint64_t queue_uid, std::uint64_t shard_uid);

    // Every record before this number is acknowledged or dead.
    [[nodiscard]] std::uint64_t floor() const { return floor_.floor; }
    // Whether the record is acknowledged or dead; a restored record still counts as done.
    [[nodiscard]] bool is_done(std::uint64_t seq) const;
    // The first number at or after seq that is not done; skips whole ranges.
    [[nodiscard]] std::uint64_t next_open(std::uint64_t seq) const;
    // The number of done records in [from, end); reads every row in between.
    [[nodiscard]] std::uint64_t done_between(std::uint64_t from, std::uint64_t end) const;
    // Up to `count` numbers from `from` on: dead records; restored records, to be received again.
    [[nodiscard]] std::vector<std::uint64_t> dead(std::uint64_t from, std::size_t count) const;
    [[nodiscard]] std::vector<std::uint64_t> restored(std::uint64_t from, std::size_t count) const;
    [[nodiscard]] std::uint64_t dead_count() const;
    [[nodiscard]] std::uint64_t restored_count() const;

private:
    [[nodiscard]] const QueueWindow* window(std::uint64_t number) const;
    [[nodiscard]] std::vector<std::uint64_t> numbers(char kind, std::uint64_t from, std::size_t count) const;
    [[nodiscard]] std::uint64_t count_all(char kind) const;

    const Progress& progress_;
    std::uint64_t queue_uid_;
    std::uint64_t shard_uid_;
    QueueFloor floor_;
    // The window that was used last.
    mutable std::optional<std::uint64_t> cached_number_;
    mutable std::optional<QueueWindow> cached_;
};

struct LegacyQueueShard;

// Applies the steps of one command to one shard, then returns the changed rows.
class QueueShardEditor {
public:
    QueueShardEditor(const Progress& progress, std::uint64_t queue_uid, std::uint64_t shard_uid);

    void acknowledge(std::uint64_t seq);
    void bury(std::uint64_t seq);              // to the dead-letter queue
    void acknowledge_dead(std::uint64_t seq);  // processed in the dead-letter queue
    void restore(std::uint64_t seq);           // from the dead-letter queue back to the queue
    void skip(std::uint64_t seq);              // every record before it is beyond retention

    // Changed rows; a null value: the row is removed.
    using Rows = std::vector<std::pair<ProgressKey, ProgressValue>>;
    [[nodiscard]] Rows take();

private:
    friend Rows rows_of(std::uint64_t queue_uid, std::uint64_t shard_uid, const LegacyQueueShard& shard);
    struct Loaded {
        QueueWindow bits;
        bool changed = false;
    };
    QueueWindow* find(char kind, std::uint64_t number);  // null if the window has no bits
    QueueWindow& change(char kind, std::uint64_t number);
    bool test(char kind, std::uint64_t seq);
    bool clear(char kind, std::uint64_t seq);  // returns whether the bit was set
    void set(char kind, std::uint64_t seq) { change(kind, seq / queue_window).set(seq % queue_window); }
    bool is_done(std::uint64_t seq);
    void set_done(std::uint64_t seq);
    void add_run(std::uint64_t number);
    void advance_floor();
    void drop_before(char kind, std::uint64_t seq);

    const Progress& progress_;
    std::uint64_t queue_uid_;
    std::uint64_t shard_uid_;
    QueueFloor floor_;
    QueueFloor stored_;
    std::map<std::pair<char, std::uint64_t>, Loaded> windows_;
};

// Version 1's progress of a shard, and its conversion to rows.
struct LegacyQueueShard {
    std::uint64_t floor = 1;
    std::vector<std::uint64_t> done;
    std::vector<std::uint64_t> dead;
    std::vector<std::uint64_t> restored;
};
QueueShardEditor::Rows rows_of(std::uint64_t queue_uid, std::uint64_t shard_uid, const LegacyQueueShard& shard);

// The initial row of a queue that starts at a number of a shard, for CreateObject.
std::pair<std::string, std::string> queue_start(std::uint64_t shard_uid, std::uint64_t floor);

// Whether a stored row can be decoded.
bool is_queue_row(const ProgressKey& key, std::string_view value);

// The keys of a forgotten shard's rows.
std::vector<ProgressKey> keys_of_shard(const Progress& progress, std::uint64_t queue_uid, std::uint64_t shard_uid);

}  // namespace riacho::catalog
