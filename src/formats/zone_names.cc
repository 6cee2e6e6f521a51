#include "formats/zone_names.h"

#include <string>

namespace riacho::formats {
namespace {

constexpr ZoneNames all_names[] = {
#include "formats/zone_names.inc"
};

}  // namespace

const ZoneNames* find_zone_names(std::string_view id) {
    if (id.empty() || id.contains(' ')) return nullptr;
    const std::string with_spaces = " " + std::string(id) + " ";
    for (const ZoneNames& names : all_names) {
        if (names.ids.contains(with_spaces)) return &names;
    }
    return nullptr;
}

}  // namespace riacho::formats
