#include "log/frame.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "base/check.h"
#include "base/crc32c.h"

namespace riacho::log {
namespace {

constexpr std::uint32_t frame_magic = 0x314B4252;  // "RBK1"
constexpr std::uint8_t frame_version = 1;

// Offsets of the header's fields.
constexpr std::size_t at_magic = 0;
constexpr std::size_t at_version = 4;
constexpr std::size_t at_kind = 5;
constexpr std::size_t at_flags = 6;
constexpr std::size_t at_body_size = 8;
constexpr std::size_t at_header_crc = 12;
constexpr std::size_t at_generation = 16;
constexpr std::size_t at_lsn = 24;
constexpr std::size_t at_durable_lsn = 32;
constexpr std::size_t at_shard = 40;
constexpr std::size_t at_base_seq = 48;
constexpr std::size_t at_record_count = 56;
constexpr std::size_t at_body_crc = 60;
static_assert(at_body_crc + 4 == frame_header_size);

// Layout of a data frame's body: base arrival time, then records of
// size u32 | crc u32 | attributes u8 | arrival delta varint | [hash key 16] | key size varint | key | data size varint
// | data.
constexpr std::size_t records_offset = 8;
constexpr std::size_t record_prefix = 8;
constexpr auto attribute_explicit_hash_key = std::byte{1};
constexpr std::uint64_t seq_max = (1ULL << 63) - 1;
constexpr std::uint32_t record_size_min = 4;  // attributes, delta, two empty strings

std::uint32_t header_checksum(const std::byte* header) {
    return crc32c({header + at_generation, frame_header_size - at_generation}, crc32c({header, at_header_crc}));
}

bool is_known(FrameKind kind) {
    switch (kind) {
        case FrameKind::data:
        case FrameKind::command:
        case FrameKind::checkpoint:
        case FrameKind::durable_mark:
        case FrameKind::pad:
        case FrameKind::trim:
        case FrameKind::group_trailer:
        case FrameKind::segment_reference:
            return true;
    }
    return false;
}

struct ParsedRecord {
    std::string_view key;
    std::string_view data;
    const HashKeyBytes* hash_key = nullptr;
    std::uint64_t arrival_delta = 0;
    const std::byte* end = nullptr;
};

// Reads a string that is preceded by its size; nullptr if it exceeds [at, end).
const std::byte* get_string(const std::byte* at, const std::byte* end, std::string_view& out) {
    std::uint64_t size = 0;
    at = get_varint(at, end, size);
    if (at == nullptr || size > static_cast<std::uint64_t>(end - at)) return nullptr;
    out = {reinterpret_cast<const char*>(at), static_cast<std::size_t>(size)};
    return at + size;
}

// False if the record exceeds [at, end) or is inconsistent. Its checksum is not verified.
bool parse_record(const std::byte* at, const std::byte* end, ParsedRecord& record) {
    if (static_cast<std::size_t>(end - at) < record_prefix) return false;
    const auto size = get_le<std::uint32_t>(at);
    at += record_prefix;
    if (size < record_size_min || size > static_cast<std::size_t>(end - at)) return false;
    record.end = at + size;
    const std::byte attributes = *at++;
    at = get_varint(at, record.end, record.arrival_delta);
    if (at == nullptr) return false;
    record.hash_key = nullptr;
    if ((attributes & attribute_explicit_hash_key) != std::byte{0}) {
        if (record.end - at < 16) return false;
        record.hash_key = reinterpret_cast<const HashKeyBytes*>(at);
        at += 16;
    }
    at = get_string(at, record.end, record.key);
    if (at == nullptr) return false;
    at = get_string(at, record.end, record.data);
    return at == record.end;
}

bool record_checksum_holds(const std::byte* at) {
    const auto size = get_le<std::uint32_t>(at);
    return get_le<std::uint32_t>(at + 4) == crc32c({at + record_prefix, size});
}

}  // namespace

std::uint32_t encode_header(const FrameHeader& header, std::byte* at) {
    put_le(at + at_magic, frame_magic);
    put_le(at + at_version, frame_version);
    put_le(at + at_kind, static_cast<std::uint8_t>(header.kind));
    put_le(at + at_flags, header.flags);
    put_le(at + at_body_size, header.body_size);
    put_le(at + at_generation, header.generation);
    put_le(at + at_lsn, header.lsn.value());
    put_le(at + at_durable_lsn, header.durable_lsn.value());
    put_le(at + at_shard, header.shard);
    put_le(at + at_base_seq, header.base_seq);
    put_le(at + at_record_count, header.record_count);
    put_le(at + at_body_crc, header.body_crc);
    const std::uint32_t crc = header_checksum(at);
    put_le(at + at_header_crc, crc);
    return crc;
}

std::optional<FrameHeader> decode_header(ByteSpan bytes) {
    if (bytes.size() < frame_header_size) return std::nullopt;
    const std::byte* at = bytes.data();
    if (get_le<std::uint32_t>(at + at_magic) != frame_magic) return std::nullopt;
    const auto crc = get_le<std::uint32_t>(at + at_header_crc);
    if (crc != header_checksum(at)) return std::nullopt;
    FrameHeader header;
    header.kind = static_cast<FrameKind>(get_le<std::uint8_t>(at + at_kind));
    header.flags = get_le<std::uint16_t>(at + at_flags);
    header.body_size = get_le<std::uint32_t>(at + at_body_size);
    header.generation = get_le<std::uint64_t>(at + at_generation);
    header.lsn = Lsn(get_le<std::uint64_t>(at + at_lsn));
    header.durable_lsn = Lsn(get_le<std::uint64_t>(at + at_durable_lsn));
    header.shard = get_le<std::uint64_t>(at + at_shard);
    header.base_seq = get_le<std::uint64_t>(at + at_base_seq);
    header.record_count = get_le<std::uint32_t>(at + at_record_count);
    header.body_crc = get_le<std::uint32_t>(at + at_body_crc);
    header.header_crc = crc;
    if (get_le<std::uint8_t>(at + at_version) != frame_version || !is_known(header.kind)) return std::nullopt;
    if (header.body_size > frame_body_size_max) return std::nullopt;
    return header;
}

std::optional<std::string_view> unsupported_reason(ByteSpan bytes) {
    if (bytes.size() < frame_header_size) return std::nullopt;
    const std::byte* at = bytes.data();
    if (get_le<std::uint32_t>(at + at_magic) != frame_magic) return std::nullopt;
    if (get_le<std::uint32_t>(at + at_header_crc) != header_checksum(at)) return std::nullopt;
    if (get_le<std::uint8_t>(at + at_version) != frame_version) return "a frame of a later format version";
    if (!is_known(static_cast<FrameKind>(get_le<std::uint8_t>(at + at_kind)))) return "a frame of an unknown kind";
    if (get_le<std::uint16_t>(at + at_flags) & 0x6U) return "a compressed frame, which this version cannot read";
    return std::nullopt;
}

void RecordIterator::parse() {
    start_ = at_;
    ParsedRecord record;
    const auto size = get_le<std::uint32_t>(at_);
    const bool fine = parse_record(at_, at_ + record_prefix + size, record);
    RIACHO_CHECK(fine, "a record of a validated frame cannot be parsed");
    record_.partition_key = record.key;
    record_.data = record.data;
    record_.explicit_hash_key = record.hash_key;
    // Unsigned, because a delta from disk may have any value.
    const std::uint64_t arrival = static_cast<std::uint64_t>(base_arrival_.value()) + record.arrival_delta;
    record_.arrival = TimestampMs(static_cast<std::int64_t>(arrival));
    at_ = record.end;
}

Frame::Memory Frame::allocate(std::size_t size) {
    auto* memory = static_cast<std::byte*>(std::malloc(size));
    if (memory == nullptr) throw std::bad_alloc();
    return Memory(memory);
}

std::shared_ptr<const Frame> Frame::from_disk(const FrameHeader& header, Memory memory) {
    if (header.kind != FrameKind::data || (header.flags & ~frame_flag_sealed) != 0 || header.record_count == 0)
        return nullptr;
    if (header.body_size < records_offset) return nullptr;
    if (header.base_seq == 0 || header.base_seq > seq_max || header.record_count > seq_max - header.base_seq)
        return nullptr;
    const std::byte* at = memory.get() + frame_header_size;
    const std::byte* end = at + header.body_size;
    if (crc32c({at, end}) != header.body_crc) return nullptr;
    auto frame = std::make_shared<Frame>();
    frame->arrival_ = TimestampMs(static_cast<std::int64_t>(get_le<std::uint64_t>(at)));
    at += records_offset;
    for (std::uint32_t i = 0; i < header.record_count; ++i) {
        ParsedRecord record;
        if (!parse_record(at, end, record) || !record_checksum_holds(at)) return nullptr;
        frame->payload_bytes_ += record.key.size() + record.data.size();
        at = record.end;
    }
    if (at != end) return nullptr;
    frame->header_ = header;
    frame->memory_ = std::move(memory);
    return frame;
}

RecordRange Frame::records() const {
    return RecordIterator(memory_.get() + frame_header_size + records_offset, first(), arrival_, header_.record_count);
}

bool Frame::verify_records() const {
    const std::byte* at = memory_.get() + frame_header_size + records_offset;
    for (std::uint32_t i = 0; i < header_.record_count; ++i) {
        if (!record_checksum_holds(at)) return false;
        at += record_prefix + get_le<std::uint32_t>(at);
    }
    return true;
}

std::shared_ptr<const Frame> Batch::place(const FrameHeader& header, TimestampMs arrival) && {
    RIACHO_CHECK(frame_ != nullptr, "the batch was placed before");
    std::byte* memory = frame_->memory_.get();
    FrameHeader& own = frame_->header_;
    const std::uint32_t body_size = own.body_size;
    const std::uint32_t record_count = own.record_count;
    const std::uint16_t flags = own.flags;
    own = header;
    own.flags = flags;
    own.body_size = body_size;
    own.record_count = record_count;
    put_le(memory + frame_header_size, static_cast<std::uint64_t>(arrival.value()));
    own.body_crc = crc32c({memory + frame_header_size, body_size});
    own.header_crc = encode_header(own, memory);
    frame_->arrival_ = arrival;
    return std::move(frame_);
}

Batch Batch::take_back(std::shared_ptr<const Frame> frame) {
    return Batch(std::const_pointer_cast<Frame>(std::move(frame)));
}

std::size_t BatchBuilder::record_size(std::size_t partition_key_size, bool has_explicit_hash_key,
                                      std::size_t data_size) {
    return record_prefix + 2 + (has_explicit_hash_key ? 16U : 0U) + varint_size(partition_key_size) +
           partition_key_size + varint_size(data_size) + data_size;
}

BatchBuilder::BatchBuilder(std::size_t expected_bytes) {
    reserve(frame_header_size + records_offset + expected_bytes);
    size_ = frame_header_size + records_offset;
}

void BatchBuilder::reserve(std::size_t size) {
    // The padding is part of the frame's size.
    size = round_up(size, frame_alignment);
    if (size <= capacity_) return;
    size = std::max(size, round_up(capacity_ + capacity_ / 2, frame_alignment));
    auto* memory = static_cast<std::byte*>(std::realloc(memory_.get(), size));
    if (memory == nullptr) throw std::bad_alloc();
    static_cast<void>(memory_.release());
    memory_.reset(memory);
    capacity_ = size;
}

std::span<std::byte> BatchBuilder::add(std::string_view partition_key, const HashKeyBytes* explicit_hash_key,
                                       std::size_t data_size) {
    const std::size_t size = record_size(partition_key.size(), explicit_hash_key != nullptr, data_size);
    RIACHO_CHECK(memory_ != nullptr && size_ + size <= frame_body_size_max, "the batch is larger than a frame can be");
    reserve(size_ + size);
    std::byte* at = memory_.get() + size_;
    put_le(at, static_cast<std::uint32_t>(size - record_prefix));
    at += record_prefix;
    *at++ = explicit_hash_key != nullptr ? attribute_explicit_hash_key : std::byte{0};
    at = put_varint(at, 0);
    if (explicit_hash_key != nullptr) {
        std::memcpy(at, explicit_hash_key->data(), explicit_hash_key->size());
        at += explicit_hash_key->size();
    }
    at = put_varint(at, partition_key.size());
    // An empty view may have no address, which memcpy() must not be given.
    if (!partition_key.empty()) std::memcpy(at, partition_key.data(), partition_key.size());
    at = put_varint(at + partition_key.size(), data_size);
    size_ += size;
    ++record_count_;
    payload_bytes_ += partition_key.size() + data_size;
    return {at, data_size};
}

Batch BatchBuilder::seal() {
    RIACHO_CHECK(record_count_ > 0);
    std::byte* at = memory_.get() + frame_header_size + records_offset;
    for (std::uint32_t i = 0; i < record_count_; ++i) {
        const auto size = get_le<std::uint32_t>(at);
        put_le(at + 4, crc32c({at + record_prefix, size}));
        at += record_prefix + size;
    }
    std::memset(memory_.get() + size_, 0, round_up(size_, frame_alignment) - size_);
    auto frame = std::make_shared<Frame>();
    frame->header_.body_size = static_cast<std::uint32_t>(size_ - frame_header_size);
    frame->header_.record_count = std::exchange(record_count_, 0);
    frame->header_.flags = std::exchange(flags_, 0);
    frame->payload_bytes_ = std::exchange(payload_bytes_, 0);
    frame->memory_ = std::move(memory_);
    size_ = 0;
    capacity_ = 0;
    return Batch(std::move(frame));
}

}  // namespace riacho::log
