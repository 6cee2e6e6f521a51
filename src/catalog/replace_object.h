// replace_object: the command by which services change an object.
#pragma once

#include <cstdint>
#include <string>

#include "catalog/command.h"

namespace riacho::catalog {

// Gives the object other settings if it still has the version that the caller has read. transition_ms is as in
// ReplaceObjects::Replacement.
ReplaceObjects replace_object(const ObjectState& object, std::string settings, std::int64_t transition_ms = -1);

}  // namespace riacho::catalog
