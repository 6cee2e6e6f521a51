// Commands about objects and their progress.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catalog/model.h"

namespace riacho::catalog {

// Every record of the shard before this number is no longer needed.
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

// Creates an object. apply() sets uid, version, created_at, the transition's end and the shards' uids.
struct CreateObject {
    ObjectState object;
    std::vector<ShardClass> shards;  // classes of the log shards to create for it
    // Initial rows of its progress.
    std::vector<std::pair<std::string, std::string>> progress;
    std::uint32_t count_max = 0;  // limit for objects of its kind in account and region; 0: none
    std::int64_t transition_ms = 0;
    friend bool operator==(const CreateObject&, const CreateObject&) = default;
};

// Replaces the settings of objects, of all of them or of none. An object is replaced only if it still has the version
// from which the new settings were made.
struct ReplaceObjects {
    struct Replacement {
        ObjectRef object;
        std::uint64_t version = 0;  // 0: any version
        std::string settings;
        // Negative: allowed in any state, which does not change. Otherwise the object must be ACTIVE and is UPDATING
        // for that time.
        std::int64_t transition_ms = -1;
        TimestampMs wake_at;
        std::vector<ShardClass> add_shards;
        std::vector<std::uint64_t> drop_shards;  // uids of shards it owns
        std::optional<Tags> tags;                // all tags; set only by commands of version 1
        friend bool operator==(const Replacement&, const Replacement&) = default;
    };
    std::vector<Replacement> replacements;
    friend bool operator==(const ReplaceObjects&, const ReplaceObjects&) = default;
};

// Adds and removes the named tags, in any version and state of the object.
struct TagObject {
    ObjectRef object;
    Tags add;
    std::vector<std::string> remove;
    friend bool operator==(const TagObject&, const TagObject&) = default;
};

// Begins to delete an object.
struct DeleteObject {
    ObjectRef object;
    std::uint64_t version = 0;  // 0: any version
    std::int64_t transition_ms = 0;
    friend bool operator==(const DeleteObject&, const DeleteObject&) = default;
};

// Removes a deleted object whose DELETING is over; its shards are dropped from the log and its progress is deleted.
struct PurgeObject {
    ObjectRef object;
    friend bool operator==(const PurgeObject&, const PurgeObject&) = default;
};

// Changes rows of objects' progress. The moves of one owner are made together or not at all, independently of other
// owners.
struct MoveProgress {
    struct Move {
        std::string key;
        std::optional<std::string> expected;  // the value that the mover last read, empty for no row; absent: any value
        std::optional<std::string> value;     // absent: the row is removed
        friend bool operator==(const Move&, const Move&) = default;
    };
    struct OwnerMoves {
        std::uint64_t owner = 0;
        std::uint64_t epoch = 0;  // epoch of the lease in a cluster; 0 on a single node
        std::vector<Move> moves;
        std::vector<ShardFloor> trims;  // of shards that the owner owns: records before the number are trimmed
        friend bool operator==(const OwnerMoves&, const OwnerMoves&) = default;
    };
    std::vector<OwnerMoves> owners;
    friend bool operator==(const MoveProgress&, const MoveProgress&) = default;
};

// Outcomes of records of a queue.
struct QueueProgress {
    enum class Action : std::uint8_t {
        acknowledge,       // processed
        bury,              // moved to the dead-letter queue
        acknowledge_dead,  // processed in the dead-letter queue
        restore,           // moved from the dead-letter queue back to the queue
        skip               // every record before it is beyond retention
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
