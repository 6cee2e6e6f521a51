#include "aws/gen/firehose/types_list_delivery_streams.gen.h"
#include "core/task.h"
#include "firehose/ops/ops.h"

namespace riacho::firehose {
namespace {

constexpr std::int32_t page_default = 10;  // AWS: spec 3.4

bool is_of(const Settings& settings, const std::optional<api::DeliveryStreamType>& type) {
    if (!type) return true;
    return *type ==
           (settings.source ? api::DeliveryStreamType::kinesis_stream_as_source : api::DeliveryStreamType::direct_put);
}

}  // namespace

Task<Result<api::ListDeliveryStreamsOutput>> list_delivery_streams(FirehoseOp op,
                                                                   api::ListDeliveryStreamsInput request) {
    const auto limit = static_cast<std::size_t>(request.limit.value_or(page_default));
    const std::string_view after = request.exclusive_start_delivery_stream_name.value_or("");
    api::ListDeliveryStreamsOutput output;
    const auto all = op.service().catalog.snapshot()->objects_of(catalog::ObjectState::Kind::delivery_stream,
                                                                 op.account(), op.region());
    for (const ObjectRef& object : all) {
        if (object->name <= after || object->is_gone(op.now())) continue;
        const SettingsRef settings = op.service().settings.of(*object);
        if (settings != nullptr && !is_of(*settings, request.delivery_stream_type)) continue;
        if (output.delivery_stream_names.size() == limit) {
            output.has_more_delivery_streams = true;
            break;
        }
        output.delivery_stream_names.push_back(object->name);
    }
    co_return output;
}

}  // namespace riacho::firehose
