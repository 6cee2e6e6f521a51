#include "catalog/snapshot.h"

#include <algorithm>

namespace riacho::catalog {

std::size_t Snapshot::bucket_of(std::string_view account, std::string_view region, std::string_view name) {
    const std::hash<std::string_view> hash;
    return (hash(name) ^ hash(region) * 3 ^ hash(account) * 5) % bucket_count;
}

Snapshot::StreamPointer Snapshot::find(std::string_view account, std::string_view region, std::string_view name) const {
    const auto& bucket = by_name_[bucket_of(account, region, name)];
    if (bucket == nullptr) return nullptr;
    // A deleted stream may still wait for its purge beside the one that took its name: the newer one is meant.
    const StreamPointer* newest = nullptr;
    for (const StreamPointer& stream : *bucket) {
        if (stream->name != name || stream->region != region || stream->account != account) continue;
        if (newest == nullptr || stream->uid > (*newest)->uid) newest = &stream;
    }
    return newest == nullptr ? nullptr : *newest;
}

Snapshot::StreamPointer Snapshot::find_by_uid(std::uint64_t uid) const {
    const auto& bucket = by_uid_[uid % bucket_count];
    if (bucket == nullptr) return nullptr;
    const auto found = std::ranges::find(*bucket, uid, [](const StreamPointer& stream) { return stream->uid; });
    return found == bucket->end() ? nullptr : *found;
}

std::vector<Snapshot::StreamPointer> Snapshot::all_streams() const {
    std::vector<StreamPointer> streams;
    streams.reserve(stream_count_);
    for (const auto& bucket : by_uid_) {
        if (bucket != nullptr) streams.insert(streams.end(), bucket->begin(), bucket->end());
    }
    return streams;
}

std::vector<Snapshot::StreamPointer> Snapshot::streams_of(std::string_view account, std::string_view region) const {
    std::vector<StreamPointer> streams = all_streams();
    std::erase_if(streams,
                  [&](const StreamPointer& stream) { return stream->account != account || stream->region != region; });
    std::ranges::sort(streams, {}, [](const StreamPointer& stream) -> const std::string& { return stream->name; });
    return streams;
}

Snapshot::CredentialPointer Snapshot::find_credential(std::string_view access_key) const {
    if (credentials_ == nullptr) return nullptr;
    const auto found = credentials_->find(access_key);
    return found == credentials_->end() ? nullptr : found->second;
}

Snapshot::CredentialPointer Snapshot::find_user(std::string_view user) const {
    for (const CredentialPointer& credential : credentials()) {
        if (credential->user == user) return credential;
    }
    return nullptr;
}

std::vector<Snapshot::CredentialPointer> Snapshot::credentials() const {
    std::vector<CredentialPointer> all;
    if (credentials_ == nullptr) return all;
    for (const auto& [access_key, credential] : *credentials_) all.push_back(credential);
    return all;
}

namespace {

// A bucket without the stream of that uid.
template <class Bucket>
Bucket others(const std::shared_ptr<const Bucket>& bucket, std::uint64_t uid) {
    Bucket copy;
    if (bucket == nullptr) return copy;
    copy.reserve(bucket->size() + 1);
    for (const auto& stream : *bucket) {
        if (stream->uid != uid) copy.push_back(stream);
    }
    return copy;
}

}  // namespace

std::shared_ptr<const Snapshot> Snapshot::with(StreamPointer stream) const {
    auto next = std::make_shared<Snapshot>(*this);
    if (find_by_uid(stream->uid) == nullptr) ++next->stream_count_;
    auto& named = next->by_name_[bucket_of(stream->account, stream->region, stream->name)];
    Bucket bucket = others(named, stream->uid);
    bucket.push_back(stream);
    named = std::make_shared<const Bucket>(std::move(bucket));
    auto& numbered = next->by_uid_[stream->uid % bucket_count];
    bucket = others(numbered, stream->uid);
    bucket.push_back(std::move(stream));
    numbered = std::make_shared<const Bucket>(std::move(bucket));
    return next;
}

std::shared_ptr<const Snapshot> Snapshot::without(const StreamState& stream) const {
    auto next = std::make_shared<Snapshot>(*this);
    if (find_by_uid(stream.uid) != nullptr) --next->stream_count_;
    auto& named = next->by_name_[bucket_of(stream.account, stream.region, stream.name)];
    named = std::make_shared<const Bucket>(others(named, stream.uid));
    auto& numbered = next->by_uid_[stream.uid % bucket_count];
    numbered = std::make_shared<const Bucket>(others(numbered, stream.uid));
    return next;
}

std::shared_ptr<const Snapshot> Snapshot::with(CredentialPointer credential) const {
    auto next = std::make_shared<Snapshot>(*this);
    Credentials copy = credentials_ == nullptr ? Credentials{} : *credentials_;
    std::string access_key = credential->access_key;
    copy[std::move(access_key)] = std::move(credential);
    next->credentials_ = std::make_shared<const Credentials>(std::move(copy));
    return next;
}

std::shared_ptr<const Snapshot> Snapshot::without(const CredentialState& credential) const {
    auto next = std::make_shared<Snapshot>(*this);
    Credentials copy = credentials_ == nullptr ? Credentials{} : *credentials_;
    copy.erase(credential.access_key);
    next->credentials_ = std::make_shared<const Credentials>(std::move(copy));
    return next;
}

namespace {

// Names that end within the two seconds for which they matter; more are purged only by a test that does nothing else.
constexpr std::size_t ended_names_max = 10'000;

// The parts hold no control characters.
std::string ended_key(std::string_view account, std::string_view region, std::string_view name) {
    std::string key(account);
    key.append("\n").append(region).append("\n").append(name);
    return key;
}

}  // namespace

LastSeconds Snapshot::ended_name(std::string_view account, std::string_view region, std::string_view name) const {
    const auto found = ended_names().find(ended_key(account, region, name));
    return found == ended_names().end() ? LastSeconds() : found->second;
}

const EndedNames& Snapshot::ended_names() const {
    static const EndedNames none;
    return ended_names_ == nullptr ? none : *ended_names_;
}

std::shared_ptr<const Snapshot> Snapshot::with_ended(const StreamState& stream, LastSeconds natural) const {
    EndedNames names;
    for (const auto& entry : ended_names()) {
        const bool matters = entry.second.created_s >= natural.created_s || entry.second.shard_s >= natural.shard_s;
        if (matters && names.size() < ended_names_max) names.insert(names.end(), entry);
    }
    names[ended_key(stream.account, stream.region, stream.name)].raise(stream);
    return with(std::move(names));
}

std::shared_ptr<const Snapshot> Snapshot::with(EndedNames names) const {
    auto next = std::make_shared<Snapshot>(*this);
    next->ended_names_ = std::make_shared<const EndedNames>(std::move(names));
    return next;
}

Snapshot::ResourcePointer Snapshot::find_resource(std::string_view arn) const {
    if (resources_ == nullptr) return nullptr;
    const auto found = resources_->find(arn);
    return found == resources_->end() ? nullptr : found->second;
}

std::vector<Snapshot::ResourcePointer> Snapshot::resources() const {
    std::vector<ResourcePointer> all;
    if (resources_ == nullptr) return all;
    for (const auto& [arn, resource] : *resources_) all.push_back(resource);
    return all;
}

std::shared_ptr<const Snapshot> Snapshot::with(ResourcePointer resource) const {
    auto next = std::make_shared<Snapshot>(*this);
    Resources copy = resources_ == nullptr ? Resources{} : *resources_;
    std::string arn = resource->arn;
    copy[std::move(arn)] = std::move(resource);
    next->resources_ = std::make_shared<const Resources>(std::move(copy));
    return next;
}

std::shared_ptr<const Snapshot> Snapshot::without(const ResourceState& resource) const {
    auto next = std::make_shared<Snapshot>(*this);
    Resources copy = resources_ == nullptr ? Resources{} : *resources_;
    copy.erase(resource.arn);
    next->resources_ = std::make_shared<const Resources>(std::move(copy));
    return next;
}

}  // namespace riacho::catalog
