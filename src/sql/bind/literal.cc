#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"
#include "sql/bind/binder.h"
#include "sql/text/characters.h"
#include "sql/types/calendar.h"
#include "sql/types/interval.h"

namespace riacho::sql {
namespace {

ExprPtr placed(const ExprPtr& expr, const Span& span) {
    auto copy = std::make_shared<Expr>(*expr);
    copy->span = span;
    return copy;
}

Bound<ExprPtr> datetime(const ast::Expr& expr) {
    const Kind kind = expr.type->type.kind;
    std::optional<std::int64_t> value;
    std::string_view name;
    std::string_view format;
    if (kind == Kind::date) {
        value = parse_date(expr.text, true);
        name = "DATE";
        format = "yyyy-MM-dd";
    } else if (kind == Kind::time) {
        value = parse_time(expr.text, true);
        name = "TIME";
        format = "HH:mm:ss";
    } else {
        value = parse_timestamp(expr.text, true);
        name = "TIMESTAMP";
        format = "yyyy-MM-dd HH:mm:ss";
    }
    if (!value)
        return fail(
            invalid(expr.span, fmt::format("Illegal {} literal '{}': not in format '{}'", name, expr.text, format)));
    return placed(make_exact(simple_type(kind, false), *value), expr.span);
}

Bound<ExprPtr> interval(const ast::Expr& expr) {
    const ast::Qualifier& qualifier = expr.qualifier;
    Type type = simple_type(qualifier.from <= TimeUnit::month ? Kind::interval_month : Kind::interval_day, false);
    type.from = qualifier.from;
    type.to = qualifier.to;
    type.precision = static_cast<std::uint8_t>(std::clamp(qualifier.precision, 0, 255));
    type.scale = static_cast<std::uint8_t>(std::clamp(qualifier.scale, 0, 255));
    if (qualifier.precision < 1 || qualifier.precision > 10)
        return fail(invalid(qualifier.span, fmt::format("Interval leading field precision '{}' out of range for {}",
                                                        qualifier.precision, type_text(type))));
    if (qualifier.scale > 9)
        return fail(invalid(qualifier.span, fmt::format("Interval fractional second precision '{}' out of range for {}",
                                                        qualifier.scale, type_text(type))));
    const auto value = parse_interval(expr.text, type);
    if (!value) return fail(invalid(expr.span, value.error()));
    return placed(make_exact(type, expr.negated ? -*value : *value), expr.span);
}

Bound<ExprPtr> binary_string(const ast::Expr& expr) {
    std::string bytes;
    const auto digit = [](char c) { return c <= '9' ? c - '0' : (c & ~0x20) - 'A' + 10; };
    for (std::size_t i = 0; i + 1 < expr.text.size(); i += 2)
        bytes += static_cast<char>(digit(expr.text[i]) * 16 + digit(expr.text[i + 1]));
    Type type = simple_type(Kind::binary, false);
    type.length = static_cast<std::uint32_t>(bytes.size());
    return placed(make_text(type, std::move(bytes)), expr.span);
}

}  // namespace

Bound<ExprPtr> Binder::literal(const ast::Expr& expr) {
    switch (expr.kind) {
        case ast::ExprKind::number:
            return number(expr);
        case ast::ExprKind::string: {
            const auto length = static_cast<std::uint32_t>(code_points(expr.text));
            if (length > string_length_max)
                return fail(
                    invalid(expr.span, fmt::format("String literal is longer than {} characters", string_length_max)));
            return placed(make_text(char_type(length, false), expr.text), expr.span);
        }
        case ast::ExprKind::binary:
            return binary_string(expr);
        case ast::ExprKind::boolean:
            if (expr.text == "UNKNOWN") return placed(make_null(boolean_type()), expr.span);
            return placed(make_exact(boolean_type(false), expr.text == "TRUE"), expr.span);
        case ast::ExprKind::datetime:
            return datetime(expr);
        case ast::ExprKind::interval:
            return interval(expr);
        default:
            return placed(make_null(simple_type(Kind::unknown)), expr.span);
    }
}

// AWS: S10.1: 12 is an INTEGER (BIGINT when needed), 12.5 a DECIMAL(3,1), 1e2 a DOUBLE.
Bound<ExprPtr> Binder::number(const ast::Expr& expr) {
    const auto out_of_range = [&] {
        return fail(invalid(expr.span, fmt::format("Numeric literal '{}' out of range", expr.text)));
    };
    if (expr.text.find_first_of("eE") != std::string::npos) {
        double value = 0;
        if (parse_real(expr.text, value) != SqlState::ok) return out_of_range();
        return placed(make_real(simple_type(Kind::double_precision, false), value), expr.span);
    }
    const std::size_t point = expr.text.find('.');
    const int scale = point == std::string::npos ? 0 : static_cast<int>(expr.text.size() - point - 1);
    Int128 value = 0;
    if (scale > 19 || parse_exact(expr.text, scale, true, value) != SqlState::ok || value > INT64_MAX)
        return out_of_range();
    const auto unscaled = static_cast<std::int64_t>(value);
    if (point == std::string::npos) {
        const Kind kind = unscaled <= INT32_MAX ? Kind::integer : Kind::bigint;
        return placed(make_exact(simple_type(kind, false), unscaled), expr.span);
    }
    const int digits = static_cast<int>(fmt::format("{}", unscaled).size());
    return placed(make_exact(decimal_type(std::max(digits, scale), scale, false), unscaled), expr.span);
}

}  // namespace riacho::sql
