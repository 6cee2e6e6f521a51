// encode: writes a typed struct as a JSON or CBOR body, straight into a Buffer.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/buffer.h"
#include "wire/fwd.h"
#include "wire/shape.h"

namespace riacho::wire {

// Appends the struct at `value`, of the type that shape describes. Unset optionals are omitted. AWS: spec 1.4.
void encode(const Shape& shape, const void* value, Format format, Buffer& out);

// Appends {key: message}, or {} if key is empty: the body of a REST-JSON error, whose code is a header.
void encode_message(std::string_view key, std::string_view message, Buffer& out);

// Appends {"__type": code, key: message}; no second member if key is empty. AWS: spec 1.7.
void encode_error(std::string_view code, std::string_view key, std::string_view message, Format format, Buffer& out);

// Appends a list of texts as a further member of the non-empty JSON object at the end of `out`.
void add_texts(std::string_view name, std::span<const std::string> texts, Buffer& out);

}  // namespace riacho::wire
