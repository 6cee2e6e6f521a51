// ClockKeeper: reads the node's clock every second, so that an idle node notices a step of the machine's clock too, and
// stores the clock's state for the next process.
#pragma once

#include <string>
#include <thread>

#include "base/mutex.h"
#include "catalog/fwd.h"
#include "core/node_clock.h"
#include "io/fwd.h"

namespace riacho::server {

// Has a thread of its own, from start() to stop(), because it writes files. The clock and the catalog outlive it.
class ClockKeeper {
public:
    ClockKeeper(core::NodeClock& clock, const catalog::Catalog& catalog, io::FileSystem& fs, std::string directory)
        : clock_(clock), catalog_(catalog), fs_(fs), directory_(std::move(directory)) {}
    ~ClockKeeper() { stop(); }

    void start();
    // Stores the record a last time. Idempotent.
    void stop();

private:
    void run();
    // Stores the record if its gaps have changed, if `seen` is old, or if is_last.
    void look(bool is_last);
    // Forgets gaps that the retention of no stream reaches.
    void forget_old_gaps();

    core::NodeClock& clock_;
    const catalog::Catalog& catalog_;
    io::FileSystem& fs_;
    const std::string directory_;
    core::ClockRecord stored_;
    bool has_failed_ = false;  // the last attempt to store has failed
    std::thread thread_;
    Mutex mutex_;
    Condition wake_;
    bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace riacho::server
