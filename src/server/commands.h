// The subcommands that work on a data directory. Each returns the process's exit code; cli/commands.h has the clients.
#pragma once

#include "cli/commands.h"
#include "server/config.h"

namespace riacho::server {

// Runs the server until SIGINT, SIGTERM or SIGHUP.
int serve(const Config& config);

// Checks the log, catalog, keyring and certificate of a data directory that no server uses; prints its findings.
int verify(const cli::DataDirectory& data_dir);

struct BackupRequest {
    std::string target;  // a directory that does not exist
    bool verifies = true;
};

// Copies a data directory, which a server may be using. The copy is the state after a kill of that server: everything
// that was acknowledged before the call. It gets its name when it is complete and durable.
int backup(const cli::DataDirectory& data_dir, const BackupRequest& request);

// Starts a server on the directory, on a free port of the loopback address, for `riacho user`.
Expected<std::shared_ptr<void>, cli::ServerFault> start_for_the_moment(const std::string& data_dir);

}  // namespace riacho::server
