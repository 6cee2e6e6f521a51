// English names of time zones, as Java 8 prints them.
#pragma once

#include <string_view>

namespace riacho::formats {

struct ZoneNames {
    std::string_view standard;  // "CET"
    std::string_view standard_long;
    std::string_view daylight;  // "CEST"
    std::string_view daylight_long;
    std::string_view ids;  // with a space around each
};

// Null for an id without names.
const ZoneNames* find_zone_names(std::string_view id);

}  // namespace riacho::formats
