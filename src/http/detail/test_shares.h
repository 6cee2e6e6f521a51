// Memory budgets for the tests of this folder.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <utility>

#include "core/memory_budget.h"

namespace riacho::http::test {

// A budget in which some shares are small.
inline core::MemoryBudget::Shares shares_with(
    std::initializer_list<std::pair<core::MemoryUse, std::size_t>> small_shares) {
    core::MemoryBudget::Shares shares = core::MemoryBudget::unlimited();
    for (const auto& [use, bytes] : small_shares) shares[static_cast<std::size_t>(use)] = bytes;
    return shares;
}

}  // namespace riacho::http::test
