#include "catalog/detail/tags_codec.h"

namespace riacho::catalog::detail {

void put(Encoder& out, const Tags& tags) {
    out.varint(tags.size());
    for (const auto& [name, value] : tags) {
        out.text(name);
        out.text(value);
    }
}

Tags get_tags(Decoder& in) {
    Tags tags;
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        std::string name(in.text());
        tags[std::move(name)] = in.text();
    }
    return tags;
}

ShardClass get_shard_class(Decoder& in) {
    const auto shard_class = in.number<std::uint8_t>();
    if (shard_class > static_cast<std::uint8_t>(ShardClass::media)) in.fail();
    return static_cast<ShardClass>(shard_class);
}

}  // namespace riacho::catalog::detail
