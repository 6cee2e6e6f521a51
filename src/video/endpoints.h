// The address under which clients reach this server's data endpoints.
#pragma once

#include <string>
#include <string_view>

#include "video/service.h"

namespace riacho::video {

// "https://host:port" without a path or a slash at its end: VideoOptions::advertise_url, else the Host of this call,
// else the listening address. The port is omitted when it is the scheme's default.
std::string endpoint_of(VideoOp op);

// Whether a Host header may be part of a reply: a name, an IPv4 address or an IPv6 address in brackets, and optionally
// a port from 1 to 65535 (RFC 3986), of at most 255 characters.
bool is_authority(std::string_view text);

}  // namespace riacho::video
