#include "media/ack_error.h"

namespace riacho::media {

std::string_view to_text(AckError error) {
    switch (error) {
        case AckError::stream_read_error:
            return "STREAM_READ_ERROR";
        case AckError::max_fragment_size_reached:
            return "MAX_FRAGMENT_SIZE_REACHED";
        case AckError::max_fragment_duration_reached:
            return "MAX_FRAGMENT_DURATION_REACHED";
        case AckError::max_connection_duration_reached:
            return "MAX_CONNECTION_DURATION_REACHED";
        case AckError::fragment_timecode_lesser_than_previous:
            return "FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS";
        case AckError::invalid_mkv_data:
            return "INVALID_MKV_DATA";
        case AckError::invalid_producer_timestamp:
            return "INVALID_PRODUCER_TIMESTAMP";
        case AckError::stream_not_active:
            return "STREAM_NOT_ACTIVE";
        case AckError::fragment_metadata_limit_reached:
            return "FRAGMENT_METADATA_LIMIT_REACHED";
        case AckError::track_number_mismatch:
            return "TRACK_NUMBER_MISMATCH";
        case AckError::frames_missing_for_track:
            return "FRAMES_MISSING_FOR_TRACK";
        case AckError::more_than_allowed_tracks_found:
            return "MORE_THAN_ALLOWED_TRACKS_FOUND";
        case AckError::stream_deleted:
            return "STREAM_DELETED";
        case AckError::internal_error:
            return "INTERNAL_ERROR";
        case AckError::archival_error:
            return "ARCHIVAL_ERROR";
    }
    return "INTERNAL_ERROR";
}

}  // namespace riacho::media
