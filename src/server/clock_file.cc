#include "server/clock_file.h"

#include "base/codec.h"
#include "base/crc32c.h"
#include "core/log.h"
#include "io/file_system.h"

namespace riacho::server {
namespace {

constexpr std::string_view magic = "RKCLOCK1";
constexpr std::uint8_t format_version = 1;
constexpr std::size_t file_size_max = 4096;

}  // namespace

std::string encode_clock_record(const core::ClockRecord& record) {
    Encoder out;
    out.number(format_version);
    out.time(record.seen);
    out.varint(record.gaps.size());
    for (const core::ClockGap& gap : record.gaps) {
        out.time(gap.from);
        out.time(gap.to);
    }
    Encoder crc;
    const std::string body = std::string(magic) + out.bytes();
    crc.number(crc32c(as_bytes(body)));
    return body + crc.bytes();
}

std::optional<core::ClockRecord> decode_clock_record(std::string_view bytes) {
    if (bytes.size() < magic.size() + sizeof(std::uint32_t) || !bytes.starts_with(magic)) return std::nullopt;
    const std::string_view covered = bytes.substr(0, bytes.size() - sizeof(std::uint32_t));
    if (Decoder(bytes.substr(covered.size())).number<std::uint32_t>() != crc32c(as_bytes(covered))) return std::nullopt;
    Decoder in(covered.substr(magic.size()));
    if (in.number<std::uint8_t>() != format_version) return std::nullopt;
    core::ClockRecord record{in.time(), {}};
    for (std::size_t left = in.count(); left > 0; --left) {
        const TimestampMs from = in.time();
        record.gaps.push_back({from, in.time()});
    }
    if (!in.ok() || in.left() != 0) return std::nullopt;
    return record;
}

core::ClockRecord load_clock_record(io::FileSystem& fs, const std::string& directory) {
    const auto bytes = io::read_file(fs, directory + "/" + clock_file_name, file_size_max);
    if (!bytes && bytes.error().is_not_found()) return {};
    if (bytes) {
        if (auto record = decode_clock_record(as_text(*bytes))) return *std::move(record);
    }
    core::log_line(core::LogLevel::warn, "clock file unreadable, records are kept longer",
                   {{"path", directory + "/" + clock_file_name},
                    {"error", bytes ? "damaged, or of a later version" : bytes.error().describe()}});
    return {};
}

}  // namespace riacho::server
