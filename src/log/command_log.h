// CommandLog: orders commands among records and other commands.
#pragma once

#include <string>

#include "base/result.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "log/fwd.h"
#include "log/types.h"

namespace riacho::log {

struct CommandResult {
    bool accepted = false;
    Lsn lsn;  // of an accepted command
    std::string reply;
};

// True: the whole log takes nothing now (a queue or the disk is full, the disk has failed, the node stops), and the
// same call may succeed later. False: the error concerns one shard.
bool is_unavailable(LogError error);

// Thread-safe. The CommandApplier defines the effects of commands.
class CommandLog {
public:
    virtual ~CommandLog() = default;
    CommandLog(const CommandLog&) = delete;
    CommandLog& operator=(const CommandLog&) = delete;

    // Orders a command. Returns when it is durable and CommandApplier::on_durable has run; for a rejected command, when
    // the state that caused the rejection is durable.
    virtual Task<Expected<CommandResult, LogError>> submit(core::Core& core, std::string command) = 0;
    // As submit(), blocking; for start-up, never on a core.
    virtual Expected<CommandResult, LogError> submit_and_wait(std::string command) = 0;

protected:
    CommandLog() = default;
};

}  // namespace riacho::log
