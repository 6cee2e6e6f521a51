// The subcommands of the binary. Each returns the process's exit code.
#pragma once

#include <cstdint>
#include <string>

#include "server/config.h"

namespace riacho::server {

// Runs the server until SIGINT or SIGTERM.
int serve(const Config& config);

// Checks journal, segments and catalog of a data directory that no server uses; prints what it finds.
int verify(const std::string& data_dir);

struct UserRequest {
    enum class Action : std::uint8_t { add, list, remove, rotate } action;
    std::string data_dir;
    std::string name;
    std::string account;
    bool json = false;
};
struct TransferRequest {
    enum class Direction : std::uint8_t { to_file, from_file } direction;
    std::string stream;
    std::string file = "-";
    std::string endpoint;
    std::string region;     // empty: from the environment
    bool progress = false;  // even when standard error is no terminal
};
// Copies a stream's records to JSON lines, or JSON lines into a stream.
int transfer(const TransferRequest& request);

// Moves the clock of a running server that was started with --test-clock.
int advance_clock(const std::string& data_dir, std::int64_t span_ms);

// Changes credentials: through the running server of the data directory if there is one, else in its files.
int user(const UserRequest& request);

}  // namespace riacho::server
