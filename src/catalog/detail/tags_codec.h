// Codecs shared by commands and stored states: tags (a list of name and value, sorted by name), classes of shards.
#pragma once

#include "base/codec.h"
#include "catalog/model.h"

namespace riacho::catalog::detail {

void put(Encoder& out, const Tags& tags);
Tags get_tags(Decoder& in);

ShardClass get_shard_class(Decoder& in);

}  // namespace riacho::catalog::detail
