// The error ids of PutMedia's acknowledgements.
#pragma once

#include <cstdint>
#include <string_view>

namespace riacho::media {

// AWS: the ids of PutMedia's ERROR acknowledgements (video spec 3.4).
enum class AckError : std::uint16_t {
    stream_read_error = 4000,
    max_fragment_size_reached = 4001,
    max_fragment_duration_reached = 4002,
    max_connection_duration_reached = 4003,
    fragment_timecode_lesser_than_previous = 4004,
    invalid_mkv_data = 4006,
    invalid_producer_timestamp = 4007,
    stream_not_active = 4008,
    fragment_metadata_limit_reached = 4009,
    track_number_mismatch = 4010,
    frames_missing_for_track = 4011,
    more_than_allowed_tracks_found = 4012,
    stream_deleted = 4507,
    internal_error = 5000,
    archival_error = 5001,
};

// The ErrorCode text that goes with the id, such as "INVALID_MKV_DATA".
std::string_view to_text(AckError error);

}  // namespace riacho::media
