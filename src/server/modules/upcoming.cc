#include "server/modules/upcoming.h"

#include "aws/gen/analytics_v1/operations.gen.h"
#include "aws/gen/analytics_v2/operations.gen.h"
#include "aws/gen/firehose/operations.gen.h"
#include "aws/gen/video/operations.gen.h"
#include "aws/gen/video_archived_media/operations.gen.h"
#include "aws/gen/video_media/operations.gen.h"
#include "aws/gen/video_signaling/operations.gen.h"
#include "aws/gen/video_webrtc_storage/operations.gen.h"
#include "aws/operation.h"

namespace riacho::server {
namespace {

template <std::size_t count>
aws::ServiceEntry entry(const aws::ServiceModel& model, const std::array<aws::OperationInfo, count>& operations,
                        bool runs) {
    return {.model = &model, .operations = aws::not_yet(operations), .runs = runs};
}

}  // namespace

std::vector<aws::ServiceEntry> UpcomingModule::entries() {
    std::vector<aws::ServiceEntry> services;
    // Services that have a module of their own stand here only while they do not run.
    if (!services_.firehose) {
        services.push_back(entry(api::firehose::model, api::firehose::operations, false));
    }
    if (!services_.analytics) {
        services.push_back(entry(api::analytics_v1::model, api::analytics_v1::operations, false));
        services.push_back(entry(api::analytics_v2::model, api::analytics_v2::operations, false));
    }
    if (!services_.video) {
        services.push_back(entry(api::video::model, api::video::operations, false));
        services.push_back(entry(api::video_archived_media::model, api::video_archived_media::operations, false));
        services.push_back(entry(api::video_media::model, api::video_media::operations, false));
        services.push_back(entry(api::video_signaling::model, api::video_signaling::operations, false));
        services.push_back(entry(api::video_webrtc_storage::model, api::video_webrtc_storage::operations, false));
    }
    return services;
}

}  // namespace riacho::server
