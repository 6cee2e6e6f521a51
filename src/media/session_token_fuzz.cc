// Fuzzes the bytes of session tokens: accepted bytes are encoded to the same bytes.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "media/session_token.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho::media;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto token = decode_session_token(bytes);
    if (token) RIACHO_CHECK(encode(*token) == bytes);
    return 0;
}
