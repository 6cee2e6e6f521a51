#include "server/modules/module.h"

#include "core/task.h"
#include "http/message.h"

namespace riacho::server {

std::optional<Task<http::Response>> Module::administer(core::Core&, std::string_view, std::string_view) {
    return std::nullopt;
}

}  // namespace riacho::server
