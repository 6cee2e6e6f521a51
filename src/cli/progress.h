// Progress: the progress line of a copy on standard error; and error messages of commands.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/clock.h"

namespace riacho::cli {

// One line on a terminal, rewritten four times a second; elsewhere only if forced.
class Progress {
public:
    Progress(std::string_view verb, bool forced);

    // done: a fraction between 0 and 1, as far as it is known.
    void show(std::uint64_t records, double done);
    // Shows the final state and ends the line.
    void finish(std::uint64_t records, double done);

private:
    void print(std::uint64_t records, double done);

    std::string verb_;
    bool shown_;
    core::SystemClock clock_;
    std::int64_t began_ = 0;
    std::int64_t shown_at_ = 0;
};

// "riacho: PROBLEM" on standard error; returns exit_failure.
int report(std::string_view problem);

}  // namespace riacho::cli
