#include "cli/interrupt.h"

#include <poll.h>
#include <signal.h>

#include <atomic>

namespace riacho::cli {
namespace {

std::atomic<int> received{0};
static_assert(std::atomic<int>::is_always_lock_free);

void on_signal(int signal) { received.store(signal); }

}  // namespace

void watch_interrupts() {
    struct sigaction action{};
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    // SA_RESETHAND: a second signal has its default action.
    action.sa_flags = static_cast<int>(SA_RESTART | SA_RESETHAND);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

int interrupted() { return received.load(); }

int exit_interrupted() { return 128 + received.load(); }

void sleep_ms(int span_ms) {
    if (interrupted() == 0) ::poll(nullptr, 0, span_ms);
}

}  // namespace riacho::cli
