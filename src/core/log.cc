#include "core/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <ctime>

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

void append_escaped(std::string& out, std::string_view text) {
    for (const char c : text.substr(0, value_size_max)) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
        } else {
            out += c;
        }
    }
}

bool needs_quotes(std::string_view text) {
    if (text.empty()) return true;
    for (const char c : text) {
        if (static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '=' || c == '\\' || c == 0x7F) return true;
    }
    return false;
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
    const bool quoted = line_format == LogFormat::json ? !is_number : needs_quotes(value);
    if (quoted) out += '"';
    append_escaped(out, value);
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
