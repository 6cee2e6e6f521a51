// PutMedia. AWS: faults in the head of the request are errors of the call; later faults are ERROR acknowledgements.
#include "video/put_media.h"

#include "aws/gen/video_media/errors.gen.h"
#include "aws/gen/video_media/types_put_media.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "video/ops/ops.h"
#include "video/stream_homes.h"

namespace riacho::video {

namespace errors = media_api::errors;

Task<Result<aws::Download<media_api::PutMediaOutput>>> put_media(VideoOp op, media_api::PutMediaInput request,
                                                                 aws::BodyReader* body) {
    if (request.stream_name.has_value() == request.stream_arn.has_value()) {
        co_return fail(errors::not_one_of_name_and_arn());
    }
    CO_TRY(const StreamRef stream, op.resolve_active(request.stream_name, request.stream_arn));
    if (request.producer_start_timestamp.value() < 0) {
        co_return fail(errors::invalid_argument("x-amzn-producer-start-timestamp must not be negative."));
    }
    Service& service = op.service();
    auto counters = service.metrics.of(stream.uid(), stream.name());
    ++counters->put_requests;
    if (service.homes.sessions >= service.options.sessions_max) co_return fail(errors::too_many_connections());
    auto home = service.homes.of(stream);
    if (home->is_refused()) co_return fail(errors::too_many_requests());
    auto writer = home->join(service.options.writers_max);
    if (writer == nullptr) co_return fail(errors::too_many_connections());
    PutMediaHead head;
    head.timecode_type = request.fragment_timecode_type == media_api::FragmentTimecodeType::relative
                             ? media::TimecodeType::relative
                             : media::TimecodeType::absolute;
    head.start_ms = request.producer_start_timestamp.value();
    head.acknowledge = request.fragment_acknowledgment_required.value_or(true);
    auto session = std::make_shared<PutMediaSession>(op.core(), service, std::move(home), std::move(writer),
                                                     std::move(counters), head, *body);
    aws::Download<media_api::PutMediaOutput> reply;
    reply.producer = [session = std::move(session)](aws::BodyWriter& out) { return session->run(out); };
    co_return reply;
}

}  // namespace riacho::video
