#include "analytics/app/runner.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "analytics/service.h"
#include "base/check.h"
#include "base/mutex.h"
#include "catalog/catalog.h"
#include "core/alarm.h"
#include "core/clock.h"
#include "core/gate.h"
#include "core/metrics.h"
#include "core/runtime.h"
#include "core/task.h"
#include "core/timer.h"
#include "log/command_log.h"

namespace riacho::analytics {
namespace {

using Counters = std::shared_ptr<const ApplicationCounters>;

// The longest time a stop waits for destinations that accept no rows.
constexpr std::int64_t stop_drain_ms = 10'000;
constexpr std::int64_t shutdown_drain_ms = 1'000;
// The time after which an application is RUNNING even if it does not read yet (spec 4.1).
constexpr std::int64_t start_ms_max = 10'000;
constexpr std::int64_t start_step_ms = 250;
constexpr std::int64_t retry_ms = 500;
// The interval of checks for failed applications, which are started again.
constexpr std::int64_t look_ms = 10'000;

}  // namespace

struct Runner::Impl {
    // Keeps one application in the state that the catalog asks for: one coroutine on its home core.
    struct Keeper {
        Keeper(std::uint64_t of, core::Core& on) : uid(of), home(on), alarm(on) {}
        const std::uint64_t uid;
        core::Core& home;
        core::Alarm alarm;
        // Used on the home core only.
        std::unique_ptr<Application> running;
        std::string begun_for;  // the settings of `running`
    };
    struct Entry {
        std::shared_ptr<Keeper> keeper;
        bool is_notified = false;
        Counters counters;
    };

    struct PeekAnswer {
        Peeked peeked;
        bool is_done = false;  // used on the asking core only
    };

    explicit Impl(const Host& given) : host(given) {}

    Task<void> keep(std::shared_ptr<Keeper> keeper, core::Gate::Pass pass);
    // Carries out the phase in the catalog; false when the application was deleted.
    Task<bool> follow(Keeper& keeper);
    Task<void> begin(Keeper& keeper, std::shared_ptr<const catalog::ObjectState> object, ApplicationSettings settings);
    Task<void> end(Keeper& keeper, std::int64_t drain_ms);
    // Writes the next phase, unless the object was changed.
    Task<void> set_phase(Keeper& keeper, const catalog::ObjectState& object, ApplicationSettings settings, Phase phase);
    void show(std::uint64_t uid, Counters counters);
    bool leave(std::uint64_t uid);
    static Task<void> tell(std::shared_ptr<PeekAnswer> answer, core::Alarm& done);
    static Task<void> peek_at_home(std::shared_ptr<Keeper> keeper, std::shared_ptr<PeekAnswer> answer,
                                   std::string stream, core::Core& asking, core::Alarm& done);

    const Host host;
    core::Gate gate;
    mutable Mutex mutex;
    std::map<std::uint64_t, Entry> entries GUARDED_BY(mutex);
};

Runner::Runner(const Host& host) : impl_(std::make_shared<Impl>(host)) {}

Runner::~Runner() { stop(); }

void Runner::start() {
    for (const auto& object : impl_->host.catalog.snapshot()->objects()) {
        if (object->kind == catalog::ObjectState::Kind::application) notify(object->uid);
    }
}

void Runner::notify(std::uint64_t uid) {
    std::shared_ptr<Impl::Keeper> keeper;
    std::optional<core::Gate::Pass> pass;
    {
        const MutexLock lock(impl_->mutex);
        Impl::Entry& entry = impl_->entries[uid];
        entry.is_notified = true;
        if (entry.keeper != nullptr) {
            entry.keeper->alarm.wake();
            return;
        }
        auto entered = impl_->gate.enter();
        if (!entered) return;
        pass.emplace(*std::move(entered));
        core::Core& home = impl_->host.runtime.core(uid % impl_->host.runtime.size());
        keeper = entry.keeper = std::make_shared<Impl::Keeper>(uid, home);
    }
    // Without the lock: on its home core the coroutine begins at once.
    core::Core& home = keeper->home;
    core::spawn(home,
                [impl = impl_, of = std::move(keeper), inside = std::make_shared<core::Gate::Pass>(*std::move(pass))] {
                    return impl->keep(of, std::move(*inside));
                });
}

void Runner::stop() {
    impl_->gate.close();
    {
        const MutexLock lock(impl_->mutex);
        for (auto& [uid, entry] : impl_->entries) {
            if (entry.keeper != nullptr) entry.keeper->alarm.wake();
        }
    }
    impl_->gate.close_and_wait();
}

void Runner::Impl::show(std::uint64_t uid, Counters counters) {
    const MutexLock lock(mutex);
    entries[uid].counters = std::move(counters);
}

// False when the object has changed meanwhile.
bool Runner::Impl::leave(std::uint64_t uid) {
    const MutexLock lock(mutex);
    const auto found = entries.find(uid);
    if (found == entries.end()) return true;
    if (found->second.is_notified && !gate.is_closed()) return false;
    entries.erase(found);
    return true;
}

Task<void> Runner::Impl::keep(std::shared_ptr<Keeper> keeper, core::Gate::Pass pass) {
    const core::Gate::Pass inside = std::move(pass);
    for (;;) {
        {
            const MutexLock lock(mutex);
            entries[keeper->uid].is_notified = false;
        }
        const bool goes_on = !gate.is_closed() && co_await follow(*keeper);
        if (goes_on && !gate.is_closed()) {
            co_await keeper->alarm.sleep(look_ms);
            continue;
        }
        if (gate.is_closed() && keeper->running != nullptr) {
            co_await keeper->running->stop(shutdown_drain_ms);
            keeper->running = nullptr;
        }
        if (leave(keeper->uid)) co_return;
    }
}

Task<bool> Runner::Impl::follow(Keeper& keeper) {
    for (;;) {
        const auto object = host.catalog.snapshot()->find_object(keeper.uid);
        if (object == nullptr || object->transition == catalog::StreamStatus::deleting) {
            co_await end(keeper, 0);  // a new application may use its name at once
            co_return false;
        }
        auto decoded = decode_application(object->settings);
        RIACHO_CHECK(decoded.has_value(), "an application of an unknown format");
        ApplicationSettings settings = *std::move(decoded);
        switch (settings.phase) {
            case Phase::ready:
                co_await end(keeper, stop_drain_ms);
                co_return false;
            case Phase::stopping:
                co_await end(keeper, stop_drain_ms);
                co_await set_phase(keeper, *object, std::move(settings), Phase::ready);
                break;
            case Phase::running:
                if (keeper.running != nullptr && keeper.running->has_failed()) co_await end(keeper, stop_drain_ms);
                // Also after a start of the node.
                if (keeper.running == nullptr) co_await begin(keeper, object, std::move(settings));
                co_return true;
            case Phase::starting:
            case Phase::updating:
                // The phase RUNNING may be hard to write, for example on a full disk: the application runs all the
                // same.
                if (keeper.running == nullptr || keeper.begun_for != object->settings || keeper.running->has_failed()) {
                    co_await end(keeper, stop_drain_ms);
                    co_await begin(keeper, object, settings);
                }
                for (std::int64_t waited = 0; waited < start_ms_max && !gate.is_closed(); waited += start_step_ms) {
                    if (co_await keeper.running->wait_until_reading(start_step_ms)) break;
                }
                co_await set_phase(keeper, *object, std::move(settings), Phase::running);
                break;
        }
        if (gate.is_closed()) co_return true;
    }
}

Task<void> Runner::Impl::begin(Keeper& keeper, std::shared_ptr<const catalog::ObjectState> object,
                               ApplicationSettings settings) {
    keeper.begun_for = object->settings;
    keeper.running = std::make_unique<Application>(host, keeper.home, std::move(object), std::move(settings));
    show(keeper.uid, keeper.running->counters());
    keeper.running->start();
    co_return;
}

Task<void> Runner::Impl::end(Keeper& keeper, std::int64_t drain_ms) {
    if (keeper.running == nullptr) co_return;
    co_await keeper.running->stop(drain_ms);
    keeper.running = nullptr;
    show(keeper.uid, nullptr);
}

Task<void> Runner::Impl::set_phase(Keeper& keeper, const catalog::ObjectState& object, ApplicationSettings settings,
                                   Phase phase) {
    // Clients can see passing states for this time.
    if (host.transition_delay_ms > 0) co_await core::sleep(keeper.home, host.transition_delay_ms);
    if (gate.is_closed()) co_return;  // the next start of the node continues here
    settings.phase = phase;
    const std::string command = catalog::encode(catalog::Command(replace_settings(object, settings)));
    const auto result = co_await host.commands.submit(keeper.home, command);
    // Refused: the object has changed, and the next pass reads it. Not accepted: a full disk, for example.
    if (!result) co_await core::sleep(keeper.home, retry_ms);
}

Task<void> Runner::Impl::peek_at_home(std::shared_ptr<Keeper> keeper, std::shared_ptr<PeekAnswer> answer,
                                      std::string stream, core::Core& asking, core::Alarm& done) {
    if (keeper->running != nullptr) answer->peeked = co_await keeper->running->peek(std::move(stream));
    // On the asking core, so that the asking coroutine, whose frame holds the alarm, cannot continue in between.
    core::spawn(asking, [answer, &done] { return tell(answer, done); });
}

Task<void> Runner::Impl::tell(std::shared_ptr<PeekAnswer> answer, core::Alarm& done) {
    answer->is_done = true;
    done.wake();
    co_return;
}

Task<Peeked> Runner::peek(core::Core& core, std::uint64_t uid, std::string stream) {
    const auto pass = impl_->gate.enter();
    if (!pass) co_return Peeked{};
    std::shared_ptr<Impl::Keeper> keeper;
    {
        const MutexLock lock(impl_->mutex);
        const auto found = impl_->entries.find(uid);
        if (found != impl_->entries.end()) keeper = found->second.keeper;
    }
    if (keeper == nullptr) co_return Peeked{};
    const auto shared = std::make_shared<Impl::PeekAnswer>();
    core::Alarm done(core);
    core::Core& home = keeper->home;
    // The last reference to the keeper has to be dropped on its home core.
    core::spawn(home, [of = std::move(keeper), shared, name = std::move(stream), &asking = core, &done] {
        return Impl::peek_at_home(of, shared, name, asking, done);
    });
    while (!shared->is_done) co_await done.sleep(1'000);
    co_return std::move(shared->peeked);
}

namespace {

void write_family(core::MetricsWriter& writer, const std::vector<Counters>& all, std::string_view name,
                  core::MetricsWriter::Kind kind, std::string_view help,
                  std::uint64_t (*value)(const ApplicationCounters&)) {
    writer.family(name, kind, help);
    for (const Counters& counters : all) {
        writer.sample({{"account", counters->account}, {"region", counters->region}, {"application", counters->name}},
                      value(*counters));
    }
}

// AWS: the dimensions Application, Flow and Id (spec 9.2).
void write_flows(core::MetricsWriter& writer, const std::vector<Counters>& all, std::string_view name,
                 std::string_view help, std::uint64_t (*input)(const ApplicationCounters&),
                 std::uint64_t (*output)(const OutputCounters&)) {
    writer.family(name, core::MetricsWriter::Kind::counter, help);
    for (const Counters& counters : all) {
        if (input != nullptr) {
            writer.sample({{"account", counters->account},
                           {"region", counters->region},
                           {"application", counters->name},
                           {"flow", "Input"},
                           {"id", counters->input_id}},
                          input(*counters));
        }
        for (const auto& flow : counters->outputs) {
            writer.sample({{"account", counters->account},
                           {"region", counters->region},
                           {"application", counters->name},
                           {"flow", "Output"},
                           {"id", flow->id}},
                          output(*flow));
        }
    }
}

}  // namespace

void Runner::collect(core::MetricsWriter& writer) const {
    std::vector<Counters> all;
    {
        const MutexLock lock(impl_->mutex);
        for (const auto& [uid, entry] : impl_->entries) {
            if (entry.counters != nullptr) all.push_back(entry.counters);
        }
    }
    using Kind = core::MetricsWriter::Kind;
    using Of = const ApplicationCounters&;
    write_flows(
        writer, all, "riacho_application_records_total", "Records read by applications, and rows delivered",
        [](Of of) { return of.input_records.load(); }, [](const OutputCounters& of) { return of.records.load(); });
    write_flows(
        writer, all, "riacho_application_bytes_total", "Their bytes", [](Of of) { return of.input_bytes.load(); },
        [](const OutputCounters& of) { return of.bytes.load(); });
    write_flows(writer, all, "riacho_application_delivery_attempts_total", "Requests to destinations", nullptr,
                [](const OutputCounters& of) { return of.attempts.load(); });
    write_flows(writer, all, "riacho_application_delivery_failures_total",
                "Requests to destinations that failed, in whole or in part", nullptr,
                [](const OutputCounters& of) { return of.failed_attempts.load(); });
    write_flows(writer, all, "riacho_application_rows_too_large_total",
                "Rows that were left out because their destination takes none of that size", nullptr,
                [](const OutputCounters& of) { return of.too_large.load(); });
    write_family(writer, all, "riacho_application_millis_behind_latest", Kind::gauge,
                 "How long the oldest record that was not read yet has been in its stream",
                 [](Of of) { return static_cast<std::uint64_t>(of.millis_behind_latest.load()); });
    write_family(writer, all, "riacho_application_lost_records_total", Kind::counter,
                 "Records that expired before they were read", [](Of of) { return of.lost_records.load(); });
    write_family(writer, all, "riacho_application_error_rows_total", Kind::counter, "Rows of error_stream",
                 [](Of of) { return of.error_rows.load(); });
    write_family(writer, all, "riacho_application_turns_total", Kind::counter, "Turns taken",
                 [](Of of) { return of.turns.load(); });
    write_family(writer, all, "riacho_application_checkpoints_total", Kind::counter, "Checkpoints",
                 [](Of of) { return of.checkpoints.load(); });
    write_family(writer, all, "riacho_application_state_bytes", Kind::gauge,
                 "State in memory: open windows and the like", [](Of of) { return of.state_bytes.load(); });
    write_family(writer, all, "riacho_application_over_memory", Kind::gauge,
                 "1 while an application reads nothing because its state is too large",
                 [](Of of) { return std::uint64_t{of.is_over_memory.load()}; });
    writer.family("riacho_application_cpu_seconds_total", Kind::counter,
                  "Time of processors spent on records and rows");
    for (const Counters& counters : all) {
        writer.sample({{"account", counters->account}, {"region", counters->region}, {"application", counters->name}},
                      static_cast<double>(counters->cpu_ns.load()) / 1e9);
    }
}

}  // namespace riacho::analytics
