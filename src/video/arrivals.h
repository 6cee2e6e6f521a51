// Arrivals: which fragments of a stream are on their way, and in what order live readers see those that have arrived.
#pragma once

#include <cstdint>
#include <map>

#include "base/mutex.h"
#include "base/time.h"
#include "video/waiters.h"

namespace riacho::video {

// Thread-safe; one for each stream. A number is given when a fragment begins, so with two producers a higher one may
// end before a lower one does: live readers wait a while for the lower.
class Arrivals {
public:
    static constexpr std::int64_t hold_ms_max = 5'000;

    void begin(std::uint64_t sequence);
    // Its bytes are complete and are being stored: live readers wait for it however long that takes. True: they have
    // passed it already.
    bool begin_to_end(std::uint64_t sequence);
    // Stored and visible, or given up.
    void end(std::uint64_t sequence);

    // Above every sequence that is not on its way and never will be.
    [[nodiscard]] std::uint64_t lowest_open() const;
    // How long a live reader has to wait before it may be given the fragment, which is visible since then; 0: not at
    // all, and from now on lower ones are late.
    std::int64_t hold_ms(std::uint64_t sequence, MonotonicNs visible_since, MonotonicNs now);
    // Whoever waits for fragments; notified by end().
    Waiters waiters;

private:
    struct Open {
        bool is_ending = false;
    };
    mutable Mutex mutex_;
    std::map<std::uint64_t, Open> open_ GUARDED_BY(mutex_);
    std::uint64_t passed_ GUARDED_BY(mutex_) = 0;  // the highest sequence that was given out over an open one
};

}  // namespace riacho::video
