// The commands about objects and their progress.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catalog/model.h"

namespace riacho::catalog {

// Everything before this number in that shard is done with.
struct ShardFloor {
    std::uint64_t shard_uid = 0;
    std::uint64_t first_seq = 0;
    friend bool operator==(const ShardFloor&, const ShardFloor&) = default;
};

// Names an object: by uid, or, where that is 0, by ARN.
struct ObjectRef {
    std::uint64_t uid = 0;
    std::string arn;
    friend bool operator==(const ObjectRef&, const ObjectRef&) = default;
};

// Makes an object. uid, version, created_at, the transition's end and the shards' uids are set when it is applied.
struct CreateObject {
    ObjectState object;
    std::vector<ShardClass> shards;  // log shards for it to own
    // Where its progress begins.
    std::vector<std::pair<std::string, std::string>> progress;
    std::uint32_t count_max = 0;  // of its kind in account and region; 0: no limit
    std::int64_t transition_ms = 0;
    friend bool operator==(const CreateObject&, const CreateObject&) = default;
};

// Replaces what is changeable of objects, all of them or none: each only if its version is still the one the new
// settings were made from.
struct ReplaceObjects {
    struct Replacement {
        ObjectRef object;
        std::uint64_t version = 0;  // 0: whatever it is
        std::string settings;
        // Negative: whatever state it is in, it stays in it. Else it has to be ACTIVE and is UPDATING for that time.
        std::int64_t transition_ms = -1;
        TimestampMs wake_at;
        std::vector<ShardClass> add_shards;
        std::vector<std::uint64_t> drop_shards;  // uids of its own
        std::optional<Tags> tags;                // all of them; only what version 1 wrote replaces tags
        friend bool operator==(const Replacement&, const Replacement&) = default;
    };
    std::vector<Replacement> replacements;
    friend bool operator==(const ReplaceObjects&, const ReplaceObjects&) = default;
};

// Changes the tags that are named, whatever the object's version and state.
struct TagObject {
    ObjectRef object;
    Tags add;
    std::vector<std::string> remove;
    friend bool operator==(const TagObject&, const TagObject&) = default;
};

// Begins to delete an object.
struct DeleteObject {
    ObjectRef object;
    std::uint64_t version = 0;  // 0: whatever it is
    std::int64_t transition_ms = 0;
    friend bool operator==(const DeleteObject&, const DeleteObject&) = default;
};

// Ends a deleted object whose time of DELETING is over: its shards leave the log, its progress is forgotten.
struct PurgeObject {
    ObjectRef object;
    friend bool operator==(const PurgeObject&, const PurgeObject&) = default;
};

// Moves positions of objects. All moves of an owner are made or none; one owner's do not hinder another's.
struct MoveProgress {
    struct Move {
        std::string key;
        std::optional<std::string> expected;  // what the mover last saw, empty for no value; absent: anything
        std::optional<std::string> value;     // absent: removed
        friend bool operator==(const Move&, const Move&) = default;
    };
    struct OwnerMoves {
        std::uint64_t owner = 0;
        std::uint64_t epoch = 0;  // of the lease under which a node of several moves; 0 on a single node
        std::vector<Move> moves;
        std::vector<ShardFloor> trims;  // of shards that it owns: records before that number are done with
        friend bool operator==(const OwnerMoves&, const OwnerMoves&) = default;
    };
    std::vector<OwnerMoves> owners;
    friend bool operator==(const MoveProgress&, const MoveProgress&) = default;
};

// What became of records of a queue.
struct QueueProgress {
    enum class Action : std::uint8_t {
        acknowledge,       // processed
        bury,              // to the dead-letter queue
        acknowledge_dead,  // processed there
        restore,           // from there back to the queue
        skip               // everything before it is beyond retention
    };
    struct Step {
        Action action = Action::acknowledge;
        std::uint64_t shard_uid = 0;
        std::uint64_t seq = 0;
        friend bool operator==(const Step&, const Step&) = default;
    };
    std::string arn;
    std::vector<Step> steps;
    friend bool operator==(const QueueProgress&, const QueueProgress&) = default;
};

}  // namespace riacho::catalog
