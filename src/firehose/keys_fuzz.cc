// Fuzzes prefixes: every accepted prefix gives a valid key of S3.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "core/time_zone.h"
#include "firehose/keys.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho;
    using namespace riacho::firehose;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t cut = text.find('\n');
    const std::string_view error_text = cut == std::string_view::npos ? "" : text.substr(cut + 1);
    if (check_prefixes({.prefix = text.substr(0, cut), .error_output_prefix = error_text})) return 0;
    const Prefix prefix = Prefix::parse(text.substr(0, cut)).value();
    const Prefix error_prefix = Prefix::parse(error_text).value();
    const auto zone = core::TimeZone::utc();
    KeyOptions options;
    options.stream_name = "0123456789012345678901234567890123456789012345678901234567890123";
    options.oldest = TimestampMs(1'784'000'000'000);
    options.zone = zone.get();
    const std::string key = object_key(prefix, options);
    RIACHO_CHECK(!key.empty() && key.size() <= 1'024 && key == object_key(prefix, options));
    const std::string error_key =
        error_object_key(prefix, error_text.empty() ? nullptr : &error_prefix, "processing-failed", options);
    RIACHO_CHECK(!error_key.empty() && error_key.size() <= 1'024);
    return 0;
}
