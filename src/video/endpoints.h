// The address under which clients reach this server's data endpoints.
#pragma once

#include <string>
#include <string_view>

#include "video/service.h"

namespace riacho::video {

// "https://host:port" without a path or a slash at its end: VideoOptions::advertise_url, else as the client of this
// call sees the server, else where it listens. The port is left out when it is the scheme's own.
std::string endpoint_of(VideoOp op);

// Whether a Host header is one that may be repeated to a client: a name, an IPv4 address or an IPv6 address in
// brackets, and a port from 1 to 65535 if there is one (RFC 3986), of at most 255 characters.
bool is_authority(std::string_view text);

}  // namespace riacho::video
