// Child: runs another program with pipes, limits and a sandbox, and takes what it writes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "core/fwd.h"
#include "core/task_fwd.h"

namespace riacho::core {

enum class ChildFault : std::uint8_t {
    not_found,     // there is no such program, or it cannot be executed
    no_resources,  // descriptors, processes, memory or threads are short: the same call may succeed later
    unsupported,   // this kernel lacks what a child is started with (Linux 5.11, and seccomp for a sandbox)
    too_slow,      // it had not ended at its deadline, and was killed
    too_much,      // it wrote more than it may, and was killed
    stopped        // stop() was called, or the pool was stopped
};

struct ChildProgram {
    std::string path;  // absolute; PATH is not searched
    std::vector<std::string> arguments;
    std::int64_t time_ms_max = 10'000;                    // from its start to the end of its output
    std::size_t output_bytes_max = 0;                     // on standard output; the caller has taken memory for it
    std::size_t memory_bytes_max = std::size_t{1} << 30;  // of its address space
    std::int64_t cpu_s_max = 20;
    std::size_t open_files_max = 64;
    // Without rights to write or remove files, to start programs or to use the network; see core/detail/sandbox.h.
    bool is_sandboxed = true;
};

struct ChildResult {
    int exit_code = 0;
    int ended_by_signal = 0;  // 0: it has exited by itself
    Buffer output;            // of its standard output
    std::string messages;     // the first 4 KiB of its standard error
};

// One program at a time. Used on one core; the process must ignore SIGPIPE and not SIGCHLD. The program has an empty
// environment, the root as its directory, no descriptors but its three pipes, and no way to gain privileges. It is
// killed with the process, and with the pool, on whose threads it is started: starting blocks until the program is
// loaded.
class Child {
public:
    Child(WorkPool& pool, Core& core);
    // run() must have returned.
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    // Starts the program, writes `input` to it, which must stay where it is, and returns when the program has ended and
    // its output is read. That a program does not read its input to the end is no error.
    Task<Expected<ChildResult, ChildFault>> run(ChildProgram program, std::string_view input);
    // Kills the program; run() returns soon.
    void stop();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho::core
