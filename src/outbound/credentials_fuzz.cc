// Fuzzes the reader of credentials and config files.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "outbound/credentials.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho::outbound;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const bool is_config : {false, true}) {
        const Profile profile = parse_profile(text, "default", is_config);
        RIACHO_CHECK(profile.keys.secret.empty() || text.contains(profile.keys.secret));
    }
    return 0;
}
