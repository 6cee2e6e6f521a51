// AWS's error texts for values of the wrong type. AWS: spec 3.1.
#pragma once

#include <string>

#include "wire/document.h"
#include "wire/shape.h"

namespace riacho::wire::detail {

std::string type_error(const Shape& shape, const Node& node);
// The error for a text that is not base64 where a blob is expected.
std::string base64_error(std::string_view text);
// The error for a text that is not a boolean where one is expected.
std::string boolean_error(std::string_view text);

}  // namespace riacho::wire::detail
