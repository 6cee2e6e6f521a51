// TaskGroup: children that end before their parent does.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "core/fwd.h"
#include "core/task_fwd.h"

namespace riacho::core {

// Lives in the frame of the parent coroutine, or in an object that outlives it, on one core; every call is made there.
// join() must have returned before the group is destroyed. As in spawn(), an exception that leaves a child ends the
// process: children store their results for the parent, which reads them after join().
class TaskGroup {
public:
    explicit TaskGroup(Core& core) : core_(core) {}
    ~TaskGroup();
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    // Starts a child on the core. The caller bounds the number of children.
    void spawn(std::function<Task<void>()> make);
    [[nodiscard]] std::size_t size() const { return running_; }
    // Returns when every child has ended, including children spawned meanwhile. One caller at a time.
    Task<void> join();

private:
    Task<void> run(std::function<Task<void>()> make);

    Core& core_;
    std::size_t running_ = 0;
    Wakeup* joiner_ = nullptr;
};

}  // namespace riacho::core
