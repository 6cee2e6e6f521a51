// Arrivals: the fragments of a stream that are still arriving, and the order in which live readers see complete ones.
#pragma once

#include <cstdint>
#include <map>

#include "base/mutex.h"
#include "base/time.h"
#include "video/waiters.h"

namespace riacho::video {

// Thread-safe; one for each stream. A fragment gets its number when it begins, so with two producers a higher number
// may be complete before a lower one: live readers wait a while for the lower one.
class Arrivals {
public:
    static constexpr std::int64_t hold_ms_max = 5'000;

    void begin(std::uint64_t sequence);
    // The fragment is complete and is being stored: live readers wait for it without limit. True: they have passed its
    // number already.
    bool begin_to_end(std::uint64_t sequence);
    // The fragment is visible, or was given up.
    void end(std::uint64_t sequence);

    // The lowest sequence that is arriving, or the greatest number there is: no lower one is arriving or will arrive.
    [[nodiscard]] std::uint64_t lowest_open() const;
    // The time that a live reader has to wait before it gets a fragment that is visible since `visible_since`; 0: none,
    // and from now on fragments with lower numbers are late.
    std::int64_t hold_ms(std::uint64_t sequence, MonotonicNs visible_since, MonotonicNs now);
    // Readers that wait for fragments; notified by end().
    Waiters waiters;

private:
    struct Open {
        bool is_ending = false;
    };
    mutable Mutex mutex_;
    std::map<std::uint64_t, Open> open_ GUARDED_BY(mutex_);
    // the highest sequence given to a reader before a lower one was complete
    std::uint64_t passed_ GUARDED_BY(mutex_) = 0;
};

}  // namespace riacho::video
