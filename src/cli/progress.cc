#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/exit_code.h"

namespace riacho::cli {

Progress::Progress(std::string_view verb, bool forced) : verb_(verb), shown_(forced || ::isatty(STDERR_FILENO) != 0) {}

void Progress::show(std::uint64_t records, double done) {
    constexpr std::int64_t pause_ns = 250'000'000;
    if (shown_ && clock_.monotonic().value() - shown_at_ >= pause_ns) print(records, done);
}

void Progress::finish(std::uint64_t records, double done) {
    if (!shown_) return;
    print(records, done);
    std::fputc('\n', stderr);
}

void Progress::print(std::uint64_t records, double done) {
    const std::int64_t now = clock_.monotonic().value();
    shown_at_ = now;
    if (began_ == 0) began_ = now;
    constexpr std::size_t width = 30;
    const double part = std::clamp(done, 0.0, 1.0);
    const auto filled = static_cast<std::size_t>(part * width);
    const double seconds = static_cast<double>(now - began_) / 1e9;
    const double rate = seconds > 0 ? static_cast<double>(records) / seconds : 0;
    fmt::print(stderr, "\r{} [{}{}] {:3.0f} %  {} records  {:.0f}/s ", verb_, std::string(filled, '#'),
               std::string(width - filled, '.'), part * 100, records, rate);
    std::fflush(stderr);
}

int report(std::string_view problem) {
    fmt::print(stderr, "riacho: {}\n", problem);
    return exit_failure;
}

}  // namespace riacho::cli
