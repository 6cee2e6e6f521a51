// apply: the deterministic core of the catalog. A command applied to a state gives a state and a verdict that depend on
// nothing else: no clock, no randomness, no iteration order.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "catalog/command.h"
#include "catalog/snapshot.h"

namespace riacho::catalog {

// All state that commands change. Copied, changed, and published as a whole.
struct State {
    std::shared_ptr<const Snapshot> snapshot = std::make_shared<const Snapshot>();
    std::uint64_t next_uid = 1;  // for streams and shards
    std::uint64_t next_object_uid = first_object_uid;
};

// Effects of an accepted command on the log, by shard uid.
struct LogEffects {
    std::vector<OwnedShard> create;
    std::vector<std::uint64_t> close;
    std::vector<std::uint64_t> drop;
    std::vector<ShardFloor> trim;
};

// Changes made by an accepted command, for the materialisation and for subscribers of the catalog's feed.
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

// now: the time at which the command was ordered. A rejected command leaves the state unchanged.
Outcome apply(State& state, const Command& command, TimestampMs now);

// An upper bound of the number of shards that the command's effects name if it is applied to this state.
std::size_t effects_max(const State& state, const Command& command);

// Whether the command's effects may close or drop shards.
bool may_end_shards(const Command& command);

}  // namespace riacho::catalog
