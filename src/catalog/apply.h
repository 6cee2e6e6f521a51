// The deterministic heart of the catalog: a command applied to a state gives a state and a verdict, and nothing else
// decides: no clock, no chance, no iteration order.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "catalog/command.h"
#include "catalog/snapshot.h"

namespace riacho::catalog {

// Everything commands change. Copied, changed, and made visible whole.
struct State {
    std::shared_ptr<const Snapshot> snapshot = std::make_shared<const Snapshot>();
    std::uint64_t next_uid = 1;  // for streams and shards
    std::uint64_t next_object_uid = first_object_uid;
};

// What an accepted command asks of the log, by shard uid.
struct LogEffects {
    std::vector<OwnedShard> create;
    std::vector<std::uint64_t> close;
    std::vector<std::uint64_t> drop;
    std::vector<ShardFloor> trim;
};

// What an accepted command changed, for the materialisation and for those who follow the catalog.
struct Changes {
    std::vector<std::uint64_t> streams;    // uids, also of removed ones
    std::vector<std::string> access_keys;  // also of removed ones
    std::vector<std::uint64_t> objects;    // uids, also of removed ones
    std::vector<ProgressKey> progress;     // also of removed rows
    std::vector<std::uint64_t> owners;     // uids of objects all of whose progress was removed
    bool ended_names = false;
};

struct Outcome {
    bool accepted = false;
    Verdict verdict;
    LogEffects effects;
    Changes changes;
};

// now: the time of the command's place in the order. A rejected command leaves the state as it was.
Outcome apply(State& state, const Command& command, TimestampMs now);

// How many shards its effects can name at most if the command is applied to this state.
std::size_t effects_max(const State& state, const Command& command);

}  // namespace riacho::catalog
