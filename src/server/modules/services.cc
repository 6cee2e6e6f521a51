#include "server/modules/services.h"

#include "server/modules/analytics.h"
#include "server/modules/firehose.h"
#include "server/modules/upcoming.h"
#include "server/modules/video.h"

namespace riacho::server {

std::vector<std::unique_ptr<Module>> make_services(const Parts& given) {
    Parts parts = given;
    std::vector<std::unique_ptr<Module>> services;
    if (parts.config.services.firehose) {
        auto firehose = std::make_unique<FirehoseModule>(parts);
        parts.delivery_streams = &firehose->directory();
        services.push_back(std::move(firehose));
    }
    if (parts.config.services.analytics) services.push_back(std::make_unique<AnalyticsModule>(parts));
    if (parts.config.services.video) services.push_back(std::make_unique<VideoModule>(parts));
    services.push_back(std::make_unique<UpcomingModule>(parts.config.services));
    return services;
}

}  // namespace riacho::server
