#include "core/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <iterator>

namespace riacho::core {
namespace {

LogLevel lowest_level = LogLevel::info;
LogFormat line_format = LogFormat::logfmt;
constexpr std::size_t value_size_max = 256;  // client text in a log line is cut at this size

constexpr std::string_view name_of(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return "debug";
        case LogLevel::info:
            return "info";
        case LogLevel::warn:
            return "warn";
        case LogLevel::error:
            return "error";
    }
    return "";
}

struct Character {
    char32_t code = 0;
    std::size_t size = 1;  // bytes
};
constexpr char32_t replacement = 0xFFFD;

// The first character of a text that is not empty; the replacement, of one byte, where the text is not UTF-8.
Character first_character(std::string_view text) {
    constexpr std::array<char32_t, 5> code_min = {0, 0, 0x80, 0x800, 0x10000};
    constexpr char32_t code_max = 0x10FFFF;
    const auto lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80) return {lead, 1};
    const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC0 || lead >= 0xF8 || text.size() < size) return {replacement, 1};
    char32_t code = lead & (0xFFU >> (size + 1));
    for (const char c : text.substr(1, size - 1)) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte & 0xC0U) != 0x80) return {replacement, 1};
        code = code << 6 | (byte & 0x3FU);
    }
    const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (code < code_min[size] || code > code_max || is_surrogate) return {replacement, 1};
    return {code, size};
}

// Characters that would move the cursor of a terminal, end a line, or change the order in which others are shown.
bool is_control(char32_t code) {
    return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x061C || code == 0x200E || code == 0x200F ||
           (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == replacement;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const Character next = first_character(text.substr(at));
        if (at + next.size > value_size_max) break;
        if (next.code == '"' || next.code == '\\') out += '\\';
        if (is_control(next.code)) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<std::uint32_t>(next.code));
        } else {
            out += text.substr(at, next.size);
        }
        at += next.size;
    }
    return out;
}

bool needs_quotes(std::string_view escaped_text) {
    return escaped_text.empty() || escaped_text.find_first_of(" =\\") != std::string_view::npos;
}

void append_field(std::string& out, std::string_view name, std::string_view value, bool is_number) {
    if (line_format == LogFormat::json) {
        if (out.size() > 1) out += ',';
        out += '"';
        out += name;
        out += "\":";
    } else {
        if (!out.empty()) out += ' ';
        out += name;
        out += '=';
    }
    const std::string text = escaped(value);
    const bool quoted = line_format == LogFormat::json ? !is_number : needs_quotes(text);
    if (quoted) out += '"';
    out += text;
    if (quoted) out += '"';
}

}  // namespace

void configure_log(LogLevel lowest, LogFormat format) {
    lowest_level = lowest;
    line_format = format;
}

bool is_logged(LogLevel level) { return level >= lowest_level; }

void log_line(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
    if (level < lowest_level) return;
    timespec t{};
    clock_gettime(CLOCK_REALTIME, &t);
    tm utc{};
    gmtime_r(&t.tv_sec, &utc);
    std::string line;
    if (line_format == LogFormat::json) line += '{';
    append_field(line, "time",
                 fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                             utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, t.tv_nsec / 1'000'000),
                 false);
    append_field(line, "level", name_of(level), false);
    append_field(line, "event", event, false);
    for (const LogField& field : fields) append_field(line, field.name, field.value, field.is_number);
    if (line_format == LogFormat::json) line += '}';
    line += '\n';
    // A log that cannot be written must not stop the server.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace riacho::core
