// main(): runs the command line, and fails when its output is lost.
#include <fmt/format.h>

#ifdef RIACHO_MIMALLOC
#include <mimalloc.h>
#endif

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/exit_code.h"
#include "server/command_line.h"

namespace riacho::server {
namespace {

// A command whose output is lost has failed: for example on a full disk or a closed pipe.
int run_and_flush(int argc, char** argv) {
    int code = exit_failure;
    try {
        code = run_command_line(argc, argv);
        const bool flushed = std::fflush(stdout) == 0;
        const std::string reason = flushed ? "" : ": " + std::generic_category().message(errno);
        // --help and --version flush the output themselves, so only the stream's error flag remains.
        if (flushed && std::ferror(stdout) == 0) return code;
        fmt::print(stderr, "riacho: cannot write the output{}\n", reason);
    } catch (const std::system_error& error) {  // thrown by fmt for standard output
        fmt::print(stderr, "riacho: {}\n", error.what());
    }
    return code == exit_ok ? exit_failure : code;
}

}  // namespace
}  // namespace riacho::server

int main(int argc, char** argv) {
#ifdef RIACHO_MIMALLOC
    // Delays the return of freed memory: mimalloc's default of 25 ms, with the kernel clearing the memory again, costs
    // a fifth of the time of a large PutRecords (docs/performance.md).
    constexpr long memory_kept_ms = 5'000;
    mi_option_set(mi_option_decommit_delay, memory_kept_ms);
    mi_option_set(mi_option_segment_decommit_delay, memory_kept_ms);
#endif
    return riacho::server::run_and_flush(argc, argv);
}
