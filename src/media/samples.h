// Converts a stored Cluster to the samples of one track, with decoding times, which Matroska does not have.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "media/codec.h"

namespace riacho::media {

struct Sample {
    ByteSpan data;         // a view into the cluster
    std::int64_t dts = 0;  // in ticks of the track, from the Cluster's timecode; may be negative
    std::int64_t pts = 0;
    std::uint32_t duration = 0;  // to the next sample's dts
    bool key = false;
};

struct TrackSamples {
    std::uint32_t track = 0;
    std::uint32_t timescale = 0;
    std::vector<Sample> samples;  // in stored order, which is the decoding order; never empty
};

struct SampleOptions {
    std::uint64_t timecode_scale_ns = 1'000'000;
    std::uint32_t duration_ms = 0;  // of the fragment: determines the duration of the last video frame
};

enum class MediaFault : std::uint8_t {
    damaged_cluster,  // it differs from the cluster that was checked at the upload
    no_samples        // the cluster has no frames of the track
};

// Matroska has presentation times in decoding order: the decoding time of the i-th frame is the i-th smallest of them.
// Audio frames follow one another without gaps from the first one on, whose rounded time counts, until a time is off by
// more than a frame. `cluster` is one complete Cluster element.
Expected<TrackSamples, MediaFault> split_samples(const Playable::Track& track, ByteSpan cluster, SampleOptions options);

}  // namespace riacho::media
