#include "core/memory_budget.h"

#include <limits>

#include "base/check.h"
#include "core/runtime.h"
#include "core/task.h"
#include "core/timer.h"

namespace riacho::core {

std::string_view to_string(MemoryUse use) {
    switch (use) {
        case MemoryUse::bodies:
            return "bodies";
        case MemoryUse::large_bodies:
            return "large_bodies";
        case MemoryUse::calls:
            return "calls";
        case MemoryUse::replies:
            return "replies";
        case MemoryUse::small_replies:
            return "small_replies";
        case MemoryUse::reads:
            return "reads";
        case MemoryUse::subscriptions:
            return "subscriptions";
        case MemoryUse::queues:
            return "queues";
        case MemoryUse::deliveries:
            return "deliveries";
        case MemoryUse::applications:
            return "applications";
        case MemoryUse::media:
            return "media";
    }
    return "";
}

// Lives in the frame of the waiting coroutine.
struct MemoryBudget::Waiter {
    Core& core;
    std::size_t bytes;
    Wakeup* wakeup = nullptr;
    bool listed = false;
    bool granted = false;
    Waiter* next = nullptr;
};

MemoryBudget::MemoryBudget(const Shares& shares) {
    for (std::size_t i = 0; i < memory_use_count; ++i) accounts_[i].share = shares[i];
}

MemoryBudget::~MemoryBudget() {
    for (Account& account : accounts_) RIACHO_CHECK(account.waiting.load() == 0, "a budget that is waited for");
}

MemoryBudget::Shares MemoryBudget::unlimited() {
    Shares shares;
    shares.fill(std::numeric_limits<std::size_t>::max() / 2);
    return shares;
}

// Sequentially consistent, as are begin_wait() and give(): either a new waiter sees the bytes that a concurrent give()
// returned, or that give() sees the waiter.
bool MemoryBudget::reserve(Account& account, std::size_t bytes) noexcept {
    std::size_t used = account.used.load();
    do {
        if (bytes > account.share - used) return false;
    } while (!account.used.compare_exchange_weak(used, used + bytes));
    return true;
}

bool MemoryBudget::try_take(MemoryUse use, std::size_t bytes) noexcept {
    Account& account = at(use);
    if (reserve(account, bytes)) return true;
    account.refused.fetch_add(1, std::memory_order_relaxed);
    return false;
}

void MemoryBudget::give(MemoryUse use, std::size_t bytes) noexcept {
    if (bytes == 0) return;
    Account& account = at(use);
    account.used.fetch_sub(bytes);
    if (account.waiting.load() > 0) grant(account);
}

bool MemoryBudget::is_scarce(MemoryUse use) const {
    const Account& account = at(use);
    return account.waiting.load(std::memory_order_relaxed) > 0 ||
           account.used.load(std::memory_order_relaxed) > account.share - account.share / 4;
}

void MemoryBudget::append(Account& account, Waiter& waiter) {
    waiter.listed = true;
    waiter.next = nullptr;
    *account.end = &waiter;
    account.end = &waiter.next;
}

bool MemoryBudget::remove(Account& account, Waiter& waiter) {
    if (!waiter.listed) return false;
    Waiter** link = &account.first;
    while (*link != &waiter) link = &(*link)->next;
    *link = waiter.next;
    if (account.end == &waiter.next) account.end = link;
    waiter.listed = false;
    account.waiting.fetch_sub(1);
    return true;
}

// Serves waiters in order of arrival; a large request is not overtaken by smaller ones behind it.
void MemoryBudget::grant(Account& account) noexcept {
    const MutexLock lock(account.mutex);
    while (account.first != nullptr && reserve(account, account.first->bytes)) {
        Waiter& waiter = *account.first;
        remove(account, waiter);
        waiter.granted = true;
        // The waiting coroutine may end as soon as it is woken: the waiter must not be touched afterwards.
        waiter.core.wake(*waiter.wakeup);
    }
}

void MemoryBudget::begin_wait(Account& account, Waiter& waiter) noexcept {
    {
        const MutexLock lock(account.mutex);
        account.waiting.fetch_add(1);
        append(account, waiter);
    }
    // Bytes given back before the waiter was listed.
    grant(account);
}

Task<bool> MemoryBudget::take(Core& core, MemoryUse use, std::size_t bytes, std::int64_t wait_ms) {
    Account& account = at(use);
    if (account.waiting.load() == 0 && reserve(account, bytes)) co_return true;
    if (bytes > account.share || wait_ms <= 0) {
        account.refused.fetch_add(1, std::memory_order_relaxed);
        co_return false;
    }
    Waiter waiter{.core = core, .bytes = bytes};
    Timer timer(core);
    co_await suspend([&](Wakeup& wakeup) {
        waiter.wakeup = &wakeup;
        timer.start(wait_ms, [&account, &waiter] {
            bool gave_up = false;
            {
                const MutexLock lock(account.mutex);
                gave_up = remove(account, waiter);
            }
            if (gave_up) waiter.core.wake(*waiter.wakeup);
            // Waiters behind the one that timed out may need less and fit.
            grant(account);
        });
        begin_wait(account, waiter);
    });
    if (!waiter.granted) account.refused.fetch_add(1, std::memory_order_relaxed);
    co_return waiter.granted;
}

}  // namespace riacho::core
