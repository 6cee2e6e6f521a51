// Home: what the delivery streams of one core share: their times, their moves of progress, their stop.
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

// Whether moves of progress took place.
enum class MoveResult : std::uint8_t {
    moved,       // durable
    refused,     // the rows are not what the mover last saw, or the delivery stream is gone
    unavailable  // the log takes nothing at the moment: again later
};

// Everything in it happens on its core.
class Home {
public:
    // Something that wants to be called at a time. Cleared before it is destroyed.
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
    // A destination that had failed is back.
    void tell_recovery() const { on_recovery_(); }

    // Replaces the time that was set before.
    void set(Timed& timed, TimestampMs at);
    // Not later than that.
    void set_by(Timed& timed, TimestampMs at);
    void clear(Timed& timed);
    // Calls whatever is due.
    void run_due();
    // Calls whatever is due as time passes, until begin_stop().
    Task<void> run();

    // Makes the moves durable, together with those of other streams that come meanwhile.
    Task<MoveResult> move(catalog::MoveProgress::OwnerMoves moves);

    // Runs a coroutine on the core; wait_until_empty() waits for it. False, and it does not run, after begin_stop().
    // Thread-safe.
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
    TimestampMs wakes_at_{0};  // when run() looks again; 0: it is looking
    core::Gate gate_;
    std::deque<Waiting*> waiting_;
    bool is_moving_ = false;
};

}  // namespace riacho::firehose::detail
