#include "video/operations.h"

#include "aws/gen/video/operations.gen.h"
#include "aws/gen/video/types_create_stream.gen.h"
#include "aws/gen/video/types_delete_stream.gen.h"
#include "aws/gen/video/types_describe_stream.gen.h"
#include "aws/gen/video/types_describe_stream_storage_configuration.gen.h"
#include "aws/gen/video/types_get_data_endpoint.gen.h"
#include "aws/gen/video/types_list_streams.gen.h"
#include "aws/gen/video/types_list_tags_for_resource.gen.h"
#include "aws/gen/video/types_list_tags_for_stream.gen.h"
#include "aws/gen/video/types_tag_resource.gen.h"
#include "aws/gen/video/types_tag_stream.gen.h"
#include "aws/gen/video/types_untag_resource.gen.h"
#include "aws/gen/video/types_untag_stream.gen.h"
#include "aws/gen/video/types_update_data_retention.gen.h"
#include "aws/gen/video/types_update_stream.gen.h"
#include "aws/gen/video/types_update_stream_storage_configuration.gen.h"
#include "aws/gen/video_archived_media/operations.gen.h"
#include "aws/gen/video_archived_media/types_get_hls_streaming_session_url.gen.h"
#include "aws/gen/video_archived_media/types_get_media_for_fragment_list.gen.h"
#include "aws/gen/video_archived_media/types_list_fragments.gen.h"
#include "aws/gen/video_media/operations.gen.h"
#include "aws/gen/video_media/types_get_media.gen.h"
#include "aws/gen/video_media/types_put_media.gen.h"
#include "aws/gen/video_signaling/operations.gen.h"
#include "aws/gen/video_webrtc_storage/operations.gen.h"
#include "aws/operation.h"
#include "video/ops/ops.h"

namespace riacho::video {

namespace {

using aws::Bind;
using aws::BindDownload;
using aws::BindUpload;
using aws::Unsupported;
namespace signaling_api = riacho::api::video_signaling;
namespace storage_api = riacho::api::video_webrtc_storage;

// Every operation of the five models appears here, or the build fails.
using Control = aws::OperationList<
    Unsupported<api::CreateSignalingChannel>, Bind<api::CreateStream, &create_stream>,
    Unsupported<api::DeleteEdgeConfiguration>, Unsupported<api::DeleteSignalingChannel>,
    Bind<api::DeleteStream, &delete_stream>, Unsupported<api::DescribeEdgeConfiguration>,
    Unsupported<api::DescribeImageGenerationConfiguration>, Unsupported<api::DescribeMappedResourceConfiguration>,
    Unsupported<api::DescribeMediaStorageConfiguration>, Unsupported<api::DescribeNotificationConfiguration>,
    Unsupported<api::DescribeSignalingChannel>, Bind<api::DescribeStream, &describe_stream>,
    Bind<api::DescribeStreamStorageConfiguration, &describe_stream_storage_configuration>,
    Bind<api::GetDataEndpoint, &get_data_endpoint>, Unsupported<api::GetSignalingChannelEndpoint>,
    Unsupported<api::ListEdgeAgentConfigurations>, Unsupported<api::ListSignalingChannels>,
    Bind<api::ListStreams, &list_streams>, Bind<api::ListTagsForResource, &list_tags_for_resource>,
    Bind<api::ListTagsForStream, &list_tags_for_stream>, Unsupported<api::StartEdgeConfigurationUpdate>,
    Bind<api::TagResource, &tag_resource>, Bind<api::TagStream, &tag_stream>, Bind<api::UntagResource, &untag_resource>,
    Bind<api::UntagStream, &untag_stream>, Bind<api::UpdateDataRetention, &update_data_retention>,
    Unsupported<api::UpdateImageGenerationConfiguration>, Unsupported<api::UpdateMediaStorageConfiguration>,
    Unsupported<api::UpdateNotificationConfiguration>, Unsupported<api::UpdateSignalingChannel>,
    Bind<api::UpdateStream, &update_stream>,
    Bind<api::UpdateStreamStorageConfiguration, &update_stream_storage_configuration>>;
using Media =
    aws::OperationList<BindDownload<media_api::GetMedia, &get_media>, BindUpload<media_api::PutMedia, &put_media>>;
using ArchivedMedia =
    aws::OperationList<Unsupported<archive_api::GetClip>, Unsupported<archive_api::GetDASHStreamingSessionURL>,
                       Bind<archive_api::GetHLSStreamingSessionURL, &get_hls_streaming_session_url>,
                       Unsupported<archive_api::GetImages>,
                       BindDownload<archive_api::GetMediaForFragmentList, &get_media_for_fragment_list>,
                       Bind<archive_api::ListFragments, &list_fragments>>;
using Signaling = aws::OperationList<Unsupported<signaling_api::GetIceServerConfig>,
                                     Unsupported<signaling_api::SendAlexaOfferToMaster>>;
using WebRtcStorage = aws::OperationList<Unsupported<storage_api::JoinStorageSession>,
                                         Unsupported<storage_api::JoinStorageSessionAsViewer>>;

static_assert(aws::covers<Control, api::AllOperations>);
static_assert(aws::covers<Media, media_api::AllOperations>);
static_assert(aws::covers<ArchivedMedia, archive_api::AllOperations>);
static_assert(aws::covers<Signaling, signaling_api::AllOperations>);
static_assert(aws::covers<WebRtcStorage, storage_api::AllOperations>);

}  // namespace

std::vector<aws::OperationEntry> control_operations() { return aws::operation_table<VideoOp, Service>(Control{}); }
std::vector<aws::OperationEntry> media_operations() { return aws::operation_table<VideoOp, Service>(Media{}); }
std::vector<aws::OperationEntry> archived_media_operations() {
    return aws::operation_table<VideoOp, Service>(ArchivedMedia{});
}
std::vector<aws::OperationEntry> signaling_operations() { return aws::operation_table<VideoOp, Service>(Signaling{}); }
std::vector<aws::OperationEntry> webrtc_storage_operations() {
    return aws::operation_table<VideoOp, Service>(WebRtcStorage{});
}

}  // namespace riacho::video
