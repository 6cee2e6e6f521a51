// REST-JSON: members that are HTTP headers of the request or the reply.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "wire/document.h"
#include "wire/shape.h"

namespace riacho::wire {

// The value of the first header of that name, which is given in lower case.
using FindHeader = std::function<std::optional<std::string_view>(std::string_view name)>;

// Adds the members of shape that are headers to the document, whose root must be an object, in the form in which the
// decoder expects them. A value that is not what its shape says is added as the text it is, for the decoder to judge.
// Times are seconds since the epoch with an optional fraction, or the dates of RFC 9110.
void bind_headers(const Shape& shape, const FindHeader& find, Document& document);

// Calls add(name, value) for each member of the struct at `value` that is a header of the reply and is set.
using AddHeader = std::function<void(std::string_view name, std::string value)>;
void for_each_header(const Shape& shape, const void* value, const AddHeader& add);

}  // namespace riacho::wire
