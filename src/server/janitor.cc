#include "server/janitor.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>

#include "catalog/catalog.h"
#include "core/clock.h"
#include "core/task.h"
#include "log/command_log.h"
#include "log/record_log.h"
#include "streams/metrics.h"
#include "streams/queues.h"
#include "streams/scaling.h"

namespace riacho::server {
namespace {

// Nothing it does is urgent to the second, and a clock that tests move is looked at this often.
constexpr std::int64_t round_ms_max = 1'000;

}  // namespace

struct Janitor::Impl {
    core::Core& core;
    core::Clock& clock;
    catalog::Catalog& catalog;
    log::RecordLog& log;
    log::CommandLog& commands;
    streams::StreamMetrics& metrics;
    streams::Queues& queues;
    boost::asio::steady_timer timer{core.context()};
    std::atomic<bool> stopping{false};
    std::promise<void> ended;
    bool started = false;
    streams::Scaling scaling;
    bool again = false;  // something was published since the round began

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
    Task<void> run(std::shared_ptr<Impl> self);
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
    for (const auto& stream : catalog.snapshot()->all_streams()) {
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

Task<void> Janitor::Impl::run(std::shared_ptr<Impl> self) {
    while (!self->stopping) {
        again = false;
        const std::int64_t wait_ms = co_await round();
        if (self->stopping) break;
        if (again) continue;
        timer.expires_after(std::chrono::milliseconds(wait_ms));
        boost::system::error_code cancelled;
        co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
    }
    ended.set_value();
}

Janitor::Janitor(core::Core& core, core::Clock& clock, catalog::Catalog& catalog, log::RecordLog& log,
                 log::CommandLog& commands, streams::StreamMetrics& metrics, streams::Queues& queues,
                 std::int64_t transition_ms)
    : impl_(std::make_shared<Impl>(core, clock, catalog, log, commands, metrics, queues, transition_ms)) {}

Janitor::~Janitor() { stop(); }

void Janitor::start() {
    impl_->started = true;
    core::spawn(impl_->core, [impl = impl_] { return impl->run(impl); });
}

void Janitor::notify() {
    boost::asio::post(impl_->core.context(), [impl = impl_] {
        impl->again = true;
        impl->timer.cancel();
    });
}

void Janitor::stop() {
    if (!impl_->started || impl_->stopping.exchange(true)) return;
    notify();
    impl_->ended.get_future().wait();
}

}  // namespace riacho::server
