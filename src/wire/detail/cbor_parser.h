// The CBOR parser behind Document: RFC 8949 as Jackson writes it, with AWS's interpretation of tag 1.
#pragma once

#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "wire/document.h"

namespace riacho::wire::detail {

// Appends the nodes of the body to `nodes`. Strings that came in chunks are joined in `joined`; all other strings point
// into the body.
Expected<void, ParseFault> parse_cbor(std::string_view body, std::vector<Node>& nodes, Buffer& joined);

}  // namespace riacho::wire::detail
