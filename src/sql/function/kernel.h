// Shared by kernels. A kernel computes one operation for all rows of a batch, also for rows that are not selected:
// their values are unused, and loops without branches are fast. Errors count only for selected rows, so a kernel that
// may have met an error checks row by row. Strings are read only in selected rows.
#pragma once

#include <cstdint>
#include <span>

#include "sql/batch/batch.h"
#include "sql/function/evaluate.h"
#include "sql/function/expr.h"

namespace riacho::sql {

class PatternMeter;
class RegexCache;

inline constexpr std::size_t arena_size_max = 16 * 1024 * 1024;

struct KernelCall {
    const Expr& expr;
    std::span<const Values> args;
    const Rows& rows;
    Vector& out;  // validity is already that of the arguments
    Arena& arena;
    ErrorMask& errors;
    const TurnTimes& times;
    RegexCache& regexes;
    PatternMeter& meter;

    void fail(std::uint32_t row, SqlState state) const {
        errors.set(row, state);
        out.set_null(row);
    }
    // Calls f(row) for selected rows that are not NULL so far.
    template <class F>
    void each(F f) const {
        const bool makes_texts = out.physical() == Physical::string;
        for (std::uint32_t i = 0; i < rows.count; ++i) {
            const std::uint32_t row = rows[i];
            if (out.is_null(row)) continue;
            // The texts that an operator makes for one batch are bounded.
            if (makes_texts && arena.capacity() > arena_size_max) [[unlikely]] {
                fail(row, SqlState::row_too_large);
                continue;
            }
            f(row);
        }
    }
};

void arithmetic_kernel(const KernelCall& call);
void real_function_kernel(const KernelCall& call);
void compare_kernel(const KernelCall& call);
void cast_kernel(const KernelCall& call);
void datetime_kernel(const KernelCall& call);
void string_kernel(const KernelCall& call);
void pattern_kernel(const KernelCall& call);

// out[i] = f(a[i], b[i]) for all rows; either may be one value for all.
template <class A, class B, class R, class F>
void for_all(const Values& a, const Values& b, std::uint32_t total, R* __restrict out, F f) {
    const A* left = a.vector->values<A>();
    const B* right = b.vector->values<B>();
    if (!a.constant && !b.constant) {
        for (std::uint32_t i = 0; i < total; ++i) out[i] = f(left[i], right[i]);
    } else if (!a.constant) {
        const B value = right[0];
        for (std::uint32_t i = 0; i < total; ++i) out[i] = f(left[i], value);
    } else if (!b.constant) {
        const A value = left[0];
        for (std::uint32_t i = 0; i < total; ++i) out[i] = f(value, right[i]);
    } else {
        const R value = f(left[0], right[0]);
        for (std::uint32_t i = 0; i < total; ++i) out[i] = value;
    }
}

template <class A, class R, class F>
void for_all(const Values& a, std::uint32_t total, R* __restrict out, F f) {
    const A* values = a.vector->values<A>();
    if (a.constant) {
        const R value = f(values[0]);
        for (std::uint32_t i = 0; i < total; ++i) out[i] = value;
        return;
    }
    for (std::uint32_t i = 0; i < total; ++i) out[i] = f(values[i]);
}

}  // namespace riacho::sql
