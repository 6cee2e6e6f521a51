// AWS's error text for all constraints that a well-typed request violates. AWS: spec 3.2.
#pragma once

#include <string>

#include "wire/document.h"
#include "wire/shape.h"

namespace riacho::wire::detail {

// The types of the document's values must have been checked. Empty if nothing is violated.
std::string describe_violations(const Shape& shape, const Document& document);

}  // namespace riacho::wire::detail
