// EBML, the binary tree that Matroska is written in: ids, sizes, and elements inside memory (RFC 8794).
#pragma once

#include <cstdint>
#include <optional>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/result.h"

namespace riacho::media {

// Element ids with their marker bits, as they stand in a file (video spec 3.5).
namespace mkv {
inline constexpr std::uint32_t ebml = 0x1A45DFA3, ebml_read_version = 0x42F7, ebml_max_id_length = 0x42F2,
                               ebml_max_size_length = 0x42F3, doc_type = 0x4282, doc_type_read_version = 0x4285,
                               void_element = 0xEC, crc_32 = 0xBF;
inline constexpr std::uint32_t segment = 0x18538067, seek_head = 0x114D9B74, info = 0x1549A966, tracks = 0x1654AE6B,
                               cluster = 0x1F43B675, cues = 0x1C53BB6B, chapters = 0x1043A770, attachments = 0x1941A469,
                               tags = 0x1254C367;
inline constexpr std::uint32_t timecode_scale = 0x2AD7B1, track_entry = 0xAE, track_number = 0xD7, track_type = 0x83,
                               default_duration = 0x23E383, codec_id = 0x86, codec_private = 0x63A2, video = 0xE0,
                               audio = 0xE1, pixel_width = 0xB0, pixel_height = 0xBA, sampling_frequency = 0xB5,
                               channels = 0x9F, bit_depth = 0x6264, content_encodings = 0x6D80;
inline constexpr std::uint32_t timecode = 0xE7, simple_block = 0xA3, block_group = 0xA0, block = 0xA1,
                               block_duration = 0x9B, reference_block = 0xFB;
inline constexpr std::uint32_t tag = 0x7373, targets = 0x63C0, tag_track_uid = 0x63C5, simple_tag = 0x67C8,
                               tag_name = 0x45A3, tag_string = 0x4487, tag_binary = 0x4485;
}  // namespace mkv

// The largest element head: an id of 4 bytes and a size of 8.
inline constexpr std::size_t element_head_size_max = 12;

struct ElementHead {
    std::uint32_t id = 0;
    std::uint64_t size = 0;  // of the content; meaningless if `unknown`
    bool unknown = false;    // all data bits of the size are one: the element ends where its parent's next child begins
    std::uint8_t head_size = 0;
};

enum class HeadState : std::uint8_t { ok, short_of_bytes, bad };

// Reads an element's head. short_of_bytes: `bytes` may be the beginning of a head. bad: no head begins with these bytes
// (ids have 1 to 4 bytes, sizes 1 to 8; an id with all data bits zero or all one is invalid).
HeadState read_element_head(ByteSpan bytes, ElementHead& head);

// A number in the form of a size, such as a block's track: its value and length, nothing if cut short or malformed.
struct Vint {
    std::uint64_t value = 0;
    std::uint8_t size = 0;
};
std::optional<Vint> read_vint(ByteSpan bytes);

// The content of an unsigned integer (0 to 8 bytes, big-endian), nothing if longer.
std::optional<std::uint64_t> read_unsigned(ByteSpan content);
// The content of a float (0, 4 or 8 bytes), nothing if it has another length.
std::optional<double> read_float(ByteSpan content);
// The content of a string without the zero bytes that may pad it.
std::string_view read_string(ByteSpan content);

// The children of a master element that is in memory whole, one after another.
class ElementWalker {
public:
    explicit ElementWalker(ByteSpan content) : left_(content) {}

    // The next child; nothing at the end, or when the following bytes are no element that ends inside its parent: then
    // ok() is false.
    struct Element {
        std::uint32_t id = 0;
        ByteSpan content;
        ByteSpan whole;  // with its head
    };
    std::optional<Element> next();
    [[nodiscard]] bool ok() const { return ok_; }

private:
    ByteSpan left_;
    bool ok_ = true;
};

// Writing. Sizes take `size_bytes` (1 to 8) bytes; 0 chooses the shortest form.
void put_element_id(Buffer& out, std::uint32_t id);
void put_element_size(Buffer& out, std::uint64_t size, unsigned size_bytes = 0);
void put_element(Buffer& out, std::uint32_t id, std::string_view content, unsigned size_bytes = 0);
void put_unsigned(Buffer& out, std::uint32_t id, std::uint64_t value);
void put_float(Buffer& out, std::uint32_t id, double value);
// The size "unknown", in 8 bytes or in one.
void put_unknown_size(Buffer& out, unsigned size_bytes = 8);

}  // namespace riacho::media
