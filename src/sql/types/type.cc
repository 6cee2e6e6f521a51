#include "sql/types/type.h"

#include <fmt/format.h>

#include <algorithm>

namespace riacho::sql {
namespace {

std::string_view unit(TimeUnit unit) {
    static constexpr std::string_view names[] = {"", "YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"};
    return names[static_cast<std::size_t>(unit)];
}

}  // namespace

std::uint8_t Type::exact_precision() const {
    switch (kind) {
        case Kind::tinyint:
            return 3;
        case Kind::smallint:
            return 5;
        case Kind::integer:
            return 10;
        case Kind::bigint:
            return 19;
        case Kind::decimal:
            return precision;
        default:
            return 0;
    }
}

Physical physical_of(Kind kind) {
    switch (kind) {
        case Kind::unknown:
        case Kind::boolean:
            return Physical::boolean;
        case Kind::real:
        case Kind::double_precision:
            return Physical::real;
        case Kind::character:
        case Kind::varchar:
        case Kind::binary:
        case Kind::varbinary:
            return Physical::string;
        case Kind::tinyint:
        case Kind::smallint:
        case Kind::integer:
        case Kind::bigint:
        case Kind::decimal:
        case Kind::date:
        case Kind::time:
        case Kind::timestamp:
        case Kind::interval_day:
        case Kind::interval_month:
            return Physical::exact;
    }
    return Physical::boolean;
}

std::uint32_t width_of(Physical physical) {
    switch (physical) {
        case Physical::boolean:
            return 1;
        case Physical::exact:
        case Physical::real:
            return 8;
        case Physical::string:
            return sizeof(std::string_view);
    }
    return 0;
}

Type simple_type(Kind kind, bool nullable) {
    Type type;
    type.kind = kind;
    type.nullable = nullable;
    return type;
}

Type boolean_type(bool nullable) { return simple_type(Kind::boolean, nullable); }

Type decimal_type(int precision, int scale, bool nullable) {
    Type type = simple_type(Kind::decimal, nullable);
    type.precision = static_cast<std::uint8_t>(std::min<int>(precision, decimal_precision_max));
    type.scale = static_cast<std::uint8_t>(std::min<int>(scale, decimal_precision_max));
    return type;
}

Type varchar_type(std::uint32_t length, bool nullable) {
    Type type = simple_type(Kind::varchar, nullable);
    type.length = std::min(length, string_length_max);
    return type;
}

Type char_type(std::uint32_t length, bool nullable) {
    Type type = simple_type(Kind::character, nullable);
    type.length = std::min(length, string_length_max);
    return type;
}

std::string type_text(const Type& type) {
    switch (type.kind) {
        case Kind::unknown:
            return "NULL";
        case Kind::boolean:
            return "BOOLEAN";
        case Kind::tinyint:
            return "TINYINT";
        case Kind::smallint:
            return "SMALLINT";
        case Kind::integer:
            return "INTEGER";
        case Kind::bigint:
            return "BIGINT";
        case Kind::decimal:
            return fmt::format("DECIMAL({}, {})", type.precision, type.scale);
        case Kind::real:
            return "REAL";
        case Kind::double_precision:
            return "DOUBLE";
        case Kind::character:
            return fmt::format("CHAR({})", type.length);
        case Kind::varchar:
            return fmt::format("VARCHAR({})", type.length);
        case Kind::binary:
            return fmt::format("BINARY({})", type.length);
        case Kind::varbinary:
            return fmt::format("VARBINARY({})", type.length);
        case Kind::date:
            return "DATE";
        case Kind::time:
            return "TIME";
        case Kind::timestamp:
            return "TIMESTAMP";
        case Kind::interval_day:
        case Kind::interval_month: {
            std::string out = fmt::format("INTERVAL {}", unit(type.from));
            if (type.precision != 2 && type.precision != 0) out += fmt::format("({})", type.precision);
            if (type.to != type.from) out += fmt::format(" TO {}", unit(type.to));
            return out;
        }
    }
    return "";
}

std::string_view type_family(const Type& type) {
    if (type.is_number()) return "NUMERIC";
    if (type.is_character()) return "CHARACTER";
    if (type.is_binary()) return "BINARY";
    switch (type.kind) {
        case Kind::boolean:
            return "BOOLEAN";
        case Kind::date:
            return "DATE";
        case Kind::time:
            return "TIME";
        case Kind::timestamp:
            return "TIMESTAMP";
        case Kind::interval_day:
            return "DAYTIME_INTERVAL";
        case Kind::interval_month:
            return "YEARMONTH_INTERVAL";
        default:
            return "NULL";
    }
}

}  // namespace riacho::sql
