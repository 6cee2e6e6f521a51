// Home: timers, commands of progress and the stop of all delivery streams on one core.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/time.h"
#include "catalog/object_command.h"
#include "core/alarm.h"
#include "core/gate.h"
#include "core/runtime.h"
#include "core/task_fwd.h"
#include "firehose/host_health.h"
#include "firehose/needs.h"

namespace riacho::firehose::detail {

// The result of a command that moves progress.
enum class MoveResult : std::uint8_t {
    moved,       // durable
    refused,     // the rows differ from those the caller knew, or the delivery stream was deleted
    unavailable  // the log accepts no commands at the moment: again later
};

// Used on its core only.
class Home {
public:
    // An object that is called at a set time. Cleared before it is destroyed.
    class Timed {
    public:
        virtual void on_time() = 0;

    protected:
        ~Timed() = default;

    private:
        friend class Home;
        std::optional<TimestampMs> at_;
    };

    Home(const Needs& needs, core::Core& core, HostHealth& health, std::function<void()> on_recovery)
        : needs_(needs), core_(core), health_(health), on_recovery_(std::move(on_recovery)), alarm_(core) {}

    [[nodiscard]] const Needs& needs() const { return needs_; }
    [[nodiscard]] core::Core& core() const { return core_; }
    [[nodiscard]] HostHealth& health() const { return health_; }
    [[nodiscard]] TimestampMs now() const;
    // Called when a destination that had failed works again.
    void tell_recovery() const { on_recovery_(); }

    // Replaces an earlier time.
    void set(Timed& timed, TimestampMs at);
    // Sets the time unless an earlier one is set.
    void set_by(Timed& timed, TimestampMs at);
    void clear(Timed& timed);
    // Calls all objects whose time has come.
    void run_due();
    // Does so again and again, until begin_stop().
    Task<void> run();

    // Makes the moves durable, in one command with those of other streams that arrive at the same time.
    Task<MoveResult> move(catalog::MoveProgress::OwnerMoves moves);

    // Runs a coroutine on the core; wait_until_empty() waits for it. After begin_stop() the coroutine does not run, and
    // the result is false. Thread-safe.
    bool spawn(std::function<Task<void>()> make);
    void begin_stop();
    [[nodiscard]] bool is_stopping() const { return gate_.is_closed(); }
    // Blocks; not on the core.
    void wait_until_empty() { gate_.close_and_wait(); }

private:
    struct Waiting {
        catalog::MoveProgress::OwnerMoves moves;
        MoveResult result = MoveResult::unavailable;
        bool is_done = false;
        core::Wakeup* wakeup = nullptr;
    };

    Task<void> run_moves();
    static Task<void> run_inside(std::function<Task<void>()> make, std::shared_ptr<core::Gate::Pass> pass);
    [[nodiscard]] std::int64_t sleep_ms() const;

    const Needs& needs_;
    core::Core& core_;
    HostHealth& health_;
    const std::function<void()> on_recovery_;
    std::set<std::pair<TimestampMs, Timed*>> times_;
    core::Alarm alarm_;
    TimestampMs wakes_at_{0};  // the time of the next run; 0: it is running
    core::Gate gate_;
    std::deque<Waiting*> waiting_;
    bool is_moving_ = false;
};

}  // namespace riacho::firehose::detail
