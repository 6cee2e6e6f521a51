// Fuzzes the mapping of object keys to paths: every key comes back, and no name leads out of its folder.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "outbound/local_name.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho::outbound;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto names = local_names("bucket", text)) {
        for (const std::string& name : *names) {
            RIACHO_CHECK(!name.empty() && name.size() <= 255 && !name.starts_with('.'));
            RIACHO_CHECK(!name.contains('/') && !name.contains('\0'));
        }
        std::vector<std::string> below(names->begin() + 1, names->end());
        RIACHO_CHECK(key_of_local_names(below) == text);
        below.back() += moved_aside;
        RIACHO_CHECK(key_of_local_names(below) == text);
    }
    // As names found in a folder.
    std::vector<std::string> names{""};
    for (const char c : text) {
        if (c == '/') {
            names.emplace_back();
        } else {
            names.back() += c;
        }
    }
    if (const auto key = key_of_local_names(names)) RIACHO_CHECK(local_names("bucket", *key).has_value());
    return 0;
}
