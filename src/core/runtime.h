// The threads riacho runs on. A *core* is one thread with its own single-threaded event loop; connections, and the
// coroutines that serve them, stay on the core that accepted them.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "core/task_fwd.h"

namespace boost::asio {
class io_context;
}

namespace riacho::core {

// A suspended coroutine to resume on a core, made by core::suspend. Intrusive, so that waking allocates nothing.
struct Wakeup {
    virtual void run() noexcept = 0;
    Wakeup* next = nullptr;

protected:
    ~Wakeup() = default;
};

// One event loop and its thread. Owned by Runtime.
class Core {
public:
    explicit Core(std::size_t index);
    ~Core();
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    [[nodiscard]] std::size_t index() const { return index_; }
    [[nodiscard]] boost::asio::io_context& context();
    // True on this core's own thread.
    [[nodiscard]] bool is_current() const;

    // Resumes the wakeup on this core soon. Thread-safe. Wakeups queued before the core drains them share one wake-up
    // of the thread, and run in the order they were queued.
    void wake(Wakeup& wakeup) noexcept;
    // As wake(), for a chain linked through `next`, first to last.
    void wake_all(Wakeup* first) noexcept;

private:
    friend class Runtime;
    void drain() noexcept;

    struct Impl;
    std::size_t index_;
    std::unique_ptr<Impl> impl_;
    std::atomic<Wakeup*> wakeups_{nullptr};  // newest first
};

// Starts and stops the cores. Constructed and destroyed on the main thread.
class Runtime {
public:
    // count >= 1.
    explicit Runtime(std::size_t count);
    ~Runtime();

    [[nodiscard]] std::size_t size() const { return cores_.size(); }
    [[nodiscard]] Core& core(std::size_t index) { return *cores_[index]; }

    // Starts one thread per core.
    void start();
    // Ends the event loops once their current handlers return, and joins the threads. Idempotent.
    void stop();

private:
    std::vector<std::unique_ptr<Core>> cores_;
    std::vector<std::thread> threads_;
};

// Runs work on a core soon, from any thread. For rare events: each call allocates and wakes the thread.
void post(Core& core, std::function<void()> work);

// Starts a coroutine on a core, from any thread; an exception that leaves it ends the process. The caller must make the
// coroutine end before the objects it uses are destroyed (see Gate).
void spawn(Core& core, std::function<Task<void>()> make);

}  // namespace riacho::core
