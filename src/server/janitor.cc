#include "server/janitor.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "catalog/catalog.h"
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

// Nothing it does is urgent to the second, and a clock that tests move is looked at this often.
constexpr std::int64_t round_ms_max = 1'000;
// Calls on its core wait for no more than these.
constexpr std::size_t streams_between_yields = 256;

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
    core::Gate gate;  // the coroutine is inside
    streams::Scaling scaling;

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

    std::optional<catalog::Command> due_command(const catalog::StreamState& stream);
    // Does what is due and returns after how long something will be.
    Task<std::int64_t> round();
    Task<void> run(core::Gate::Pass pass);
};

// The command that is due for a stream whose transition is over.
std::optional<catalog::Command> Janitor::Impl::due_command(const catalog::StreamState& stream) {
    if (stream.transition == catalog::StreamStatus::deleting) return catalog::PurgeStream{stream.uid};
    if (stream.reshard) return catalog::ContinueReshard{stream.uid};
    const bool scales =
        stream.mode == catalog::StreamMode::on_demand && stream.status(clock.now()) == catalog::StreamStatus::active;
    return scales ? scaling.due(stream, clock.now()) : std::nullopt;
}

Task<std::int64_t> Janitor::Impl::round() {
    std::int64_t wait_ms = round_ms_max;
    bool has_purged = false;
    std::size_t seen = 0;
    for (const auto& stream : catalog.snapshot()->all_streams()) {
        if (++seen % streams_between_yields == 0) co_await core::yield(core);
        auto command = due_command(*stream);
        if (!command) continue;
        const std::int64_t left_ms = stream->transition_until.value() - clock.now().value();
        if (left_ms > 0) {
            wait_ms = std::min(wait_ms, left_ms);
            continue;
        }
        const auto result = co_await commands.submit(core, catalog::encode(*command));
        if (!result) break;  // the disk is full or failing; the next round tries again
        if (stream->transition != catalog::StreamStatus::deleting) continue;
        has_purged = true;
        metrics.forget(stream->uid);
        scaling.forget(stream->uid);
    }
    for (const auto& resource : catalog.snapshot()->resources()) {
        if (resource->transition != catalog::StreamStatus::deleting) continue;
        const std::int64_t left_ms = resource->transition_until.value() - clock.now().value();
        if (left_ms > 0) {
            wait_ms = std::min(wait_ms, left_ms);
            continue;
        }
        const auto result = co_await commands.submit(core, catalog::encode(catalog::PurgeResource{resource->arn}));
        if (!result) break;
        has_purged = true;
    }
    if (has_purged) {
        // Queues end by themselves, or with their stream.
        const auto snapshot = catalog.snapshot();
        queues.retain([&](const std::string& arn) { return snapshot->find_resource(arn) != nullptr; });
    }
    co_return wait_ms;
}

Task<void> Janitor::Impl::run(core::Gate::Pass pass) {
    const core::Gate::Pass inside = std::move(pass);
    while (!gate.is_closed()) {
        const std::int64_t wait_ms = co_await round();
        if (!gate.is_closed()) co_await alarm.sleep(wait_ms);
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

void Janitor::notify() { impl_->alarm.wake(); }

void Janitor::stop() {
    impl_->gate.close();
    impl_->alarm.wake();
    impl_->gate.close_and_wait();
}

}  // namespace riacho::server
