#include "wire/detail/writers.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/base64.h"
#include "base/check.h"
#include "wire/detail/special_bytes.h"

namespace riacho::wire::detail {
namespace {

bool needs_escape(char c) { return static_cast<std::uint8_t>(c) < 0x20 || c == '"' || c == '\\'; }

// Length of the prefix that needs no escaping.
std::size_t plain_prefix(std::string_view text) {
    std::size_t at = 0;
    for (; text.size() - at >= special_bytes_step; at += special_bytes_step) {
        const std::uint32_t special = special_bytes(text.data() + at).special;
        if (special != 0) return at + static_cast<std::size_t>(std::countr_zero(special));
    }
    while (at < text.size() && !needs_escape(text[at])) ++at;
    return at;
}

void write_escape(Buffer& out, char c) {
    static constexpr std::string_view named = "\"\\\b\f\n\r\t";
    static constexpr std::string_view letters = "\"\\bfnrt";
    const auto index = named.find(c);
    if (index != std::string_view::npos) {
        out.push_back('\\');
        out.push_back(letters[index]);
        return;
    }
    static constexpr char digits[] = "0123456789abcdef";
    const auto byte = static_cast<std::uint8_t>(c);
    out.append("\\u00");
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 0x0F]);
}

template <class T>
void put_big_endian(Buffer& out, T value) {
    if constexpr (sizeof(T) > 1) value = std::byteswap(value);
    std::memcpy(out.extend(sizeof(T)), &value, sizeof(T));
}

}  // namespace

void write_json_text(Buffer& out, std::string_view text) {
    out.push_back('"');
    for (;;) {
        const std::size_t plain = plain_prefix(text);
        out.append(text.substr(0, plain));
        if (plain == text.size()) break;
        write_escape(out, text[plain]);
        text.remove_prefix(plain + 1);
    }
    out.push_back('"');
}

void write_json_base64(Buffer& out, std::string_view bytes) {
    const std::size_t size = base64_encoded_size(bytes.size());
    char* at = out.extend(size + 2);
    *at = '"';
    encode_base64(bytes, at + 1);
    at[size + 1] = '"';
}

void write_json_integer(Buffer& out, std::int64_t value) {
    constexpr std::size_t size_max = 20;
    const std::size_t before = out.size();
    char* at = out.extend(size_max);
    const auto end = std::to_chars(at, at + size_max, value).ptr;
    out.truncate(before + static_cast<std::size_t>(end - at));
}

void write_json_real(Buffer& out, double value) {
    RIACHO_CHECK(std::isfinite(value), "JSON has no such number");
    constexpr std::size_t size_max = 32;
    const std::size_t before = out.size();
    char* at = out.extend(size_max);
    const auto end = std::to_chars(at, at + size_max, value).ptr;
    out.truncate(before + static_cast<std::size_t>(end - at));
}

void write_json_timestamp(Buffer& out, TimestampMs value) {
    const bool negative = value.value() < 0;
    const auto bits = static_cast<std::uint64_t>(value.value());
    const std::uint64_t magnitude = negative ? std::uint64_t{0} - bits : bits;
    if (negative) out.push_back('-');
    write_json_integer(out, static_cast<std::int64_t>(magnitude / 1000));
    const auto fraction = static_cast<unsigned>(magnitude % 1000);
    const char digits[] = {'.', static_cast<char>('0' + fraction / 100), static_cast<char>('0' + fraction / 10 % 10),
                           static_cast<char>('0' + fraction % 10)};
    std::size_t size = 4;
    while (size > 2 && digits[size - 1] == '0') --size;
    out.append({digits, size});
}

void write_cbor_head(Buffer& out, CborMajor major, std::uint64_t argument) {
    const auto type = static_cast<std::uint8_t>(static_cast<unsigned>(major) << 5);
    if (argument < 24) {
        out.push_back(static_cast<char>(type | argument));
    } else if (argument <= 0xFF) {
        out.push_back(static_cast<char>(type | 24));
        out.push_back(static_cast<char>(argument));
    } else if (argument <= 0xFFFF) {
        out.push_back(static_cast<char>(type | 25));
        put_big_endian(out, static_cast<std::uint16_t>(argument));
    } else if (argument <= 0xFFFFFFFF) {
        out.push_back(static_cast<char>(type | 26));
        put_big_endian(out, static_cast<std::uint32_t>(argument));
    } else {
        out.push_back(static_cast<char>(type | 27));
        put_big_endian(out, argument);
    }
}

void write_cbor_text(Buffer& out, std::string_view text) {
    write_cbor_head(out, CborMajor::text, text.size());
    out.append(text);
}

void write_cbor_bytes(Buffer& out, std::string_view bytes) {
    write_cbor_head(out, CborMajor::bytes, bytes.size());
    out.append(bytes);
}

void write_cbor_integer(Buffer& out, std::int64_t value) {
    if (value >= 0) return write_cbor_head(out, CborMajor::unsigned_integer, static_cast<std::uint64_t>(value));
    write_cbor_head(out, CborMajor::negative_integer, ~static_cast<std::uint64_t>(value));
}

void write_cbor_real(Buffer& out, double value) {
    out.push_back(static_cast<char>(0xFB));
    put_big_endian(out, std::bit_cast<std::uint64_t>(value));
}

void write_cbor_timestamp(Buffer& out, TimestampMs value) {
    write_cbor_head(out, CborMajor::tag, 1);
    write_cbor_integer(out, value.value());
}

}  // namespace riacho::wire::detail
