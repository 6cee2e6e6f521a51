// Fuzzes the parser of zone files, and the offsets of parsed zones at near and far instants.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/check.h"
#include "core/time_zone.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho;
    const auto zone = core::TimeZone::parse("Fuzz/Zone", {reinterpret_cast<const char*>(data), size});
    if (zone == nullptr) return 0;
    constexpr std::int64_t far_ms = std::int64_t{1} << 50;
    for (const std::int64_t at :
         {-far_ms, -std::int64_t{1}, std::int64_t{0}, std::int64_t{1'784'000'000'000}, far_ms}) {
        const auto seen = zone->at(TimestampMs(at));
        RIACHO_CHECK(std::abs(seen.offset_s) <= 26 * 3'600);
    }
    return 0;
}
