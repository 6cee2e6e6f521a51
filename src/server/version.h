// The version shown by `riacho --version` and /health.
#pragma once

#include <string_view>

namespace riacho::server {

inline constexpr std::string_view version = "0.1.0";

}  // namespace riacho::server
