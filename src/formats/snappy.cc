#include "formats/snappy.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"

namespace riacho::formats {
namespace {

constexpr std::size_t block_size = std::size_t{32} << 10;
constexpr std::string_view java_header("\x82SNAPPY\0\0\0\0\x01\0\0\0\x01", 16);

constexpr int table_bits = 14;
// No match is searched for so close to the end: as in Snappy itself.
constexpr std::size_t margin = 15;

void append_byte(Buffer& out, std::size_t value) { out.push_back(static_cast<char>(value)); }

void append_big(Buffer& out, std::size_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) append_byte(out, value >> shift & 0xFF);
}

std::uint32_t load(const char* at) {
    std::uint32_t value = 0;
    std::memcpy(&value, at, sizeof(value));
    return value;
}

void append_literal(Buffer& out, std::string_view text) {
    if (text.empty()) return;
    const std::size_t n = text.size() - 1;
    if (n < 60) {
        append_byte(out, n << 2);
    } else if (n < 256) {
        append_byte(out, 60 << 2);
        append_byte(out, n);
    } else {
        append_byte(out, 61 << 2);
        append_byte(out, n & 0xFF);
        append_byte(out, n >> 8);
    }
    out.append(text);
}

// At most 64 bytes.
void append_short_copy(Buffer& out, std::size_t offset, std::size_t size) {
    if (size < 12 && offset < 2'048) {
        append_byte(out, (offset >> 8) << 5 | (size - 4) << 2 | 1);
        append_byte(out, offset & 0xFF);
        return;
    }
    append_byte(out, (size - 1) << 2 | 2);
    append_byte(out, offset & 0xFF);
    append_byte(out, offset >> 8);
}

void append_copy(Buffer& out, std::size_t offset, std::size_t size) {
    for (; size >= 68; size -= 64) append_short_copy(out, offset, 64);
    // The remainder must not be shorter than 4.
    if (size > 64) {
        append_short_copy(out, offset, 60);
        size -= 60;
    }
    append_short_copy(out, offset, size);
}

}  // namespace

void append_snappy_block(Buffer& out, std::string_view data) {
    RIACHO_CHECK(data.size() <= 65'536, "a Snappy block of more than 64 KiB");
    std::array<std::byte, 10> length{};
    const std::byte* end = put_varint(length.data(), data.size());
    out.append(as_text(ByteSpan(length.data(), static_cast<std::size_t>(end - length.data()))));
    // The last position of four bytes with that hash.
    std::array<std::uint16_t, std::size_t{1} << table_bits> table{};
    std::size_t literal = 0;  // start of the bytes that are not written yet
    const std::size_t limit = data.size() > margin ? data.size() - margin : 0;
    for (std::size_t at = 0; at < limit;) {
        const std::uint32_t four = load(data.data() + at);
        std::uint16_t& seen = table[four * 0x1E35'A7BDU >> (32 - table_bits)];
        const std::size_t before = seen;
        seen = static_cast<std::uint16_t>(at);
        if (before >= at || load(data.data() + before) != four) {
            // The longer no match is found, the fewer positions are tried.
            at += 1 + (at - literal) / 32;
            continue;
        }
        std::size_t size = 4;
        while (at + size < data.size() && data[before + size] == data[at + size]) ++size;
        append_literal(out, data.substr(literal, at - literal));
        append_copy(out, at - before, size);
        at += size;
        literal = at;
    }
    append_literal(out, data.substr(literal));
}

void SnappyCompressor::write_block(std::string_view block, Buffer& out) {
    if (!has_begun_ && framing_ == SnappyFraming::java) out.append(java_header);
    has_begun_ = true;
    Buffer compressed(block.size() + block.size() / 6 + 32);
    append_snappy_block(compressed, block);
    if (framing_ == SnappyFraming::hadoop) append_big(out, block.size());
    append_big(out, compressed.size());
    out.append(compressed.view());
}

void SnappyCompressor::write(std::string_view data, Buffer& out) {
    while (!data.empty()) {
        if (block_.empty() && data.size() >= block_size) {
            write_block(data.substr(0, block_size), out);
            data.remove_prefix(block_size);
            continue;
        }
        const std::size_t n = std::min(block_size - block_.size(), data.size());
        block_.append(data.substr(0, n));
        data.remove_prefix(n);
        if (block_.size() < block_size) continue;
        write_block(block_.view(), out);
        block_.clear();
    }
}

void SnappyCompressor::finish(Buffer& out) {
    if (!block_.empty() || !has_begun_) write_block(block_.view(), out);
    block_.clear();
}

}  // namespace riacho::formats
