// The exit code of a process that cannot open the log.
#pragma once

#include "base/exit_code.h"
#include "log/directory.h"

namespace riacho::server {

inline ExitCode exit_code_of(log::OpenFault fault) {
    switch (fault) {
        case log::OpenFault::locked:
            return exit_locked;
        case log::OpenFault::damaged:
            return exit_damaged;
        case log::OpenFault::io:
            return exit_io;
        case log::OpenFault::configuration:
            return exit_configuration;
    }
    return exit_failure;
}

}  // namespace riacho::server
