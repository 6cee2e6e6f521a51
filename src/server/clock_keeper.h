// ClockKeeper: looks at the node's clock every second, so that an idle node notices a step too, and stores what the
// next process has to know.
#pragma once

#include <string>
#include <thread>

#include "base/mutex.h"
#include "catalog/fwd.h"
#include "core/node_clock.h"
#include "io/fwd.h"

namespace riacho::server {

// One thread of its own, from start() to stop(): it writes files. The clock and the catalog outlive it.
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
    // Stores the record if its gaps have changed, or `seen` is old.
    void look(bool is_last);
    // Gaps that the retention of no stream reaches.
    void forget_old_gaps();

    core::NodeClock& clock_;
    const catalog::Catalog& catalog_;
    io::FileSystem& fs_;
    const std::string directory_;
    core::ClockRecord stored_;
    bool has_failed_ = false;  // the last attempt to store
    std::thread thread_;
    Mutex mutex_;
    Condition wake_;
    bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace riacho::server
