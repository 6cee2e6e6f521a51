#include "streams/record_wait.h"

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <map>

#include "core/task.h"

namespace riacho::streams {
namespace {

// A log of which only arm() and disarm() work; used on one core.
class FakeLog final : public log::RecordLog {
public:
    void enqueue(log::AppendRequest&) override {}
    Task<Expected<log::ReadResult, log::LogError>> read(core::Core&, log::ShardUid, log::SeqIx, log::ReadLimits,
                                                        TimestampMs) override {
        co_return fail(log::LogError::unknown_shard);
    }
    Task<Expected<log::SeqIx, log::LogError>> find_by_time(core::Core&, log::ShardUid, TimestampMs) override {
        co_return fail(log::LogError::unknown_shard);
    }
    Task<Expected<log::ShardState, log::LogError>> state(core::Core&, log::ShardUid) override {
        co_return fail(log::LogError::unknown_shard);
    }
    Task<Expected<std::uint64_t, log::LogError>> stored_bytes(core::Core&, log::ShardUid) override {
        co_return fail(log::LogError::unknown_shard);
    }
    [[nodiscard]] std::optional<log::ShardState> last_known(log::ShardUid) const override { return std::nullopt; }
    void set_retention(log::ShardUid, std::int64_t) override {}

    bool arm(log::ShardUid shard, log::SeqIx seen, log::Waiter& waiter) override {
        if (next_[shard.value()] > seen.value()) return false;
        armed_[shard.value()] = &waiter;
        return true;
    }
    bool disarm(log::Waiter& waiter) override {
        return std::erase_if(armed_, [&](const auto& entry) { return entry.second == &waiter; }) > 0;
    }

    void publish(std::uint64_t shard) {
        ++next_[shard];
        const auto found = armed_.find(shard);
        if (found == armed_.end()) return;
        log::Waiter& waiter = *found->second;
        armed_.erase(found);
        waiter.core->wake(*waiter.wakeup);
    }
    [[nodiscard]] std::size_t armed() const { return armed_.size(); }

private:
    std::map<std::uint64_t, std::uint64_t> next_;
    std::map<std::uint64_t, log::Waiter*> armed_;
};

class RecordWaitTest : public testing::Test {
protected:
    RecordWaitTest() { runtime_.start(); }
    ~RecordWaitTest() override { runtime_.stop(); }

    // Runs `event` on the core while a wait for three shards is in progress; returns once the wait is over.
    void wait(std::function<void()> event, std::int64_t timeout_ms = 60'000) {
        std::promise<void> done;
        core::spawn(core_, [&] { return run(&event, timeout_ms, &done); });
        done.get_future().wait();
        EXPECT_EQ(log_.armed(), 0U);
    }

    core::Runtime runtime_{1};
    core::Core& core_ = runtime_.core(0);
    FakeLog log_;
    RecordWait wait_{log_, core_};

private:
    Task<void> run(const std::function<void()>* event, std::int64_t timeout_ms, std::promise<void>* done) {
        if (*event) core::post(core_, *event);
        const std::vector<ShardPosition> positions = {{1, log::SeqIx(0)}, {2, log::SeqIx(0)}, {3, log::SeqIx(0)}};
        co_await wait_.wait(positions, timeout_ms);
        done->set_value();
    }
};

TEST_F(RecordWaitTest, ends_when_one_of_the_shards_moves) {
    wait([&] { log_.publish(2); });
    wait({});  // and at once when a shard has moved already
}

TEST_F(RecordWaitTest, ends_when_its_time_is_over) { wait({}, 5); }

TEST_F(RecordWaitTest, ends_when_it_is_interrupted) {
    wait_.interrupt();  // no wait is in progress
    wait([&] { wait_.interrupt(); });
    wait([&] {
        wait_.interrupt();
        wait_.interrupt();
    });
}

TEST_F(RecordWaitTest, outlives_wakeups_that_are_on_their_way) {
    wait([&] {
        log_.publish(1);
        log_.publish(3);
        wait_.interrupt();
    });
}

}  // namespace
}  // namespace riacho::streams
