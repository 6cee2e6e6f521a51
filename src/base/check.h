// RIACHO_CHECK: an assertion that stays on in release. For programmer errors only; no input may reach one.
#pragma once

namespace riacho {

// Prints the condition and the place to standard error and aborts.
[[noreturn]] void check_failed(const char* condition, const char* file, int line, const char* context) noexcept;

}  // namespace riacho

// RIACHO_CHECK(condition) or RIACHO_CHECK(condition, "consequence of the violated condition").
#define RIACHO_CHECK(condition, ...)                                                \
    do {                                                                            \
        if (!(condition)) [[unlikely]]                                              \
            ::riacho::check_failed(#condition, __FILE__, __LINE__, "" __VA_ARGS__); \
    } while (false)
