#include "core/thread.h"

#include <pthread.h>
#include <sched.h>

namespace riacho::core {

void begin_thread(const char* name) {
    pthread_setname_np(pthread_self(), name);
    const sched_param none{};
    // Refused where an administrator chose another policy for the process; that is fine.
    static_cast<void>(sched_setscheduler(0, SCHED_BATCH, &none));
}

}  // namespace riacho::core
