#include "video/fragment.h"

#include <algorithm>

namespace riacho::video {
namespace {

constexpr std::uint8_t fragment_format_version = 1;

constexpr std::uint32_t random_mask = (1U << 28) - 1;
constexpr std::uint32_t flag_key_start = 1U << 28;
constexpr std::uint32_t flag_late = 1U << 29;
constexpr std::uint32_t flag_image = 1U << 30;
constexpr std::uint32_t flag_notify = 1U << 31;

void put_u64(std::byte* at, std::uint64_t value) { put_le(at, value); }
void put_u32(std::byte* at, std::uint32_t value) { put_le(at, value); }
void put_u16(std::byte* at, std::uint16_t value) { put_le(at, value); }

// Takes bytes from the front of the parts; `skipped` bytes of the first part were taken already.
class PartCutter {
public:
    explicit PartCutter(std::span<const std::string_view> parts) : parts_(parts) {}
    bool take(std::size_t size, std::vector<std::string_view>& out) {
        while (size > 0) {
            while (!parts_.empty() && skipped_ == parts_.front().size()) next();
            if (parts_.empty()) return false;
            const std::string_view piece = parts_.front().substr(skipped_, size);
            out.push_back(piece);
            skipped_ += piece.size();
            size -= piece.size();
        }
        return true;
    }

private:
    void next() {
        parts_ = parts_.subspan(1);
        skipped_ = 0;
    }
    std::span<const std::string_view> parts_;
    std::size_t skipped_ = 0;
};

}  // namespace

void put_entry(std::byte* at, const FragmentEntry& entry) {
    const std::uint32_t flags = (entry.key_start ? flag_key_start : 0) | (entry.late ? flag_late : 0) |
                                (entry.image_tag ? flag_image : 0) | (entry.notify_tag ? flag_notify : 0);
    put_u64(at, entry.sequence);
    put_u64(at + 8, static_cast<std::uint64_t>(entry.server_ms));
    put_u64(at + 16, static_cast<std::uint64_t>(entry.producer_ms));
    put_u64(at + 24, entry.position);
    put_u32(at + 32, (entry.random & random_mask) | flags);
    put_u32(at + 36, entry.size);
    put_u32(at + 40, entry.span_ms);
    put_u32(at + 44, entry.duration_ms);
    put_u64(at + 48, entry.config_id);
    put_u32(at + 56, entry.video_bytes);
    put_u16(at + 60, entry.video_frames);
    put_u16(at + 62, entry.audio_frames);
    put_u32(at + 64, 0);
    put_u32(at + 68, entry.crc);
}

FragmentEntry get_entry(const std::byte* at) {
    FragmentEntry entry;
    entry.sequence = get_le<std::uint64_t>(at);
    entry.server_ms = static_cast<std::int64_t>(get_le<std::uint64_t>(at + 8));
    entry.producer_ms = static_cast<std::int64_t>(get_le<std::uint64_t>(at + 16));
    entry.position = get_le<std::uint64_t>(at + 24);
    const auto word = get_le<std::uint32_t>(at + 32);
    entry.random = word & random_mask;
    entry.key_start = (word & flag_key_start) != 0;
    entry.late = (word & flag_late) != 0;
    entry.image_tag = (word & flag_image) != 0;
    entry.notify_tag = (word & flag_notify) != 0;
    entry.size = get_le<std::uint32_t>(at + 36);
    entry.span_ms = get_le<std::uint32_t>(at + 40);
    entry.duration_ms = get_le<std::uint32_t>(at + 44);
    entry.config_id = get_le<std::uint64_t>(at + 48);
    entry.video_bytes = get_le<std::uint32_t>(at + 56);
    entry.video_frames = get_le<std::uint16_t>(at + 60);
    entry.audio_frames = get_le<std::uint16_t>(at + 62);
    entry.crc = get_le<std::uint32_t>(at + 68);
    return entry;
}

void put_chunk_head(std::byte* at, std::uint64_t sequence, std::uint16_t index) {
    at[0] = std::byte{fragment_format_version};
    at[1] = std::byte{static_cast<std::uint8_t>(RecordKind::chunk)};
    put_u16(at + 2, index);
    put_u32(at + 4, 0);
    put_u64(at + 8, sequence);
}

void put_closing_head(std::byte* at, const Closing& closing) {
    at[0] = std::byte{fragment_format_version};
    at[1] = std::byte{static_cast<std::uint8_t>(RecordKind::closing)};
    put_u16(at + 2, static_cast<std::uint16_t>(closing.chunks.size()));
    put_u32(at + 4, closing.header_size);
    put_u32(at + 8, closing.cluster_size);
    put_u32(at + 12, closing.trailing_size);
    FragmentEntry entry = closing.entry;
    entry.position = 0;  // the record's own number, which is not known yet
    put_entry(at + 16, entry);
    std::byte* next = at + closing_head_size;
    for (const std::uint64_t chunk : closing.chunks) {
        put_u64(next, chunk);
        next += 8;
    }
}

RecordKind kind_of(std::string_view record) {
    if (record.size() < chunk_head_size || static_cast<std::uint8_t>(record[0]) != fragment_format_version) {
        return RecordKind::unknown;
    }
    const auto kind = static_cast<std::uint8_t>(record[1]);
    if (kind == static_cast<std::uint8_t>(RecordKind::chunk)) return RecordKind::chunk;
    if (kind == static_cast<std::uint8_t>(RecordKind::closing)) return RecordKind::closing;
    return RecordKind::unknown;
}

std::optional<std::string_view> chunk_part(std::string_view record, std::uint64_t sequence, std::uint16_t index) {
    if (kind_of(record) != RecordKind::chunk) return std::nullopt;
    const std::byte* at = as_bytes(record).data();
    if (get_le<std::uint16_t>(at + 2) != index || get_le<std::uint64_t>(at + 8) != sequence) return std::nullopt;
    return record.substr(chunk_head_size);
}

std::optional<ParsedClosing> parse_closing(std::string_view record, std::uint64_t position) {
    if (kind_of(record) != RecordKind::closing || record.size() < closing_head_size) return std::nullopt;
    const std::byte* at = as_bytes(record).data();
    ParsedClosing parsed;
    Closing& closing = parsed.closing;
    const std::size_t count = get_le<std::uint16_t>(at + 2);
    if (count > chunks_max || record.size() < closing_head_size + count * 8) return std::nullopt;
    closing.header_size = get_le<std::uint32_t>(at + 4);
    closing.cluster_size = get_le<std::uint32_t>(at + 8);
    closing.trailing_size = get_le<std::uint32_t>(at + 12);
    closing.entry = get_entry(at + 16);
    closing.entry.position = position;
    const std::uint64_t total =
        std::uint64_t{closing.header_size} + closing.cluster_size + std::uint64_t{closing.trailing_size};
    if (total != closing.entry.size) return std::nullopt;
    for (std::size_t i = 0; i < count; ++i)
        closing.chunks.push_back(get_le<std::uint64_t>(at + closing_head_size + i * 8));
    parsed.part = record.substr(closing.head_size());
    return parsed;
}

bool split_payload(std::span<const std::string_view> parts, const Closing& sizes, Fragment& fragment) {
    PartCutter cutter(parts);
    return cutter.take(sizes.header_size, fragment.header) && cutter.take(sizes.cluster_size, fragment.cluster) &&
           cutter.take(sizes.trailing_size, fragment.trailing);
}

}  // namespace riacho::video
