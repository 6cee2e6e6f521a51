// Services that this node routes, authenticates and validates, and that answer nothing else yet.
#pragma once

#include <vector>

#include "server/modules/module.h"

namespace riacho::server {

class UpcomingModule final : public Module {
public:
    std::vector<aws::ServiceEntry> entries() override;
};

}  // namespace riacho::server
