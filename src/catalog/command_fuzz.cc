// Fuzzes the decoders of commands and stored states: no crash, and a decoded value must encode to bytes that decode to
// the same value.
#include <cstdint>

#include "base/check.h"
#include "catalog/command.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho::catalog;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (const auto command = decode_command(bytes)) {
        const auto again = decode_command(encode(*command));
        RIACHO_CHECK(again && *again == *command);
    }
    if (const auto stream = decode_stream(bytes)) RIACHO_CHECK(decode_stream(encode(*stream)).has_value());
    if (const auto object = decode_object(bytes)) RIACHO_CHECK(decode_object(encode(*object)).has_value());
    static_cast<void>(decode_credential(bytes));
    return 0;
}
