// TRY and CO_TRY: early return of an error. The only macros in common use.
//
//   TRY(const auto header, read_header(file));        // in a function that returns Expected<_, E>
//   CO_TRY(auto stream, resolve(name));    // in a coroutine; the expression must not hold a braced aggregate
//   TRY_VOID(file.sync());
#pragma once

#include "base/result.h"

#define RIACHO_CONCAT_INNER(a, b) a##b
#define RIACHO_CONCAT(a, b) RIACHO_CONCAT_INNER(a, b)

#define RIACHO_TRY_IMPL(temp, ret, decl, ...)        \
    auto temp = (__VA_ARGS__);                       \
    if (!temp) [[unlikely]]                          \
        ret ::riacho::fail(std::move(temp).error()); \
    decl = *std::move(temp)

#define RIACHO_TRY_VOID_IMPL(temp, ret, ...)             \
    do {                                                 \
        auto temp = (__VA_ARGS__);                       \
        if (!temp) [[unlikely]]                          \
            ret ::riacho::fail(std::move(temp).error()); \
    } while (false)

#define TRY(decl, ...) RIACHO_TRY_IMPL(RIACHO_CONCAT(try_, __LINE__), return, decl, __VA_ARGS__)
#define CO_TRY(decl, ...) RIACHO_TRY_IMPL(RIACHO_CONCAT(try_, __LINE__), co_return, decl, __VA_ARGS__)
#define TRY_VOID(...) RIACHO_TRY_VOID_IMPL(RIACHO_CONCAT(try_, __LINE__), return, __VA_ARGS__)
#define CO_TRY_VOID(...) RIACHO_TRY_VOID_IMPL(RIACHO_CONCAT(try_, __LINE__), co_return, __VA_ARGS__)
