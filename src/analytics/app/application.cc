#include "analytics/app/application.h"

#include <fmt/format.h>

#include <algorithm>

#include "analytics/app/application_impl.h"
#include "analytics/code.h"
#include "catalog/catalog.h"
#include "core/backoff.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/timer.h"
#include "sql/record/row_encode.h"

namespace riacho::analytics {
namespace {

constexpr std::int64_t sleep_ms_max = 1'000;
constexpr std::int64_t open_ms_first = 200;
constexpr std::int64_t open_ms_max = 10'000;
constexpr std::uint32_t peek_rows = 100;
constexpr std::int64_t peek_ns = 60'000'000'000;
constexpr std::int64_t memory_message_ns = 3'600'000'000'000;
constexpr std::size_t memory_max_min = 16 << 20;

}  // namespace

Application::Impl::Impl(const Host& given, core::Core& home, std::shared_ptr<const catalog::ObjectState> of,
                        ApplicationSettings settings_given)
    : host(given),
      core(home),
      object(std::move(of)),
      settings(std::move(settings_given)),
      tasks(home),
      alarm(home),
      memory(given.memory, core::MemoryUse::applications),
      memory_max(std::max(memory_max_min, given.memory.share(core::MemoryUse::applications) / 4)) {
    counters->account = object->account;
    counters->region = object->region;
    counters->name = object->name;
    if (!settings.inputs.empty()) counters->input_id = settings.inputs.front().id;
    make_outputs();
}

void Application::Impl::make_outputs() {
    const ports::StreamUser user{object->account, settings.user};
    for (const OutputSettings& output : settings.outputs) {
        ports::StreamDirectory* const directory =
            output.destination.kind == Endpoint::Kind::stream ? &host.streams : host.delivery_streams;
        auto find_sink = [directory, user, arn = output.destination.arn]() -> std::shared_ptr<ports::RecordSink> {
            if (directory == nullptr) return nullptr;
            const auto found = directory->find(arn, user, ports::StreamAccess::write);
            return found ? directory->sink(found->uid, user) : nullptr;
        };
        auto failing = [this, name = output.name](std::string_view what) {
            say(fmt::format("Output {} cannot be delivered", name), what);
        };
        outputs.push_back(std::make_unique<Output>(
            core, host.rng, output, std::move(find_sink), [this] { alarm.wake(); }, std::move(failing)));
        counters->outputs.push_back(outputs.back()->counters());
    }
}

// One line of the application's log (docs/compatibility/analytics.md).
void Application::Impl::say(std::string_view what, std::string_view detail) {
    const std::string stream = settings.logging.empty() ? std::string() : settings.logging.front().log_stream_arn;
    core::log_line(core::LogLevel::warn, "application",
                   {{"application", object->arn},
                    {"version", settings.version},
                    {"message", what},
                    {"detail", detail},
                    {"log_stream", stream}});
}

// Sleeps, unless it is to stop; true when it goes on.
Task<bool> Application::Impl::pause(std::int64_t ms) {
    if (!stopping) co_await alarm.sleep(ms);
    co_return !stopping;
}

// Opens the stream, the program, the source, the outputs and the state; false when the application stops before.
Task<bool> Application::Impl::open() {
    core::Backoff backoff(open_ms_first, open_ms_max);
    std::optional<aws::Result<std::shared_ptr<const sql::Program>>> compiled;
    const auto compile = [&] { compiled = compile_code(settings); };
    if (!co_await on_pool(compile)) co_return false;
    if (!*compiled) {
        say("The code cannot be run", compiled->error().message);
        while (co_await pause(sleep_ms_max)) {
        }
        co_return false;
    }
    program = **compiled;
    const InputSettings& input = settings.inputs.front();
    const auto schema = record_schema_of(input);
    for (std::int32_t i = 0; i < input.parallelism; ++i) {
        const sql::InputIx index(static_cast<std::uint32_t>(i));
        const auto& used = program->columns_used(index);
        const auto& columns = program->streams()[index.value()].columns;
        for (std::size_t c = 0; c < columns.size(); ++c) {
            uses_sequence_numbers = uses_sequence_numbers || (used[c] && columns[c].name == "SEQUENCE_NUMBER");
        }
        auto decoder = schema ? sql::RecordDecoder::make(*schema, true, program->columns_used(index))
                              : Expected<std::unique_ptr<sql::RecordDecoder>, std::string>(fail(std::string()));
        if (!decoder) {
            say("The input schema cannot be read", decoder.error());
            while (co_await pause(sleep_ms_max)) {
            }
            co_return false;
        }
        decoders.push_back(*std::move(decoder));
    }
    for (const OutputSettings& output : settings.outputs) {
        output_streams.push_back(program->find_stream(output.name));
        if (!output_streams.back()) say(fmt::format("Output {} names no in-application stream", output.name));
    }
    const ports::StreamUser user{object->account, settings.user};
    for (const auto& output : outputs) output->start();
    bool is_told = false;
    while (!stopping) {
        const auto found = host.streams.find(input.source.arn, user, ports::StreamAccess::read);
        if (found) {
            source.emplace(core, host.clock, host.rng, host.memory, host.streams.source(found->uid, user), found->uid,
                           [this] { alarm.wake(); });
            is_broken = false;
            if (co_await restore(found->created_at)) co_return true;
            source.reset();
        } else if (!std::exchange(is_told, true)) {
            say(input_problem, input.source.arn);
        }
        co_await pause(backoff.next_ms(host.rng));
    }
    co_return false;
}

bool Application::Impl::outputs_full() const {
    return std::ranges::any_of(outputs, [](const auto& output) { return output->is_full(); });
}

bool Application::Impl::outputs_empty() const {
    return std::ranges::all_of(outputs, [](const auto& output) { return output->is_empty(); });
}

// Above its bound an application reads no more records, but its time passes, so that windows close and free memory.
void Application::Impl::note_memory() {
    const std::size_t used = engine->memory_used();
    counters->state_bytes = used;
    std::size_t taken = used;
    for (const auto& output : outputs) taken += output->queued_bytes();
    memory.shrink_to(taken);
    // Rows leave by themselves, so an application that needs little continues even when little is left.
    const bool has_room = memory.grow_to(taken) || used < memory_max / 10;
    const bool is_over = !has_room || used > (is_over_memory ? memory_max / 10 * 7 : memory_max / 10 * 8);
    is_over_memory = is_over;
    counters->is_over_memory = is_over;
    if (!is_over) return;
    const MonotonicNs now = host.clock.monotonic();
    if (last_memory_message.value() != 0 && now.value() - last_memory_message.value() < memory_message_ns) return;
    last_memory_message = now;
    const auto sizes = engine->sizes();
    const auto largest = std::ranges::max_element(sizes, {}, &sql::OperatorState::bytes);
    say(fmt::format("The application reads nothing until its state is smaller: {} bytes of {} are in use", used,
                    memory_max),
        largest == sizes.end() ? std::string() : fmt::format("{} holds {} bytes", largest->name, largest->bytes));
}

// Counts records that expired before they were read, and logs that once for each start.
void Application::Impl::tell_lost() {
    counters->lost_records = source->lost();
    if (source->lost() + source->lost_shards() == 0 || std::exchange(is_loss_told, true)) return;
    say("Records of the input expired before they were read",
        fmt::format("{} records, {} shards so far", source->lost(), source->lost_shards()));
}

void Application::Impl::serve_peeks() {
    const MonotonicNs now = host.clock.monotonic();
    if (last_peek && peeks.empty() && now.value() - last_peek->value() > peek_ns) {
        engine->set_peek_rows(0);
        last_peek.reset();
    }
    for (const auto& request : std::exchange(peeks, {})) {
        if (!last_peek) engine->set_peek_rows(peek_rows);
        last_peek = now;
        if (const auto stream = program->find_stream(request->stream)) {
            request->answer.is_known = true;
            const auto& columns = program->streams()[stream->value()].columns;
            for (const sql::BatchRef& batch : engine->peek(*stream)) {
                for (std::uint32_t row = 0; row < batch->rows; ++row) {
                    std::string text = fmt::format("{{\"ROWTIME\":{},\"row\":", batch->time_of(row).value());
                    sql::encode_json_row(*batch, row, columns, text);
                    request->answer.rows.push_back(std::move(text) + "}");
                }
            }
        }
        request->is_done = true;
        if (request->done != nullptr) request->done->wake();
    }
}

std::int64_t Application::Impl::sleep_ms() const {
    std::int64_t ms = sleep_ms_max;
    if (const auto wake = engine->wake_at(); wake && *wake > rowtime && !outputs_full() && !is_far_ahead()) {
        // After a bound that released nothing the next rows are waited for, and an output wakes this when rows were
        // delivered. At least a millisecond later: the bound must have been reached.
        ms = std::clamp<std::int64_t>(wake->value() - host.clock.now().value(), 1, ms);
    }
    return ms;
}

// The stream was deleted: a new stream of the same name is read from its first record on.
Task<void> Application::Impl::follow_successor() {
    const ports::StreamUser user{object->account, settings.user};
    const auto found = host.streams.find(settings.inputs.front().source.arn, user, ports::StreamAccess::read);
    if (!found || found->uid == source->positions().source_uid) co_return;
    co_await source->stop();
    source.emplace(core, host.clock, host.rng, host.memory, host.streams.source(found->uid, user), found->uid,
                   [this] { alarm.wake(); });
    if (const auto positions = co_await source->find_start(true)) source->begin_at(*positions);
    source->start();
}

Task<void> Application::Impl::run() {
    if (!co_await open()) co_return;
    source->start();
    is_reading = true;
    for (core::Alarm* waiting : waiting_until_reading) waiting->wake();
    std::optional<ports::SourceFault> told;
    while (!stopping && !is_broken) {
        const auto wake = engine->wake_at();
        const bool is_due = wake && *wake <= host.clock.now() && *wake > rowtime;
        bool has_worked = false;
        if (!outputs_full() && !is_far_ahead()) {
            const bool reads = source->has_records() && !is_over_memory;
            if (reads || is_due) has_worked = co_await take_turn(reads);
        }
        if (is_broken) break;
        if (!co_await confirm_checkpoints()) break;
        if (checkpoint_due() && !co_await write_checkpoint()) break;
        note_memory();
        serve_peeks();
        counters->millis_behind_latest = source->millis_behind();
        tell_lost();
        if (source->fault() && source->fault() != told) say(input_problem, settings.inputs.front().source.arn);
        told = source->fault();
        if (told == ports::SourceFault::gone && !source->has_records()) co_await follow_successor();
        if (!has_worked && !stopping) co_await alarm.sleep(sleep_ms());
    }
    if (!stopping) {
        has_failed = true;
        const auto now = host.catalog.snapshot()->find_object(object->uid);
        const bool is_deleted = now == nullptr || now->transition == catalog::StreamStatus::deleting;
        if (!is_deleted) say("The application cannot write down how far it is; it begins again where it last could");
    }
    co_await source->stop();
}

Application::Application(const Host& host, core::Core& home, std::shared_ptr<const catalog::ObjectState> object,
                         ApplicationSettings settings)
    : impl_(std::make_unique<Impl>(host, home, std::move(object), std::move(settings))) {}

Application::~Application() = default;

void Application::start() {
    impl_->tasks.spawn([impl = impl_.get()] { return impl->run(); });
}

Task<bool> Application::wait_until_reading(std::int64_t ms_max) {
    Impl& impl = *impl_;
    if (impl.is_reading) co_return true;
    core::Alarm done(impl.core);
    impl.waiting_until_reading.push_back(&done);
    co_await done.sleep(ms_max);
    std::erase(impl.waiting_until_reading, &done);
    co_return impl.is_reading;
}

Task<void> Application::stop(std::int64_t drain_ms) {
    Impl& impl = *impl_;
    impl.stopping = true;
    impl.alarm.wake();
    co_await impl.tasks.join();
    // Delivers the remaining rows, so that the last checkpoint can name the last turn.
    const std::int64_t until_ns = impl.host.clock.monotonic().value() + drain_ms * 1'000'000;
    while (!impl.outputs_empty() && impl.host.clock.monotonic().value() < until_ns) {
        co_await core::sleep(impl.core, 5);
    }
    if (impl.engine != nullptr && impl.is_reading && !impl.is_broken && drain_ms > 0) {
        if (impl.checkpointed_turn != impl.turn_number) co_await impl.write_checkpoint();
        while (!impl.is_broken && !co_await impl.confirm_checkpoints()) {
            if (impl.host.clock.monotonic().value() >= until_ns) break;
            co_await core::sleep(impl.core, 50);
        }
    }
    for (const auto& output : impl.outputs) co_await output->stop();
    for (const auto& request : std::exchange(impl.peeks, {})) {
        request->is_done = true;
        if (request->done != nullptr) request->done->wake();
    }
}

bool Application::has_failed() const { return impl_->has_failed; }

std::uint64_t Application::version() const { return impl_->settings.version; }

std::shared_ptr<const ApplicationCounters> Application::counters() const { return impl_->counters; }

Task<Peeked> Application::peek(std::string stream) {
    core::Alarm done(impl_->core);
    auto request = std::make_shared<Impl::PeekRequest>();
    request->stream = std::move(stream);
    request->done = &done;
    impl_->peeks.push_back(request);
    impl_->alarm.wake();
    co_await done.sleep(5'000);
    request->done = nullptr;
    co_return std::move(request->answer);
}

}  // namespace riacho::analytics
