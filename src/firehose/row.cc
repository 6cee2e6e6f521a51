#include "firehose/row.h"

#include "base/codec.h"

namespace riacho::firehose {
namespace {

constexpr std::uint8_t cursor_format = 1;
constexpr std::uint8_t batch_format = 1;
constexpr std::size_t key_size = 1 + 4 + 4 + 8;

// Most significant byte first, so that keys sort by number.
void put_big(std::string& out, std::uint64_t value, int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}
std::uint64_t get_big(std::string_view& in, std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(in[i]);
    in.remove_prefix(bytes);
    return value;
}

}  // namespace

std::string encode(const RowKey& key) {
    std::string out(1, static_cast<char>(key.kind));
    put_big(out, key.branch, 4);
    put_big(out, key.lane, 4);
    put_big(out, key.number, 8);
    return out;
}

std::optional<RowKey> decode_row_key(std::string_view bytes) {
    if (bytes.size() != key_size) return std::nullopt;
    RowKey key;
    if (bytes[0] != 'c' && bytes[0] != 'b') return std::nullopt;
    key.kind = static_cast<RowKey::Kind>(bytes[0]);
    bytes.remove_prefix(1);
    key.branch = static_cast<std::uint32_t>(get_big(bytes, 4));
    key.lane = static_cast<std::uint32_t>(get_big(bytes, 4));
    key.number = get_big(bytes, 8);
    return key;
}

std::string encode(const CursorRow& row) {
    Encoder out;
    out.number(cursor_format);
    out.varint(row.ordinal);
    out.varint(static_cast<std::uint32_t>(row.index));
    out.varint(row.floor);
    out.number(static_cast<std::uint8_t>(row.has_children));
    return out.take();
}

std::optional<CursorRow> decode_cursor_row(std::string_view bytes) {
    Decoder in(bytes);
    if (in.number<std::uint8_t>() != cursor_format) return std::nullopt;
    CursorRow row;
    row.ordinal = static_cast<std::uint32_t>(in.varint());
    row.index = static_cast<std::int32_t>(in.varint());
    row.floor = in.varint();
    const auto flags = in.number<std::uint8_t>();
    row.has_children = flags == 1;
    if (!in.ok() || in.left() != 0 || flags > 1) return std::nullopt;
    return row;
}

std::string encode(const BatchRow& row) {
    Encoder out;
    out.number(batch_format);
    out.number(static_cast<std::uint8_t>(row.state));
    out.varint(row.version);
    out.varint(row.epoch);
    out.varint(row.ranges.size());
    for (const BatchRow::Range& range : row.ranges) {
        out.varint(range.ordinal);
        out.varint(range.first);
        out.varint(range.next - range.first);
    }
    out.varint(row.bytes);
    out.time(row.oldest);
    out.time(row.newest);
    out.time(row.sealed_at);
    out.time(row.failing_since);
    return out.take();
}

std::optional<BatchRow> decode_batch_row(std::string_view bytes) {
    Decoder in(bytes);
    if (in.number<std::uint8_t>() != batch_format) return std::nullopt;
    BatchRow row;
    const auto state = in.number<std::uint8_t>();
    if (state < 1 || state > 2) return std::nullopt;
    row.state = static_cast<BatchRow::State>(state);
    row.version = in.varint();
    row.epoch = in.varint();
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        BatchRow::Range& range = row.ranges.emplace_back();
        range.ordinal = static_cast<std::uint32_t>(in.varint());
        range.first = in.varint();
        const std::uint64_t count = in.varint();
        if (count > UINT64_MAX - range.first) return std::nullopt;
        range.next = range.first + count;
    }
    row.bytes = in.varint();
    row.oldest = in.time();
    row.newest = in.time();
    row.sealed_at = in.time();
    row.failing_since = in.time();
    if (!in.ok() || in.left() != 0 || row.ranges.size() > lane_shards_max) return std::nullopt;
    return row;
}

}  // namespace riacho::firehose
