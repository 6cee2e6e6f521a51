#include "catalog/detail/legacy.h"

#include "base/codec.h"
#include "catalog/detail/tags_codec.h"

namespace riacho::catalog::detail {
namespace {

constexpr std::uint8_t resource_format = 1;

std::vector<std::uint64_t> get_numbers(Decoder& in) {
    std::vector<std::uint64_t> numbers;
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) numbers.push_back(in.number<std::uint64_t>());
    // A larger record number is damage: no shard has had so many records.
    for (const std::uint64_t number : numbers) {
        if (number >= std::uint64_t{1} << 56) in.fail();
    }
    return numbers;
}

}  // namespace

Expected<LegacyResource, DecodeError> decode_legacy_resource(std::string_view bytes) {
    Decoder in(bytes);
    if (in.number<std::uint8_t>() != resource_format) return fail(DecodeError{"a resource of an unknown format"});
    LegacyResource resource;
    ObjectState& object = resource.object;
    const auto kind = in.number<std::uint8_t>();
    if (kind > static_cast<std::uint8_t>(ObjectState::Kind::queue)) in.fail();
    object.kind = static_cast<ObjectState::Kind>(kind);
    object.account = in.text();
    object.region = in.text();
    object.name = in.text();
    object.arn = in.text();
    object.stream_uid = in.number<std::uint64_t>();
    object.created_at = in.time();
    const auto transition = in.number<std::uint8_t>();
    if (transition > static_cast<std::uint8_t>(StreamStatus::deleting)) in.fail();
    object.transition = static_cast<StreamStatus>(transition);
    object.transition_until = in.time();
    object.settings = in.text();
    object.tags = get_tags(in);
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        LegacyQueueShard& shard = resource.queue_shards[in.number<std::uint64_t>()];
        shard.floor = in.number<std::uint64_t>();
        shard.done = get_numbers(in);
        shard.dead = get_numbers(in);
        shard.restored = get_numbers(in);
    }
    if (!in.ok() || in.left() != 0) return fail(DecodeError{"a resource that is cut short or too long"});
    return resource;
}

}  // namespace riacho::catalog::detail
