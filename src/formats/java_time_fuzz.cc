// Fuzzes the patterns of Java's DateTimeFormatter, and the formatting of any instant in any zone.
#include <cstdint>
#include <cstring>
#include <string>

#include "base/check.h"
#include "formats/java_time.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho;
    using namespace riacho::formats;
    std::int64_t instant = 0;
    std::int32_t offset_s = 0;
    if (size < sizeof(instant) + sizeof(offset_s)) return 0;
    std::memcpy(&instant, data, sizeof(instant));
    std::memcpy(&offset_s, data + sizeof(instant), sizeof(offset_s));
    const auto pattern =
        JavaTimePattern::parse({reinterpret_cast<const char*>(data) + sizeof(instant) + sizeof(offset_s),
                                size - sizeof(instant) - sizeof(offset_s)});
    if (!pattern) return 0;
    // The range of a node's clock.
    constexpr std::int64_t span = std::int64_t{1} << 50;
    const ZonedTime time{
        .instant = TimestampMs(instant % span), .offset_s = offset_s % 86'400, .is_daylight = (instant & 1) != 0};
    RIACHO_CHECK(pattern->format(time) == pattern->format(time));
    return 0;
}
