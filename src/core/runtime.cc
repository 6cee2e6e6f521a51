#include "core/runtime.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <string>

#include "base/check.h"
#include "core/task.h"
#include "core/thread.h"

namespace riacho::core {

namespace {

// A group of writes that ends wakes hundreds of coroutines, each of which sends a reply. Requests that have arrived
// meanwhile, and new connections, do not wait for all of them. A turn is one pass over the loop's handlers.
constexpr std::size_t wakeups_per_turn = 32;

}  // namespace

struct Core::Impl {
    boost::asio::io_context context{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
    std::atomic<std::thread::id> thread;
    // A call of drain() is on its way. There is one at a time, so that there is one in a turn.
    std::atomic<bool> drain_posted{false};
    // The following members are used on the core's thread only.
    Wakeup* queue = nullptr;  // taken from wakeups_, oldest first
    Wakeup* queue_last = nullptr;

    // Appends a stack, which has the newest wakeup on top.
    void enqueue(Wakeup* stack) noexcept {
        if (stack == nullptr) return;
        Wakeup* const newest = stack;
        Wakeup* oldest = nullptr;
        while (stack != nullptr) {
            Wakeup* next = stack->next;
            stack->next = oldest;
            oldest = stack;
            stack = next;
        }
        (queue == nullptr ? queue : queue_last->next) = oldest;
        queue_last = newest;
    }
};

Core::Core(std::size_t index) : index_(index), impl_(std::make_unique<Impl>()) {}
Core::~Core() = default;

boost::asio::io_context& Core::context() { return impl_->context; }
bool Core::is_current() const { return impl_->thread.load(std::memory_order_relaxed) == std::this_thread::get_id(); }

void Core::wake(Wakeup& wakeup) noexcept {
    wakeup.next = nullptr;
    wake_all(&wakeup);
}

void Core::wake_all(Wakeup* first) noexcept {
    if (first == nullptr) return;
    // Reverse the chain: the stack has the newest wakeup on top, and drain() reverses it again.
    Wakeup* last = first;
    Wakeup* reversed = nullptr;
    for (Wakeup* at = first; at != nullptr;) {
        Wakeup* next = at->next;
        at->next = reversed;
        reversed = at;
        at = next;
    }
    Wakeup* head = wakeups_.load(std::memory_order_relaxed);
    do {
        last->next = head;
    } while (!wakeups_.compare_exchange_weak(head, reversed, std::memory_order_release, std::memory_order_relaxed));
    // Only the push onto an empty stack posts drain(); later wakeups are drained with it.
    if (head == nullptr && !impl_->drain_posted.exchange(true, std::memory_order_acq_rel)) {
        boost::asio::post(impl_->context, [this] { drain(); });
    }
}

void Core::drain() noexcept {
    Impl& impl = *impl_;
    impl.enqueue(wakeups_.exchange(nullptr, std::memory_order_acquire));
    for (std::size_t count = 0; impl.queue != nullptr && count < wakeups_per_turn; ++count) {
        Wakeup* const wakeup = impl.queue;
        impl.queue = wakeup->next;
        wakeup->run();
    }
    if (impl.queue == nullptr) {
        // Who has pushed before this exchange has posted nothing, and is seen here.
        impl.drain_posted.exchange(false, std::memory_order_acq_rel);
        if (wakeups_.load(std::memory_order_acquire) == nullptr) return;
        if (impl.drain_posted.exchange(true, std::memory_order_acq_rel)) return;
    }
    boost::asio::post(impl.context, [this] { drain(); });
}

Runtime::Runtime(std::size_t count) {
    RIACHO_CHECK(count >= 1);
    for (std::size_t i = 0; i < count; ++i) cores_.push_back(std::make_unique<Core>(i));
}

Runtime::~Runtime() { stop(); }

void Runtime::start() {
    RIACHO_CHECK(threads_.empty());
    for (auto& core : cores_) {
        threads_.emplace_back([&core = *core] {
            core.impl_->thread = std::this_thread::get_id();
            begin_thread(("core-" + std::to_string(core.index())).c_str());
            core.impl_->context.run();
        });
    }
}

void Runtime::stop() {
    for (auto& core : cores_) core->impl_->context.stop();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
}

void post(Core& core, std::function<void()> work) { boost::asio::post(core.context(), std::move(work)); }

void spawn(Core& core, std::function<Task<void>()> make) {
    boost::asio::co_spawn(core.context(), std::move(make), [](const std::exception_ptr& failure) {
        if (failure) std::rethrow_exception(failure);
    });
}

}  // namespace riacho::core
