#include "catalog/queue_progress.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace riacho::catalog {
namespace {

constexpr std::uint64_t queue = 7;
constexpr std::uint64_t shard = 9;

// One queue's rows of one shard, changed by editors as by commands.
struct Rows {
    Progress progress;

    template <class Steps>
    std::size_t change(Steps steps) {
        QueueShardEditor editor(progress, queue, shard);
        steps(editor);
        std::size_t bytes = 0;
        for (auto& [key, value] : editor.take()) {
            if (value != nullptr) bytes = std::max(bytes, value->size());
            progress = value != nullptr ? progress.with(key, value) : progress.without(key);
            EXPECT_TRUE(value == nullptr || is_queue_row(key, *value));
        }
        return bytes;
    }
    [[nodiscard]] QueueShardView view() const { return {progress, queue, shard}; }
};

TEST(QueueProgress, what_is_done_without_a_gap_needs_one_row) {
    Rows rows;
    for (std::uint64_t seq = 1; seq <= 10'000; ++seq) {
        rows.change([&](QueueShardEditor& editor) { editor.acknowledge(seq); });
    }
    EXPECT_EQ(rows.view().floor(), 10'001U);
    EXPECT_EQ(rows.progress.size(), 1U);
}

TEST(QueueProgress, a_million_done_behind_one_that_is_not_are_a_few_small_rows) {
    Rows rows;
    std::size_t largest = 0;
    for (std::uint64_t seq = 2; seq <= 1'000'001; seq += 100) {
        largest = std::max(largest, rows.change([&](QueueShardEditor& editor) {
            for (std::uint64_t i = seq; i < seq + 100; ++i) editor.acknowledge(i);
        }));
    }
    EXPECT_LE(rows.progress.size(), 3U);
    EXPECT_LE(largest, 64U);
    const QueueShardView view = rows.view();
    EXPECT_EQ(view.floor(), 1U);
    EXPECT_FALSE(view.is_done(1));
    EXPECT_TRUE(view.is_done(1'000'001));
    EXPECT_EQ(view.next_open(2), 1'000'002U);
    EXPECT_EQ(view.done_between(1, 2'000'000), 1'000'000U);
    rows.change([](QueueShardEditor& editor) { editor.acknowledge(1); });
    EXPECT_EQ(rows.view().floor(), 1'000'002U);
    EXPECT_EQ(rows.progress.size(), 1U);
}

TEST(QueueProgress, the_worst_pattern_stays_below_the_size_of_a_value) {
    Rows rows;
    std::size_t largest = 0;
    // Every second window done as a whole, and every second number of the others.
    for (std::uint64_t window = 1; window < queue_ahead_max / queue_window; ++window) {
        largest = std::max(largest, rows.change([&](QueueShardEditor& editor) {
            for (std::uint64_t i = 0; i < queue_window; i += window % 2 + 1) {
                editor.acknowledge(window * queue_window + i);
            }
        }));
    }
    EXPECT_LE(largest, progress_value_size_max);
    EXPECT_EQ(rows.view().floor(), 1U);
}

TEST(QueueProgress, a_dead_letter_can_come_back_whatever_was_done_around_it) {
    Rows rows;
    rows.change([](QueueShardEditor& editor) {
        editor.bury(1);
        editor.bury(5);
    });
    EXPECT_EQ(rows.view().floor(), 2U);
    EXPECT_EQ(rows.view().dead(0, 10), (std::vector<std::uint64_t>{1, 5}));
    EXPECT_EQ(rows.view().dead(2, 10), std::vector<std::uint64_t>{5});
    rows.change([](QueueShardEditor& editor) {
        editor.restore(1);
        editor.restore(5);
        editor.restore(6);  // not dead
    });
    EXPECT_EQ(rows.view().dead_count(), 0U);
    EXPECT_EQ(rows.view().restored(0, 10), (std::vector<std::uint64_t>{1, 5}));
    rows.change([](QueueShardEditor& editor) {
        editor.acknowledge(1);
        editor.bury(5);
    });
    EXPECT_EQ(rows.view().restored_count(), 0U);
    EXPECT_EQ(rows.view().dead(0, 10), std::vector<std::uint64_t>{5});
    rows.change([](QueueShardEditor& editor) { editor.acknowledge_dead(5); });
    EXPECT_EQ(rows.view().dead_count(), 0U);
    EXPECT_TRUE(rows.view().is_done(5));
}

// Reference model: sets of numbers, as in version 1.
struct Model {
    std::uint64_t floor = 1;
    std::set<std::uint64_t> done, dead, restored;

    bool is_done(std::uint64_t seq) const { return seq < floor || done.contains(seq); }
    void set_done(std::uint64_t seq) {
        if (seq >= floor) done.insert(seq);
        while (done.erase(floor) > 0) ++floor;
    }
    void skip(std::uint64_t seq) {
        floor = std::max(floor, seq);
        for (auto* numbers : {&done, &dead, &restored}) {
            std::erase_if(*numbers, [&](std::uint64_t number) { return number < seq; });
        }
        std::erase_if(done, [&](std::uint64_t number) { return number < floor; });
        while (done.erase(floor) > 0) ++floor;
    }
};

TEST(QueueProgress, agrees_with_sets_of_numbers) {
    for (unsigned seed = 1; seed <= 6; ++seed) {
        std::mt19937 random(seed);
        Rows rows;
        Model model;
        const std::uint64_t span = seed % 2 == 0 ? 300 : 40'000;
        for (int round = 0; round < 120; ++round) {
            rows.change([&](QueueShardEditor& editor) {
                for (int i = 0; i < 40; ++i) {
                    const std::uint64_t seq = model.floor + random() % span;
                    switch (random() % 40) {
                        case 0:
                            editor.bury(seq);
                            if (model.restored.erase(seq) > 0 || !model.is_done(seq)) {
                                model.dead.insert(seq);
                                model.set_done(seq);
                            }
                            break;
                        case 1:
                            if (model.dead.empty()) break;
                            editor.restore(*model.dead.begin());
                            model.restored.insert(model.dead.extract(model.dead.begin()));
                            break;
                        case 2:
                            if (model.dead.empty()) break;
                            editor.acknowledge_dead(*model.dead.begin());
                            model.dead.erase(model.dead.begin());
                            break;
                        case 3:
                            if (random() % 20 != 0) break;
                            editor.skip(seq);
                            model.skip(seq);
                            break;
                        case 4:  // a range of numbers
                            if (random() % 8 != 0) break;
                            for (std::uint64_t n = seq; n < seq + 9'000; ++n) {
                                editor.acknowledge(n);
                                model.restored.erase(n);
                                if (!model.dead.contains(n)) model.set_done(n);
                            }
                            break;
                        default: {
                            const std::uint64_t n = random() % 3 == 0 ? model.floor : seq;
                            editor.acknowledge(n);
                            model.restored.erase(n);
                            if (!model.dead.contains(n)) model.set_done(n);
                            break;
                        }
                    }
                }
            });
            const QueueShardView view = rows.view();
            ASSERT_EQ(view.floor(), model.floor) << seed << " " << round;
            ASSERT_EQ(view.dead_count(), model.dead.size());
            ASSERT_EQ(view.restored(0, 1'000'000), std::vector(model.restored.begin(), model.restored.end()));
            ASSERT_EQ(view.dead(0, 1'000'000), std::vector(model.dead.begin(), model.dead.end()));
            ASSERT_EQ(view.done_between(model.floor, model.floor + 2 * span), [&] {
                return static_cast<std::uint64_t>(
                    std::distance(model.done.begin(), model.done.lower_bound(model.floor + 2 * span)));
            }());
            for (int i = 0; i < 20; ++i) {
                const std::uint64_t seq = model.floor + random() % span;
                ASSERT_EQ(view.is_done(seq), model.is_done(seq));
            }
            const std::uint64_t from = model.floor + random() % span;
            std::uint64_t open = from;
            while (model.is_done(open)) ++open;
            ASSERT_EQ(view.next_open(from), open);
        }
        for (const ProgressKey& key : keys_of_shard(rows.progress, queue, shard))
            rows.progress = rows.progress.without(key);
        EXPECT_TRUE(rows.progress.empty());
    }
}

TEST(QueueProgress, rows_of_any_bytes_are_read_or_refused) {
    std::mt19937 random(3);
    for (int i = 0; i < 20'000; ++i) {
        std::string bytes(random() % 600, '\0');
        for (char& byte : bytes) byte = static_cast<char>(random());
        if (!bytes.empty()) bytes[0] = 1;
        if (const auto window = decode_queue_window(bytes)) EXPECT_EQ(decode_queue_window(encode(*window)), window);
        if (const auto floor = decode_queue_floor(bytes)) EXPECT_EQ(decode_queue_floor(encode(*floor)), floor);
    }
}

TEST(QueueProgress, what_version_1_kept_means_the_same) {
    LegacyQueueShard old;
    old.floor = 5;
    old.done = {7, 9};
    old.dead = {2, 9};
    old.restored = {3};
    Rows rows;
    for (auto& [key, value] : rows_of(queue, shard, old)) rows.progress = rows.progress.with(key, value);
    const QueueShardView view = rows.view();
    EXPECT_EQ(view.floor(), 5U);
    EXPECT_TRUE(view.is_done(4) && !view.is_done(5) && view.is_done(7) && !view.is_done(8) && view.is_done(9));
    EXPECT_EQ(view.dead(0, 9), (std::vector<std::uint64_t>{2, 9}));
    EXPECT_EQ(view.restored(0, 9), std::vector<std::uint64_t>{3});
}

}  // namespace
}  // namespace riacho::catalog
