#include "server/process_metrics.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "core/memory_release.h"
#include "core/metrics.h"
#include "server/descriptors.h"
#include "server/version.h"

namespace riacho::server {
namespace {

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::uint64_t virtual_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::uint64_t pages = 0;
    statm >> pages;
    return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

void collect_process(TimestampMs started, core::MetricsWriter& writer) {
    using Kind = core::MetricsWriter::Kind;
    const auto figure = [&](std::string_view name, Kind kind, std::string_view help, auto value) {
        writer.family(name, kind, help);
        writer.sample({}, value);
    };
    writer.family("riacho_build_info", Kind::gauge, "1, with what the binary was built from and with");
    writer.sample({{"version", version}, {"compiler", __VERSION__}}, std::uint64_t{1});
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    figure("process_cpu_seconds_total", Kind::counter, "User and system time",
           seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
    figure("process_resident_memory_bytes", Kind::gauge, "Resident memory", std::uint64_t{core::resident_bytes()});
    figure("process_virtual_memory_bytes", Kind::gauge, "Virtual memory", virtual_bytes());
    figure("process_open_fds", Kind::gauge, "Open file descriptors", std::uint64_t{open_descriptors()});
    figure("process_max_fds", Kind::gauge, "Limit of open file descriptors", std::uint64_t{descriptor_limit()});
    figure("process_start_time_seconds", Kind::gauge, "Start of the process, seconds since 1970",
           static_cast<double>(started.value()) / 1000);
}

}  // namespace riacho::server
