// run_on: runs blocking work of a coroutine on a WorkPool. For .cc files that define coroutines.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/result.h"
#include "core/task.h"
#include "core/work_pool.h"

namespace riacho::core {

// Runs work() on a thread of the pool; the coroutine resumes on `core`, on which the caller runs, with its result. The
// caller is suspended meanwhile, so work may refer to objects in its frame. work must not throw.
template <class Work>
Task<Expected<std::invoke_result_t<Work>, PoolError>> run_on(WorkPool& pool, Core& core, Work work) {
    using Result = std::invoke_result_t<Work>;
    using Stored = std::conditional_t<std::is_void_v<Result>, std::monostate, Result>;
    std::optional<Stored> result;
    PoolError error = PoolError::stopping;
    co_await suspend([&](Wakeup& wakeup) {
        const auto submitted = pool.submit([&] {
            if constexpr (std::is_void_v<Result>) {
                work();
                result.emplace();
            } else {
                result.emplace(work());
            }
            core.wake(wakeup);
        });
        if (submitted) return;
        error = submitted.error();
        core.wake(wakeup);
    });
    if (!result) co_return fail(error);
    if constexpr (std::is_void_v<Result>) {
        co_return Expected<void, PoolError>();
    } else {
        co_return Expected<Result, PoolError>(std::in_place, *std::move(result));
    }
}

}  // namespace riacho::core
