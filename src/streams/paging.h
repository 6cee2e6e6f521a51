// Where a listing goes on.
#pragma once

#include <optional>
#include <string_view>

#include "streams/service.h"
#include "streams/token.h"

namespace riacho::streams {

// What the request's NextToken holds; an empty page without one. InvalidArgumentException or ExpiredNextTokenException
// for a token that is not ours, or too old.
Result<PageToken> resume_listing(StreamsOp op, TokenSealer::Kind kind, const std::optional<std::string_view>& token);

}  // namespace riacho::streams
