#include "log/detail/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/crc32c.h"

namespace riacho::log::detail {
namespace {

constexpr std::uint16_t format_version = 1;
constexpr std::uint16_t checkpoint_version = 2;
constexpr std::uint64_t magic_of(std::string_view text) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i)
        value |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[i])) << (8 * i);
    return value;
}
constexpr std::uint64_t store_magic = magic_of("RKSTORE1");
constexpr std::uint64_t journal_magic = magic_of("RKJRNL01");
constexpr std::uint64_t segment_magic = magic_of("RKSEG001");
constexpr std::uint64_t footer_magic = magic_of("RKSEGEND");
constexpr std::uint64_t index_magic = magic_of("RKINDEX1");
constexpr std::uint64_t checkpoint_magic = magic_of("RKCHKPT1");

// Writes fields one after the other.
class Writer {
public:
    explicit Writer(std::byte* at) : start_(at), at_(at) {}
    template <std::unsigned_integral T>
    Writer& put(T value) {
        put_le(at_, value);
        at_ += sizeof(T);
        return *this;
    }
    Writer& put(TimestampMs t) { return put(static_cast<std::uint64_t>(t.value())); }
    template <class Tag>
    Writer& put(Strong<Tag, std::uint64_t> number) {
        return put(number.value());
    }
    Writer& put(const StoreUuid& uuid) {
        std::memcpy(at_, uuid.data(), uuid.size());
        at_ += uuid.size();
        return *this;
    }
    // The checksum of everything written so far.
    void put_crc() { put(crc32c({start_, at_})); }
    [[nodiscard]] std::byte* at() const { return at_; }

private:
    std::byte* start_;
    std::byte* at_;
};

// Reads fields one after the other; after a read beyond the end all fields are zero and fine() is false.
class Reader {
public:
    explicit Reader(ByteSpan bytes) : start_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
    template <std::unsigned_integral T>
    T take() {
        if (!fine_ || static_cast<std::size_t>(end_ - at_) < sizeof(T)) {
            fine_ = false;
            return 0;
        }
        const T value = get_le<T>(at_);
        at_ += sizeof(T);
        return value;
    }
    TimestampMs take_time() { return TimestampMs(static_cast<std::int64_t>(take<std::uint64_t>())); }
    template <class Number>
    Number take_number() {
        return Number(take<std::uint64_t>());
    }
    StoreUuid take_uuid() {
        StoreUuid uuid{};
        if (!fine_ || static_cast<std::size_t>(end_ - at_) < uuid.size()) {
            fine_ = false;
            return uuid;
        }
        std::memcpy(uuid.data(), at_, uuid.size());
        at_ += uuid.size();
        return uuid;
    }
    ByteSpan take_bytes(std::size_t size) {
        if (!fine_ || left() < size) {
            fine_ = false;
            return {};
        }
        const ByteSpan bytes{at_, size};
        at_ += size;
        return bytes;
    }
    // True if the next four bytes are the checksum of all bytes before them.
    bool crc_holds() {
        const std::uint32_t expected = crc32c({start_, at_});
        return take<std::uint32_t>() == expected && fine_;
    }
    [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
    [[nodiscard]] bool fine() const { return fine_; }

private:
    const std::byte* start_;
    const std::byte* at_;
    const std::byte* end_;
    bool fine_ = true;
};

bool is_class(std::uint32_t value) { return value <= static_cast<std::uint32_t>(ShardClass::media); }

std::optional<std::uint64_t> parse_hex16(std::string_view text) {
    if (text.size() != 16) return std::nullopt;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::uint64_t> parse_name(std::string_view name, std::string_view prefix, std::string_view suffix) {
    if (!name.starts_with(prefix) || !name.ends_with(suffix) || name.size() != prefix.size() + 16 + suffix.size()) {
        return std::nullopt;
    }
    return parse_hex16(name.substr(prefix.size(), 16));
}

}  // namespace

Bytes encode_store_file(const StoreFile& store) {
    Bytes bytes(8 + 2 + 16 + 8 + 4);
    Writer(bytes.data()).put(store_magic).put(store.format).put(store.uuid).put(store.created).put_crc();
    return bytes;
}

std::optional<StoreFile> decode_store_file(ByteSpan bytes) {
    Reader in(bytes);
    StoreFile store;
    if (in.take<std::uint64_t>() != store_magic) return std::nullopt;
    store.format = in.take<std::uint16_t>();
    store.uuid = in.take_uuid();
    store.created = in.take_time();
    if (!in.crc_holds()) return std::nullopt;
    return store;
}

void encode_journal_header(const JournalHeader& header, std::span<std::byte, file_header_size> out) {
    std::ranges::fill(out, std::byte{0});
    Writer to(out.data());
    to.put(journal_magic).put(format_version).put(static_cast<std::uint16_t>(file_header_size)).put(std::uint32_t{0});
    to.put(header.store).put(header.generation).put(header.first_lsn).put(header.prev_generation);
    to.put(header.prev_last_lsn).put(header.file_size).put(header.created).put_crc();
}

std::optional<JournalHeader> decode_journal_header(ByteSpan bytes) {
    if (bytes.size() < file_header_size) return std::nullopt;
    Reader in(bytes);
    JournalHeader header;
    if (in.take<std::uint64_t>() != journal_magic || in.take<std::uint16_t>() != format_version) return std::nullopt;
    if (in.take<std::uint16_t>() != file_header_size || in.take<std::uint32_t>() != 0) return std::nullopt;
    header.store = in.take_uuid();
    header.generation = in.take<std::uint64_t>();
    header.first_lsn = in.take_number<Lsn>();
    header.prev_generation = in.take<std::uint64_t>();
    header.prev_last_lsn = in.take_number<Lsn>();
    header.file_size = in.take<std::uint64_t>();
    header.created = in.take_time();
    if (!in.crc_holds()) return std::nullopt;
    // Bounds keep positions far from overflow, whatever the file contains.
    if (header.file_size < 2 * block_size || header.file_size > (1ULL << 40) ||
        header.first_lsn.value() > (1ULL << 62)) {
        return std::nullopt;
    }
    return header;
}

std::string journal_file_name(std::uint64_t generation) { return fmt::format("j-{:016x}.rkj", generation); }
std::optional<std::uint64_t> parse_journal_file_name(std::string_view name) { return parse_name(name, "j-", ".rkj"); }

std::size_t command_body_size(const CommandBody& body) {
    return 8 + 6 * 4 + body.effects.create.size() * 17 + body.effects.close.size() * 8 + body.effects.drop.size() * 8 +
           body.effects.trim.size() * 16 + body.facts.size() * 24 + body.command.size();
}

void encode_command_body(const CommandBody& body, std::byte* out) {
    const auto count = [](const auto& list) { return static_cast<std::uint32_t>(list.size()); };
    Writer to(out);
    to.put(body.now).put(count(body.effects.create)).put(count(body.effects.close)).put(count(body.effects.drop));
    to.put(count(body.effects.trim)).put(count(body.facts)).put(count(body.command));
    for (const auto& create : body.effects.create) {
        to.put(create.shard).put(create.first).put(static_cast<std::uint8_t>(create.shard_class));
    }
    for (const ShardUid shard : body.effects.close) to.put(shard);
    for (const ShardUid shard : body.effects.drop) to.put(shard);
    for (const auto& trim : body.effects.trim) to.put(trim.shard).put(trim.first_available);
    for (const auto& fact : body.facts) to.put(fact.shard).put(fact.next_seq).put(fact.last_arrival);
    std::memcpy(to.at(), body.command.data(), body.command.size());
}

std::optional<CommandBody> decode_command_body(ByteSpan bytes, std::uint16_t flags) {
    const bool has_classes = (flags & frame_flag_classes) != 0;
    const std::size_t create_size = has_classes ? 17 : 16;
    Reader in(bytes);
    CommandBody body;
    body.now = in.take_time();
    std::array<std::size_t, 6> counts{};
    for (std::size_t& count : counts) count = in.take<std::uint32_t>();
    const auto [create, close, drop, trim, facts, command] = counts;
    if (!in.fine() || in.left() != create * create_size + close * 8 + drop * 8 + trim * 16 + facts * 24 + command) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < create; ++i) {
        const auto shard = in.take_number<ShardUid>();
        const auto first = in.take_number<SeqIx>();
        const std::uint8_t shard_class = has_classes ? in.take<std::uint8_t>() : 0;
        if (!is_class(shard_class)) return std::nullopt;
        body.effects.create.push_back({shard, first, static_cast<ShardClass>(shard_class)});
    }
    for (std::size_t i = 0; i < close; ++i) body.effects.close.push_back(in.take_number<ShardUid>());
    for (std::size_t i = 0; i < drop; ++i) body.effects.drop.push_back(in.take_number<ShardUid>());
    for (std::size_t i = 0; i < trim; ++i) {
        const auto shard = in.take_number<ShardUid>();
        body.effects.trim.push_back({shard, in.take_number<SeqIx>()});
    }
    for (std::size_t i = 0; i < facts; ++i) {
        const auto shard = in.take_number<ShardUid>();
        const auto next = in.take_number<SeqIx>();
        body.facts.push_back({shard, next, in.take_time()});
    }
    body.command = as_text(in.take_bytes(command));
    return body;
}

void encode_trailer(const Trailer& trailer, std::span<std::byte> body) {
    std::ranges::fill(body, std::byte{0});
    const auto put_entry = [](Writer& to, const TrailerEntry& entry) {
        to.put(entry.offset).put(entry.body_size).put(entry.shard).put(entry.base_seq).put(entry.record_count);
        to.put(static_cast<std::uint32_t>(entry.kind));
    };
    const std::size_t size = trailer_body_size(trailer.entries.size());
    const bool has_room = size + trailer.previous.size() * trailer_entry_size <= body.size();
    const std::size_t previous = has_room ? trailer.previous.size() : 0;
    Writer to(body.data());
    to.put(static_cast<std::uint32_t>(trailer.entries.size())).put(static_cast<std::uint32_t>(previous));
    to.put(trailer.previous_group);
    for (const TrailerEntry& entry : trailer.entries) put_entry(to, entry);
    for (std::size_t i = 0; i < previous; ++i) put_entry(to, trailer.previous[i]);
}

std::optional<Trailer> decode_trailer(ByteSpan body) {
    Reader in(body);
    const std::size_t own = in.take<std::uint32_t>();
    const std::size_t previous = in.take<std::uint32_t>();
    Trailer trailer;
    trailer.previous_group = in.take_number<Lsn>();
    if (!in.fine() || in.left() / trailer_entry_size < own + previous) return std::nullopt;
    for (std::size_t i = 0; i < own + previous; ++i) {
        TrailerEntry entry;
        entry.offset = in.take<std::uint32_t>();
        entry.body_size = in.take<std::uint32_t>();
        entry.shard = in.take<std::uint64_t>();
        entry.base_seq = in.take<std::uint64_t>();
        entry.record_count = in.take<std::uint32_t>();
        entry.kind = static_cast<FrameKind>(in.take<std::uint32_t>());
        (i < own ? trailer.entries : trailer.previous).push_back(entry);
    }
    return trailer;
}

void encode_reference(const SegmentReference& reference, std::span<std::byte, reference_body_size> body) {
    Writer(body.data()).put(reference.segment).put(reference.offset).put(reference.size).put(reference.header_crc);
}

std::optional<SegmentReference> decode_reference(ByteSpan body) {
    if (body.size() != reference_body_size) return std::nullopt;
    Reader in(body);
    SegmentReference reference;
    reference.segment = in.take_number<SeqIx>();
    reference.offset = in.take<std::uint64_t>();
    reference.size = in.take<std::uint64_t>();
    reference.header_crc = in.take<std::uint32_t>();
    if (reference.segment.value() == 0) return std::nullopt;
    if (reference.offset < file_header_size || reference.offset > (1ULL << 62)) return std::nullopt;
    if (reference.offset % frame_alignment != 0 || reference.size % frame_alignment != 0) return std::nullopt;
    if (reference.size < frame_header_size) return std::nullopt;
    if (reference.size > frame_header_size + frame_body_size_max + 2 * block_size) return std::nullopt;
    return reference;
}

void encode_segment_header(const SegmentHeader& header, std::span<std::byte, file_header_size> out) {
    std::ranges::fill(out, std::byte{0});
    Writer to(out.data());
    to.put(segment_magic).put(format_version).put(static_cast<std::uint16_t>(file_header_size));
    to.put(static_cast<std::uint32_t>(header.shard_class))
        .put(header.store)
        .put(header.shard)
        .put(header.base)
        .put(header.base_lsn)
        .put(header.created);
    to.put(header.prev_base).put_crc();
}

std::optional<SegmentHeader> decode_segment_header(ByteSpan bytes) {
    if (bytes.size() < file_header_size) return std::nullopt;
    Reader in(bytes);
    SegmentHeader header;
    if (in.take<std::uint64_t>() != segment_magic || in.take<std::uint16_t>() != format_version) return std::nullopt;
    if (in.take<std::uint16_t>() != file_header_size) return std::nullopt;
    const auto shard_class = in.take<std::uint32_t>();
    if (!is_class(shard_class)) return std::nullopt;
    header.shard_class = static_cast<ShardClass>(shard_class);
    header.store = in.take_uuid();
    header.shard = in.take_number<ShardUid>();
    header.base = in.take_number<SeqIx>();
    header.base_lsn = in.take_number<Lsn>();
    header.created = in.take_time();
    header.prev_base = in.take_number<SeqIx>();
    if (!in.crc_holds()) return std::nullopt;
    return header;
}

void encode_segment_footer(const SegmentFooter& footer, std::span<std::byte, segment_footer_size> out) {
    std::ranges::fill(out, std::byte{0});
    Writer to(out.data());
    to.put(footer_magic).put(footer.next).put(footer.max_arrival).put(footer.frames_end).put(footer.record_count);
    to.put(footer.headers_crc).put_crc();
}

std::optional<SegmentFooter> decode_segment_footer(ByteSpan bytes) {
    if (bytes.size() != segment_footer_size) return std::nullopt;
    Reader in(bytes);
    SegmentFooter footer;
    if (in.take<std::uint64_t>() != footer_magic) return std::nullopt;
    footer.next = in.take_number<SeqIx>();
    footer.max_arrival = in.take_time();
    footer.frames_end = in.take<std::uint64_t>();
    footer.record_count = in.take<std::uint64_t>();
    footer.headers_crc = in.take<std::uint32_t>();
    if (!in.crc_holds()) return std::nullopt;
    return footer;
}

std::string shard_directory(ShardUid shard) {
    return fmt::format("data/{:x}/{:016x}", shard.value() / 4096, shard.value());
}
std::string segment_file_name(SeqIx base) { return fmt::format("{:016x}.rks", base.value()); }
std::string index_file_name(SeqIx base) { return fmt::format("{:016x}.rki", base.value()); }
std::optional<SeqIx> parse_segment_file_name(std::string_view name) {
    const auto base = parse_name(name, "", ".rks");
    if (!base) return std::nullopt;
    return SeqIx(*base);
}

Bytes encode_index(SeqIx base, const SegmentIndex& index) {
    Bytes bytes(8 + 2 + 8 + 8 + 4 + index.entries.size() * 16 + 4);
    Writer to(bytes.data());
    to.put(index_magic).put(format_version).put(base).put(index.frames_end);
    to.put(static_cast<std::uint32_t>(index.entries.size()));
    for (const IndexEntry& entry : index.entries) {
        to.put(entry.seq_offset).put(entry.arrival_offset).put(entry.position);
    }
    to.put_crc();
    return bytes;
}

std::optional<SegmentIndex> decode_index(SeqIx base, ByteSpan bytes) {
    Reader in(bytes);
    SegmentIndex index;
    if (in.take<std::uint64_t>() != index_magic || in.take<std::uint16_t>() != format_version) return std::nullopt;
    if (in.take_number<SeqIx>() != base) return std::nullopt;
    index.frames_end = in.take<std::uint64_t>();
    const std::size_t count = in.take<std::uint32_t>();
    if (!in.fine() || in.left() != count * 16 + 4) return std::nullopt;
    index.entries.resize(count);
    std::uint64_t lowest = file_header_size;
    for (IndexEntry& entry : index.entries) {
        entry.seq_offset = in.take<std::uint32_t>();
        entry.arrival_offset = in.take<std::uint32_t>();
        entry.position = in.take<std::uint64_t>();
        if (entry.position < lowest || entry.position >= index.frames_end) return std::nullopt;
        lowest = entry.position + 1;
    }
    if (!in.crc_holds()) return std::nullopt;
    return index;
}

namespace {
constexpr std::size_t checkpoint_head_size = 8 + 2 + 16 + 8 * 5 + 4 + 4;
constexpr std::size_t checkpoint_shard_size_1 = 8 + 1 + 8 * 4 + 8 * 2 + 4 + 8 + 8;
constexpr std::size_t checkpoint_shard_size = checkpoint_shard_size_1 + 1;
}  // namespace

Bytes encode_checkpoint(const Checkpoint& checkpoint) {
    Bytes bytes(checkpoint_head_size + checkpoint.shards.size() * checkpoint_shard_size +
                checkpoint.dropped.size() * 8 + 4);
    Writer to(bytes.data());
    to.put(checkpoint_magic)
        .put(checkpoint_version)
        .put(checkpoint.store)
        .put(checkpoint.lsn)
        .put(checkpoint.generation);
    to.put(checkpoint.next_command).put(checkpoint.last_command_lsn).put(checkpoint.last_command_now);
    to.put(static_cast<std::uint32_t>(checkpoint.shards.size()));
    to.put(static_cast<std::uint32_t>(checkpoint.dropped.size()));
    for (const CheckpointShard& s : checkpoint.shards) {
        to.put(s.shard).put(static_cast<std::uint8_t>(s.closed ? 1 : 0)).put(s.first_available).put(s.next);
        to.put(s.last_arrival).put(s.damaged_from).put(s.active_base).put(s.active_frames_end);
        to.put(s.active_headers_crc).put(s.active_created).put(s.last_base);
        to.put(static_cast<std::uint8_t>(s.shard_class));
    }
    for (const ShardUid shard : checkpoint.dropped) to.put(shard);
    to.put_crc();
    return bytes;
}

std::optional<Checkpoint> decode_checkpoint(ByteSpan bytes) {
    // Verifies the checksum first: no other field of a damaged file is trustworthy.
    if (bytes.size() < checkpoint_head_size + 4) return std::nullopt;
    if (crc32c(bytes.first(bytes.size() - 4)) != get_le<std::uint32_t>(bytes.data() + bytes.size() - 4)) {
        return std::nullopt;
    }
    Reader in(bytes);
    Checkpoint checkpoint;
    if (in.take<std::uint64_t>() != checkpoint_magic) return std::nullopt;
    const auto version = in.take<std::uint16_t>();
    if (version == 0 || version > checkpoint_version) return std::nullopt;
    const std::size_t shard_size = version == 1 ? checkpoint_shard_size_1 : checkpoint_shard_size;
    checkpoint.store = in.take_uuid();
    checkpoint.lsn = in.take_number<Lsn>();
    checkpoint.generation = in.take<std::uint64_t>();
    checkpoint.next_command = in.take<std::uint64_t>();
    checkpoint.last_command_lsn = in.take_number<Lsn>();
    checkpoint.last_command_now = in.take_time();
    const std::size_t shards = in.take<std::uint32_t>();
    const std::size_t dropped = in.take<std::uint32_t>();
    if (in.left() != shards * shard_size + dropped * 8 + 4) return std::nullopt;
    checkpoint.shards.resize(shards);
    for (CheckpointShard& s : checkpoint.shards) {
        s.shard = in.take_number<ShardUid>();
        s.closed = in.take<std::uint8_t>() != 0;
        s.first_available = in.take_number<SeqIx>();
        s.next = in.take_number<SeqIx>();
        s.last_arrival = in.take_time();
        s.damaged_from = in.take_number<SeqIx>();
        s.active_base = in.take_number<SeqIx>();
        s.active_frames_end = in.take<std::uint64_t>();
        s.active_headers_crc = in.take<std::uint32_t>();
        s.active_created = in.take_time();
        s.last_base = in.take_number<SeqIx>();
        const std::uint8_t shard_class = version == 1 ? 0 : in.take<std::uint8_t>();
        if (!is_class(shard_class)) return std::nullopt;
        s.shard_class = static_cast<ShardClass>(shard_class);
    }
    for (std::size_t i = 0; i < dropped; ++i) checkpoint.dropped.push_back(in.take_number<ShardUid>());
    return checkpoint;
}

}  // namespace riacho::log::detail
