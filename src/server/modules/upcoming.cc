#include "server/modules/upcoming.h"

#include "aws/gen/analytics_v1/operations.gen.h"
#include "aws/gen/analytics_v2/operations.gen.h"
#include "aws/gen/firehose/operations.gen.h"
#include "aws/operation.h"

namespace riacho::server {
namespace {

template <std::size_t count>
aws::ServiceEntry entry(const aws::ServiceModel& model, const std::array<aws::OperationInfo, count>& operations) {
    return {.model = &model, .operations = aws::not_yet(operations)};
}

}  // namespace

std::vector<aws::ServiceEntry> UpcomingModule::entries() {
    std::vector<aws::ServiceEntry> services;
    services.push_back(entry(api::firehose::model, api::firehose::operations));
    services.push_back(entry(api::analytics_v1::model, api::analytics_v1::operations));
    services.push_back(entry(api::analytics_v2::model, api::analytics_v2::operations));
    return services;
}

}  // namespace riacho::server
