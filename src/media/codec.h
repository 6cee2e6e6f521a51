// Codecs of tracks that can be played: Matroska codec ids and their private data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "media/mkv_header.h"

namespace riacho::media {

enum class CodecKind : std::uint8_t { h264, aac, other };
CodecKind codec_kind(const TrackInfo& track);

// AWS has an error for each (video spec 4.4).
enum class CodecFault : std::uint8_t {
    unsupported,           // the codec id is not one that can be played
    missing_private_data,  // there is no configuration record
    invalid_private_data   // it cannot be read
};

// The properties of a track for its initialisation segment and for master playlists.
struct TrackConfig {
    CodecKind kind = CodecKind::other;
    std::string codecs;        // RFC 6381, such as "avc1.42c032"
    std::string private_data;  // as given in the track
    std::uint32_t width = 0;   // of the picture, as the parameter set crops it
    std::uint32_t height = 0;
    std::uint32_t timescale = 0;    // of the track: ticks per second
    std::uint32_t frame_ticks = 0;  // of an audio frame; 0 for video
    std::uint16_t channels = 0;
    std::uint8_t nal_length_size = 0;  // of H.264
};

// Reads the private data of a track of H.264 (AVCDecoderConfigurationRecord) or AAC (AudioSpecificConfig).
// timecode_scale_ns: the header's; video counts in milliseconds, or in 1/90000 s if timecodes are finer.
Expected<TrackConfig, CodecFault> read_track_config(const TrackInfo& track, std::uint64_t timecode_scale_ns);

// The tracks of a header in the order of their numbers. AWS: video is track 1 and audio track 2, or audio alone is
// track 1 (video spec 4.4); here any numbers are accepted: at most one track of each type; others are not played.
struct Playable {
    struct Track {
        std::uint32_t number = 0;
        TrackConfig config;
    };
    std::vector<Track> tracks;  // video first

    [[nodiscard]] const Track* find(std::uint32_t number) const;
    // Whether a player can continue from one to the other with a new initialisation: same numbers and codecs.
    [[nodiscard]] bool continues(const Playable& other) const;
};
Expected<Playable, CodecFault> read_playable(const HeaderInfo& header);

}  // namespace riacho::media
