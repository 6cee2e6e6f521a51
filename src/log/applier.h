// CommandApplier: the interface of the state machine (the catalog) that applies commands in journal order.
#pragma once

#include <string>
#include <string_view>

#include "log/types.h"

namespace riacho::log {

// The state of the shards at one position of the journal order: every record and command before it is counted.
class SequencerView {
public:
    // The number of the shard's next record (its first number if it has no record yet). 0 for an unknown shard.
    [[nodiscard]] virtual SeqIx next_seq(ShardUid shard) const = 0;
    // The arrival time of the last record, 0 if there is none.
    [[nodiscard]] virtual TimestampMs last_arrival(ShardUid shard) const = 0;

protected:
    ~SequencerView() = default;
};

struct CommandOutcome {
    // A rejected command leaves no trace in the journal; its effects are ignored.
    bool accepted = false;
    ShardEffects effects;
    // Passed to the caller of CommandLog::submit.
    std::string reply;
};

// Implemented above the log. A command's Lsn is the journal position of its frame; later commands have greater Lsns.
class CommandApplier {
public:
    virtual ~CommandApplier() = default;

    // An upper bound of the number of shards that the command's effects and its questions to the view name. Called
    // right before on_sequenced, on its thread: after that the command cannot be refused for lack of room.
    [[nodiscard]] virtual std::size_t effects_max(std::string_view command) const = 0;

    // Whether the command may close or drop shards. Called on the sequencer thread. Such a command waits for records
    // that are being written beside the journal, because they get their place in the order later; others pass them.
    [[nodiscard]] virtual bool may_end_shards(std::string_view command) const = 0;

    // Orders the command. Called on the sequencer thread, in journal order. An accepted command takes effect at once
    // for everything after it, but must stay invisible to clients until on_durable; the effects may name each shard
    // once. The answers of `view` are recorded, so that on_replay can repeat its questions. Must not block.
    virtual CommandOutcome on_sequenced(Lsn lsn, std::string_view command, TimestampMs now,
                                        const SequencerView& view) = 0;

    // Every command up to and including this one is durable, whatever Options::durability: publish them. Called on the
    // sequencer thread after each group of writes that held commands, before submit returns to its callers. Must not
    // block.
    virtual void on_durable(Lsn lsn) = 0;

    // Called by LocalLog::open, on its thread, for each accepted command that is still in the journal, in order, with
    // its original time and the original answers of the view. Includes commands that the applier may have stored
    // already (see applied_lsn).
    virtual void on_replay(Lsn lsn, std::string_view command, TimestampMs now, const SequencerView& view) = 0;

    // Commands up to and including this one are durable in the applier's own store, so the journal may discard them.
    // Thread-safe; must not decrease.
    [[nodiscard]] virtual Lsn applied_lsn() const = 0;

    // The journal cannot recycle a file because applied_lsn lags: store the commands. Thread-safe; must not block.
    virtual void request_materialise() = 0;
};

}  // namespace riacho::log
