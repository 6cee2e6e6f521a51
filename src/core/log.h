// Structured process logs on standard error: logfmt, or JSON lines. (The record log is in log/.)
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace riacho::core {

enum class LogLevel : std::uint8_t { debug, info, warn, error };
enum class LogFormat : std::uint8_t { logfmt, json };

struct LogField {
    std::string_view name;
    std::string value;
    LogField(std::string_view n, std::string_view v) : name(n), value(v) {}
    LogField(std::string_view n, const std::string& v) : name(n), value(v) {}
    LogField(std::string_view n, const char* v) : name(n), value(v) {}
    template <class Number>
        requires std::is_arithmetic_v<Number>
    LogField(std::string_view n, Number v) : name(n), value(std::to_string(v)), is_number(true) {}
    bool is_number = false;
};

// Call once at start, before other threads exist.
void configure_log(LogLevel lowest, LogFormat format);

// Whether lines of this level are written; check it before composing a line on a hot path.
bool is_logged(LogLevel level);

// Writes one line with one system call. Values are escaped and cut at 256 bytes. Thread-safe.
//   log_line(LogLevel::info, "listening", {{"address", "127.0.0.1:4566"}});
void log_line(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace riacho::core
