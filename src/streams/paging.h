// Continuation of listings.
#pragma once

#include <optional>
#include <string_view>

#include "streams/service.h"
#include "streams/token.h"

namespace riacho::streams {

// The content of the request's NextToken; an empty PageToken without one. InvalidArgumentException for a token not made
// by this node's key, ExpiredNextTokenException for an old one.
Result<PageToken> resume_listing(StreamsOp op, TokenSealer::Kind kind, const std::optional<std::string_view>& token);

}  // namespace riacho::streams
