// Progress: the progress line of a copy on standard error; and messages of commands.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/clock.h"

namespace riacho::cli {

// One line on a terminal, rewritten four times a second; elsewhere only if forced. Shows the number of records, their
// rate and, if the fraction done is known, how long the rest takes.
class Progress {
public:
    Progress(std::string_view verb, bool forced);

    [[nodiscard]] bool is_shown() const { return shown_; }
    // The records of an earlier run count neither for the rate nor for the remaining time.
    void begin_at(std::uint64_t records, double done);
    // done: a fraction between 0 and 1; negative: unknown.
    void show(std::uint64_t records, double done);
    // A line of its own, above the progress line.
    void note(std::string_view text);
    // Shows the final state and ends the line.
    void finish(std::uint64_t records, double done);

private:
    void print(std::uint64_t records, double done, bool is_last);

    std::string verb_;
    bool shown_;
    core::SystemClock clock_;
    MonotonicNs began_;
    std::uint64_t records_before_ = 0;
    double done_before_ = 0;
    std::int64_t shown_at_ = 0;
    std::size_t columns_ = 0;  // of the last line
};

// "2:05", "1:02:03", or "3 d" for what takes days.
std::string format_duration(double seconds);

// "1 record", "2 records".
std::string count_of(std::uint64_t count, std::string_view noun);

// "riacho: PROBLEM" on standard error; returns exit_failure.
int report(std::string_view problem);

}  // namespace riacho::cli
