#include "server/local_call.h"

#include <algorithm>

namespace riacho::server {

std::string field(std::string_view body, std::string_view name) {
    while (!body.empty()) {
        const std::string_view line = body.substr(0, body.find('\n'));
        body.remove_prefix(std::min(line.size() + 1, body.size()));
        if (line.starts_with(name) && line.substr(name.size()).starts_with('=')) {
            return std::string(line.substr(name.size() + 1));
        }
    }
    return {};
}

http::Response json_reply(int status, std::string_view json) {
    http::Response response;
    response.status = status;
    response.headers.add("content-type", "application/json");
    response.body.append(json);
    response.body.append("\n");
    return response;
}

}  // namespace riacho::server
