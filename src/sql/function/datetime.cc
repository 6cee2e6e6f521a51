// FLOOR, CEIL, STEP and EXTRACT of times, and arithmetic with intervals.
#include <cmath>

#include "sql/function/kernel.h"
#include "sql/types/calendar.h"
#include "sql/types/interval.h"

namespace riacho::sql {
namespace {

using Exact = std::int64_t;

// Values beyond it are not valid times: +-290,000 years in milliseconds are below 2^63 / 1000.
constexpr Exact time_max = INT64_MAX / 1'000;

bool plausible(Exact value) { return value > -time_max && value < time_max; }

Exact floor_months(Exact days, Exact months) {
    const Civil civil = civil_of(days);
    const Exact since_epoch = (civil.year - 1970) * 12 + civil.month - 1;
    const Exact floored = floor_div(since_epoch, months) * months;
    return days_of({1970 + floor_div(floored, 12), static_cast<int>(floor_mod(floored, 12)) + 1, 1});
}

// `value` in the type's own unit (days of a DATE, else milliseconds), rounded down to a multiple of `size`.
Exact floor_value(const Type& type, Exact value, bool by_months, Exact size) {
    if (by_months) {
        if (type.kind == Kind::date) return floor_months(value, size);
        return floor_months(floor_div(value, day_ms), size) * day_ms;
    }
    if (type.kind == Kind::date) return floor_div(value * day_ms, size) * size / day_ms;
    return floor_div(value, size) * size;
}

Exact ceil_value(const Type& type, Exact value, bool by_months, Exact size) {
    const Exact floored = floor_value(type, value, by_months, size);
    if (floored == value) return value;
    if (!by_months) return floored + (type.kind == Kind::date ? std::max<Exact>(size / day_ms, 1) : size);
    if (type.kind == Kind::date) return add_months(floored, size);
    return add_months(floored / day_ms, size) * day_ms;
}

void round_kernel(const KernelCall& call) {
    const Expr& expr = call.expr;
    const bool is_step = expr.op == Op::step_time;
    const Type& type = expr.type;
    const bool by_months = is_step ? expr.args[1]->type.kind == Kind::interval_month
                                   : expr.unit == TimeUnit::year || expr.unit == TimeUnit::month;
    Exact* out = call.out.values<Exact>();
    if (expr.op != Op::ceil_time && !by_months && type.kind != Kind::date && (!is_step || call.args[1].constant)) {
        const Exact size = is_step ? call.args[1].at<Exact>(0) : unit_size(expr.unit);
        if (size > 0) {
            // Most rows of a batch fall into one step and need no division.
            Exact begin = 0;
            Exact end = 0;
            for_all<Exact>(call.args[0], call.rows.total, out, [&](Exact v) {
                if (v < begin || v >= end) {
                    if (!plausible(v)) return v;
                    begin = floor_div(v, size) * size;
                    end = begin + size;
                }
                return begin;
            });
            return;
        }
    }
    call.each([&](std::uint32_t row) {
        const Exact value = call.args[0].at<Exact>(row);
        const Exact size = is_step ? call.args[1].at<Exact>(row) : unit_size(expr.unit);
        if (size <= 0) return call.fail(row, SqlState::invalid_argument);
        if (!plausible(value)) return call.fail(row, SqlState::out_of_range);
        out[row] = expr.op == Op::ceil_time ? ceil_value(type, value, by_months, size)
                                            : floor_value(type, value, by_months, size);
    });
}

// AWS: S13.3: SECOND is a DECIMAL(5,3) with its milliseconds.
Exact extract_field(const Type& type, Exact value, TimeUnit unit) {
    if (type.kind == Kind::interval_month) return unit == TimeUnit::year ? value / 12 : value % 12;
    const bool interval = type.kind == Kind::interval_day;
    Exact days = 0;
    Exact ms = 0;
    if (type.kind == Kind::date) {
        days = value;
    } else if (interval) {
        days = value / day_ms;
        ms = value % day_ms;
    } else {
        days = floor_div(value, day_ms);
        ms = floor_mod(value, day_ms);
    }
    switch (unit) {
        case TimeUnit::year:
            return interval ? 0 : civil_of(days).year;
        case TimeUnit::month:
            return interval ? 0 : civil_of(days).month;
        case TimeUnit::day:
            return interval ? days : civil_of(days).day;
        case TimeUnit::hour:
            return ms / hour_ms;
        case TimeUnit::minute:
            return ms / minute_ms % 60;
        default:
            return ms % minute_ms;
    }
}

void extract_kernel(const KernelCall& call) {
    Exact* out = call.out.values<Exact>();
    const Type& type = call.args[0].vector->type();
    call.each([&](std::uint32_t row) {
        const Exact value = call.args[0].at<Exact>(row);
        if (!plausible(value)) return call.fail(row, SqlState::out_of_range);
        out[row] = extract_field(type, value, call.expr.unit);
    });
}

SqlState add_interval(const Type& type, Exact value, const Type& by_type, Exact by, Exact& out) {
    if (!plausible(value) || !plausible(by)) return SqlState::out_of_range;
    if (by_type.kind == Kind::interval_month) {
        if (type.kind == Kind::date) {
            out = add_months(value, by);
        } else if (type.kind == Kind::timestamp) {
            out = add_months(floor_div(value, day_ms), by) * day_ms + floor_mod(value, day_ms);
        } else {
            return SqlState::invalid_argument;
        }
    } else if (type.kind == Kind::date) {
        out = floor_div(value * day_ms + by, day_ms);
    } else if (type.kind == Kind::time) {
        out = floor_mod(value + by, day_ms);
    } else {
        out = value + by;
    }
    return SqlState::ok;
}

void add_interval_kernel(const KernelCall& call) {
    Exact* out = call.out.values<Exact>();
    const Type& by_type = call.args[1].vector->type();
    call.each([&](std::uint32_t row) {
        const Exact by = call.args[1].at<Exact>(row);
        if (by == INT64_MIN) return call.fail(row, SqlState::out_of_range);
        const SqlState state =
            add_interval(call.expr.type, call.args[0].at<Exact>(row), by_type, call.expr.negative ? -by : by, out[row]);
        if (state != SqlState::ok) call.fail(row, state);
    });
}

void subtract_times_kernel(const KernelCall& call) {
    Exact* out = call.out.values<Exact>();
    const Type& type = call.args[0].vector->type();
    const bool months = call.expr.type.kind == Kind::interval_month;
    call.each([&](std::uint32_t row) {
        const Exact a = call.args[0].at<Exact>(row);
        const Exact b = call.args[1].at<Exact>(row);
        if (!plausible(a) || !plausible(b)) return call.fail(row, SqlState::out_of_range);
        Exact value = type.kind == Kind::date ? (a - b) * day_ms : a - b;
        if (months) {
            const Civil x = civil_of(type.kind == Kind::date ? a : floor_div(a, day_ms));
            const Civil y = civil_of(type.kind == Kind::date ? b : floor_div(b, day_ms));
            value = (x.year - y.year) * 12 + x.month - y.month;
            // An incomplete month does not count.
            if (value > 0 && x.day < y.day) --value;
            if (value < 0 && x.day > y.day) ++value;
        }
        value = truncate_interval(value, call.expr.type);
        if (exceeds_precision(value, call.expr.type)) return call.fail(row, SqlState::out_of_range);
        out[row] = value;
    });
}

void scale_interval_kernel(const KernelCall& call) {
    Exact* out = call.out.values<Exact>();
    const Type& by_type = call.args[1].vector->type();
    const Int128 unit = power_of_ten(by_type.scale);
    call.each([&](std::uint32_t row) {
        const Int128 value = call.args[0].at<Exact>(row);
        Int128 result = 0;
        if (by_type.is_approximate()) {
            const double by = call.args[1].at<double>(row);
            if (call.expr.negative && by == 0) return call.fail(row, SqlState::division_by_zero);
            const double scaled =
                call.expr.negative ? static_cast<double>(value) / by : static_cast<double>(value) * by;
            if (!(std::fabs(scaled) < 9.2e18)) return call.fail(row, SqlState::out_of_range);
            result = static_cast<Exact>(scaled);
        } else {
            const Int128 by = call.args[1].at<Exact>(row);
            if (call.expr.negative && by == 0) return call.fail(row, SqlState::division_by_zero);
            result = call.expr.negative ? value * unit / by : value * by / unit;
        }
        if (result > INT64_MAX || result < INT64_MIN) return call.fail(row, SqlState::out_of_range);
        out[row] = static_cast<Exact>(result);
        if (exceeds_precision(out[row], call.expr.type)) call.fail(row, SqlState::out_of_range);
    });
}

}  // namespace

void datetime_kernel(const KernelCall& call) {
    switch (call.expr.op) {
        case Op::extract:
            return extract_kernel(call);
        case Op::add_interval:
            return add_interval_kernel(call);
        case Op::subtract_times:
            return subtract_times_kernel(call);
        case Op::scale_interval:
            return scale_interval_kernel(call);
        case Op::timestamp_ms:
            return for_all<Exact>(call.args[0], call.rows.total, call.out.values<Exact>(), [](Exact v) { return v; });
        default:
            return round_kernel(call);
    }
}

}  // namespace riacho::sql
