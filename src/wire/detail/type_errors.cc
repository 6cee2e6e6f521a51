#include "wire/detail/type_errors.h"

#include <fmt/format.h>

#include "base/base64.h"
#include "base/check.h"
#include "wire/detail/convert.h"

namespace riacho::wire::detail {
namespace {

std::string_view java_class(NodeKind kind) {
    switch (kind) {
        case NodeKind::boolean:
            return "java.lang.Boolean";
        case NodeKind::text:
            return "java.lang.String";
        case NodeKind::bytes:  // CBOR only; AWS's text for it is not known
            return "java.nio.HeapByteBuffer";
        default:
            return "com.amazon.coral.value.json.numbers.TruncatingBigNumber";
    }
}

// "an Integer", "a Blob": the article belongs to AWS's text.
std::string_view target(Kind kind) {
    switch (kind) {
        case Kind::integer:
            return "an Integer";
        case Kind::long_:
            return "an Long";
        case Kind::real:
            return "an Double";
        case Kind::boolean:
            return "an Boolean";
        case Kind::blob:
            return "a Blob";
        case Kind::timestamp:
            return "milliseconds since epoch";
        default:
            return "an String";
    }
}

// The whole character at `at`, which may be longer than a byte.
std::string_view character_at(std::string_view text, std::size_t at) {
    std::size_t end = at + 1;
    while (end < text.size() && (static_cast<std::uint8_t>(text[end]) & 0xC0) == 0x80) ++end;
    return text.substr(at, end - at);
}

}  // namespace

std::string type_error(const Shape& shape, const Node& node) {
    if (node.kind == NodeKind::array) return "Start of list found where not expected";
    if (node.kind == NodeKind::object) return "Start of structure or map found where not expected.";
    switch (shape.kind) {
        case Kind::list:
            return "Expected list or null";
        case Kind::map:
            return "Expected map or null";
        case Kind::structure:
            return "Expected null";
        default:
            return fmt::format("class {} can not be converted to {}", java_class(node.kind), target(shape.kind));
    }
}

std::string base64_error(std::string_view text) {
    const std::string start = fmt::format("'{}' can not be converted to a Blob: ", text);
    const Base64Check check = check_base64(text);
    if (check.fault == Base64Fault::length) {
        return start +
               fmt::format("Base64 encoded length is expected a multiple of 4 bytes but found: {}", utf16_length(text));
    }
    if (check.fault == Base64Fault::character) {
        return start + fmt::format("Invalid Base64 character: '{}'", character_at(text, text.find(check.character)));
    }
    return start + "Invalid last non-pad Base64 character dectected";
}

std::string boolean_error(std::string_view text) {
    std::string shown(text);
    for (char& c : shown) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return fmt::format("'{}' can not be converted to an Boolean", shown);
}

}  // namespace riacho::wire::detail
