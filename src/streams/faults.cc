#include "streams/faults.h"

#include <charconv>

#include "aws/gen/kinesis/errors.gen.h"
#include "core/rng.h"
#include "core/runtime.h"
#include "core/task.h"
#include "core/timer.h"
#include "streams/shards.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

constexpr std::int64_t delay_ms_max = 60'000;

std::optional<std::int64_t> parse_number(std::string_view text, std::int64_t max) {
    std::int64_t number = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (fault != std::errc() || end != text.data() + text.size() || number < 0 || number > max) return std::nullopt;
    return number;
}

}  // namespace

std::optional<Faults> parse_faults(std::string_view text) {
    Faults faults;
    while (!text.empty()) {
        const std::string_view part = text.substr(0, text.find(','));
        text.remove_prefix(std::min(part.size() + 1, text.size()));
        const auto equals = part.find('=');
        if (equals == std::string_view::npos) return std::nullopt;
        const std::string_view name = part.substr(0, equals);
        const bool is_delay = name == "delay";
        const auto number = parse_number(part.substr(equals + 1), is_delay ? delay_ms_max : 100);
        if (!number) return std::nullopt;
        if (is_delay) {
            faults.delay_ms = *number;
        } else if (name == "throttle") {
            faults.throttle = static_cast<int>(*number);
        } else if (name == "partial") {
            faults.partial = static_cast<int>(*number);
        } else if (name == "error") {
            faults.error = static_cast<int>(*number);
        } else {
            return std::nullopt;
        }
    }
    return faults;
}

Faults faults_of(StreamsOp op) {
    const FaultOptions& options = op.service().faults;
    if (options.accepts_header && !op.context().fault().empty()) {
        if (const auto wanted = parse_faults(op.context().fault())) return *wanted;
    }
    return options.standing;
}

bool happens(core::Rng& rng, int percent) {
    return percent > 0 && rng.next() % 100 < static_cast<std::uint64_t>(percent);
}

Task<Result<void>> inject_faults(Service& service, core::Core& core, Faults faults, StreamRef stream,
                                 std::int32_t shard_index) {
    if (faults.delay_ms > 0) co_await core::sleep(core, faults.delay_ms);
    if (happens(service.rng, faults.error)) co_return fail(errors::internal_failure());
    if (happens(service.rng, faults.throttle)) {
        co_return fail(errors::shard_throughput_exceeded(shard_id(shard_index), stream->name, stream->account));
    }
    co_return Result<void>();
}

Task<Result<void>> inject_faults(StreamsOp op, StreamRef stream, std::int32_t shard_index) {
    return inject_faults(op.service(), op.core(), faults_of(op), std::move(stream), shard_index);
}

}  // namespace riacho::streams
