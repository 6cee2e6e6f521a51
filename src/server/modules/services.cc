#include "server/modules/services.h"

#include "server/modules/upcoming.h"

namespace riacho::server {

std::vector<std::unique_ptr<Module>> make_services(const Parts&) {
    std::vector<std::unique_ptr<Module>> services;
    services.push_back(std::make_unique<UpcomingModule>());
    return services;
}

}  // namespace riacho::server
