// Forward declarations of base.
#pragma once

namespace riacho {
class Buffer;
}  // namespace riacho
