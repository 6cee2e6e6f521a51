// file_exists: whether a path leads to a file or a directory.
#pragma once

#include <unistd.h>

#include <string>

namespace riacho::core {

// Follows symbolic links. False also when a directory on the way cannot be searched.
inline bool file_exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

}  // namespace riacho::core
