// AWS's sentence about everything a well-typed request violates. AWS: spec 3.2.
#pragma once

#include <string>

#include "wire/document.h"
#include "wire/shape.h"

namespace riacho::wire::detail {

// The document has been checked to be of the right types. Empty if nothing is violated.
std::string describe_violations(const Shape& shape, const Document& document);

}  // namespace riacho::wire::detail
