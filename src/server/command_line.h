// The command line: every subcommand with its flags, described once.
#pragma once

namespace riacho::server {

// Parses the arguments and runs one subcommand. Returns the process's exit code.
int run_command_line(int argc, char** argv);

}  // namespace riacho::server
