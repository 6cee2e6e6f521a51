// What HTTP/1.1 and HTTP/2 have in common about bodies.
#pragma once

#include <cstddef>

namespace riacho::http::detail {

// The first block of a body. A declared length is only a claim: the rest is allocated as bytes arrive.
inline constexpr std::size_t body_capacity_first = std::size_t{64} * 1024;

// Responses of these statuses end with their head (RFC 9110, 6.4.1).
constexpr bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

}  // namespace riacho::http::detail
