// REST-JSON: members that are HTTP headers of the request or the reply.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "wire/document.h"
#include "wire/shape.h"

namespace riacho::wire {

// Looks up the first request header of a name, which is given in lower case.
using FindHeader = std::function<std::optional<std::string_view>(std::string_view name)>;

// Adds to the document, whose root must be an object, the members of shape that are bound to headers, in the form in
// which the decoder expects them. A header value that its shape does not allow is added as text, so that the decoder
// refuses it. Times are seconds since the epoch with an optional fraction, or the dates of RFC 9110.
void bind_headers(const Shape& shape, const FindHeader& find, Document& document);

// Calls add(name, value) for each member of the struct at `value` that is bound to a reply header and is set.
using AddHeader = std::function<void(std::string_view name, std::string value)>;
void for_each_header(const Shape& shape, const void* value, const AddHeader& add);

}  // namespace riacho::wire
