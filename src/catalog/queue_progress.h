// What a queue has done with the records of one shard, as progress rows of the queue: a floor before which everything
// is done, whole windows of done numbers as ranges, and a row of bits for each window that is neither. The cost of a
// step is that of one window, however much was done before. docs/formats/catalog.md, "Progress of queues".
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

// Numbers of one row of bits.
inline constexpr std::uint64_t queue_window = 4'096;

// A queue delivers no record whose number is this far beyond its oldest one that is not done. It bounds the rows of a
// queue (a row for each window in between) and the ranges in its first row.
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
    // The first at or after i that is not set; queue_window if there is none.
    [[nodiscard]] std::uint64_t next_clear(std::uint64_t i) const;
    [[nodiscard]] std::uint64_t next_set(std::uint64_t i) const;
    friend bool operator==(const QueueWindow&, const QueueWindow&) = default;

private:
    std::array<std::uint64_t, queue_window / 64> words_{};
};

// The first row of a shard. Runs are of whole windows that are done: first window and the one after the last, in order,
// neither touching each other nor the window of the floor.
struct QueueFloor {
    std::uint64_t floor = 1;
    std::map<std::uint64_t, std::uint64_t> runs;
    friend bool operator==(const QueueFloor&, const QueueFloor&) = default;
};

// The stored forms; the same bytes for equal states. Nothing from bytes that no version wrote.
std::string encode(const QueueFloor& floor);
std::optional<QueueFloor> decode_queue_floor(std::string_view bytes);
std::string encode(const QueueWindow& window);
std::optional<QueueWindow> decode_queue_window(std::string_view bytes);

// Reads one shard's rows out of a snapshot's progress, which must outlive it. For one thread.
class QueueShardView {
public:
    QueueShardView(const Progress& progress, std::uint64_t queue_uid, std::uint64_t shard_uid);

    // Every record before it was acknowledged or is dead.
    [[nodiscard]] std::uint64_t floor() const { return floor_.floor; }
    // Acknowledged or dead, or was so before it was restored.
    [[nodiscard]] bool is_done(std::uint64_t seq) const;
    // The first number at or after seq that is not done; passes whole ranges at once.
    [[nodiscard]] std::uint64_t next_open(std::uint64_t seq) const;
    // How many numbers from `from` up to, not including, `end` are done; looks at every row in between.
    [[nodiscard]] std::uint64_t done_between(std::uint64_t from, std::uint64_t end) const;
    // Up to `count` records from `from` on: of the dead-letter queue, or to be received again.
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
    // The window looked at last.
    mutable std::optional<std::uint64_t> cached_number_;
    mutable std::optional<QueueWindow> cached_;
};

struct LegacyQueueShard;

// Collects the steps of one command on one shard, then gives the rows that have changed.
class QueueShardEditor {
public:
    QueueShardEditor(const Progress& progress, std::uint64_t queue_uid, std::uint64_t shard_uid);

    void acknowledge(std::uint64_t seq);
    void bury(std::uint64_t seq);              // to the dead-letter queue
    void acknowledge_dead(std::uint64_t seq);  // processed there
    void restore(std::uint64_t seq);           // from there back to the queue
    void skip(std::uint64_t seq);              // everything before it is beyond retention

    // Changed rows; null: to be removed.
    using Rows = std::vector<std::pair<ProgressKey, ProgressValue>>;
    [[nodiscard]] Rows take();

private:
    friend Rows rows_of(std::uint64_t queue_uid, std::uint64_t shard_uid, const LegacyQueueShard& shard);
    struct Loaded {
        QueueWindow bits;
        bool changed = false;
    };
    QueueWindow* find(char kind, std::uint64_t number);  // null without bits
    QueueWindow& change(char kind, std::uint64_t number);
    bool test(char kind, std::uint64_t seq);
    bool clear(char kind, std::uint64_t seq);  // whether it was set
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

// What version 1 kept of a shard, as rows.
struct LegacyQueueShard {
    std::uint64_t floor = 1;
    std::vector<std::uint64_t> done;
    std::vector<std::uint64_t> dead;
    std::vector<std::uint64_t> restored;
};
QueueShardEditor::Rows rows_of(std::uint64_t queue_uid, std::uint64_t shard_uid, const LegacyQueueShard& shard);

// The row with which a queue begins a shard at a number, for CreateObject.
std::pair<std::string, std::string> queue_start(std::uint64_t shard_uid, std::uint64_t floor);

// Whether a stored row is one that can be read.
bool is_queue_row(const ProgressKey& key, std::string_view value);

// The rows of a shard that is forgotten.
std::vector<ProgressKey> keys_of_shard(const Progress& progress, std::uint64_t queue_uid, std::uint64_t shard_uid);

}  // namespace riacho::catalog
