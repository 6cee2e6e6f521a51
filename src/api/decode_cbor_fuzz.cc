// Fuzzes the parser and the decoder with CBOR bodies.
#include "api/decode_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return riacho::api::fuzz_decode(riacho::wire::Format::cbor, data, size);
}
