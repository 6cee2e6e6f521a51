// Forward declarations of wire.
#pragma once

#include <cstdint>

namespace riacho::wire {
class Blob;
class Document;
struct Shape;
enum class Format : std::uint8_t { json, cbor };
}  // namespace riacho::wire
