// Fuzzes the parsers of tokens: no crash, and a text that was not sealed does not open.
#include <cstdint>

#include "base/base64.h"
#include "base/check.h"
#include "core/rng.h"
#include "streams/token.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho;
    using namespace riacho::streams;
    static core::SeededRng rng(1);
    static const TokenSealer sealer({1, 2, 3}, rng);
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    RIACHO_CHECK(!open_iterator(sealer, bytes));
    RIACHO_CHECK(!open_iterator(sealer, encode_base64(bytes)));
    // Also fuzzes the content behind a valid seal, which any holder of the key may have written.
    if (size > 1'000) return 0;
    const std::string token = sealer.seal(TokenSealer::Kind::shard_iterator, bytes);
    static_cast<void>(open_iterator(sealer, token));
    static_cast<void>(open_page(sealer, TokenSealer::Kind::shard_iterator, token));
    return 0;
}
