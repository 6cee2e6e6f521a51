#include "core/thread.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace riacho::core {

void begin_thread(const char* name) {
    pthread_setname_np(pthread_self(), name);
    const sched_param none{};
    // Fails where an administrator chose another scheduling policy for the process; the failure is ignored.
    static_cast<void>(sched_setscheduler(0, SCHED_BATCH, &none));
}

void give_way() {
    // Linux: the niceness of a thread. Raising it never fails.
    static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 10));
}

}  // namespace riacho::core
