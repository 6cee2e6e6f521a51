// CAST over vectors: loops for frequent conversions, types/cast.h for the others.
#include <string>

#include "sql/function/kernel.h"
#include "sql/types/calendar.h"

namespace riacho::sql {
namespace {

using Exact = std::int64_t;

// Integers and decimals of one scale; true when all values are in range.
bool exact_to_exact(const KernelCall& call, const Type& from, const Type& to) {
    const Range range = range_of(to);
    const Range source = range_of(from);
    Exact* out = call.out.values<Exact>();
    const std::uint32_t total = call.rows.total;
    if (from.scale == to.scale) {
        for_all<Exact>(call.args[0], total, out, [](Exact v) { return v; });
        if (source.min >= range.min && source.max <= range.max) return true;
    } else if (to.scale > from.scale && to.scale - from.scale <= 9 && source.max <= powers_of_ten[9] * 9) {
        const Exact factor = powers_of_ten[static_cast<std::size_t>(to.scale - from.scale)];
        for_all<Exact>(call.args[0], total, out, [factor](Exact v) {
            return static_cast<Exact>(static_cast<std::uint64_t>(v) * static_cast<std::uint64_t>(factor));
        });
    } else {
        return false;
    }
    bool bad = false;
    for (std::uint32_t i = 0; i < total; ++i) bad |= out[i] < range.min | out[i] > range.max;
    return !bad;
}

bool to_double(const KernelCall& call, const Type& from) {
    double* out = call.out.values<double>();
    if (from.is_approximate()) {
        for_all<double>(call.args[0], call.rows.total, out, [](double v) { return v; });
        return true;
    }
    const auto divisor = static_cast<double>(power_of_ten(from.scale));
    if (from.scale == 0) {
        for_all<Exact>(call.args[0], call.rows.total, out, [](Exact v) { return static_cast<double>(v); });
    } else {
        for_all<Exact>(call.args[0], call.rows.total, out,
                       [divisor](Exact v) { return static_cast<double>(v) / divisor; });
    }
    return true;
}

bool fast_cast(const KernelCall& call, const Type& from, const Type& to) {
    if (from.is_exact_number() && to.is_exact_number()) return exact_to_exact(call, from, to);
    if (from.is_number() && to.kind == Kind::double_precision) return to_double(call, from);
    if (from.kind == Kind::timestamp && to.kind == Kind::timestamp) {
        for_all<Exact>(call.args[0], call.rows.total, call.out.values<Exact>(), [](Exact v) { return v; });
        return true;
    }
    return false;
}

Scalar read(const Values& values, std::uint32_t row) {
    Scalar scalar;
    switch (values.vector->physical()) {
        case Physical::boolean:
            scalar.exact = values.at<std::uint8_t>(row);
            break;
        case Physical::exact:
            scalar.exact = values.at<Exact>(row);
            break;
        case Physical::real:
            scalar.real = values.at<double>(row);
            break;
        case Physical::string:
            scalar.text = values.at<std::string_view>(row);
            break;
    }
    return scalar;
}

}  // namespace

void cast_kernel(const KernelCall& call) {
    const Type& from = call.args[0].vector->type();
    const Type& to = call.expr.type;
    if (fast_cast(call, from, to)) return;
    const Exact today = floor_div(call.times.started_at.value(), day_ms);
    std::string buffer;
    call.each([&](std::uint32_t row) {
        Scalar out;
        const SqlState state = cast_value(from, read(call.args[0], row), to, out, buffer, today);
        if (state != SqlState::ok) return call.fail(row, state);
        switch (call.out.physical()) {
            case Physical::boolean:
                call.out.values<std::uint8_t>()[row] = out.exact != 0;
                break;
            case Physical::exact:
                call.out.values<Exact>()[row] = out.exact;
                break;
            case Physical::real:
                call.out.values<double>()[row] = out.real;
                break;
            case Physical::string: {
                const bool in_buffer = !out.text.empty() && out.text.data() == buffer.data();
                call.out.values<std::string_view>()[row] = in_buffer ? call.arena.copy(out.text) : out.text;
                break;
            }
        }
    });
}

}  // namespace riacho::sql
