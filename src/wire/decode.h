// decode: turns a document into a typed struct, or into AWS's error text for invalid input.
#pragma once

#include <cstdint>
#include <string>

#include "wire/document.h"
#include "wire/shape.h"

namespace riacho::wire {

enum class Verdict : std::uint8_t {
    valid,
    type_error,  // SerializationException with `text` under "Message". AWS: spec 3.1
    violation    // ValidationException with `text` under "message". AWS: spec 3.2
};

struct Decoded {
    Verdict verdict = Verdict::valid;
    std::string text;

    explicit operator bool() const { return verdict == Verdict::valid; }
};

// Fills out, a default-constructed struct of the type that shape describes. Views in it point into the document and the
// body. Unknown members are ignored, null is the same as absence, and of a member given twice the last value counts.
// Unless the result is valid, the content of out is meaningless.
Decoded decode(const Shape& shape, const Document& document, void* out);

// As decode(), without a struct to fill.
Decoded validate(const Shape& shape, const Document& document);

}  // namespace riacho::wire
