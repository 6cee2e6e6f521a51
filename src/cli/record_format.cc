#include "cli/record_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <iterator>

#include "base/base64.h"
#include "cli/json.h"

namespace riacho::cli {
namespace {

// The size of the UTF-8 sequence that begins at text[at]; 0 if none does.
std::size_t sequence_size(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(at);
    const std::size_t size = first < 0x80                    ? 1
                             : first >= 0xC2 && first < 0xE0 ? 2
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4
                                                             : 0;
    if (size == 0 || at + size > text.size()) return 0;
    for (std::size_t i = at + 1; i < at + size; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return 0;
    }
    if (first == 0xE0 && byte(at + 1) < 0xA0) return 0;  // overlong
    if (first == 0xED && byte(at + 1) > 0x9F) return 0;  // a surrogate
    if (first == 0xF0 && byte(at + 1) < 0x90) return 0;  // overlong
    if (first == 0xF4 && byte(at + 1) > 0x8F) return 0;  // above U+10FFFF
    return size;
}

// Appends printable text unchanged; escapes control characters (C0, DEL, C1) and bytes that are not UTF-8.
void append_printable(std::string& out, std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const std::size_t size = sequence_size(text, i);
        const bool is_c1 = size == 2 && byte == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0;
        if (size == 0 || is_c1 || byte < 0x20 || byte == 0x7F) {
            const std::size_t count = std::max<std::size_t>(size, 1);
            for (std::size_t k = 0; k < count; ++k) {
                const char c = text[i + k];
                if (c == '\n') {
                    out += "\\n";
                } else if (c == '\t') {
                    out += "\\t";
                } else if (c == '\r') {
                    out += "\\r";
                } else {
                    fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
                }
            }
            i += count;
            continue;
        }
        out.append(text, i, size);
        i += size;
    }
}

// 2026-11-26T22:41:03.123Z
void append_time(std::string& out, TimestampMs time) {
    const auto seconds = static_cast<std::time_t>(time.value() / 1'000);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                   utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, time.value() % 1'000);
}

void append_head(std::string& out, const RecordView& record) {
    append_time(out, record.arrival);
    out += ' ';
    out += record.shard_id;
    out += ' ';
    append_printable(out, record.partition_key);
}

void append_json(std::string& out, const RecordView& record) {
    auto end = std::back_inserter(out);
    fmt::format_to(end, R"({{"PartitionKey":{},)", json_quoted(record.partition_key));
    if (record.explicit_hash_key) fmt::format_to(end, R"("ExplicitHashKey":"{}",)", *record.explicit_hash_key);
    fmt::format_to(end, R"("Data":"{}","ShardId":"{}","SequenceNumber":"{}",)", encode_base64(record.data),
                   record.shard_id, record.sequence_number);
    if (record.sub_sequence) fmt::format_to(end, R"("SubSequenceNumber":{},)", *record.sub_sequence);
    fmt::format_to(end, "\"ApproximateArrivalTimestamp\":{}.{:03}}}\n", record.arrival.value() / 1'000,
                   record.arrival.value() % 1'000);
}

// 00000000  7b 22 69 64 22 3a 37 7d                           |{"id":7}|
void append_dump(std::string& out, std::string_view data) {
    constexpr std::size_t width = 16;
    auto end = std::back_inserter(out);
    for (std::size_t at = 0; at < data.size(); at += width) {
        const std::string_view line = data.substr(at, width);
        fmt::format_to(end, "{:08x} ", at);
        for (std::size_t i = 0; i < width; ++i) {
            if (i == width / 2) out += ' ';
            if (i < line.size()) {
                fmt::format_to(end, " {:02x}", static_cast<unsigned char>(line[i]));
            } else {
                out += "   ";
            }
        }
        out += "  |";
        for (const char c : line) out += c >= 0x20 && c < 0x7F ? c : '.';
        out += "|\n";
    }
}

}  // namespace

void append_record(std::string& out, const RecordView& record, RecordFormat format) {
    switch (format) {
        case RecordFormat::text:
            append_head(out, record);
            out += ' ';
            append_printable(out, record.data);
            out += '\n';
            return;
        case RecordFormat::json:
            return append_json(out, record);
        case RecordFormat::hex:
            append_head(out, record);
            fmt::format_to(std::back_inserter(out), " {} byte{}\n", record.data.size(),
                           record.data.size() == 1 ? "" : "s");
            return append_dump(out, record.data);
    }
}

}  // namespace riacho::cli
