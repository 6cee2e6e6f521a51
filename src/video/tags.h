// A rule for tags beyond the model.
#pragma once

#include <string_view>

#include "base/text.h"

namespace riacho::video {

// AWS: the prefix belongs to AWS's own tags, in upper and lower case.
inline bool is_reserved_tag(std::string_view key) {
    constexpr std::string_view reserved = "aws:";
    return equal_ignoring_case(key.substr(0, reserved.size()), reserved);
}

}  // namespace riacho::video
