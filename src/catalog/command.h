// Commands of the catalog. A command carries everything that determines its outcome except the time at which it is
// ordered, which apply() receives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "catalog/model.h"
#include "catalog/object_command.h"

namespace riacho::catalog {

// Names a stream; the first field of commands about streams.
struct StreamKey {
    std::string account;
    std::string region;
    std::string name;
    friend bool operator==(const StreamKey&, const StreamKey&) = default;
};

// More than any account has; bounds the memory that a damaged command can request.
inline constexpr std::uint32_t create_stream_shards_max = 1'000'000;

struct CreateStream {
    StreamKey key;
    std::string arn;
    StreamMode mode = StreamMode::provisioned;
    std::uint32_t shard_count = 1;
    std::int32_t max_record_size_kib = 1024;
    std::int32_t warm_throughput_mibps = 0;
    Distribution distribution = Distribution::by_key;
    Tags tags;
    std::int64_t transition_ms = 0;
    friend bool operator==(const CreateStream&, const CreateStream&) = default;
};

struct DeleteStream {
    StreamKey key;
    std::int64_t transition_ms = 0;
    bool with_consumers = false;  // false: the command is rejected if the stream has registered consumers or queues
    friend bool operator==(const DeleteStream&, const DeleteStream&) = default;
};

// Removes a deleted stream whose DELETING is over; its shards are dropped from the log.
struct PurgeStream {
    std::uint64_t uid = 0;
    friend bool operator==(const PurgeStream&, const PurgeStream&) = default;
};

struct SetRetention {
    enum class Direction : std::uint8_t { increase, decrease };
    using Floor = ShardFloor;
    StreamKey key;
    std::int32_t hours = 24;
    Direction direction = Direction::increase;
    std::vector<ShardFloor> floors;  // records that an increase must not make visible again
    friend bool operator==(const SetRetention&, const SetRetention&) = default;
};

// Begins a reshard of an ACTIVE stream.
struct Reshard {
    StreamKey key;
    PendingReshard plan;
    std::int64_t transition_ms = 0;
    bool by_service = false;  // false: rejected for an on-demand stream, whose shards only the service reshards
    friend bool operator==(const Reshard&, const Reshard&) = default;
};

// Takes the next step of a reshard whose UPDATING is over: parents close and children open at one position of the
// order. A change of the shard count may need several steps.
struct ContinueReshard {
    std::uint64_t uid = 0;
    friend bool operator==(const ContinueReshard&, const ContinueReshard&) = default;
};

struct RegisterConsumer {
    StreamKey key;
    std::string name;
    Tags tags;
    std::uint32_t consumers_max = 0;
    std::int64_t transition_ms = 0;
    friend bool operator==(const RegisterConsumer&, const RegisterConsumer&) = default;
};

struct DeregisterConsumer {
    StreamKey key;
    std::string name;
    std::int64_t transition_ms = 0;
    friend bool operator==(const DeregisterConsumer&, const DeregisterConsumer&) = default;
};

// Changes the given fields and leaves the others. With a transition the stream must be ACTIVE and is UPDATING for that
// time.
struct ConfigureStream {
    StreamKey key;
    std::int64_t transition_ms = -1;  // negative: allowed in any state but DELETING, which does not change
    std::optional<StreamMode> mode;   // on demand raises the stream to at least four open shards
    std::optional<std::int32_t> max_record_size_kib;
    std::optional<std::int32_t> warm_throughput_mibps;
    std::optional<Distribution> distribution;
    std::uint8_t metrics_on = 0;        // bits to set
    std::uint8_t metrics_off = 0;       // bits to clear
    std::optional<std::string> key_id;  // empty: records are no longer encrypted
    std::string new_data_key;           // with a key_id: sealed, becomes the next version
    std::optional<std::string> policy;  // empty: none
    friend bool operator==(const ConfigureStream&, const ConfigureStream&) = default;
};

// Changes the given fields of a consumer.
struct ConfigureConsumer {
    StreamKey key;
    std::string name;
    std::optional<std::string> policy;
    Tags add_tags;
    std::vector<std::string> remove_tags;
    friend bool operator==(const ConfigureConsumer&, const ConfigureConsumer&) = default;
};

// Removes closed shards all of whose records are beyond retention.
struct ForgetShards {
    std::uint64_t stream_uid = 0;
    std::vector<std::uint64_t> shards;  // uids; shards that are not due are skipped
    friend bool operator==(const ForgetShards&, const ForgetShards&) = default;
};

struct AddTags {
    StreamKey key;
    Tags tags;
    friend bool operator==(const AddTags&, const AddTags&) = default;
};

struct RemoveTags {
    StreamKey key;
    std::vector<std::string> names;
    friend bool operator==(const RemoveTags&, const RemoveTags&) = default;
};

// Adds a user, or replaces the key of an existing user (replace), which invalidates the old key.
struct PutCredential {
    CredentialState credential;
    bool replace = false;
    friend bool operator==(const PutCredential&, const PutCredential&) = default;
};

struct RemoveUser {
    std::string user;
    friend bool operator==(const RemoveUser&, const RemoveUser&) = default;
};

using Command = std::variant<CreateStream, DeleteStream, PurgeStream, SetRetention, AddTags, RemoveTags, PutCredential,
                             RemoveUser, Reshard, ContinueReshard, RegisterConsumer, DeregisterConsumer,
                             ConfigureStream, ConfigureConsumer, QueueProgress, CreateObject, ReplaceObjects, TagObject,
                             DeleteObject, PurgeObject, MoveProgress, ForgetShards>;

// The encoding in the journal (docs/formats/catalog.md).
std::string encode(const Command& command);
Expected<Command, DecodeError> decode_command(std::string_view bytes);

// The outcome of a command.
struct Verdict {
    enum class Code : std::uint8_t {
        ok,
        stream_exists,
        stream_missing,
        stream_deleting,      // with status
        retention_too_short,  // an increase to less than `number` hours
        retention_too_long,   // a decrease to more than `number` hours
        too_many_tags,
        stream_not_active,  // with status
        stream_on_demand,
        shard_missing,  // `number` is the index
        shard_closed,   // `number` is the index
        shards_not_adjacent,
        split_key_out_of_range,
        stream_has_consumers,
        consumer_exists,
        consumer_missing,
        too_many_consumers,
        object_exists,
        object_missing,
        object_not_active,  // with status
        object_changed,     // its version differs; `number` is the present one
        too_many_objects,
        progress_refused,  // expected value differs, too large, or unknown owner
        shards_not_expired,
        stream_has_channels,
        user_exists,
        user_missing,
    };
    Code code = Code::ok;
    StreamStatus status = StreamStatus::active;
    std::int64_t number = 0;
    // Of MoveProgress: the indexes in the command of the owners whose moves were refused while others were made.
    std::vector<std::uint32_t> refused = {};

    friend bool operator==(const Verdict&, const Verdict&) = default;
};

std::string encode(const Verdict& verdict);
Verdict decode_verdict(std::string_view bytes);

}  // namespace riacho::catalog
