#include "server/welcome.h"

// Any client can send any text in these headers.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static_cast<void>(riacho::server::accepts_html(text));
    static_cast<void>(riacho::server::preferred_language(text));
    return 0;
}
