// Frames: the units of the journal, the segments and the tail cache. docs/formats/journal.md describes the bytes.
//
//   64-byte header | body | zeros to a multiple of 8
//
// A batch of records is encoded once, into the memory that is written to disk and that readers use.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "log/types.h"

namespace riacho::log {

inline constexpr std::size_t frame_header_size = 64;
inline constexpr std::size_t frame_body_size_max = (16U << 20) - frame_header_size;
inline constexpr std::size_t frame_alignment = 8;

enum class FrameKind : std::uint8_t {
    data = 1,
    command = 2,
    // 3 and 4 are reserved: shard create and close are effects of a command.
    checkpoint = 5,
    durable_mark = 6,
    pad = 7,
    trim = 8,
    group_trailer = 9,
    segment_reference = 10  // a data frame that was written to its segment only
};

// A flag of data frames: the appender has sealed (encrypted) the records' data. The log keeps the flag and does not
// interpret the data.
inline constexpr std::uint16_t frame_flag_sealed = 1;

// A flag of command frames: each created shard has a class. Not set by version 1 of the store.
inline constexpr std::uint16_t frame_flag_classes = 1;

// An explicit hash key: 128 bits, most significant byte first.
using HashKeyBytes = std::array<std::uint8_t, 16>;

// The decoded header. frame.cc alone defines the offsets of its fields.
struct FrameHeader {
    FrameKind kind = FrameKind::data;
    std::uint16_t flags = 0;
    std::uint32_t body_size = 0;
    std::uint64_t generation = 0;
    Lsn lsn;
    Lsn durable_lsn;
    std::uint64_t shard = 0;
    std::uint64_t base_seq = 0;
    std::uint32_t record_count = 0;
    std::uint32_t body_crc = 0;
    std::uint32_t header_crc = 0;  // set by encode_header and decode_header

    [[nodiscard]] std::size_t size_on_disk() const { return round_up(frame_header_size + body_size, frame_alignment); }
};

// Writes the 64 bytes and returns their checksum.
std::uint32_t encode_header(const FrameHeader& header, std::byte* at);
// Nothing unless magic, checksum, version, kind and body size are valid.
std::optional<FrameHeader> decode_header(ByteSpan bytes);
// The reason why this version cannot read a header with the right magic and checksum; for error messages.
std::optional<std::string_view> unsupported_reason(ByteSpan bytes);

// One record inside a frame; its views live as long as the frame.
struct RecordView {
    SeqIx seq;
    TimestampMs arrival;
    std::string_view partition_key;
    const HashKeyBytes* explicit_hash_key = nullptr;  // null when the producer sent none
    std::string_view data;
};

// Walks the records of a frame whose body was validated.
class RecordIterator {
public:
    using value_type = RecordView;
    using difference_type = std::ptrdiff_t;

    RecordIterator() = default;
    RecordIterator(const std::byte* at, SeqIx seq, TimestampMs base_arrival, std::uint32_t left)
        : at_(at), base_arrival_(base_arrival), left_(left) {
        record_.seq = seq;
        if (left_ > 0) parse();
    }
    const RecordView& operator*() const { return record_; }
    const RecordView* operator->() const { return &record_; }
    RecordIterator& operator++() {
        record_.seq = record_.seq.plus(1);
        if (--left_ > 0) parse();
        return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const RecordIterator& a, const RecordIterator& b) { return a.left_ == b.left_; }
    // The start of the current record in memory.
    [[nodiscard]] const std::byte* position() const { return start_; }

private:
    void parse();

    const std::byte* at_ = nullptr;     // position after the current record
    const std::byte* start_ = nullptr;  // start of the current record
    TimestampMs base_arrival_;
    std::uint32_t left_ = 0;
    RecordView record_;
};

class RecordRange {
public:
    RecordRange(RecordIterator begin) : begin_(begin) {}
    [[nodiscard]] RecordIterator begin() const { return begin_; }
    [[nodiscard]] static RecordIterator end() { return {}; }

private:
    RecordIterator begin_;
};

// One data frame in memory: header and body of one shard's batch. Immutable once published; shared by the journal, the
// tail cache, the flusher and readers.
class Frame {
public:
    struct Free {
        void operator()(std::byte* memory) const { std::free(memory); }
    };
    using Memory = std::unique_ptr<std::byte, Free>;

    static Memory allocate(std::size_t size);

    // Makes a frame from bytes read from disk. The header was decoded from the start of the memory; null if the body is
    // invalid: a wrong checksum of the body or of a record, a record that exceeds the body, a wrong count.
    static std::shared_ptr<const Frame> from_disk(const FrameHeader& header, Memory memory);

    [[nodiscard]] ShardUid shard() const { return ShardUid(header_.shard); }
    [[nodiscard]] SeqIx first() const { return SeqIx(header_.base_seq); }
    [[nodiscard]] SeqIx next() const { return SeqIx(header_.base_seq + header_.record_count); }
    [[nodiscard]] std::uint32_t record_count() const { return header_.record_count; }
    [[nodiscard]] TimestampMs arrival() const { return arrival_; }
    [[nodiscard]] Lsn lsn() const { return header_.lsn; }
    // Total size of partition keys and data of all records.
    [[nodiscard]] std::size_t payload_bytes() const { return payload_bytes_; }
    [[nodiscard]] const FrameHeader& header() const { return header_; }
    [[nodiscard]] bool is_sealed() const { return (header_.flags & frame_flag_sealed) != 0; }
    // Header, body and padding in on-disk form.
    [[nodiscard]] ByteSpan bytes() const { return {memory_.get(), header_.size_on_disk()}; }
    [[nodiscard]] RecordRange records() const;
    // Verifies every record's own checksum again, to detect damage in memory.
    [[nodiscard]] bool verify_records() const;

private:
    friend class Batch;
    friend class BatchBuilder;
    FrameHeader header_;
    TimestampMs arrival_;
    std::size_t payload_bytes_ = 0;
    Memory memory_;
};

// A finished batch on its way to the sequencer. Movable.
class Batch {
public:
    Batch() = default;
    [[nodiscard]] bool empty() const { return frame_ == nullptr; }
    [[nodiscard]] std::uint32_t record_count() const { return frame_->record_count(); }
    [[nodiscard]] std::size_t payload_bytes() const { return frame_->payload_bytes(); }
    [[nodiscard]] std::size_t size_on_disk() const { return frame_->header_.size_on_disk(); }

    // For the sequencer: sets the fields that are known only when the batch is ordered, computes the checksums and
    // releases the frame. header.body_size, record_count and flags come from the batch.
    std::shared_ptr<const Frame> place(const FrameHeader& header, TimestampMs arrival) &&;
    // For the sequencer: undoes place(), so that the batch can be placed elsewhere. Nobody else has seen the frame.
    static Batch take_back(std::shared_ptr<const Frame> frame);

private:
    friend class BatchBuilder;
    explicit Batch(std::shared_ptr<Frame> frame) : frame_(std::move(frame)) {}
    std::shared_ptr<Frame> frame_;
};

// Builds one shard's batch. Not thread-safe. The whole body must not exceed frame_body_size_max.
class BatchBuilder {
public:
    static constexpr std::size_t record_size_min = 12;  // with an empty key and no data
    // The size of a record in the body.
    static std::size_t record_size(std::size_t partition_key_size, bool has_explicit_hash_key, std::size_t data_size);

    // expected_bytes: the sum of record_size() over the records to come; a hint; if exact, the memory never moves.
    explicit BatchBuilder(std::size_t expected_bytes);

    // Adds a record and returns the place for its data. The caller fills it before the next call of add or seal.
    std::span<std::byte> add(std::string_view partition_key, const HashKeyBytes* explicit_hash_key,
                             std::size_t data_size);

    // Marks the data of all records as sealed (encrypted).
    void mark_sealed() { flags_ = frame_flag_sealed; }

    [[nodiscard]] std::uint32_t record_count() const { return record_count_; }
    // Finishes the batch; at least one record was added. The builder is empty afterwards.
    Batch seal();

private:
    void reserve(std::size_t size);

    Frame::Memory memory_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
    std::uint32_t record_count_ = 0;
    std::size_t payload_bytes_ = 0;
    std::uint16_t flags_ = 0;
};

}  // namespace riacho::log
