// The header before the first Cluster: timecode scale and tracks; and tags anywhere in the stream.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace riacho::media {

enum class TrackType : std::uint8_t { video = 1, audio = 2, other = 0 };

struct TrackInfo {
    std::uint32_t number = 0;  // at least 1
    TrackType type = TrackType::other;
    std::string codec_id;
    std::string codec_private;
    std::uint32_t width = 0, height = 0;  // pixels
    double sampling_frequency = 0;        // Hz
    std::uint32_t channels = 0;
    std::uint64_t default_duration_ns = 0;  // of a frame; 0 if not given
};

struct HeaderInfo {
    std::uint64_t timecode_scale_ns = 1'000'000;  // duration of one timecode unit, 100 to 10^9
    std::vector<TrackInfo> tracks;                // in the order of the Tracks element, numbers unique
    bool reserved_tag = false;  // a tag before the first Cluster has a name that is reserved for the service

    [[nodiscard]] const TrackInfo* find(std::uint64_t number) const;
    // The first track of a type; null if there is none.
    [[nodiscard]] const TrackInfo* first(TrackType type) const;
};

enum class HeaderFault : std::uint8_t {
    invalid,         // the producer gets error 4006
    too_many_tracks  // more tracks than are allowed; 4012
};

// `block` is the block of MkvEvents::header_end, which is stored in front of every fragment. Checks EBML versions and
// DocType, Info, Tracks; tracks_max bounds the work.
Expected<HeaderInfo, HeaderFault> parse_mkv_header(ByteSpan block, std::size_t tracks_max = 3);

// Equal for headers whose tracks can be played with one another's initialisation: the first 8 bytes, as a little-endian
// number, of SHA-256 over number, type, codec id, private data, dimensions, rate and channels of all tracks. Not over
// the block, which differs in each session (SegmentUID, dates).
std::uint64_t config_id(const HeaderInfo& header);

// A name and a value from a Tags element.
struct MkvTag {
    std::string_view name;
    std::string_view value;  // of TagString or TagBinary
    bool of_track = false;   // its Tag has a target track: a muxer's statistics, not a producer's metadata
};

// The content of a Tags element; the views point into it. Nothing when it is malformed or nested.
Expected<std::vector<MkvTag>, HeaderFault> parse_tags(ByteSpan content);

// Names that are reserved for the service. AWS: all that begin with "AWS" but for the producer's own three and the
// image prefix (video spec 3.6).
bool is_reserved_tag(std::string_view name);
inline constexpr std::string_view tag_end_of_fragment = "AWS_KINESISVIDEO_END_OF_FRAGMENT",
                                  tag_image_generation = "AWS_KINESISVIDEO_IMAGE_GENERATION",
                                  tag_image_prefix = "AWS_KINESISVIDEO_IMAGE_PREFIX",
                                  tag_notification = "AWS_KINESISVIDEO_NOTIFICATION";

}  // namespace riacho::media
