// Compares the parser of plain JSON with simdjson: for every body both give the same nodes, or the same fault.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/check.h"
#include "wire/document.h"

namespace riacho::wire {
namespace {

bool is_same(const Node& a, const Node& b) {
    if (a.kind != b.kind) return false;
    switch (a.kind) {
        case NodeKind::null:
            return true;
        case NodeKind::boolean:
            return a.boolean == b.boolean;
        case NodeKind::text:
            return a.view() == b.view();
        case NodeKind::real:
            return a.real == b.real;
        case NodeKind::array:
        case NodeKind::object:
            return a.size == b.size && a.end == b.end;
        default:
            return a.integer == b.integer;
    }
}

void compare(std::string_view body) {
    constexpr std::size_t padding = 64;
    // Of exactly the readable size, so that AddressSanitizer detects a read beyond it. The bytes behind the body must
    // not matter: quotes and braces could close open values.
    const std::string_view behind = "\"}]\"}],:0";
    const auto padded = std::make_unique<char[]>(body.size() + padding);
    std::copy(body.begin(), body.end(), padded.get());
    for (std::size_t i = 0; i < padding; ++i) padded[body.size() + i] = behind[i % behind.size()];
    static Document plain;
    static Document full;
    const auto by_plain = plain.parse(Format::json, {padded.get(), body.size()}, padding);
    const auto by_full = full.parse(Format::json, body);
    RIACHO_CHECK(by_plain.has_value() == by_full.has_value());
    if (!by_plain) {
        RIACHO_CHECK(by_plain.error() == by_full.error());
        return;
    }
    const auto a = plain.nodes();
    const auto b = full.nodes();
    RIACHO_CHECK(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) RIACHO_CHECK(is_same(a[i], b[i]));
}

}  // namespace
}  // namespace riacho::wire

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    riacho::wire::compare({reinterpret_cast<const char*>(data), size});
    return 0;
}
