// The format of every file of the log, as pure encoding and decoding functions that make every check.
// docs/formats/journal.md and docs/formats/segment.md describe it in full.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "log/frame.h"
#include "log/types.h"

namespace riacho::log::detail {

inline constexpr std::size_t block_size = 4096;
inline constexpr std::size_t file_header_size = 4096;
// The journal's first position. 0 stays free to mean "before everything".
inline constexpr Lsn first_journal_lsn = Lsn(4096);
// A flag of a durable mark: the process shut down cleanly after it.
inline constexpr std::uint16_t flag_clean_shutdown = 0x0100;

inline constexpr std::string_view store_file_name = "STORE";

using StoreUuid = std::array<std::byte, 16>;
using Bytes = std::vector<std::byte>;

// The STORE file identifies the directory as riacho's, the store, and the format version of all its files. Version 2
// added the class of a shard: to created shards in commands, to checkpoints and to segment headers. Version 3 added
// segment references to the journal, and pads to all segments.
inline constexpr std::uint16_t store_format = 3;
struct StoreFile {
    StoreUuid uuid{};
    TimestampMs created;
    std::uint16_t format = store_format;
};
Bytes encode_store_file(const StoreFile& store);
// Also decodes a file of a later version, with its version number.
std::optional<StoreFile> decode_store_file(ByteSpan bytes);

// The first 4096 bytes of a journal file.
struct JournalHeader {
    StoreUuid store{};
    std::uint64_t generation = 0;
    Lsn first_lsn;                      // position of the byte after this header
    std::uint64_t prev_generation = 0;  // 0: there was no file before
    Lsn prev_last_lsn;  // end of the previous file; first_lsn, unless that file lost its end to a checkpoint
    std::uint64_t file_size = 0;
    TimestampMs created;
};
void encode_journal_header(const JournalHeader& header, std::span<std::byte, file_header_size> out);
std::optional<JournalHeader> decode_journal_header(ByteSpan bytes);
std::string journal_file_name(std::uint64_t generation);
std::optional<std::uint64_t> parse_journal_file_name(std::string_view name);

// A recorded answer of SequencerView about a shard.
struct ShardFact {
    ShardUid shard;
    SeqIx next_seq;
    TimestampMs last_arrival;
};
// The body of a command frame.
struct CommandBody {
    TimestampMs now;
    ShardEffects effects;
    std::vector<ShardFact> facts;
    std::string_view command;
};
std::size_t command_body_size(const CommandBody& body);
// out has command_body_size bytes.
void encode_command_body(const CommandBody& body, std::byte* out);
// The command is a view into bytes. flags: those of the frame header.
std::optional<CommandBody> decode_command_body(ByteSpan bytes, std::uint16_t flags);

// An entry of a group's trailer: it describes one frame, in case the frame's own header is lost.
struct TrailerEntry {
    std::uint32_t offset = 0;  // from the start of the group
    std::uint32_t body_size = 0;
    std::uint64_t shard = 0;
    std::uint64_t base_seq = 0;
    std::uint32_t record_count = 0;
    FrameKind kind = FrameKind::data;
};
inline constexpr std::size_t trailer_entry_size = 32;
// The body of a trailer or of a durable mark: the entries of its own group and, as far as the block has room, a copy of
// the entries of the previous group, whose trailer may be lost with its frames.
struct Trailer {
    std::vector<TrailerEntry> entries;
    Lsn previous_group;
    std::vector<TrailerEntry> previous;
};
// Size without the copy.
inline constexpr std::size_t trailer_body_size(std::size_t entries) { return 16 + entries * trailer_entry_size; }
void encode_trailer(const Trailer& trailer, std::span<std::byte> body);
std::optional<Trailer> decode_trailer(ByteSpan body);

// The body of a segment reference: the place of the data frame that it stands for. Shard, base and record count in the
// header of the reference are those of the data frame.
struct SegmentReference {
    SeqIx segment;                 // base of the segment; 0: no reference
    std::uint64_t offset = 0;      // of the frame in the segment's file
    std::uint64_t size = 0;        // of the frame and the pad after it, if there is one
    std::uint32_t header_crc = 0;  // of the data frame, which covers its body's checksum
    [[nodiscard]] std::uint64_t end() const { return offset + size; }
};
inline constexpr std::size_t reference_body_size = 28;
void encode_reference(const SegmentReference& reference, std::span<std::byte, reference_body_size> body);
std::optional<SegmentReference> decode_reference(ByteSpan body);

// The first 4096 bytes of a segment.
struct SegmentHeader {
    StoreUuid store{};
    ShardUid shard;
    SeqIx base;
    Lsn base_lsn;         // position of the first frame; 0: it was written to the segment only
    TimestampMs created;  // arrival of the first record
    SeqIx prev_base;      // base of the previous segment; 0: none, or base_lsn is 0
    ShardClass shard_class = ShardClass::records;
};
void encode_segment_header(const SegmentHeader& header, std::span<std::byte, file_header_size> out);
std::optional<SegmentHeader> decode_segment_header(ByteSpan bytes);

// The last bytes of a sealed segment.
struct SegmentFooter {
    SeqIx next;  // one after the last record
    TimestampMs max_arrival;
    std::uint64_t frames_end = 0;  // position of the footer
    std::uint64_t record_count = 0;
    std::uint32_t headers_crc = 0;  // over the header_crc fields of all frames, in order
};
inline constexpr std::size_t segment_footer_size = 64;
void encode_segment_footer(const SegmentFooter& footer, std::span<std::byte, segment_footer_size> out);
std::optional<SegmentFooter> decode_segment_footer(ByteSpan bytes);

// "data/<uid/4096>/<uid>" below the store's directory.
std::string shard_directory(ShardUid shard);
std::string segment_file_name(SeqIx base);
std::optional<SeqIx> parse_segment_file_name(std::string_view name);
std::string index_file_name(SeqIx base);

// An entry of a sparse index: the position of a frame in a segment.
struct IndexEntry {
    std::uint32_t seq_offset = 0;      // from the segment's base
    std::uint32_t arrival_offset = 0;  // from the segment's creation, in ms; index_arrival_max: too large to store
    std::uint64_t position = 0;
    friend bool operator==(const IndexEntry&, const IndexEntry&) = default;
};
inline constexpr std::uint32_t index_arrival_max = UINT32_MAX;
inline constexpr std::uint64_t index_interval = 32 << 10;
struct SegmentIndex {
    std::uint64_t frames_end = 0;  // end of the frames of the indexed segment
    std::vector<IndexEntry> entries;
};
Bytes encode_index(SeqIx base, const SegmentIndex& index);
std::optional<SegmentIndex> decode_index(SeqIx base, ByteSpan bytes);

// The durable state outside the journal, up to one journal position.
struct CheckpointShard {
    ShardUid shard;
    bool closed = false;
    SeqIx first_available;
    SeqIx next;
    TimestampMs last_arrival;
    SeqIx damaged_from;  // 0: undamaged
    SeqIx active_base;   // 0: no segment is open
    std::uint64_t active_frames_end = 0;
    std::uint32_t active_headers_crc = 0;
    TimestampMs active_created;
    SeqIx last_base;  // base of the newest segment, open or not; 0: there is none
    ShardClass shard_class = ShardClass::records;
};
struct Checkpoint {
    StoreUuid store{};
    Lsn lsn;
    std::uint64_t generation = 0;    // generation of the journal file that contains lsn
    std::uint64_t next_command = 1;  // number of the next command
    Lsn last_command_lsn;
    TimestampMs last_command_now;
    std::vector<CheckpointShard> shards;
    std::vector<ShardUid> dropped;  // shards whose files may still exist
};
inline constexpr std::string_view checkpoint_file_name = "checkpoint.rkc";
Bytes encode_checkpoint(const Checkpoint& checkpoint);
std::optional<Checkpoint> decode_checkpoint(ByteSpan bytes);

}  // namespace riacho::log::detail
