#include "formats/zip.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace riacho::formats {
namespace {

constexpr std::size_t trailer_size = 8;  // gzip's: CRC-32 and size of the data
constexpr std::uint16_t version_needed = 20;
constexpr std::uint16_t flag_sizes_follow = 8;
constexpr std::uint16_t method_deflate = 8;
constexpr std::uint16_t first_day = 0x21;  // 1980-01-01: the same data give the same archive

template <class Number>
void append(Buffer& out, Number value) {
    std::byte bytes[sizeof(Number)];
    put_le(bytes, value);
    out.append(as_text(ByteSpan(bytes)));
}

// The fields that the local header and the central directory have in common.
void append_common(Buffer& out, std::uint32_t crc, std::uint32_t compressed, std::uint32_t size, std::size_t name) {
    append(out, version_needed);
    append(out, flag_sizes_follow);
    append(out, method_deflate);
    append(out, std::uint16_t{0});
    append(out, first_day);
    append(out, crc);
    append(out, compressed);
    append(out, size);
    append(out, static_cast<std::uint16_t>(name));
    append(out, std::uint16_t{0});
}

}  // namespace

void ZipCompressor::begin(Buffer& out) {
    if (std::exchange(has_begun_, true)) return;
    out.append("PK\x03\x04");
    append_common(out, 0, 0, 0, name_.size());
    out.append(name_);
}

// Passes on the deflated data, without the bytes that may be gzip's trailer.
void ZipCompressor::drain(Buffer& out) {
    if (held_.size() <= trailer_size) return;
    std::string_view ready = held_.view().substr(0, held_.size() - trailer_size);
    const std::string trailer(held_.view().substr(ready.size()));
    const std::size_t skipped = std::min(header_left_, ready.size());
    header_left_ -= skipped;
    ready.remove_prefix(skipped);
    out.append(ready);
    compressed_size_ += static_cast<std::uint32_t>(ready.size());
    held_.clear();
    held_.append(trailer);
}

void ZipCompressor::write(std::string_view data, Buffer& out) {
    begin(out);
    gzip_.write(data, held_);
    drain(out);
}

void ZipCompressor::finish(Buffer& out) {
    begin(out);
    gzip_.finish(held_);
    drain(out);
    RIACHO_CHECK(held_.size() == trailer_size && header_left_ == 0, "gzip without header or trailer");
    const std::byte* trailer = as_bytes(held_.view()).data();
    const auto crc = get_le<std::uint32_t>(trailer);
    const auto size = get_le<std::uint32_t>(trailer + 4);
    out.append("PK\x07\x08");
    append(out, crc);
    append(out, compressed_size_);
    append(out, size);
    constexpr std::size_t local_header_size = 30;
    constexpr std::size_t descriptor_size = 16;
    constexpr std::size_t central_header_size = 46;
    const std::size_t directory_at = local_header_size + name_.size() + compressed_size_ + descriptor_size;
    out.append("PK\x01\x02");
    append(out, version_needed);  // made by
    append_common(out, crc, compressed_size_, size, name_.size());
    append(out, std::uint16_t{0});  // comment
    append(out, std::uint16_t{0});  // disk
    append(out, std::uint16_t{0});  // attributes
    append(out, std::uint32_t{0});
    append(out, std::uint32_t{0});  // offset of the local header
    out.append(name_);
    out.append("PK\x05\x06");
    append(out, std::uint32_t{0});  // disks
    append(out, std::uint16_t{1});
    append(out, std::uint16_t{1});
    append(out, static_cast<std::uint32_t>(central_header_size + name_.size()));
    append(out, static_cast<std::uint32_t>(directory_at));
    append(out, std::uint16_t{0});
}

}  // namespace riacho::formats
