#include "api/all_models.h"

#include <vector>

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
namespace {

template <class Operation>
void with_input(void (*use)(void* input, void* context), void* context) {
    typename Operation::Input input{};
    use(&input, context);
}

template <template <class...> class List, class... Operations>
void add(std::vector<AnyOperation>& all, const aws::ServiceModel& model, List<Operations...>) {
    (all.push_back({&model, &Operations::info, Operations::input_shape, &with_input<Operations>}), ...);
}

}  // namespace

std::span<const AnyOperation> all_operations() {
    static const std::vector<AnyOperation> operations = [] {
        std::vector<AnyOperation> all;
        add(all, kinesis::model, kinesis::AllOperations());
        add(all, firehose::model, firehose::AllOperations());
        add(all, analytics_v1::model, analytics_v1::AllOperations());
        add(all, analytics_v2::model, analytics_v2::AllOperations());
        add(all, video::model, video::AllOperations());
        add(all, video_archived_media::model, video_archived_media::AllOperations());
        add(all, video_media::model, video_media::AllOperations());
        add(all, video_signaling::model, video_signaling::AllOperations());
        add(all, video_webrtc_storage::model, video_webrtc_storage::AllOperations());
        return all;
    }();
    return operations;
}

}  // namespace riacho::api
