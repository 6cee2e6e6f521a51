// Chunks: fragments for readers, each a Matroska document with the service's tags.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "aws/streaming.h"
#include "core/task_fwd.h"
#include "media/mkv_write.h"
#include "video/fragment.h"

namespace riacho::video {

struct ChunkForm {
    media::TagSpelling spelling = media::TagSpelling::get_media;
    // The delay behind the newest fragment; if given, the chunk has GetMedia's tags behind the Cluster.
    std::optional<std::int64_t> millis_behind;
};

// Writes a chunk without copying its media: header block, head tags, Cluster, elements behind it, tail tags. False: the
// client has gone.
Task<bool> write_chunk(aws::BodyWriter& writer, std::shared_ptr<const Fragment> fragment, ChunkForm form);

// AWS: the ids of errors inside a body (video spec 4.1).
inline constexpr int chunk_error_reading = 3002, chunk_error_not_found = 4000, chunk_error_internal = 5000;

// Written instead of a chunk that cannot be read: the number and the error. The body ends after it.
Task<bool> write_error_chunk(aws::BodyWriter& writer, media::FragmentNumber number, int error_id,
                             media::TagSpelling spelling);

}  // namespace riacho::video
