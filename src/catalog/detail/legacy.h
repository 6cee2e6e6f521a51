// What version 1 of the catalog kept of channels, queues and account settings, so that its directories can be read. A
// resource held the progress of its queue; an ARN was its identity.
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
