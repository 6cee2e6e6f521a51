#include "media/ebml.h"

#include <bit>
#include <cstring>

#include "base/check.h"

namespace riacho::media {
namespace {

std::uint64_t big_endian(ByteSpan bytes) {
    std::uint64_t value = 0;
    for (const std::byte b : bytes) value = value << 8 | static_cast<std::uint8_t>(b);
    return value;
}

// The length of a VINT by its first byte, 1 to 8; 9 if no bit is set.
unsigned vint_length(std::byte first) {
    return static_cast<unsigned>(std::countl_zero(static_cast<std::uint8_t>(first))) + 1;
}

// All data bits of a VINT of `length` bytes.
constexpr std::uint64_t vint_mask(unsigned length) { return (std::uint64_t{1} << (7 * length)) - 1; }

}  // namespace

HeadState read_element_head(ByteSpan bytes, ElementHead& head) {
    if (bytes.empty()) return HeadState::short_of_bytes;
    const unsigned id_length = vint_length(bytes[0]);
    if (id_length > 4) return HeadState::bad;
    if (bytes.size() < id_length) return HeadState::short_of_bytes;
    const std::uint64_t id = big_endian(bytes.first(id_length));
    const std::uint64_t id_data = id & vint_mask(id_length);
    if (id_data == 0 || id_data == vint_mask(id_length)) return HeadState::bad;
    if (bytes.size() == id_length) return HeadState::short_of_bytes;
    const unsigned size_length = vint_length(bytes[id_length]);
    if (size_length > 8) return HeadState::bad;
    if (bytes.size() < id_length + size_length) return HeadState::short_of_bytes;
    head.id = static_cast<std::uint32_t>(id);
    head.size = big_endian(bytes.subspan(id_length, size_length)) & vint_mask(size_length);
    head.unknown = head.size == vint_mask(size_length);
    head.head_size = static_cast<std::uint8_t>(id_length + size_length);
    return HeadState::ok;
}

std::optional<Vint> read_vint(ByteSpan bytes) {
    if (bytes.empty()) return std::nullopt;
    const unsigned length = vint_length(bytes[0]);
    if (length > 8 || bytes.size() < length) return std::nullopt;
    return Vint{.value = big_endian(bytes.first(length)) & vint_mask(length),
                .size = static_cast<std::uint8_t>(length)};
}

std::optional<std::uint64_t> read_unsigned(ByteSpan content) {
    if (content.size() > 8) return std::nullopt;
    return big_endian(content);
}

std::optional<double> read_float(ByteSpan content) {
    if (content.empty()) return 0.0;
    if (content.size() == 4) return std::bit_cast<float>(static_cast<std::uint32_t>(big_endian(content)));
    if (content.size() == 8) return std::bit_cast<double>(big_endian(content));
    return std::nullopt;
}

std::string_view read_string(ByteSpan content) {
    const std::string_view text = as_text(content);
    return text.substr(0, text.find('\0'));
}

std::optional<ElementWalker::Element> ElementWalker::next() {
    if (left_.empty() || !ok_) return std::nullopt;
    ElementHead head;
    if (read_element_head(left_, head) != HeadState::ok || head.unknown || head.size > left_.size() - head.head_size) {
        ok_ = false;
        return std::nullopt;
    }
    const std::size_t whole = head.head_size + static_cast<std::size_t>(head.size);
    const Element element{
        .id = head.id, .content = left_.subspan(head.head_size, whole - head.head_size), .whole = left_.first(whole)};
    left_ = left_.subspan(whole);
    return element;
}

void put_element_id(Buffer& out, std::uint32_t id) {
    const unsigned length = id > 0xFF'FFFF ? 4 : id > 0xFFFF ? 3 : id > 0xFF ? 2 : 1;
    for (unsigned i = length; i-- > 0;) out.push_back(static_cast<char>(id >> (8 * i)));
}

void put_element_size(Buffer& out, std::uint64_t size, unsigned size_bytes) {
    unsigned length = size_bytes;
    if (length == 0) {
        // All data bits set would mean "unknown".
        for (length = 1; size >= vint_mask(length); ++length) RIACHO_CHECK(length < 8);
    }
    RIACHO_CHECK(size < vint_mask(length));
    const std::uint64_t value = size | std::uint64_t{1} << (7 * length);
    for (unsigned i = length; i-- > 0;) out.push_back(static_cast<char>(value >> (8 * i)));
}

void put_element(Buffer& out, std::uint32_t id, std::string_view content, unsigned size_bytes) {
    put_element_id(out, id);
    put_element_size(out, content.size(), size_bytes);
    out.append(content);
}

void put_unsigned(Buffer& out, std::uint32_t id, std::uint64_t value) {
    unsigned length = 1;
    while (length < 8 && value >> (8 * length) != 0) ++length;
    put_element_id(out, id);
    put_element_size(out, length);
    for (unsigned i = length; i-- > 0;) out.push_back(static_cast<char>(value >> (8 * i)));
}

void put_float(Buffer& out, std::uint32_t id, double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    put_element_id(out, id);
    put_element_size(out, 8);
    for (unsigned i = 8; i-- > 0;) out.push_back(static_cast<char>(bits >> (8 * i)));
}

void put_unknown_size(Buffer& out, unsigned size_bytes) {
    const std::uint64_t value = vint_mask(size_bytes) | std::uint64_t{1} << (7 * size_bytes);
    for (unsigned i = size_bytes; i-- > 0;) out.push_back(static_cast<char>(value >> (8 * i)));
}

}  // namespace riacho::media
