// Comparisons, and IS [NOT] DISTINCT FROM, which is never NULL.
#include <algorithm>

#include "sql/function/kernel.h"

namespace riacho::sql {
namespace {

using Byte = std::uint8_t;

template <class T, class F>
void compare_all(const KernelCall& call, F f) {
    for_all<T, T>(call.args[0], call.args[1], call.rows.total, call.out.values<Byte>(),
                  [f](T a, T b) { return static_cast<Byte>(f(a, b)); });
}

template <class T>
void compare_plain(const KernelCall& call) {
    switch (call.expr.op) {
        case Op::equal:
        case Op::not_distinct:
            return compare_all<T>(call, [](T a, T b) { return a == b; });
        case Op::not_equal:
        case Op::distinct:
            return compare_all<T>(call, [](T a, T b) { return a != b; });
        case Op::less:
            return compare_all<T>(call, [](T a, T b) { return a < b; });
        case Op::less_equal:
            return compare_all<T>(call, [](T a, T b) { return a <= b; });
        case Op::greater:
            return compare_all<T>(call, [](T a, T b) { return a > b; });
        default:
            return compare_all<T>(call, [](T a, T b) { return a >= b; });
    }
}

Byte verdict(Op op, int order) {
    switch (op) {
        case Op::equal:
        case Op::not_distinct:
            return order == 0;
        case Op::not_equal:
        case Op::distinct:
            return order != 0;
        case Op::less:
            return order < 0;
        case Op::less_equal:
            return order <= 0;
        case Op::greater:
            return order > 0;
        default:
            return order >= 0;
    }
}

int order_of_texts(std::string_view a, std::string_view b, bool pads) {
    if (pads) {
        // AWS: S12.3: CHAR comparison ignores trailing blanks.
        while (!a.empty() && a.back() == ' ') a.remove_suffix(1);
        while (!b.empty() && b.back() == ' ') b.remove_suffix(1);
    }
    return a.compare(b);
}

void compare_rows(const KernelCall& call) {
    Byte* out = call.out.values<Byte>();
    const Expr& expr = call.expr;
    const bool texts = call.args[0].vector->physical() == Physical::string;
    const Int128 left_factor = power_of_ten(std::max(expr.exponent, 0));
    const Int128 right_factor = power_of_ten(std::max(-expr.exponent, 0));
    for (std::uint32_t i = 0; i < call.rows.count; ++i) {
        const std::uint32_t row = call.rows[i];
        if (call.args[0].is_null(row) || call.args[1].is_null(row)) continue;
        int order = 0;
        if (texts) {
            order = order_of_texts(call.args[0].at<std::string_view>(row), call.args[1].at<std::string_view>(row),
                                   expr.pads);
        } else {
            const Int128 a = call.args[0].at<std::int64_t>(row) * left_factor;
            const Int128 b = call.args[1].at<std::int64_t>(row) * right_factor;
            order = a < b ? -1 : a > b ? 1 : 0;
        }
        out[row] = verdict(expr.op, order);
    }
}

}  // namespace

void compare_kernel(const KernelCall& call) {
    const Physical physical = call.args[0].vector->physical();
    if (physical == Physical::string || call.expr.exponent != 0) {
        compare_rows(call);
    } else if (physical == Physical::exact) {
        compare_plain<std::int64_t>(call);
    } else if (physical == Physical::real) {
        compare_plain<double>(call);
    } else {
        compare_plain<Byte>(call);
    }
    if (call.expr.op != Op::distinct && call.expr.op != Op::not_distinct) return;
    // A row where one side is NULL: distinct unless both are.
    call.out.set_has_nulls(false);
    Byte* out = call.out.values<Byte>();
    for (std::uint32_t i = 0; i < call.rows.count; ++i) {
        const std::uint32_t row = call.rows[i];
        const bool a = call.args[0].is_null(row);
        const bool b = call.args[1].is_null(row);
        if (a || b) out[row] = (a != b) == (call.expr.op == Op::distinct);
    }
}

}  // namespace riacho::sql
