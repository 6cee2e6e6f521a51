// Fragments of a video stream: index entries, bytes in memory, and records in the log (docs/formats/video.md).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "media/fragment_number.h"

namespace riacho::video {

// The index entry of a fragment.
struct FragmentEntry {
    std::uint64_t sequence = 0;    // increases within a stream, with gaps; never used again
    std::int64_t server_ms = 0;    // arrival of its first byte; never less than that of a lower sequence
    std::int64_t producer_ms = 0;  // the producer's timestamp
    std::uint64_t position = 0;    // number of the closing record in the media shard; 0: in memory only
    std::uint32_t random = 0;      // 28 bits
    bool key_start = false;        // the first video frame is a key frame
    bool late = false;             // complete after live readers had passed its number
    bool image_tag = false;
    bool notify_tag = false;
    std::uint32_t size = 0;         // bytes: header block, Cluster and elements behind it
    std::uint32_t span_ms = 0;      // from the first frame to the last
    std::uint32_t duration_ms = 0;  // includes the last frame's duration
    std::uint64_t config_id = 0;    // media::config_id of its tracks
    std::uint32_t video_bytes = 0;
    std::uint16_t video_frames = 0;
    std::uint16_t audio_frames = 0;
    std::uint32_t crc = 0;  // CRC-32C of the stored payload

    [[nodiscard]] media::FragmentNumber number() const {
        return {sequence, static_cast<std::uint64_t>(server_ms), random};
    }
    friend bool operator==(const FragmentEntry&, const FragmentEntry&) = default;
};

// The bytes of a fragment. Immutable; owns the memory of the views.
struct Fragment {
    FragmentEntry entry;
    std::vector<std::string_view> header;    // EBML header .. last element before the first Cluster
    std::vector<std::string_view> cluster;   // the Cluster element, unchanged
    std::vector<std::string_view> trailing;  // elements behind it: the producer's tags
    std::shared_ptr<const void> owner;
};

inline constexpr std::size_t entry_size = 72;
inline constexpr std::size_t chunk_head_size = 16;
inline constexpr std::size_t closing_head_size = 16 + entry_size;
// The largest payload of a record, so that a record stays below 1 MiB.
inline constexpr std::size_t part_size_max = 983'040;
inline constexpr std::size_t chunks_max = 800;

// The partition keys of the records, one byte each.
inline constexpr std::string_view chunk_key = "c", closing_key = "f", index_key = "i";

void put_entry(std::byte* at, const FragmentEntry& entry);
// `at` has entry_size bytes.
FragmentEntry get_entry(const std::byte* at);

// Writes the head of a chunk record, a part of a fragment that is larger than one record: `part` follows the
// chunk_head_size bytes written here.
void put_chunk_head(std::byte* at, std::uint64_t sequence, std::uint16_t index);

// The content of a closing record before the last part of the payload.
struct Closing {
    FragmentEntry entry;
    std::uint32_t header_size = 0;
    std::uint32_t cluster_size = 0;
    std::uint32_t trailing_size = 0;
    std::vector<std::uint64_t> chunks;  // numbers of the chunk records, in the order of their payload

    [[nodiscard]] std::size_t head_size() const { return closing_head_size + chunks.size() * 8; }
};
void put_closing_head(std::byte* at, const Closing& closing);

enum class RecordKind : std::uint8_t { chunk = 1, closing = 2, unknown = 0 };
// `unknown` for every record that this version does not write.
RecordKind kind_of(std::string_view record);
// The payload part of a chunk record; nothing unless it has this sequence and this index.
std::optional<std::string_view> chunk_part(std::string_view record, std::uint64_t sequence, std::uint16_t index);
struct ParsedClosing {
    Closing closing;
    std::string_view part;
};
// position: the record's number in its shard. Nothing when it is not a complete closing record.
std::optional<ParsedClosing> parse_closing(std::string_view record, std::uint64_t position);

// Splits the parts of a payload into the three lists of a fragment. False: there are fewer bytes than the sizes
// require. Bytes beyond the sizes are ignored.
bool split_payload(std::span<const std::string_view> parts, const Closing& sizes, Fragment& fragment);

}  // namespace riacho::video
