// The retention of fragments, and the choice of their store.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "catalog/model.h"
#include "log/fwd.h"
#include "video/stream.h"

namespace riacho::video {

// AWS: ten years (video spec 2.1).
inline constexpr std::int32_t retention_hours_max = 87'600;
inline std::string_view retention_text() { return "DataRetentionInHours must be from 0 to 87600."; }

// The log shards of a stream with retention: media, and the index of it.
inline std::vector<catalog::ShardClass> archive_shards() {
    return {catalog::ShardClass::media, catalog::ShardClass::records};
}

// Sets the retention of the stream's shards in the log. Not stored there: to be called at every start and after every
// change.
void set_log_retention(log::RecordLog& log, const StreamRef& stream);

}  // namespace riacho::video
