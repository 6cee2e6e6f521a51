// CommandApplier: the state machine that commands are applied to (the catalog), in journal order.
#pragma once

#include <string>
#include <string_view>

#include "log/types.h"

namespace riacho::log {

// The shards as they are at one place in the order, with every record and command before it counted.
class SequencerView {
public:
    // The number the shard's next record would get; its first one if it has none yet. 0 for an unknown shard.
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
    // Handed to the caller of CommandLog::submit.
    std::string reply;
};

// Implemented above the log. A command's Lsn is the journal position of its frame; later commands have greater ones.
class CommandApplier {
public:
    virtual ~CommandApplier() = default;

    // How many shards the effects of the command can name at most, with what is asked of the view. Asked right before
    // on_sequenced, on its thread: by then nothing can be refused any more, so there has to be room.
    [[nodiscard]] virtual std::size_t effects_max(std::string_view command) const = 0;

    // The command gets its place now. Called on the sequencer thread, in order. An accepted command takes effect at
    // once for everything after it, but must stay invisible to clients until on_durable; effects may name each shard
    // once. What `view` answers is recorded, so that on_replay can ask the same questions. Must not block.
    virtual CommandOutcome on_sequenced(Lsn lsn, std::string_view command, TimestampMs now,
                                        const SequencerView& view) = 0;

    // Every command up to and including this one is durable, whatever Options::durability: publish them. Called on the
    // sequencer thread after each group of writes that held commands, before the callers of submit hear of it. Must not
    // block.
    virtual void on_durable(Lsn lsn) = 0;

    // While LocalLog::open runs, on its thread: an accepted command that is still in the journal, in order, with the
    // time and the answers of the view it had first. Includes commands the applier may have stored already (see
    // applied_lsn).
    virtual void on_replay(Lsn lsn, std::string_view command, TimestampMs now, const SequencerView& view) = 0;

    // Commands up to and including this one are durable in the applier's own store, so the journal may forget them.
    // Thread-safe; must not go back.
    [[nodiscard]] virtual Lsn applied_lsn() const = 0;

    // The journal cannot recycle a file because applied_lsn lies behind. Thread-safe; must not block.
    virtual void request_materialise() = 0;
};

}  // namespace riacho::log
