#include "sql/types/cast.h"

#include <algorithm>
#include <cmath>

#include "sql/text/characters.h"
#include "sql/types/calendar.h"
#include "sql/types/interval.h"

namespace riacho::sql {
namespace {

bool equal_upper(std::string_view text, std::string_view upper) {
    return std::ranges::equal(text, upper, [](char a, char b) {
        return (a >= 'a' && a <= 'z' ? static_cast<char>(a - ('a' - 'A')) : a) == b;
    });
}

SqlState store_exact(Int128 value, const Type& to, Scalar& out) {
    if (!range_of(to).has(value)) return SqlState::out_of_range;
    out.exact = static_cast<std::int64_t>(value);
    return SqlState::ok;
}

// Halves away from zero, as S12.5 says; also for values between 2^53 and the limit of 64 bits.
SqlState real_to_exact(double value, const Type& to, Scalar& out) {
    const double scaled = std::round(value * static_cast<double>(power_of_ten(to.scale)));
    if (!(scaled > -9.3e18 && scaled < 9.3e18)) return SqlState::out_of_range;
    return store_exact(static_cast<Int128>(scaled), to, out);
}

SqlState store_real(double value, const Type& to, Scalar& out) {
    out.real = value;
    return to.kind == Kind::real ? to_real(value, out.real) : SqlState::ok;
}

// Text of a value that must fit whole; CHAR is padded.
SqlState fit_text(std::string& buffer, const Type& to, Scalar& out) {
    const auto size = static_cast<std::size_t>(code_points(buffer));
    if (size > to.length) return SqlState::truncation;
    if (to.kind == Kind::character) buffer.append(to.length - size, ' ');
    out.text = buffer;
    return SqlState::ok;
}

SqlState to_text(const Type& from, const Scalar& in, const Type& to, Scalar& out, std::string& buffer) {
    if (from.is_character() || from.is_binary()) {
        out.text = cut_code_points(in.text, to.length);
        if (to.is_binary()) out.text = in.text.substr(0, to.length);
        if (to.kind == Kind::character) {
            const auto size = static_cast<std::size_t>(code_points(out.text));
            if (size < to.length) {
                buffer.assign(out.text);
                buffer.append(to.length - size, ' ');
                out.text = buffer;
            }
        }
        return SqlState::ok;
    }
    buffer.clear();
    switch (from.kind) {
        case Kind::boolean:
            buffer = in.exact != 0 ? "TRUE" : "FALSE";
            break;
        case Kind::tinyint:
        case Kind::smallint:
        case Kind::integer:
        case Kind::bigint:
        case Kind::decimal:
            append_decimal(buffer, in.exact, from.scale, false);
            break;
        case Kind::real:
        case Kind::double_precision:
            append_double(buffer, in.real, from.kind == Kind::real);
            break;
        case Kind::date:
            append_date(buffer, in.exact);
            break;
        case Kind::time:
            append_time(buffer, in.exact, false);
            break;
        case Kind::timestamp:
            append_timestamp(buffer, in.exact, false);
            break;
        case Kind::interval_day:
        case Kind::interval_month:
            append_interval(buffer, in.exact, from);
            break;
        default:
            break;
    }
    return fit_text(buffer, to, out);
}

SqlState parsed(const std::optional<std::int64_t>& value, Scalar& out) {
    if (!value) return SqlState::invalid_datetime;
    out.exact = *value;
    return SqlState::ok;
}

SqlState from_text(std::string_view text, const Type& to, Scalar& out) {
    const std::string_view trimmed = without_blanks(text);
    switch (to.kind) {
        case Kind::boolean:
            if (!equal_upper(trimmed, "TRUE") && !equal_upper(trimmed, "FALSE")) return SqlState::invalid_cast;
            out.exact = trimmed.size() == 4;
            return SqlState::ok;
        case Kind::tinyint:
        case Kind::smallint:
        case Kind::integer:
        case Kind::bigint:
        case Kind::decimal: {
            Int128 value = 0;
            if (const SqlState state = parse_exact(trimmed, to.scale, false, value); state != SqlState::ok)
                return state;
            return store_exact(value, to, out);
        }
        case Kind::real:
        case Kind::double_precision: {
            double value = 0;
            if (const SqlState state = parse_real(trimmed, value); state != SqlState::ok) return state;
            return store_real(value, to, out);
        }
        case Kind::date:
            return parsed(parse_date(text, false), out);
        case Kind::time:
            return parsed(parse_time(text, false), out);
        case Kind::timestamp:
            return parsed(parse_timestamp(text, false), out);
        case Kind::interval_day:
        case Kind::interval_month: {
            const auto value = parse_interval(trimmed, to);
            if (!value) return SqlState::invalid_datetime;
            out.exact = *value;
            return SqlState::ok;
        }
        default:
            return SqlState::invalid_cast;
    }
}

SqlState interval_to_number(const Type& from, const Scalar& in, const Type& to, Scalar& out) {
    const std::int64_t size = unit_size(from.from);
    // AWS: S12.5: to an integer it is cut, to a DECIMAL rounded.
    if (to.is_integer()) return store_exact(in.exact / size, to, out);
    if (to.is_exact_number())
        return store_exact(divide_rounded(static_cast<Int128>(in.exact) * power_of_ten(to.scale), size), to, out);
    return store_real(static_cast<double>(in.exact) / static_cast<double>(size), to, out);
}

SqlState between_datetimes(const Type& from, const Scalar& in, const Type& to, Scalar& out, std::int64_t today) {
    if (from.kind == to.kind) {
        out.exact = in.exact;
    } else if (from.kind == Kind::date) {
        out.exact = in.exact * day_ms;  // to TIMESTAMP
    } else if (from.kind == Kind::time) {
        out.exact = today * day_ms + in.exact;
    } else {
        out.exact = to.kind == Kind::date ? floor_div(in.exact, day_ms) : floor_mod(in.exact, day_ms);
    }
    return SqlState::ok;
}

}  // namespace

std::string_view cut_code_points(std::string_view text, std::uint32_t length) {
    if (text.size() <= length) return text;
    if (is_ascii(text)) return text.substr(0, length);
    std::uint32_t seen = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
        if (seen++ == length) return text.substr(0, i);
    }
    return text;
}

bool can_cast(const Type& from, const Type& to) {
    if (from.kind == Kind::unknown) return true;
    if (from.is_number()) return to.is_number() || to.is_character();
    if (from.is_character())
        return to.is_number() || to.is_character() || to.is_datetime() || to.kind == Kind::interval_day ||
               to.kind == Kind::interval_month || to.kind == Kind::boolean;
    if (from.is_binary()) return to.is_binary();
    switch (from.kind) {
        case Kind::boolean:
            return to.kind == Kind::boolean || to.is_character();
        case Kind::date:
            return to.kind == Kind::date || to.kind == Kind::timestamp || to.is_character();
        case Kind::time:
            return to.kind == Kind::time || to.kind == Kind::timestamp || to.is_character();
        case Kind::timestamp:
            return to.is_datetime() || to.is_character();
        case Kind::interval_day:
        case Kind::interval_month:
            if (to.is_exact_number()) return from.from == from.to;
            return to.kind == from.kind || to.is_character();
        default:
            return false;
    }
}

bool can_assign(const Type& from, const Type& to) {
    if (from.kind == Kind::unknown) return true;
    if (from.is_number()) return to.is_number();
    if (from.is_character()) return to.is_character();
    if (from.is_binary()) return to.is_binary();
    return from.kind == to.kind;
}

SqlState cast_value(const Type& from, const Scalar& in, const Type& to, Scalar& out, std::string& buffer,
                    std::int64_t today) {
    if (to.is_character() || to.is_binary()) return to_text(from, in, to, out, buffer);
    if (from.is_character()) return from_text(in.text, to, out);
    if (from.is_exact_number()) {
        if (to.is_exact_number()) return store_exact(rescale(in.exact, from.scale, to.scale), to, out);
        return store_real(static_cast<double>(in.exact) / static_cast<double>(power_of_ten(from.scale)), to, out);
    }
    if (from.is_approximate()) {
        if (to.is_exact_number()) return real_to_exact(in.real, to, out);
        return store_real(in.real, to, out);
    }
    if (from.is_interval()) {
        if (to.is_number()) return interval_to_number(from, in, to, out);
        out.exact = truncate_interval(in.exact, to);
        return exceeds_precision(out.exact, to) ? SqlState::out_of_range : SqlState::ok;
    }
    if (from.is_datetime()) return between_datetimes(from, in, to, out, today);
    out.exact = in.exact;
    return SqlState::ok;
}

std::optional<Type> least_restrictive(std::span<const Type> types) {
    std::optional<Type> result;
    bool nullable = false;
    for (const Type& type : types) {
        nullable |= type.nullable;
        if (type.kind == Kind::unknown) continue;
        if (!result) {
            result = type;
            continue;
        }
        Type& sum = *result;
        if (sum.is_number() && type.is_number()) {
            if (sum.is_approximate() || type.is_approximate()) {
                // AWS: S12.2: a REAL with an integer is a REAL, anything else with it a DOUBLE.
                const auto fits_real = [](const Type& t) { return t.kind == Kind::real || t.is_integer(); };
                sum = simple_type(fits_real(sum) && fits_real(type) ? Kind::real : Kind::double_precision);
            } else if (sum.is_integer() && type.is_integer()) {
                sum = simple_type(std::max(sum.kind, type.kind));
            } else {
                const int scale = std::max(sum.scale, type.scale);
                const int whole = std::max(sum.exact_precision() - sum.scale, type.exact_precision() - type.scale);
                sum = decimal_type(whole + scale, scale);
            }
        } else if (sum.is_character() && type.is_character()) {
            const std::uint32_t length = std::max(sum.length, type.length);
            const bool fixed = sum.kind == Kind::character && type.kind == Kind::character;
            sum = fixed ? char_type(length) : varchar_type(length);
        } else if (sum.is_binary() && type.is_binary()) {
            const std::uint32_t length = std::max(sum.length, type.length);
            const bool fixed = sum.kind == Kind::binary && type.kind == Kind::binary;
            sum = simple_type(fixed ? Kind::binary : Kind::varbinary);
            sum.length = length;
        } else if (sum.is_interval() && sum.kind == type.kind) {
            sum.from = std::min(sum.from, type.from);
            sum.to = std::max(sum.to, type.to);
            sum.precision = std::max(sum.precision, type.precision);
            sum.scale = std::max(sum.scale, type.scale);
        } else if (sum.kind != type.kind) {
            return std::nullopt;
        }
    }
    if (result) result->nullable = nullable;
    return result;
}

}  // namespace riacho::sql
