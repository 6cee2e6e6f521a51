// UpcomingModule: services whose requests this node routes, authenticates and validates, but answers only with an
// error: services that are not implemented yet, and services that Config::services leaves out.
#pragma once

#include <vector>

#include "server/config.h"
#include "server/modules/module.h"

namespace riacho::server {

class UpcomingModule final : public Module {
public:
    explicit UpcomingModule(const Services& services) : services_(services) {}
    std::vector<aws::ServiceEntry> entries() override;

private:
    const Services services_;
};

}  // namespace riacho::server
