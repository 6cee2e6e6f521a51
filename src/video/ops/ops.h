// The operations of Video Streams: one function each, listed in operations.cc.
#pragma once

#include "aws/gen/video/operations.gen.h"
#include "aws/gen/video_archived_media/operations.gen.h"
#include "aws/gen/video_media/operations.gen.h"
#include "aws/streaming.h"
#include "core/task_fwd.h"
#include "video/service.h"

namespace riacho::video {

namespace api = riacho::api::video;
namespace media_api = riacho::api::video_media;
namespace archive_api = riacho::api::video_archived_media;

Task<Result<api::CreateStreamOutput>> create_stream(VideoOp op, api::CreateStreamInput request);
Task<Result<api::DescribeStreamOutput>> describe_stream(VideoOp op, api::DescribeStreamInput request);
Task<Result<api::ListStreamsOutput>> list_streams(VideoOp op, api::ListStreamsInput request);
Task<Result<api::UpdateStreamOutput>> update_stream(VideoOp op, api::UpdateStreamInput request);
Task<Result<api::DeleteStreamOutput>> delete_stream(VideoOp op, api::DeleteStreamInput request);
Task<Result<api::UpdateDataRetentionOutput>> update_data_retention(VideoOp op, api::UpdateDataRetentionInput request);
Task<Result<api::DescribeStreamStorageConfigurationOutput>> describe_stream_storage_configuration(
    VideoOp op, api::DescribeStreamStorageConfigurationInput request);
Task<Result<api::UpdateStreamStorageConfigurationOutput>> update_stream_storage_configuration(
    VideoOp op, api::UpdateStreamStorageConfigurationInput request);
Task<Result<api::GetDataEndpointOutput>> get_data_endpoint(VideoOp op, api::GetDataEndpointInput request);

Task<Result<api::TagStreamOutput>> tag_stream(VideoOp op, api::TagStreamInput request);
Task<Result<api::UntagStreamOutput>> untag_stream(VideoOp op, api::UntagStreamInput request);
Task<Result<api::ListTagsForStreamOutput>> list_tags_for_stream(VideoOp op, api::ListTagsForStreamInput request);
Task<Result<api::TagResourceOutput>> tag_resource(VideoOp op, api::TagResourceInput request);
Task<Result<api::UntagResourceOutput>> untag_resource(VideoOp op, api::UntagResourceInput request);
Task<Result<api::ListTagsForResourceOutput>> list_tags_for_resource(VideoOp op, api::ListTagsForResourceInput request);

Task<Result<aws::Download<media_api::PutMediaOutput>>> put_media(VideoOp op, media_api::PutMediaInput request,
                                                                 aws::BodyReader* body);

Task<Result<aws::Download<media_api::GetMediaOutput>>> get_media(VideoOp op, media_api::GetMediaInput request);
Task<Result<aws::Download<archive_api::GetMediaForFragmentListOutput>>> get_media_for_fragment_list(
    VideoOp op, archive_api::GetMediaForFragmentListInput request);
Task<Result<archive_api::GetHLSStreamingSessionURLOutput>> get_hls_streaming_session_url(
    VideoOp op, archive_api::GetHLSStreamingSessionURLInput request);
Task<Result<archive_api::ListFragmentsOutput>> list_fragments(VideoOp op, archive_api::ListFragmentsInput request);

}  // namespace riacho::video
