// SQL types of columns, expressions and literals, and the four physical forms of values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace riacho::sql {

// The numbers are on disk (state, settings): never change one.
enum class Kind : std::uint8_t {
    unknown = 0,  // the type of an untyped NULL
    boolean = 1,
    tinyint = 2,
    smallint = 3,
    integer = 4,
    bigint = 5,
    decimal = 6,
    real = 7,
    double_precision = 8,
    character = 9,
    varchar = 10,
    binary = 11,
    varbinary = 12,
    date = 13,            // days since 1970-01-01
    time = 14,            // milliseconds since midnight
    timestamp = 15,       // milliseconds since 1970-01-01 UTC
    interval_day = 16,    // milliseconds
    interval_month = 17,  // months
};

// The physical form of values: boolean u8, exact i64, real double, string a view of bytes. A REAL is a double that
// always holds a float.
enum class Physical : std::uint8_t { boolean, exact, real, string };

enum class TimeUnit : std::uint8_t { none, year, month, day, hour, minute, second };

inline constexpr std::uint32_t string_length_max = 65535;
inline constexpr std::uint8_t decimal_precision_max = 19;

struct Type {
    Kind kind = Kind::unknown;
    std::uint8_t precision = 0;      // DECIMAL: digits; intervals: digits of the leading field
    std::uint8_t scale = 0;          // DECIMAL: digits after the point; intervals: of the seconds
    TimeUnit from = TimeUnit::none;  // intervals
    TimeUnit to = TimeUnit::none;
    bool nullable = true;
    std::uint32_t length = 0;  // CHAR, VARCHAR: code points; BINARY, VARBINARY: bytes

    friend bool operator==(const Type&, const Type&) = default;

    [[nodiscard]] bool is_exact_number() const { return kind >= Kind::tinyint && kind <= Kind::decimal; }
    [[nodiscard]] bool is_integer() const { return kind >= Kind::tinyint && kind <= Kind::bigint; }
    [[nodiscard]] bool is_approximate() const { return kind == Kind::real || kind == Kind::double_precision; }
    [[nodiscard]] bool is_number() const { return kind >= Kind::tinyint && kind <= Kind::double_precision; }
    [[nodiscard]] bool is_character() const { return kind == Kind::character || kind == Kind::varchar; }
    [[nodiscard]] bool is_binary() const { return kind == Kind::binary || kind == Kind::varbinary; }
    [[nodiscard]] bool is_datetime() const { return kind >= Kind::date && kind <= Kind::timestamp; }
    [[nodiscard]] bool is_interval() const { return kind >= Kind::interval_day; }
    // BIGINT counts as DECIMAL(19,0) and so on; 0 for other types.
    [[nodiscard]] std::uint8_t exact_precision() const;
};

[[nodiscard]] Physical physical_of(Kind kind);
// Bytes of one value in a vector: 1, 8 or 16.
[[nodiscard]] std::uint32_t width_of(Physical physical);

[[nodiscard]] Type boolean_type(bool nullable = true);
[[nodiscard]] Type simple_type(Kind kind, bool nullable = true);
[[nodiscard]] Type decimal_type(int precision, int scale, bool nullable = true);
[[nodiscard]] Type varchar_type(std::uint32_t length, bool nullable = true);
[[nodiscard]] Type char_type(std::uint32_t length, bool nullable = true);

// "DECIMAL(5,2)", "VARCHAR(4)", "INTERVAL DAY TO SECOND": canonical SQL, which parse_type() accepts.
[[nodiscard]] std::string type_text(const Type& type);
// The family in messages of the validator: "NUMERIC", "CHARACTER", "TIMESTAMP".
[[nodiscard]] std::string_view type_family(const Type& type);

}  // namespace riacho::sql
