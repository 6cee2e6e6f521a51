// Snapshot: the whole catalog at one moment, for readers on any thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/model.h"

namespace riacho::catalog {

// Immutable. A change copies one of 256 buckets and the table of buckets, whatever the number of streams.
class Snapshot {
public:
    using StreamPointer = std::shared_ptr<const StreamState>;
    using CredentialPointer = std::shared_ptr<const CredentialState>;
    using ResourcePointer = std::shared_ptr<const ResourceState>;

    // Null if there is none. Streams that are gone but not purged are still found: callers look at is_gone().
    [[nodiscard]] StreamPointer find(std::string_view account, std::string_view region, std::string_view name) const;
    [[nodiscard]] StreamPointer find_by_uid(std::uint64_t uid) const;
    // The streams of one account and region by name.
    [[nodiscard]] std::vector<StreamPointer> streams_of(std::string_view account, std::string_view region) const;
    [[nodiscard]] std::vector<StreamPointer> all_streams() const;
    [[nodiscard]] std::size_t stream_count() const { return stream_count_; }

    [[nodiscard]] CredentialPointer find_credential(std::string_view access_key) const;
    [[nodiscard]] CredentialPointer find_user(std::string_view user) const;
    [[nodiscard]] std::vector<CredentialPointer> credentials() const;

    // Null if there is none; callers look at is_gone().
    [[nodiscard]] ResourcePointer find_resource(std::string_view arn) const;
    // By ARN.
    [[nodiscard]] std::vector<ResourcePointer> resources() const;

    // The seconds of a purged stream of that name that a new one must not get again; -1 when any will do.
    [[nodiscard]] LastSeconds ended_name(std::string_view account, std::string_view region,
                                         std::string_view name) const;
    [[nodiscard]] const EndedNames& ended_names() const;
    // Remembers a purged stream's seconds, and forgets those that time has passed: what a new stream would get now.
    [[nodiscard]] std::shared_ptr<const Snapshot> with_ended(const StreamState& stream, LastSeconds natural) const;
    [[nodiscard]] std::shared_ptr<const Snapshot> with(EndedNames names) const;

    // The state with one thing added or replaced (by uid, by access key, by ARN), or removed.
    [[nodiscard]] std::shared_ptr<const Snapshot> with(StreamPointer stream) const;
    [[nodiscard]] std::shared_ptr<const Snapshot> without(const StreamState& stream) const;
    [[nodiscard]] std::shared_ptr<const Snapshot> with(CredentialPointer credential) const;
    [[nodiscard]] std::shared_ptr<const Snapshot> without(const CredentialState& credential) const;
    [[nodiscard]] std::shared_ptr<const Snapshot> with(ResourcePointer resource) const;
    [[nodiscard]] std::shared_ptr<const Snapshot> without(const ResourceState& resource) const;

private:
    static constexpr std::size_t bucket_count = 256;
    using Bucket = std::vector<StreamPointer>;
    using Table = std::array<std::shared_ptr<const Bucket>, bucket_count>;
    using Credentials = std::map<std::string, CredentialPointer, std::less<>>;
    using Resources = std::map<std::string, ResourcePointer, std::less<>>;

    static std::size_t bucket_of(std::string_view account, std::string_view region, std::string_view name);

    Table by_name_;
    Table by_uid_;
    std::shared_ptr<const Credentials> credentials_;
    std::shared_ptr<const Resources> resources_;
    std::shared_ptr<const EndedNames> ended_names_;
    std::size_t stream_count_ = 0;
};

}  // namespace riacho::catalog
