#include "core/task_group.h"

#include <utility>

#include "base/check.h"
#include "core/runtime.h"
#include "core/task.h"

namespace riacho::core {

TaskGroup::~TaskGroup() { RIACHO_CHECK(running_ == 0, "a task group was destroyed before its children ended"); }

void TaskGroup::spawn(std::function<Task<void>()> make) {
    ++running_;
    core::spawn(core_, [this, make = std::move(make)]() mutable { return run(std::move(make)); });
}

Task<void> TaskGroup::run(std::function<Task<void>()> make) {
    co_await make();
    // Objects that the child captured are destroyed before the parent goes on.
    make = nullptr;
    if (--running_ == 0 && joiner_ != nullptr) core_.wake(*std::exchange(joiner_, nullptr));
}

Task<void> TaskGroup::join() {
    while (running_ > 0) {
        co_await suspend([this](Wakeup& wakeup) {
            RIACHO_CHECK(joiner_ == nullptr, "two callers join one task group");
            joiner_ = &wakeup;
        });
    }
}

}  // namespace riacho::core
