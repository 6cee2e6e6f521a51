// Fuzzes the parsers and the decoder with JSON bodies.
#include <memory>

#include "api/decode_fuzz.h"

namespace riacho::api {
namespace {

// A body with readable bytes behind it is parsed as plain JSON first: the result, or the error sentence, must be the
// same as with simdjson.
void compare(const AnyOperation& operation, std::string_view body) {
    constexpr std::size_t padding = 64;
    const auto padded = std::make_unique<char[]>(body.size() + padding);
    std::copy(body.begin(), body.end(), padded.get());
    static wire::Document plain;
    static wire::Document full;
    const auto by_plain = plain.parse(wire::Format::json, {padded.get(), body.size()}, padding);
    const auto by_full = full.parse(wire::Format::json, body);
    RIACHO_CHECK(by_plain.has_value() == by_full.has_value());
    if (!by_plain) return;
    const wire::Decoded a = wire::validate(*operation.input_shape, plain);
    const wire::Decoded b = wire::validate(*operation.input_shape, full);
    RIACHO_CHECK(a.verdict == b.verdict && a.text == b.text);
    decode_as(operation, plain);
}

}  // namespace
}  // namespace riacho::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto operations = riacho::api::all_operations();
    if (size > 0 && data[0] < operations.size()) {
        riacho::api::compare(operations[data[0]], {reinterpret_cast<const char*>(data) + 1, size - 1});
    }
    return riacho::api::fuzz_decode(riacho::wire::Format::json, data, size);
}
