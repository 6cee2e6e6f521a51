// Decodes version 1's form of channels, queues and account settings, to open directories of that version. There a
// resource held the progress of its queue, and its ARN was its identity.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>

#include "base/result.h"
#include "catalog/model.h"
#include "catalog/queue_progress.h"

namespace riacho::catalog::detail {

struct LegacyResource {
    ObjectState object;                                      // without a uid
    std::map<std::uint64_t, LegacyQueueShard> queue_shards;  // by shard uid
};

Expected<LegacyResource, DecodeError> decode_legacy_resource(std::string_view bytes);

}  // namespace riacho::catalog::detail
