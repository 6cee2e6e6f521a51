// Fragments of streams without retention.
#include "video/memory_ring.h"

#include <gtest/gtest.h>

#include <future>

#include "core/clock.h"
#include "core/runtime.h"
#include "core/task.h"

namespace riacho::video {
namespace {

class RingTest : public testing::Test {
protected:
    RingTest() { runtime_.start(); }
    ~RingTest() override { runtime_.stop(); }

    static core::MemoryBudget::Shares shares(std::size_t media) {
        auto all = core::MemoryBudget::unlimited();
        all[static_cast<std::size_t>(core::MemoryUse::media)] = media;
        return all;
    }
    static bool add(MemoryRing& ring, std::uint64_t sequence, std::size_t size) {
        Closing closing;
        closing.entry.sequence = sequence;
        closing.entry.server_ms = static_cast<std::int64_t>(sequence) * 1'000;
        closing.entry.duration_ms = 900;
        closing.cluster_size = static_cast<std::uint32_t>(size);
        Pieces bytes;
        bytes.append(as_bytes(std::string(size, 'x')));
        return ring.add(closing, bytes);
    }
    template <class Make>
    void run(Make make) {
        std::promise<void> done;
        core::spawn(runtime_.core(0), [&]() -> Task<void> {
            co_await make(runtime_.core(0));
            done.set_value();
        });
        done.get_future().get();
    }
    std::vector<std::uint64_t> sequences(MemoryRing& ring) {
        std::vector<std::uint64_t> all;
        run([&](core::Core& core) -> Task<void> {
            const auto page = co_await ring.scan(core, ScanQuery());
            EXPECT_TRUE(page);
            for (const FragmentEntry& entry : page->entries) all.push_back(entry.sequence);
        });
        return all;
    }

    core::ManualClock clock_{TimestampMs(1)};
    core::Runtime runtime_{1};
    std::shared_ptr<Arrivals> arrivals_ = std::make_shared<Arrivals>();
};

TEST_F(RingTest, fragments_go_after_five_minutes) {
    core::MemoryBudget memory(shares(1 << 20));
    RingBudget rings(memory);
    MemoryRing ring(clock_, memory, rings, arrivals_);
    ASSERT_TRUE(add(ring, 1, 100));
    clock_.advance_ms(MemoryRing::age_ms_max - 1);
    ASSERT_TRUE(add(ring, 2, 100));
    EXPECT_EQ(sequences(ring), (std::vector<std::uint64_t>{1, 2}));
    clock_.advance_ms(2);
    ring.expire();
    EXPECT_EQ(sequences(ring), (std::vector<std::uint64_t>{2}));
}

// Half of the memory for media is left for uploads, and the largest ring shrinks when another one needs memory.
TEST_F(RingTest, rings_share_half_of_the_memory_and_the_oldest_go) {
    core::MemoryBudget memory(shares(200'000));
    RingBudget rings(memory);
    MemoryRing first(clock_, memory, rings, arrivals_);
    MemoryRing second(clock_, memory, rings, arrivals_);
    for (std::uint64_t sequence = 1; sequence <= 20; ++sequence) ASSERT_TRUE(add(first, sequence, 20'000));
    EXPECT_EQ(sequences(first).back(), 20U);
    EXPECT_LE(memory.used(core::MemoryUse::media), 100'000U);
    EXPECT_FALSE(add(second, 1, 40'000));  // until the caller has shrunk the largest ring
    EXPECT_TRUE(first.drop_oldest() && first.drop_oldest());
    EXPECT_TRUE(add(second, 1, 40'000));
    EXPECT_FALSE(add(first, 21, 150'000));
    first.end();
    second.end();
    EXPECT_EQ(memory.used(core::MemoryUse::media), 0U);
}

TEST_F(RingTest, what_was_loaded_lives_longer_than_its_place_in_the_ring) {
    core::MemoryBudget memory(shares(1 << 20));
    RingBudget rings(memory);
    MemoryRing ring(clock_, memory, rings, arrivals_);
    ASSERT_TRUE(add(ring, 1, 1'000));
    std::shared_ptr<const Fragment> fragment;
    run([&](core::Core& core) -> Task<void> {
        const auto found = co_await ring.containing(core, TimeAxis::server, 1'500);
        EXPECT_TRUE(found && *found);
        const auto loaded = co_await ring.load(core, **found);
        EXPECT_TRUE(loaded);
        if (loaded) fragment = *loaded;
    });
    ring.end();
    ASSERT_NE(fragment, nullptr);
    ASSERT_EQ(fragment->cluster.size(), 1U);
    EXPECT_EQ(fragment->cluster.front(), std::string(1'000, 'x'));
    run([&](core::Core& core) -> Task<void> {
        const auto gone = co_await ring.next(core, 0, 1'000);
        EXPECT_FALSE(gone);
    });
}

}  // namespace
}  // namespace riacho::video
