#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/exit_code.h"

namespace riacho::cli {

Progress::Progress(std::string_view verb, bool forced)
    : verb_(verb), shown_(forced || ::isatty(STDERR_FILENO) != 0), began_(clock_.monotonic()) {}

void Progress::begin_at(std::uint64_t records, double done) {
    began_ = clock_.monotonic();
    records_before_ = records;
    done_before_ = std::max(done, 0.0);
}

void Progress::show(std::uint64_t records, double done) {
    constexpr std::int64_t pause_ns = 250'000'000;
    if (shown_ && clock_.monotonic().value() - shown_at_ >= pause_ns) print(records, done, false);
}

void Progress::finish(std::uint64_t records, double done) {
    if (!shown_) return;
    print(records, done, true);
    std::fputc('\n', stderr);
}

void Progress::note(std::string_view text) {
    const std::string before = shown_ && columns_ > 0 ? "\r" + std::string(columns_, ' ') + "\r" : "";
    fmt::print(stderr, "{}riacho: {}\n", before, text);
    columns_ = 0;
}

void Progress::print(std::uint64_t records, double done, bool is_last) {
    shown_at_ = clock_.monotonic().value();
    const double seconds = static_cast<double>(shown_at_ - began_.value()) / 1e9;
    std::string line = verb_;
    if (done >= 0) {
        constexpr std::size_t width = 30;
        const double part = std::min(done, 1.0);
        const auto filled = static_cast<std::size_t>(part * width);
        line +=
            fmt::format(" [{}{}] {:3.0f} %", std::string(filled, '#'), std::string(width - filled, '.'), part * 100);
    }
    line += "  " + count_of(records, "record");
    if (seconds > 0) line += fmt::format("  {:.0f}/s", static_cast<double>(records - records_before_) / seconds);
    const double gained = done - done_before_;
    if (is_last) {
        line += "  in " + format_duration(seconds);
    } else if (gained > 0 && done < 1) {
        line += fmt::format("  {} left", format_duration(seconds * (1 - done) / gained));
    }
    // The rest of a longer line before is overwritten.
    const std::size_t rest = columns_ > line.size() ? columns_ - line.size() : 0;
    columns_ = line.size();
    fmt::print(stderr, "\r{}{}", line, std::string(rest, ' '));
    std::fflush(stderr);
}

std::string format_duration(double seconds) {
    constexpr std::int64_t day_s = 86'400;
    // Also for what no conversion to an integer holds.
    if (!(seconds < 1e9)) return "years";
    const auto whole = static_cast<std::int64_t>(seconds + 0.5);
    if (whole >= 2 * day_s) return fmt::format("{} d", whole / day_s);
    if (whole >= 3'600) return fmt::format("{}:{:02}:{:02}", whole / 3'600, whole / 60 % 60, whole % 60);
    return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string count_of(std::uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

int report(std::string_view problem) {
    fmt::print(stderr, "riacho: {}\n", problem);
    return exit_failure;
}

}  // namespace riacho::cli
