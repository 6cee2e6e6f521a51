// Every operation of every model, for tests and fuzz targets.
#pragma once

#include "aws/gen/analytics_v1/types.gen.h"
#include "aws/gen/analytics_v2/types.gen.h"
#include "aws/gen/firehose/types.gen.h"
#include "aws/gen/kinesis/types.gen.h"
#include "aws/gen/video/types.gen.h"
#include "aws/gen/video_archived_media/types.gen.h"
#include "aws/gen/video_media/types.gen.h"
#include "aws/gen/video_signaling/types.gen.h"
#include "aws/gen/video_webrtc_storage/types.gen.h"

namespace riacho::api {

// Calls visit.operator()<Operation>(model) for each.
template <class Visitor>
void for_each_operation(Visitor&& visit) {
    const auto all = [&]<template <class...> class List, class... Operations>(const aws::ServiceModel& model,
                                                                              List<Operations...>) {
        (visit.template operator()<Operations>(model), ...);
    };
    all(kinesis::model, kinesis::AllOperations());
    all(firehose::model, firehose::AllOperations());
    all(analytics_v1::model, analytics_v1::AllOperations());
    all(analytics_v2::model, analytics_v2::AllOperations());
    all(video::model, video::AllOperations());
    all(video_archived_media::model, video_archived_media::AllOperations());
    all(video_media::model, video_media::AllOperations());
    all(video_signaling::model, video_signaling::AllOperations());
    all(video_webrtc_storage::model, video_webrtc_storage::AllOperations());
}

}  // namespace riacho::api
