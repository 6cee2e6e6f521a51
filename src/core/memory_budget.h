// MemoryBudget: limits the memory that clients can make the node hold, in shares that cannot starve one another.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/mutex.h"
#include "core/fwd.h"
#include "core/task_fwd.h"

namespace riacho::core {

// Uses of memory; each has a share of its own. The log's cache and queue have their shares in log::Options.
enum class MemoryUse : std::uint8_t {
    bodies,         // request bodies of ordinary size, and the heads of HTTP/2 requests
    large_bodies,   // request bodies above http::ServerOptions::body_size_small
    calls,          // parsed requests and encoded records, while a handler works on a large body
    replies,        // response bodies that wait for their clients to read them
    small_replies,  // response bodies up to http::ServerOptions::response_size_small
    reads,          // records read from disk
    subscriptions,  // events on their way to subscribers
    queues,         // records of queues that were received and not acknowledged
    media,          // media fragments being received, and fragments kept in memory only
    deliveries,     // files of delivery streams before they are written to their destinations
    applications    // working data of SQL applications
};
inline constexpr std::size_t memory_use_count = 11;
// The value of the metric label `use`: "large_bodies".
std::string_view to_string(MemoryUse use);

// Sizes in bytes. Thread-safe; try_take() and give() are one atomic operation each. Outlives every lease and every
// take().
class MemoryBudget {
public:
    // The share of each use, in the order of MemoryUse.
    using Shares = std::array<std::size_t, memory_use_count>;

    explicit MemoryBudget(const Shares& shares);
    ~MemoryBudget();
    MemoryBudget(const MemoryBudget&) = delete;
    MemoryBudget& operator=(const MemoryBudget&) = delete;

    // A budget that refuses nothing, for tests and tools.
    static Shares unlimited();

    // False if the share has no room: nothing is taken, and the refusal is counted.
    [[nodiscard]] bool try_take(MemoryUse use, std::size_t bytes) noexcept;
    // As try_take(), but waits up to wait_ms for memory to be given back; waiters are served in order. Called on
    // `core`.
    Task<bool> take(Core& core, MemoryUse use, std::size_t bytes, std::int64_t wait_ms);
    void give(MemoryUse use, std::size_t bytes) noexcept;

    [[nodiscard]] std::size_t share(MemoryUse use) const { return at(use).share; }
    [[nodiscard]] std::size_t used(MemoryUse use) const { return at(use).used.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t refused(MemoryUse use) const { return at(use).refused.load(std::memory_order_relaxed); }
    // True if a take() waits, or more than three quarters are used: holders of memory they can do without should give
    // it back.
    [[nodiscard]] bool is_scarce(MemoryUse use) const;

private:
    struct Waiter;
    struct Account {
        std::size_t share = 0;
        std::atomic<std::size_t> used{0};
        std::atomic<std::uint64_t> refused{0};
        std::atomic<std::size_t> waiting{0};  // number of listed waiters
        Mutex mutex;
        Waiter* first GUARDED_BY(mutex) = nullptr;
        Waiter** end GUARDED_BY(mutex) = &first;
    };

    Account& at(MemoryUse use) { return accounts_[static_cast<std::size_t>(use)]; }
    [[nodiscard]] const Account& at(MemoryUse use) const { return accounts_[static_cast<std::size_t>(use)]; }
    static bool reserve(Account& account, std::size_t bytes) noexcept;
    static void append(Account& account, Waiter& waiter) REQUIRES(account.mutex);
    static bool remove(Account& account, Waiter& waiter) REQUIRES(account.mutex);
    static void grant(Account& account) noexcept;
    static void begin_wait(Account& account, Waiter& waiter) noexcept;

    std::array<Account, memory_use_count> accounts_;
};

// Memory taken from a budget, given back by the destructor. Not thread-safe.
class MemoryLease {
public:
    MemoryLease() = default;
    MemoryLease(MemoryBudget& budget, MemoryUse use) : budget_(&budget), use_(use) {}
    // A lease of bytes that were taken already.
    MemoryLease(MemoryBudget& budget, MemoryUse use, std::size_t taken) : budget_(&budget), use_(use), bytes_(taken) {}
    MemoryLease(MemoryLease&& other) noexcept
        : budget_(other.budget_), use_(other.use_), bytes_(std::exchange(other.bytes_, 0)) {}
    MemoryLease& operator=(MemoryLease&& other) noexcept {
        std::swap(budget_, other.budget_);
        std::swap(use_, other.use_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    MemoryLease(const MemoryLease&) = delete;
    MemoryLease& operator=(const MemoryLease&) = delete;
    ~MemoryLease() { shrink_to(0); }

    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    [[nodiscard]] MemoryUse use() const { return use_; }
    [[nodiscard]] bool is_scarce() const { return bytes_ > 0 && budget_->is_scarce(use_); }
    // False if there is no room; the lease keeps the bytes it held. A lease without a budget holds nothing and never
    // grows.
    [[nodiscard]] bool grow_to(std::size_t bytes) {
        if (bytes <= bytes_) return true;
        if (budget_ == nullptr || !budget_->try_take(use_, bytes - bytes_)) return false;
        bytes_ = bytes;
        return true;
    }
    void shrink_to(std::size_t bytes) {
        if (bytes >= bytes_) return;
        budget_->give(use_, bytes_ - bytes);
        bytes_ = bytes;
    }

private:
    MemoryBudget* budget_ = nullptr;
    MemoryUse use_ = MemoryUse::bodies;
    std::size_t bytes_ = 0;
};

}  // namespace riacho::core
