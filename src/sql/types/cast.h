// Conversions of values, the only implementation: for CAST, assignments, literals, record decoders and the reference
// interpreter.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sql/types/number.h"
#include "sql/types/type.h"

namespace riacho::sql {

// A value that is not NULL; physical_of(kind) selects the member. BOOLEAN is in `exact`, 0 or 1.
struct Scalar {
    std::int64_t exact = 0;
    double real = 0;
    std::string_view text;
};

// AWS: S12.5: whether CAST exists.
[[nodiscard]] bool can_cast(const Type& from, const Type& to);
// AWS: S10.2: whether a value may be assigned to a column without a CAST.
[[nodiscard]] bool can_assign(const Type& from, const Type& to);

// CAST. `buffer` holds the text of the result unless it is a part of the input. `today` (days) is the date of a TIME
// that is converted to TIMESTAMP. Assignments use it too: both truncate character data silently.
[[nodiscard]] SqlState cast_value(const Type& from, const Scalar& in, const Type& to, Scalar& out, std::string& buffer,
                                  std::int64_t today = 0);

// The first `length` code points.
[[nodiscard]] std::string_view cut_code_points(std::string_view text, std::uint32_t length);

// AWS: S12.5 and 11.2: the type that values of all of them fit; nothing when they are not compatible.
[[nodiscard]] std::optional<Type> least_restrictive(std::span<const Type> types);

}  // namespace riacho::sql
