#include "server/janitor.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "catalog/wakeups.h"
#include "core/alarm.h"
#include "core/clock.h"
#include "core/gate.h"
#include "core/task.h"
#include "core/timer.h"
#include "log/command_log.h"
#include "log/record_log.h"
#include "streams/metrics.h"
#include "streams/queues.h"
#include "streams/scaling.h"

namespace riacho::server {
namespace {

using catalog::StreamStatus;
using Id = catalog::Wakeups::Id;

// Maximum sleep, because the wall clock, or a test clock, may jump meanwhile.
constexpr std::int64_t sleep_ms_max = 1'000;
// Interval at which the load of an on-demand stream is checked.
constexpr std::int64_t scaling_ms = 1'000;
// Pause after a refused command: the log's disk may be full or failing.
constexpr std::int64_t retry_ms = 1'000;
// Maximum number of shards that one command forgets; the next command forgets the rest.
constexpr std::size_t forget_max = 1'000;
// Other coroutines on the core wait for at most this number of looks.
constexpr std::size_t looks_between_yields = 256;

}  // namespace

struct Janitor::Impl {
    core::Core& core;
    core::Clock& clock;
    catalog::Catalog& catalog;
    log::RecordLog& log;
    log::CommandLog& commands;
    streams::StreamMetrics& metrics;
    streams::Queues& queues;
    core::Alarm alarm{core};
    core::Gate gate;  // the coroutine holds a pass
    streams::Scaling scaling;
    catalog::Wakeups wakeups;
    std::set<Id> changed;           // to be looked at in the next round
    bool has_lost_objects = false;  // objects were purged, and queues may be among them

    Impl(core::Core& c, core::Clock& t, catalog::Catalog& cat, log::RecordLog& l, log::CommandLog& commands_log,
         streams::StreamMetrics& m, streams::Queues& q, std::int64_t transition_ms)
        : core(c),
          clock(t),
          catalog(cat),
          log(l),
          commands(commands_log),
          metrics(m),
          queues(q),
          scaling(m, transition_ms) {}

    void mark_all();
    void look(Id id);
    [[nodiscard]] std::optional<TimestampMs> wake_at(const catalog::StreamState& stream) const;
    std::optional<catalog::Command> due_command(const catalog::StreamState& stream);
    Task<void> act(Id id);
    // Looks at what changed and submits every command that is due.
    Task<void> round();
    [[nodiscard]] std::int64_t sleep_ms() const;
    Task<void> run(core::Gate::Pass pass);
};

void Janitor::Impl::mark_all() {
    const auto snapshot = catalog.snapshot();
    for (const auto& stream : snapshot->all_streams()) changed.insert({Id::Kind::stream, stream->uid});
    for (const auto& object : snapshot->objects()) changed.insert({Id::Kind::object, object->uid});
}

// Updates the wake-up time of a changed stream or object.
void Janitor::Impl::look(Id id) {
    wakeups.clear(id);
    const auto snapshot = catalog.snapshot();
    if (id.kind == Id::Kind::object) {
        const auto object = snapshot->find_object(id.uid);
        has_lost_objects |= object == nullptr;
        if (object != nullptr && object->transition == StreamStatus::deleting) {
            wakeups.set(id, object->transition_until);
        }
        return;
    }
    const auto stream = snapshot->find_by_uid(id.uid);
    if (stream == nullptr) {
        metrics.forget(id.uid);
        scaling.forget(id.uid);
        return;
    }
    if (const auto at = wake_at(*stream)) wakeups.set(id, *at);
}

// The next time at which the stream may need a command.
std::optional<TimestampMs> Janitor::Impl::wake_at(const catalog::StreamState& stream) const {
    if (stream.transition == StreamStatus::deleting || stream.reshard) return stream.transition_until;
    std::optional<TimestampMs> at;
    for (const catalog::ShardState& shard : stream.shards) {
        if (!shard.closed_at) continue;
        // The time is over already: the clock has jumped ahead and deletion waits, or the command was refused.
        TimestampMs expired(shard.closed_at->value() + stream.retention_ms() + 1);
        if (expired <= clock.now()) expired = TimestampMs(clock.now().value() + retry_ms);
        at = std::min(at.value_or(expired), expired);
    }
    if (stream.mode == catalog::StreamMode::on_demand) {
        const TimestampMs again(clock.now().value() + scaling_ms);
        at = std::min(at.value_or(again), again);
    }
    return at;
}

// The command that is due for a stream, if there is one.
std::optional<catalog::Command> Janitor::Impl::due_command(const catalog::StreamState& stream) {
    const TimestampMs now = clock.now();
    const bool is_over = now >= stream.transition_until;
    if (stream.transition == StreamStatus::deleting) {
        return is_over ? std::optional<catalog::Command>(catalog::PurgeStream{stream.uid}) : std::nullopt;
    }
    if (stream.reshard) {
        return is_over ? std::optional<catalog::Command>(catalog::ContinueReshard{stream.uid}) : std::nullopt;
    }
    catalog::ForgetShards forget{stream.uid, {}};
    for (const catalog::ShardState& shard : stream.shards) {
        const bool is_past = shard.closed_at && *shard.closed_at < clock.ago(stream.retention_ms());
        if (is_past && forget.shards.size() < forget_max) forget.shards.push_back(shard.uid);
    }
    if (!forget.shards.empty()) return forget;
    const bool scales = stream.mode == catalog::StreamMode::on_demand && stream.status(now) == StreamStatus::active;
    return scales ? scaling.due(stream, now) : std::nullopt;
}

Task<void> Janitor::Impl::act(Id id) {
    const auto snapshot = catalog.snapshot();
    std::optional<catalog::Command> command;
    if (id.kind == Id::Kind::object) {
        const auto object = snapshot->find_object(id.uid);
        if (object == nullptr || !object->is_gone(clock.now())) co_return look(id);
        command = catalog::PurgeObject{{id.uid, {}}};
    } else {
        const auto stream = snapshot->find_by_uid(id.uid);
        if (stream == nullptr) co_return look(id);
        command = due_command(*stream);
    }
    if (!command) co_return look(id);
    const auto result = co_await commands.submit(core, catalog::encode(*command));
    if (!result || !result->accepted) {
        // Refused: the clock may have been moved, or another command came first.
        wakeups.set(id, TimestampMs(clock.now().value() + retry_ms));
        co_return;
    }
    changed.insert(id);
}

Task<void> Janitor::Impl::round() {
    std::size_t looks = 0;
    do {
        while (!changed.empty()) {
            look(changed.extract(changed.begin()).value());
            if (++looks % looks_between_yields == 0) co_await core::yield(core);
        }
        const auto due = wakeups.take_due(clock.now());
        if (!due) break;
        co_await act(*due);
    } while (!gate.is_closed());
    if (!std::exchange(has_lost_objects, false)) co_return;
    // Forgets the state of queues that were deleted, alone or with their stream.
    const auto snapshot = catalog.snapshot();
    queues.retain([&](const std::string& arn) { return snapshot->find_object(arn) != nullptr; });
}

std::int64_t Janitor::Impl::sleep_ms() const {
    const auto next = wakeups.next();
    if (!next) return sleep_ms_max;
    return std::clamp<std::int64_t>(next->value() - clock.now().value(), 1, sleep_ms_max);
}

Task<void> Janitor::Impl::run(core::Gate::Pass pass) {
    const core::Gate::Pass inside = std::move(pass);
    mark_all();
    while (!gate.is_closed()) {
        co_await round();
        if (!gate.is_closed()) co_await alarm.sleep(sleep_ms());
    }
}

Janitor::Janitor(core::Core& core, core::Clock& clock, catalog::Catalog& catalog, log::RecordLog& log,
                 log::CommandLog& commands, streams::StreamMetrics& metrics, streams::Queues& queues,
                 std::int64_t transition_ms)
    : impl_(std::make_shared<Impl>(core, clock, catalog, log, commands, metrics, queues, transition_ms)) {}

Janitor::~Janitor() { stop(); }

void Janitor::start() {
    auto pass = impl_->gate.enter();
    RIACHO_CHECK(pass.has_value(), "a janitor was started after it was stopped");
    core::spawn(impl_->core, [impl = impl_, pass = std::make_shared<core::Gate::Pass>(*std::move(pass))] {
        return impl->run(std::move(*pass));
    });
}

void Janitor::notify(const catalog::Feed& feed) {
    core::post(impl_->core, [impl = impl_, feed] {
        for (const std::uint64_t uid : feed.streams) impl->changed.insert({Id::Kind::stream, uid});
        for (const std::uint64_t uid : feed.objects) impl->changed.insert({Id::Kind::object, uid});
        impl->alarm.wake();
    });
}

void Janitor::stop() {
    impl_->gate.close();
    impl_->alarm.wake();
    impl_->gate.close_and_wait();
}

}  // namespace riacho::server
