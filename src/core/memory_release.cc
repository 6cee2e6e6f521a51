#include "core/memory_release.h"

#include <fcntl.h>
#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>

#include "base/buffer.h"
#include "base/check.h"
#include "core/runtime.h"

// Functions of mimalloc, when the program is linked with it.
#if __has_include(<mimalloc.h>)
#include <mimalloc.h>
#pragma weak mi_collect
#pragma weak mi_option_set
#else
extern "C" void mi_collect(bool force) __attribute__((weak));
#endif

namespace riacho::core {
namespace {

constexpr std::int64_t tick_ms = 1'000;
// A thread that used less processor time than this between two calls counts as idle.
constexpr std::int64_t idle_cpu_ns = 20'000'000;
constexpr unsigned idle_looks_max = 64;

constexpr std::size_t hooks_max = 8;
std::array<void (*)(), hooks_max> hooks{};
std::size_t hook_count = 0;

std::int64_t thread_cpu_ns() {
    timespec time{};
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) != 0) return 0;
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

std::atomic<bool> IdleWatch::near_limit_{false};

std::size_t resident_bytes() {
    const int fd = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    std::array<char, 128> text{};
    const ssize_t size = ::read(fd, text.data(), text.size() - 1);
    ::close(fd);
    if (size <= 0) return 0;
    char* rest = text.data();
    std::strtoull(rest, &rest, 10);  // skips the size of the whole address space
    return std::strtoull(rest, nullptr, 10) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

void add_release_hook(void (*hook)()) {
    for (std::size_t i = 0; i < hook_count; ++i) {
        if (hooks[i] == hook) return;
    }
    RIACHO_CHECK(hook_count < hooks_max);
    hooks[hook_count++] = hook;
}

void release_free_memory() {
    Buffer::release_kept();
    for (std::size_t i = 0; i < hook_count; ++i) hooks[i]();
    if (mi_collect != nullptr) mi_collect(true);
}

void keep_no_free_memory() {
#if __has_include(<mimalloc.h>)
    if (mi_option_set == nullptr) return;
    mi_option_set(mi_option_decommit_delay, 0);
    mi_option_set(mi_option_segment_decommit_delay, 0);
#endif
}

bool IdleWatch::should_release() {
    const std::int64_t now_ns = thread_cpu_ns();
    const bool works = now_ns - cpu_ns_ > idle_cpu_ns;
    cpu_ns_ = now_ns;
    worked_ |= works;
    idle_looks_ = works ? 0 : std::min(idle_looks_ + 1, idle_looks_max + 1);
    if (near_limit_.load(std::memory_order_relaxed)) return true;
    return worked_ && idle_looks_ <= idle_looks_max && std::has_single_bit(idle_looks_);
}

void IdleRelease::start() {
    post(core_, [this] { tick(); });
}

void IdleRelease::tick() {
    if (limit_bytes_ > 0) IdleWatch::set_near_limit(resident_bytes() > limit_bytes_ - limit_bytes_ / 5);
    if (watch_.should_release()) release_free_memory();
    timer_.start(tick_ms, [this] { tick(); });
}

}  // namespace riacho::core
