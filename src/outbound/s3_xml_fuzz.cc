// Fuzzes the reader of S3's error replies.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "outbound/s3_xml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho::outbound;
    const S3Error error = parse_s3_error({reinterpret_cast<const char*>(data), size});
    for (const std::string* text : {&error.code, &error.message, &error.region}) {
        RIACHO_CHECK(text->size() <= 1'024 && !text->contains('\n') && !text->contains('\0'));
    }
    return 0;
}
