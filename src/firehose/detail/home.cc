#include "firehose/detail/home.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "catalog/command.h"
#include "core/clock.h"
#include "core/task.h"
#include "log/command_log.h"

namespace riacho::firehose::detail {
namespace {

// The longest sleep while a time is set: the clock may jump in the meantime.
constexpr std::int64_t sleep_ms_max = 1'000;
constexpr std::int64_t idle_ms = 60'000;
// The size of moves in one command.
constexpr std::size_t command_bytes_max = 64U << 10;

std::size_t size_of(const catalog::MoveProgress::OwnerMoves& moves) {
    std::size_t bytes = 32;
    for (const auto& move : moves.moves) {
        bytes += move.key.size() + move.expected.value_or("").size() + move.value.value_or("").size() + 16;
    }
    return bytes;
}

}  // namespace

TimestampMs Home::now() const { return needs_.clock.now(); }

void Home::set(Timed& timed, TimestampMs at) {
    clear(timed);
    timed.at_ = at;
    times_.emplace(at, &timed);
    // A sleep that began without a set time may be too long for a clock that jumps.
    if (at < wakes_at_ || times_.size() == 1) alarm_.wake();
}

void Home::set_by(Timed& timed, TimestampMs at) {
    if (!timed.at_ || at < *timed.at_) set(timed, at);
}

void Home::clear(Timed& timed) {
    if (!timed.at_) return;
    times_.erase({*timed.at_, &timed});
    timed.at_.reset();
}

void Home::run_due() {
    // Each once: an object that sets a time which has passed already is called by the next run.
    std::vector<Timed*> due;
    while (!times_.empty() && times_.begin()->first <= now()) {
        due.push_back(times_.begin()->second);
        clear(*due.back());
    }
    for (Timed* timed : due) timed->on_time();
}

std::int64_t Home::sleep_ms() const {
    if (times_.empty()) return idle_ms;
    return std::clamp<std::int64_t>(times_.begin()->first.value() - now().value(), 1, sleep_ms_max);
}

Task<void> Home::run() {
    while (!is_stopping()) {
        wakes_at_ = TimestampMs(0);
        run_due();
        const std::int64_t ms = sleep_ms();
        wakes_at_ = now().plus(ms);
        co_await alarm_.sleep(ms);
    }
}

Task<MoveResult> Home::move(catalog::MoveProgress::OwnerMoves moves) {
    if (is_stopping()) co_return MoveResult::unavailable;
    Waiting waiting;
    waiting.moves = std::move(moves);
    waiting_.push_back(&waiting);
    if (!std::exchange(is_moving_, true)) spawn([this] { return run_moves(); });
    co_await core::suspend([&](core::Wakeup& wakeup) {
        if (waiting.is_done) {
            core_.wake(wakeup);
        } else {
            waiting.wakeup = &wakeup;
        }
    });
    co_return waiting.result;
}

// One command at a time: moves that arrive while it becomes durable go into the next one.
Task<void> Home::run_moves() {
    while (!waiting_.empty()) {
        catalog::MoveProgress command;
        std::vector<Waiting*> movers;
        for (std::size_t bytes = 0; !waiting_.empty() && bytes < command_bytes_max;) {
            Waiting* waiting = waiting_.front();
            waiting_.pop_front();
            bytes += size_of(waiting->moves);
            command.owners.push_back(std::move(waiting->moves));
            movers.push_back(waiting);
        }
        const auto result =
            co_await needs_.commands.submit(core_, catalog::encode(catalog::Command(std::move(command))));
        const bool is_accepted = result && result->accepted;
        for (Waiting* waiting : movers) {
            waiting->result = is_accepted ? MoveResult::moved : result ? MoveResult::refused : MoveResult::unavailable;
        }
        if (is_accepted) {
            for (const std::uint32_t refused : catalog::decode_verdict(result->reply).refused) {
                movers[refused]->result = MoveResult::refused;
            }
        }
        for (Waiting* waiting : movers) {
            waiting->is_done = true;
            if (waiting->wakeup != nullptr) core_.wake(*waiting->wakeup);
        }
    }
    is_moving_ = false;
}

// Keeps the function, which owns the coroutine's captures, and the pass while the coroutine runs.
Task<void> Home::run_inside(std::function<Task<void>()> make, std::shared_ptr<core::Gate::Pass> pass) {
    co_await make();
    pass.reset();
}

bool Home::spawn(std::function<Task<void>()> make) {
    auto pass = gate_.enter();
    if (!pass) return false;
    core::spawn(core_, [make = std::move(make), pass = std::make_shared<core::Gate::Pass>(*std::move(pass))] {
        return run_inside(make, pass);
    });
    return true;
}

void Home::begin_stop() {
    gate_.close();
    alarm_.wake();
}

}  // namespace riacho::firehose::detail
