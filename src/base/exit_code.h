// The process's exit codes, for supervisors and scripts; docs/operations.md repeats this table.
#pragma once

namespace riacho {

enum ExitCode : int {
    exit_ok = 0,
    exit_failure = 1,        // a client command got an error
    exit_locked = 2,         // the data directory is in use by another process
    exit_usage = 64,         // a flag that does not exist, or a value it cannot have
    exit_damaged = 65,       // data on disk is damaged
    exit_keyring = 66,       // the key file is missing, unreadable or not the one the data was written with
    exit_unavailable = 69,   // the address cannot be listened on
    exit_io = 74,            // the disk failed; the next start recovers the data that reached it
    exit_configuration = 78  // the configuration or the data directory cannot be used as they are
};

}  // namespace riacho
