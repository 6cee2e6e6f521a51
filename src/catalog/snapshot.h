// Snapshot: the whole catalog at one moment, for readers on any thread.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/persistent_map.h"
#include "catalog/model.h"
#include "catalog/progress.h"

namespace riacho::catalog {

// Immutable. A change of a stream copies one of 256 buckets and the table of buckets, any other change a path in a
// tree.
class Snapshot {
public:
    using StreamPointer = std::shared_ptr<const StreamState>;
    using CredentialPointer = std::shared_ptr<const CredentialState>;
    using ObjectPointer = std::shared_ptr<const ObjectState>;

    // Null if there is none. Streams that are gone but not purged are returned: callers check is_gone().
    [[nodiscard]] StreamPointer find(std::string_view account, std::string_view region, std::string_view name) const;
    [[nodiscard]] StreamPointer find_by_uid(std::uint64_t uid) const;
    // The streams of one account and region, sorted by name.
    [[nodiscard]] std::vector<StreamPointer> streams_of(std::string_view account, std::string_view region) const;
    [[nodiscard]] std::vector<StreamPointer> all_streams() const;
    [[nodiscard]] std::size_t stream_count() const { return streams_->count; }

    [[nodiscard]] CredentialPointer find_credential(std::string_view access_key) const;
    [[nodiscard]] CredentialPointer find_user(std::string_view user) const;
    [[nodiscard]] std::vector<CredentialPointer> credentials() const;

    // Null if there is none; callers check is_gone(). By ARN or name it returns the newest object.
    [[nodiscard]] ObjectPointer find_object(std::uint64_t uid) const;
    [[nodiscard]] ObjectPointer find_object(std::string_view arn) const;
    [[nodiscard]] ObjectPointer find_object(ObjectState::Kind kind, std::string_view account, std::string_view region,
                                            std::string_view name) const;
    // Sorted by uid, which is the order of creation.
    [[nodiscard]] std::vector<ObjectPointer> objects() const;
    // Objects of one kind, account and region, sorted by name, at most count_max.
    [[nodiscard]] std::vector<ObjectPointer> objects_of(
        ObjectState::Kind kind, std::string_view account, std::string_view region,
        std::size_t count_max = std::numeric_limits<std::size_t>::max()) const;
    // The objects that read the stream.
    [[nodiscard]] std::vector<ObjectPointer> objects_over(std::uint64_t stream_uid) const;
    [[nodiscard]] std::size_t object_count() const { return objects_.size(); }
    [[nodiscard]] std::size_t credential_count() const { return credentials_.size(); }

    [[nodiscard]] const Progress& progress() const { return progress_; }

    // The seconds of a purged stream of that name that a new stream must not reuse; -1 if there are none.
    [[nodiscard]] LastSeconds ended_name(std::string_view account, std::string_view region,
                                         std::string_view name) const;
    [[nodiscard]] const EndedNames& ended_names() const { return ended_names_; }
    // Adds a purged stream's seconds, and removes, from time to time, seconds that a new stream cannot get any more;
    // natural: the seconds that a stream created now would get.
    [[nodiscard]] std::shared_ptr<const Snapshot> with_ended(const StreamState& stream, LastSeconds natural) const;
    [[nodiscard]] std::shared_ptr<const Snapshot> with(EndedNames names) const;

    // Copies with one item added or replaced (by uid, by access key), or removed.
    [[nodiscard]] std::shared_ptr<const Snapshot> with(StreamPointer stream) const;
    [[nodiscard]] std::shared_ptr<const Snapshot> without(const StreamState& stream) const;
    [[nodiscard]] std::shared_ptr<const Snapshot> with(CredentialPointer credential) const;
    [[nodiscard]] std::shared_ptr<const Snapshot> without(const CredentialState& credential) const;
    [[nodiscard]] std::shared_ptr<const Snapshot> with(ObjectPointer object) const;
    // Removes the object and its progress.
    [[nodiscard]] std::shared_ptr<const Snapshot> without(const ObjectState& object) const;
    [[nodiscard]] std::shared_ptr<const Snapshot> with(Progress progress) const;

private:
    static constexpr std::size_t bucket_count = 256;
    static constexpr std::size_t ended_sweep_min = 64;
    using Bucket = std::vector<StreamPointer>;
    using Table = std::array<std::shared_ptr<const Bucket>, bucket_count>;
    // Kind, account, region and name as one sort key.
    static std::string name_key(ObjectState::Kind kind, std::string_view account, std::string_view region,
                                std::string_view name);
    static std::size_t bucket_of(std::string_view account, std::string_view region, std::string_view name);

    // Shared by snapshots with the same streams.
    struct Streams {
        Table by_name;
        Table by_uid;
        std::size_t count = 0;
    };
    struct OverKey {
        std::uint64_t stream_uid = 0;
        std::uint64_t object_uid = 0;
        friend auto operator<=>(const OverKey&, const OverKey&) = default;
    };
    struct OverKeyHash {
        std::size_t operator()(const OverKey& key) const { return key.stream_uid * 31 ^ key.object_uid; }
    };

    std::shared_ptr<const Streams> streams_ = std::make_shared<const Streams>();
    PersistentMap<std::string, CredentialPointer> credentials_;  // by access key
    PersistentMap<std::uint64_t, ObjectPointer> objects_;        // by uid
    PersistentMap<std::string, ObjectPointer> objects_by_arn_;
    PersistentMap<std::string, ObjectPointer> objects_by_name_;  // by name_key
    PersistentMap<OverKey, ObjectPointer, OverKeyHash> objects_over_;
    Progress progress_;
    EndedNames ended_names_;
    std::size_t ended_sweep_at_ = ended_sweep_min;  // the number of names at which the next sweep runs
};

}  // namespace riacho::catalog
