// The one truth about conversions: used by CAST, assignments, literals, record decoders and the reference interpreter.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sql/types/number.h"
#include "sql/types/type.h"

namespace riacho::sql {

// A value that is not NULL; which member counts is physical_of(kind). BOOLEAN is in `exact`, 0 or 1.
struct Scalar {
    std::int64_t exact = 0;
    double real = 0;
    std::string_view text;
};

// AWS: S12.5: whether CAST exists.
[[nodiscard]] bool can_cast(const Type& from, const Type& to);
// AWS: S10.2: whether a value may be assigned to a column without a CAST.
[[nodiscard]] bool can_assign(const Type& from, const Type& to);

// CAST. `buffer` holds the text of the result when it is not a part of the input. `today` (days) is the date of a TIME
// that becomes a TIMESTAMP. Assignments use it too: character data is cut silently in both.
[[nodiscard]] SqlState cast_value(const Type& from, const Scalar& in, const Type& to, Scalar& out, std::string& buffer,
                                  std::int64_t today = 0);

// The first `length` code points.
[[nodiscard]] std::string_view cut_code_points(std::string_view text, std::uint32_t length);

// AWS: S12.5 and 11.2: the type that all of them fit, NULLs aside; nothing when they do not mix.
[[nodiscard]] std::optional<Type> least_restrictive(std::span<const Type> types);

}  // namespace riacho::sql
