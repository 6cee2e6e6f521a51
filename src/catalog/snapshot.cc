#include "catalog/snapshot.h"

#include <algorithm>

namespace riacho::catalog {

std::size_t Snapshot::bucket_of(std::string_view account, std::string_view region, std::string_view name) {
    const std::hash<std::string_view> hash;
    return (hash(name) ^ hash(region) * 3 ^ hash(account) * 5) % bucket_count;
}

Snapshot::StreamPointer Snapshot::find(std::string_view account, std::string_view region, std::string_view name) const {
    const auto& bucket = streams_->by_name[bucket_of(account, region, name)];
    if (bucket == nullptr) return nullptr;
    // A deleted stream may wait for its purge beside a new stream of the same name: the newer one is returned.
    const StreamPointer* newest = nullptr;
    for (const StreamPointer& stream : *bucket) {
        if (stream->name != name || stream->region != region || stream->account != account) continue;
        if (newest == nullptr || stream->uid > (*newest)->uid) newest = &stream;
    }
    return newest == nullptr ? nullptr : *newest;
}

Snapshot::StreamPointer Snapshot::find_by_uid(std::uint64_t uid) const {
    const auto& bucket = streams_->by_uid[uid % bucket_count];
    if (bucket == nullptr) return nullptr;
    const auto found = std::ranges::find(*bucket, uid, [](const StreamPointer& stream) { return stream->uid; });
    return found == bucket->end() ? nullptr : *found;
}

std::vector<Snapshot::StreamPointer> Snapshot::all_streams() const {
    std::vector<StreamPointer> streams;
    streams.reserve(streams_->count);
    for (const auto& bucket : streams_->by_uid) {
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
    const CredentialPointer* found = credentials_.find(access_key);
    return found == nullptr ? nullptr : *found;
}

Snapshot::CredentialPointer Snapshot::find_user(std::string_view user) const {
    CredentialPointer found;
    credentials_.for_each([&](const std::string&, const CredentialPointer& credential) {
        if (credential->user == user) found = credential;
        return found == nullptr;
    });
    return found;
}

std::vector<Snapshot::CredentialPointer> Snapshot::credentials() const {
    std::vector<CredentialPointer> all;
    all.reserve(credentials_.size());
    credentials_.for_each([&](const std::string&, const CredentialPointer& credential) {
        all.push_back(credential);
        return true;
    });
    return all;
}

namespace {

// A copy of the bucket without the stream of that uid.
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
    auto streams = std::make_shared<Streams>(*streams_);
    if (find_by_uid(stream->uid) == nullptr) ++streams->count;
    auto& named = streams->by_name[bucket_of(stream->account, stream->region, stream->name)];
    Bucket bucket = others(named, stream->uid);
    bucket.push_back(stream);
    named = std::make_shared<const Bucket>(std::move(bucket));
    auto& numbered = streams->by_uid[stream->uid % bucket_count];
    bucket = others(numbered, stream->uid);
    bucket.push_back(std::move(stream));
    numbered = std::make_shared<const Bucket>(std::move(bucket));
    auto next = std::make_shared<Snapshot>(*this);
    next->streams_ = std::move(streams);
    return next;
}

std::shared_ptr<const Snapshot> Snapshot::without(const StreamState& stream) const {
    auto streams = std::make_shared<Streams>(*streams_);
    if (find_by_uid(stream.uid) != nullptr) --streams->count;
    auto& named = streams->by_name[bucket_of(stream.account, stream.region, stream.name)];
    named = std::make_shared<const Bucket>(others(named, stream.uid));
    auto& numbered = streams->by_uid[stream.uid % bucket_count];
    numbered = std::make_shared<const Bucket>(others(numbered, stream.uid));
    auto next = std::make_shared<Snapshot>(*this);
    next->streams_ = std::move(streams);
    return next;
}

std::shared_ptr<const Snapshot> Snapshot::with(CredentialPointer credential) const {
    auto next = std::make_shared<Snapshot>(*this);
    std::string access_key = credential->access_key;
    next->credentials_ = credentials_.with(std::move(access_key), std::move(credential));
    return next;
}

std::shared_ptr<const Snapshot> Snapshot::without(const CredentialState& credential) const {
    auto next = std::make_shared<Snapshot>(*this);
    next->credentials_ = credentials_.without(credential.access_key);
    return next;
}

namespace {

// Maximum of names kept for the two seconds in which they matter; only tests purge more streams than that.
constexpr std::size_t ended_names_max = 10'000;

// Joins with line feeds, which account, region and name do not contain.
std::string ended_key(std::string_view account, std::string_view region, std::string_view name) {
    std::string key(account);
    key.append("\n").append(region).append("\n").append(name);
    return key;
}

}  // namespace

LastSeconds Snapshot::ended_name(std::string_view account, std::string_view region, std::string_view name) const {
    const LastSeconds* found = ended_names_.find(ended_key(account, region, name));
    return found == nullptr ? LastSeconds() : *found;
}

std::shared_ptr<const Snapshot> Snapshot::with_ended(const StreamState& stream, LastSeconds natural) const {
    auto next = std::make_shared<Snapshot>(*this);
    const std::string key = ended_key(stream.account, stream.region, stream.name);
    LastSeconds last = ended_name(stream.account, stream.region, stream.name);
    last.raise(stream);
    next->ended_names_ = ended_names_.with(key, last);
    if (next->ended_names_.size() < ended_sweep_at_) return next;
    // A sweep runs only when the number of names has doubled, because its cost is proportional to that number.
    EndedNames kept;
    next->ended_names_.for_each([&](const std::string& name, const LastSeconds& seconds) {
        const bool matters = seconds.created_s >= natural.created_s || seconds.shard_s >= natural.shard_s;
        if (matters) kept = kept.with(name, seconds);
        return kept.size() < ended_names_max;
    });
    next->ended_sweep_at_ = 2 * kept.size() + ended_sweep_min;
    next->ended_names_ = std::move(kept);
    return next;
}

std::shared_ptr<const Snapshot> Snapshot::with(EndedNames names) const {
    auto next = std::make_shared<Snapshot>(*this);
    next->ended_names_ = std::move(names);
    return next;
}

std::string Snapshot::name_key(ObjectState::Kind kind, std::string_view account, std::string_view region,
                               std::string_view name) {
    std::string key(1, static_cast<char>(kind));
    return key.append(account).append("\n").append(region).append("\n").append(name);
}

Snapshot::ObjectPointer Snapshot::find_object(std::uint64_t uid) const {
    const ObjectPointer* found = objects_.find(uid);
    return found == nullptr ? nullptr : *found;
}

Snapshot::ObjectPointer Snapshot::find_object(std::string_view arn) const {
    const ObjectPointer* found = objects_by_arn_.find(arn);
    return found == nullptr ? nullptr : *found;
}

Snapshot::ObjectPointer Snapshot::find_object(ObjectState::Kind kind, std::string_view account, std::string_view region,
                                              std::string_view name) const {
    const ObjectPointer* found = objects_by_name_.find(name_key(kind, account, region, name));
    return found == nullptr ? nullptr : *found;
}

std::vector<Snapshot::ObjectPointer> Snapshot::objects() const {
    std::vector<ObjectPointer> all;
    all.reserve(objects_.size());
    objects_.for_each([&](std::uint64_t, const ObjectPointer& object) {
        all.push_back(object);
        return true;
    });
    return all;
}

std::vector<Snapshot::ObjectPointer> Snapshot::objects_of(ObjectState::Kind kind, std::string_view account,
                                                          std::string_view region, std::size_t count_max) const {
    std::vector<ObjectPointer> found;
    const std::string first = name_key(kind, account, region, "");
    objects_by_name_.for_each_from(first, [&](const std::string& key, const ObjectPointer& object) {
        if (found.size() >= count_max || !key.starts_with(first)) return false;
        found.push_back(object);
        return true;
    });
    return found;
}

std::vector<Snapshot::ObjectPointer> Snapshot::objects_over(std::uint64_t stream_uid) const {
    std::vector<ObjectPointer> found;
    objects_over_.for_each_from(OverKey{stream_uid, 0}, [&](const OverKey& key, const ObjectPointer& object) {
        if (key.stream_uid != stream_uid) return false;
        found.push_back(object);
        return true;
    });
    return found;
}

std::shared_ptr<const Snapshot> Snapshot::with(ObjectPointer object) const {
    auto next = std::make_shared<Snapshot>(*this);
    next->objects_ = objects_.with(object->uid, object);
    // A deleted object that waits for its purge may have lost its ARN and name to a newer object.
    const auto put_newest = [&](auto& index, std::string key) {
        const ObjectPointer* present = index.find(key);
        if (present == nullptr || (*present)->uid <= object->uid) index = index.with(std::move(key), object);
    };
    put_newest(next->objects_by_arn_, object->arn);
    put_newest(next->objects_by_name_, name_key(object->kind, object->account, object->region, object->name));
    if (object->stream_uid != 0) {
        next->objects_over_ = objects_over_.with(OverKey{object->stream_uid, object->uid}, object);
    }
    return next;
}

std::shared_ptr<const Snapshot> Snapshot::without(const ObjectState& object) const {
    auto next = std::make_shared<Snapshot>(*this);
    next->objects_ = objects_.without(object.uid);
    const auto erase_own = [&](auto& index, const std::string& key) {
        const ObjectPointer* present = index.find(key);
        if (present != nullptr && (*present)->uid == object.uid) index = index.without(key);
    };
    erase_own(next->objects_by_arn_, object.arn);
    erase_own(next->objects_by_name_, name_key(object.kind, object.account, object.region, object.name));
    next->objects_over_ = objects_over_.without(OverKey{object.stream_uid, object.uid});
    next->progress_ = progress_.without_range({object.uid, ""}, {object.uid + 1, ""});
    return next;
}

std::shared_ptr<const Snapshot> Snapshot::with(Progress progress) const {
    auto next = std::make_shared<Snapshot>(*this);
    next->progress_ = std::move(progress);
    return next;
}

}  // namespace riacho::catalog
