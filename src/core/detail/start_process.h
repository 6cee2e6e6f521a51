// Starts a program with three pipes, in a process that holds nothing else of this one.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/descriptor.h"

namespace riacho::core {

struct ProcessOptions {
    std::string path;
    std::vector<std::string> arguments;  // without the program's name
    std::size_t memory_bytes_max = 0;
    std::int64_t cpu_s_max = 0;
    std::size_t open_files_max = 0;
    bool is_sandboxed = true;
    // Its standard input, output and error; above 2, so that none is overwritten before it is in place.
    int input = -1;
    int output = -1;
    int messages = -1;
};

// Not reaped yet, so that its id is nobody else's. It leads a session and a process group of its own.
struct Process {
    pid_t id = -1;
    Descriptor handle;  // a pidfd: readable when the process has ended
};

struct ProcessEnd {
    int exit_code = 0;
    int signal = 0;
};

// Blocks until the program is loaded. The error is an errno: of a call that prepares the process, or of execve. The
// process is killed when the calling thread ends.
Expected<Process, int> start_process(const ProcessOptions& options);

// Kills a process and those of its group.
void kill_process(const Process& process);

// Reaps a process; blocks until it has ended.
ProcessEnd reap_process(const Process& process);

}  // namespace riacho::core
