// + - * / MOD, ABS, FLOOR, CEIL and the functions of doubles.
#include <cmath>

#include "sql/function/kernel.h"
#include "sql/types/number.h"

namespace riacho::sql {
namespace {

using Exact = std::int64_t;

Exact wrapping_add(Exact a, Exact b) {
    return static_cast<Exact>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
Exact wrapping_subtract(Exact a, Exact b) {
    return static_cast<Exact>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
Exact wrapping_multiply(Exact a, Exact b) {
    return static_cast<Exact>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

// Whether a sum or product of such values always fits 64 bits, so that only the type's limits need a look.
bool sum_fits(const Type& a, const Type& b) {
    return a.exact_precision() > 0 && b.exact_precision() > 0 && a.exact_precision() < 19 && b.exact_precision() < 19 &&
           a.kind != Kind::bigint && b.kind != Kind::bigint;
}
bool product_fits(const Type& a, const Type& b) {
    const auto digits = [](const Type& t) { return t.kind == Kind::integer ? 9 : int{t.exact_precision()}; };
    return sum_fits(a, b) && (digits(a) + digits(b) <= 18);
}

// The exact result of one row with all checks: for rows with errors, and where 64 bits may not suffice.
SqlState exact_result(const Expr& expr, Exact a, Exact b, Exact& result) {
    Int128 value = 0;
    switch (expr.op) {
        case Op::add:
            value = static_cast<Int128>(a) + b;
            break;
        case Op::subtract:
            value = static_cast<Int128>(a) - b;
            break;
        case Op::multiply:
            value = static_cast<Int128>(a) * b;
            if (expr.exponent > 0) value /= power_of_ten(expr.exponent);
            break;
        case Op::divide:
            if (b == 0) return SqlState::division_by_zero;
            value = expr.exponent >= 0
                        ? static_cast<Int128>(a) * power_of_ten(expr.exponent) / b
                        : static_cast<Int128>(a) / (static_cast<Int128>(b) * power_of_ten(-expr.exponent));
            break;
        case Op::mod:
            if (b == 0) return SqlState::division_by_zero;
            value = static_cast<Int128>(a) % b;
            break;
        case Op::step_number:
            if (b == 0) return SqlState::division_by_zero;
            value = static_cast<Int128>(a) / b * b;
            break;
        default:
            break;
    }
    if (!range_of(expr.type).has(value)) return SqlState::out_of_range;
    result = static_cast<Exact>(value);
    return SqlState::ok;
}

void exact_slow(const KernelCall& call) {
    Exact* out = call.out.values<Exact>();
    call.each([&](std::uint32_t row) {
        const SqlState state =
            exact_result(call.expr, call.args[0].at<Exact>(row), call.args[1].at<Exact>(row), out[row]);
        if (state != SqlState::ok) call.fail(row, state);
    });
}

// A loop without branches; true when a value is out of range and the rows have to be checked one by one.
template <class F>
bool exact_fast(const KernelCall& call, F f) {
    const Range range = range_of(call.expr.type);
    Exact* out = call.out.values<Exact>();
    for_all<Exact, Exact>(call.args[0], call.args[1], call.rows.total, out, f);
    if (range.min == INT64_MIN) return false;
    bool bad = false;
    for (std::uint32_t i = 0; i < call.rows.total; ++i) bad |= out[i] < range.min | out[i] > range.max;
    return bad;
}

void exact_kernel(const KernelCall& call) {
    const Type& a = call.args[0].vector->type();
    const Type& b = call.args[1].vector->type();
    bool slow = true;
    if (call.expr.op == Op::add && sum_fits(a, b)) slow = exact_fast(call, wrapping_add);
    if (call.expr.op == Op::subtract && sum_fits(a, b)) slow = exact_fast(call, wrapping_subtract);
    if (call.expr.op == Op::multiply && product_fits(a, b) && call.expr.exponent == 0)
        slow = exact_fast(call, wrapping_multiply);
    if (slow) exact_slow(call);
}

// AWS: S12.2: the ancestor's division by zero is an error for doubles, too.
SqlState real_result(const Expr& expr, double a, double b, double& result) {
    switch (expr.op) {
        case Op::add:
            result = a + b;
            break;
        case Op::subtract:
            result = a - b;
            break;
        case Op::multiply:
            result = a * b;
            break;
        case Op::divide:
            if (b == 0) return SqlState::division_by_zero;
            result = a / b;
            break;
        case Op::mod:
            if (b == 0) return SqlState::division_by_zero;
            result = std::fmod(a, b);
            break;
        case Op::step_number:
            if (b == 0) return SqlState::division_by_zero;
            result = std::trunc(a / b) * b;
            break;
        default:
            break;
    }
    if (expr.type.kind == Kind::real) return to_real(result, result);
    return std::isfinite(result) ? SqlState::ok : SqlState::out_of_range;
}

template <class F>
bool real_fast(const KernelCall& call, F f) {
    double* out = call.out.values<double>();
    const std::uint32_t total = call.rows.total;
    if (call.expr.type.kind == Kind::real) {
        for_all<double, double>(call.args[0], call.args[1], total, out,
                                [f](double a, double b) { return static_cast<double>(static_cast<float>(f(a, b))); });
    } else {
        for_all<double, double>(call.args[0], call.args[1], total, out, f);
    }
    // x * 0 is NaN for infinities and NaN.
    double sum = 0;
    for (std::uint32_t i = 0; i < total; ++i) sum += out[i] * 0.0;
    return sum != 0 || std::isnan(sum);
}

void real_kernel(const KernelCall& call) {
    bool slow = true;
    if (call.expr.op == Op::add) slow = real_fast(call, [](double a, double b) { return a + b; });
    if (call.expr.op == Op::subtract) slow = real_fast(call, [](double a, double b) { return a - b; });
    if (call.expr.op == Op::multiply) slow = real_fast(call, [](double a, double b) { return a * b; });
    if (call.expr.op == Op::divide) slow = real_fast(call, [](double a, double b) { return a / b; });
    if (!slow) return;
    double* out = call.out.values<double>();
    call.each([&](std::uint32_t row) {
        const SqlState state =
            real_result(call.expr, call.args[0].at<double>(row), call.args[1].at<double>(row), out[row]);
        if (state != SqlState::ok) call.fail(row, state);
    });
}

void unary_kernel(const KernelCall& call) {
    const Values& arg = call.args[0];
    const std::uint32_t total = call.rows.total;
    if (call.out.physical() == Physical::real) {
        double* out = call.out.values<double>();
        switch (call.expr.op) {
            case Op::negate:
                for_all<double>(arg, total, out, [](double v) { return -v; });
                return;
            case Op::abs:
                for_all<double>(arg, total, out, [](double v) { return std::fabs(v); });
                return;
            case Op::floor:
                for_all<double>(arg, total, out, [](double v) { return std::floor(v); });
                return;
            default:
                for_all<double>(arg, total, out, [](double v) { return std::ceil(v); });
                return;
        }
    }
    const Range range = range_of(call.expr.type);
    const int scale = arg.vector->type().scale - call.expr.type.scale;
    Exact* out = call.out.values<Exact>();
    call.each([&](std::uint32_t row) {
        Int128 value = arg.at<Exact>(row);
        if (call.expr.op == Op::negate || (call.expr.op == Op::abs && value < 0)) value = -value;
        if (call.expr.op == Op::floor || call.expr.op == Op::ceil) {
            const Int128 by = power_of_ten(scale);
            const Int128 rest = value % by;
            value /= by;
            if (call.expr.op == Op::floor && rest < 0) --value;
            if (call.expr.op == Op::ceil && rest > 0) ++value;
        }
        if (!range.has(value)) return call.fail(row, SqlState::out_of_range);
        out[row] = static_cast<Exact>(value);
    });
}

}  // namespace

void arithmetic_kernel(const KernelCall& call) {
    if (call.args.size() == 1) return unary_kernel(call);
    if (call.out.physical() == Physical::real) return real_kernel(call);
    exact_kernel(call);
}

void real_function_kernel(const KernelCall& call) {
    double* out = call.out.values<double>();
    call.each([&](std::uint32_t row) {
        const double x = call.args[0].at<double>(row);
        double result = 0;
        bool domain = true;
        switch (call.expr.op) {
            case Op::exp:
                result = std::exp(x);
                break;
            case Op::ln:
                domain = x > 0;
                result = domain ? std::log(x) : 0;
                break;
            case Op::log10:
                domain = x > 0;
                result = domain ? std::log10(x) : 0;
                break;
            case Op::sqrt:
                domain = x >= 0;
                result = domain ? std::sqrt(x) : 0;
                break;
            default:
                result = std::pow(x, call.args[1].at<double>(row));
                domain = !std::isnan(result);
                break;
        }
        if (!domain) return call.fail(row, SqlState::logarithm);
        if (!std::isfinite(result)) return call.fail(row, SqlState::out_of_range);
        out[row] = result;
    });
}

}  // namespace riacho::sql
