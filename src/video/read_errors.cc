#include "video/read_errors.h"

#include <utility>

#include "aws/gen/video_archived_media/errors.gen.h"

namespace riacho::video {

namespace errors = api::video_archived_media::errors;

aws::ApiError to_api(ReadError error) {
    switch (error) {
        case ReadError::gone:
            return errors::stream_not_found();
        case ReadError::unavailable:
            return errors::overloaded();
        case ReadError::damaged:
            return errors::internal_failure();
    }
    std::unreachable();
}

}  // namespace riacho::video
