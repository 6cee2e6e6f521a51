// Fragmented MP4: the initialisation of a track, and its samples as media segments (ISO 14496-12, video spec 4.9).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/bytes.h"
#include "media/codec.h"
#include "media/samples.h"

namespace riacho::media {

// ftyp and moov of one track; the track's id is its number.
Buffer make_init(const Playable::Track& track);

// moof and mdat. The samples' bytes are views into the fragment, so that a reply is written without copying media.
struct MediaSegment {
    Buffer head;  // styp, moof, and the head of mdat
    std::vector<ByteSpan> payload;
    std::size_t size = 0;  // of all
};

// base: the track's media time at the Cluster's timecode, in ticks; the first sample is not decoded before 0.
// `sequence` is the moof's.
MediaSegment make_segment(const TrackSamples& track, std::uint32_t sequence, std::int64_t base);

}  // namespace riacho::media
