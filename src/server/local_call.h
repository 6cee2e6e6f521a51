// Shared by the node's own calls below /_riacho/: the fields of their requests and the form of their replies.
#pragma once

#include <string>
#include <string_view>

#include "http/message.h"

namespace riacho::server {

// The value of a line "name=value"; empty if there is no such line.
std::string field(std::string_view body, std::string_view name);

// A reply in JSON, with a newline at its end.
http::Response json_reply(int status, std::string_view json);

}  // namespace riacho::server
