// A source of records that waits for its application: what it holds, and what it does when records are gone.
#include "analytics/app/source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/memory_budget.h"
#include "core/poll.h"
#include "core/rng.h"
#include "core/runtime.h"
#include "core/task.h"
#include "core/timer.h"
#include "ports/record_source.h"

namespace riacho::analytics {
namespace {

// Shards in memory. What a read gives is gone once nothing keeps it.
class Stream final : public ports::RecordSource {
public:
    struct Shard {
        ports::SourceShard shown;
        std::vector<std::pair<std::string, std::string>> records;  // keys and data
    };
    std::map<std::uint64_t, Shard> by_uid;
    int live_slices = 0;

    Shard& add(std::uint64_t uid, std::optional<std::int32_t> parent = {}) {
        Shard& shard = by_uid[uid];
        shard.shown.uid = uid;
        shard.shown.index = static_cast<std::int32_t>(uid);
        shard.shown.parent = parent;
        return shard;
    }

    [[nodiscard]] std::vector<ports::SourceShard> shards() const override {
        std::vector<ports::SourceShard> listing;
        for (const auto& [uid, shard] : by_uid) listing.push_back(shard.shown);
        return listing;
    }
    Task<Expected<std::uint64_t, ports::SourceFault>> tip(core::Core&, std::uint64_t uid) override {
        co_return by_uid.at(uid).records.size() + 1;
    }
    Task<Expected<ports::SourceSlice, ports::SourceFault>> read(core::Core& core, std::uint64_t uid, std::uint64_t from,
                                                                std::size_t bytes_max) override {
        co_await core::yield(core);
        const auto found = by_uid.find(uid);
        if (found == by_uid.end()) co_return fail(ports::SourceFault::gone);
        auto kept = std::shared_ptr<std::vector<std::pair<std::string, std::string>>>(
            new std::vector(found->second.records), [this](auto* records) {
                --live_slices;
                delete records;
            });
        ++live_slices;
        ports::SourceSlice slice;
        slice.first = slice.next = std::max<std::uint64_t>(from, 1);
        std::size_t bytes = 0;
        for (; slice.next <= kept->size(); ++slice.next) {
            const auto& [key, data] = (*kept)[slice.next - 1];
            bytes += key.size() + data.size();
            if (!slice.records.empty() && bytes > bytes_max) break;
            slice.records.push_back({slice.next, TimestampMs(1), key, data});
            slice.bytes += data.size();
        }
        slice.at_tip = slice.next > kept->size();
        slice.has_ended = slice.at_tip && found->second.shown.is_closed;
        slice.keeps = std::move(kept);
        co_return slice;
    }
    struct Watch final : ports::SourceWatch {};
    std::unique_ptr<ports::SourceWatch> watch(core::Core&, std::uint64_t, std::uint64_t,
                                              std::function<void()>) override {
        return std::make_unique<Watch>();
    }
    [[nodiscard]] std::int64_t retention_ms() const override { return 86'400'000; }
};

struct SourceTest : testing::Test {
    SourceTest() {
        source = std::make_unique<Source>(core, clock, rng, memory, stream, 7, [] {});
    }
    void settle() {
        while (core::poll(core) > 0) {
        }
    }
    void begin() {
        source->begin_at({});
        source->start();
        settle();
    }
    void end() {
        core::spawn(core, [this] { return source->stop(); });
        settle();
    }
    std::vector<std::string> take_all() {
        std::vector<std::string> all;
        while (source->has_records()) {
            for (const TakenRecords& part : source->take(1'000, 1 << 20)) {
                for (const auto& record : part.records) all.emplace_back(record.data);
            }
            settle();
        }
        return all;
    }

    core::Core core{0};
    core::ManualClock clock{TimestampMs(1'790'000'000'000)};
    core::SeededRng rng{1};
    core::MemoryBudget memory{core::MemoryBudget::unlimited()};
    std::shared_ptr<Stream> stream = std::make_shared<Stream>();
    std::unique_ptr<Source> source;
};

TEST_F(SourceTest, what_waits_is_a_copy_and_counts_whole) {
    // Records of no data: their keys alone have to be bounded.
    for (int i = 0; i < 20'000; ++i) stream->add(1).records.emplace_back(std::string(250, 'k'), "");
    begin();
    EXPECT_EQ(stream->live_slices, 0);
    const std::size_t held = memory.used(core::MemoryUse::applications);
    EXPECT_GT(held, 1U << 20);
    EXPECT_LE(held, 6U << 20);
    EXPECT_EQ(take_all().size(), 20'000U);
    EXPECT_EQ(memory.used(core::MemoryUse::applications), 0U);
    end();
}

TEST_F(SourceTest, a_shard_that_expired_unread_lets_its_children_begin) {
    stream->add(1).shown.is_closed = true;
    stream->add(2, 1).records.emplace_back("k", "child");
    source->begin_at({});
    const ports::SourceShard parent = stream->by_uid.at(1).shown;
    source->start();
    stream->by_uid.erase(parent.uid);  // before the first read
    settle();
    EXPECT_EQ(take_all(), std::vector<std::string>{"child"});
    EXPECT_EQ(source->lost_shards(), 1U);
    EXPECT_FALSE(source->fault());
    end();
}

TEST_F(SourceTest, a_replay_reads_what_is_still_there) {
    stream->add(2).records.emplace_back("k", "there");
    Turn turn;
    turn.ranges = {{.shard_uid = 1, .shard_index = 1, .created_s = 0, .first = 5, .next = 8},
                   {.shard_uid = 2, .shard_index = 2, .created_s = 0, .first = 1, .next = 2}};
    std::vector<std::string> read;
    core::spawn(core, [&]() -> Task<void> {
        const auto again = co_await source->read_again(turn);
        EXPECT_TRUE(again.has_value());
        if (!again) co_return;
        for (const TakenRecords& part : *again) {
            for (const auto& record : part.records) read.emplace_back(record.data);
        }
    });
    settle();
    EXPECT_EQ(read, std::vector<std::string>{"there"});
    EXPECT_EQ(source->lost(), 3U);
}

}  // namespace
}  // namespace riacho::analytics
