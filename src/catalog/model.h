// The state of the catalog: streams, their shards, objects, credentials. Immutable once published; a change makes a new
// state.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/persistent_map.h"
#include "base/result.h"
#include "base/time.h"
#include "base/u128.h"

namespace riacho::catalog {

enum class StreamStatus : std::uint8_t { creating, active, updating, deleting };
enum class StreamMode : std::uint8_t { provisioned, on_demand };
// The choice of a record's shard: by partition key, or by the service.
enum class Distribution : std::uint8_t { by_key, automatic };

// The kind of records in a log shard: clients' records, or media, which arrive in bulk and are read once.
enum class ShardClass : std::uint8_t { records, media };

using Tags = std::map<std::string, std::string, std::less<>>;

struct ShardState {
    std::int32_t index = 0;
    std::uint64_t uid = 0;  // the shard's uid in the log; never reused
    U128 starting_hash_key = 0;
    U128 ending_hash_key = 0;
    std::optional<std::int32_t> parent;
    std::optional<std::int32_t> adjacent_parent;
    std::int64_t created_s = 0;  // creation second in its sequence numbers
    // Open from opened_at to closed_at; a child opens at the instant at which its parents close.
    TimestampMs opened_at;
    std::optional<TimestampMs> closed_at;

    friend bool operator==(const ShardState&, const ShardState&) = default;
};

// An accepted reshard. It takes effect when UPDATING is over; until then records go to the parents.
struct PendingReshard {
    enum class Kind : std::uint8_t {
        split,
        merge,
        uniform_v1,  // to target_shard_count, in the steps of version 0.1; still used when a stream becomes on demand
        uniform      // to target_shard_count; existing shards of the even partition are kept
    };
    Kind kind = Kind::split;
    std::int32_t shard = 0;                // split, merge; uniform: the index of the first shard that the plan opens
    std::int32_t adjacent_shard = 0;       // merge: the next higher neighbour
    U128 new_starting_hash_key = 0;        // split
    std::uint32_t target_shard_count = 0;  // uniform, uniform_v1

    friend bool operator==(const PendingReshard&, const PendingReshard&) = default;
};

// A registered consumer of enhanced fan-out.
struct ConsumerState {
    std::string name;
    std::string arn;
    TimestampMs created_at;
    TimestampMs active_at;                  // CREATING until then; 0: there was no CREATING
    std::optional<TimestampMs> deleted_at;  // DELETING until then; gone afterwards
    Tags tags;
    std::string policy;  // JSON text; empty without one

    [[nodiscard]] bool is_gone(TimestampMs now) const { return deleted_at && now >= *deleted_at; }
    friend bool operator==(const ConsumerState&, const ConsumerState&) = default;
};

struct StreamState {
    std::uint64_t uid = 0;  // never reused, so a re-created stream has another uid
    std::string account;
    std::string region;
    std::string name;
    std::string arn;
    StreamMode mode = StreamMode::provisioned;
    TimestampMs created_at;
    // CREATING, UPDATING and DELETING end at an instant derived from the command's own time, so they survive restarts;
    // afterwards a created or updated stream is ACTIVE and a deleted stream is gone.
    StreamStatus transition = StreamStatus::creating;
    TimestampMs transition_until;
    std::int32_t retention_hours = 24;
    std::int32_t max_record_size_kib = 1024;
    std::int32_t warm_throughput_mibps = 0;
    Distribution distribution = Distribution::by_key;
    std::uint8_t shard_metrics = 0;  // a bit for each of the seven metrics, in the order of the API's names
    std::string key_id;              // as the client sent it; empty: new records are not encrypted
    // Sealed under the master key, by version from 1 on; the last key is in use while key_id is set, the others open
    // older records.
    std::vector<std::string> data_keys;
    std::string policy;  // JSON text; empty without one
    Tags tags;
    std::vector<ShardState> shards;  // by index
    std::optional<PendingReshard> reshard;
    std::map<std::string, ConsumerState, std::less<>> consumers;  // by name

    [[nodiscard]] StreamStatus status(TimestampMs now) const {
        // A reshard without UPDATING is invisible: its transition is `active`.
        if (reshard && transition == StreamStatus::updating) return StreamStatus::updating;
        if (now < transition_until || transition == StreamStatus::deleting) return transition;
        return StreamStatus::active;
    }
    // Deleted, and DELETING is over.
    [[nodiscard]] bool is_gone(TimestampMs now) const {
        return transition == StreamStatus::deleting && now >= transition_until;
    }
    // Closed, and all its records are beyond retention.
    [[nodiscard]] bool is_expired(const ShardState& shard, TimestampMs now) const {
        return shard.closed_at && shard.closed_at->value() < now.value() - retention_ms();
    }
    [[nodiscard]] std::int64_t retention_ms() const { return std::int64_t{retention_hours} * 3'600'000; }
    // The open shard that owns the hash key; open shards always cover the whole space.
    [[nodiscard]] const ShardState& shard_for(U128 hash_key) const;
    [[nodiscard]] const ShardState* find_shard(std::int32_t index) const;
    [[nodiscard]] std::int32_t open_shard_count() const;
    // Null if there is no such consumer, or it is gone.
    [[nodiscard]] const ConsumerState* find_consumer(std::string_view consumer, TimestampMs now) const;
    [[nodiscard]] std::int32_t consumer_count(TimestampMs now) const;
    // Must be called after each change of shards.
    void index_shards();

    friend bool operator==(const StreamState&, const StreamState&) = default;

private:
    std::vector<std::uint32_t> open_by_hash_;  // indexes into shards, by starting hash key
};

// The newest seconds that identify a stream of some name: the creation seconds of the stream and of its consumers (in
// ARNs and consumer filters), and of its shards (in sequence numbers).
struct LastSeconds {
    std::int64_t created_s = -1;
    std::int64_t shard_s = -1;

    void raise(const LastSeconds& other);
    void raise(const StreamState& stream);
    friend bool operator==(const LastSeconds&, const LastSeconds&) = default;
};

// By account, region and name; purged streams only.
using EndedNames = PersistentMap<std::string, LastSeconds>;

// A log shard that an object owns. Its class bounds its use of cache and queue, so that media do not displace records.
struct OwnedShard {
    std::uint64_t uid = 0;
    ShardClass shard_class = ShardClass::records;
    friend bool operator==(const OwnedShard&, const OwnedShard&) = default;
};

// Uids of objects start here, so that they differ from the uids of streams and shards.
inline constexpr std::uint64_t first_object_uid = std::uint64_t{1} << 62;

// A resource of an account other than a stream: account settings, a channel, a queue and so on. Its settings are
// defined by its service and opaque here.
struct ObjectState {
    // On disk: never renumbered.
    enum class Kind : std::uint8_t {
        account_settings,
        channel,
        queue,
        delivery_stream,
        application,  // of Data Analytics
        video_stream,
        signaling_channel
    };
    Kind kind = Kind::account_settings;
    std::uint64_t uid = 0;  // never reused, so an object created again under its ARN has another uid
    std::string account;
    std::string region;
    std::string name;
    std::string arn;
    std::uint64_t version = 1;     // version of all fields but tags: incremented by each replacement
    std::uint64_t stream_uid = 0;  // the stream it reads; 0: none
    TimestampMs created_at;
    StreamStatus transition = StreamStatus::creating;  // as in StreamState
    TimestampMs transition_until;
    TimestampMs wake_at;  // when its service wants to process it; 0: never
    std::string settings;
    Tags tags;
    std::vector<OwnedShard> shards;

    [[nodiscard]] StreamStatus status(TimestampMs now) const {
        return now < transition_until || transition == StreamStatus::deleting ? transition : StreamStatus::active;
    }
    [[nodiscard]] bool is_gone(TimestampMs now) const {
        return transition == StreamStatus::deleting && now >= transition_until;
    }
    friend bool operator==(const ObjectState&, const ObjectState&) = default;
};

struct CredentialState {
    std::string access_key;
    std::string account;
    std::string user;
    std::string sealed_secret;  // see Keyring
    TimestampMs created_at;

    friend bool operator==(const CredentialState&, const CredentialState&) = default;
};

// The stored forms; equal states have equal bytes (docs/formats/catalog.md).
std::string encode(const StreamState& stream);
std::string encode(const CredentialState& credential);
std::string encode(const ObjectState& object);
std::string encode(const PendingReshard& reshard);
std::string encode(const EndedNames& names);

struct DecodeError {
    std::string_view what;
};
Expected<StreamState, DecodeError> decode_stream(std::string_view bytes);
Expected<PendingReshard, DecodeError> decode_reshard(std::string_view bytes);
Expected<CredentialState, DecodeError> decode_credential(std::string_view bytes);
Expected<ObjectState, DecodeError> decode_object(std::string_view bytes);
Expected<EndedNames, DecodeError> decode_ended_names(std::string_view bytes);

}  // namespace riacho::catalog
