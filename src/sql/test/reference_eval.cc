// Expressions of the reference interpreter, one value at a time.
#include <algorithm>
#include <cmath>

#include "base/try.h"
#include "sql/function/regex.h"
#include "sql/test/reference.h"
#include "sql/test/similar.h"
#include "sql/types/calendar.h"
#include "sql/types/interval.h"

namespace riacho::sql {
namespace {

using Datum = Reference::Datum;
using Result = Expected<Datum, SqlState>;

Datum of_exact(std::int64_t value) {
    Datum datum;
    datum.null = false;
    datum.exact = value;
    return datum;
}
Datum of_real(double value) {
    Datum datum;
    datum.null = false;
    datum.real = value;
    return datum;
}
Datum of_text(std::string value) {
    Datum datum;
    datum.null = false;
    datum.text = std::move(value);
    return datum;
}

Result checked(const Type& type, Int128 value) {
    const Range range = range_of(type);
    if (value < range.min || value > range.max) return fail(SqlState::out_of_range);
    return of_exact(static_cast<std::int64_t>(value));
}

Result checked(const Type& type, double value) {
    if (!std::isfinite(value)) return fail(SqlState::out_of_range);
    if (type.kind == Kind::real) value = static_cast<float>(value);
    if (!std::isfinite(value)) return fail(SqlState::out_of_range);
    return of_real(value);
}

std::vector<std::string> characters(const std::string& text) {
    std::vector<std::string> result;
    for (const char c : text) {
        if (result.empty() || (static_cast<unsigned char>(c) & 0xC0) != 0x80) result.emplace_back();
        result.back() += c;
    }
    return result;
}

std::string joined(const std::vector<std::string>& parts, std::int64_t from, std::int64_t to) {
    std::string out;
    for (std::int64_t i = std::max<std::int64_t>(from, 0);
         i < std::min<std::int64_t>(to, static_cast<std::int64_t>(parts.size())); ++i)
        out += parts[static_cast<std::size_t>(i)];
    return out;
}

int order(const Expr& expr, const Datum& a, const Datum& b) {
    const Type& type = expr.args[0]->type;
    switch (physical_of(type.kind)) {
        case Physical::string: {
            std::string left = a.text;
            std::string right = b.text;
            if (expr.pads) {
                while (left.ends_with(' ')) left.pop_back();
                while (right.ends_with(' ')) right.pop_back();
            }
            return left.compare(right);
        }
        case Physical::real:
            return a.real < b.real ? -1 : a.real > b.real ? 1 : 0;
        default: {
            Int128 left = a.exact;
            Int128 right = b.exact;
            for (int i = 0; i < expr.exponent; ++i) left *= 10;
            for (int i = 0; i > expr.exponent; --i) right *= 10;
            return left < right ? -1 : left > right ? 1 : 0;
        }
    }
}

bool holds(Op op, int order) {
    switch (op) {
        case Op::equal:
            return order == 0;
        case Op::not_equal:
            return order != 0;
        case Op::less:
            return order < 0;
        case Op::less_equal:
            return order <= 0;
        case Op::greater:
            return order > 0;
        default:
            return order >= 0;
    }
}

bool is_comparison(Op op) { return op >= Op::equal && op <= Op::greater_equal; }

Result arithmetic(const Expr& expr, const Datum& a, const Datum& b) {
    if (physical_of(expr.type.kind) == Physical::real) {
        if ((expr.op == Op::divide || expr.op == Op::mod) && b.real == 0) return fail(SqlState::division_by_zero);
        switch (expr.op) {
            case Op::add:
                return checked(expr.type, a.real + b.real);
            case Op::subtract:
                return checked(expr.type, a.real - b.real);
            case Op::multiply:
                return checked(expr.type, a.real * b.real);
            default:
                return checked(expr.type, a.real / b.real);
        }
    }
    Int128 power = 1;
    for (int i = 0; i < std::abs(expr.exponent); ++i) power *= 10;
    if (expr.op >= Op::divide && b.exact == 0) return fail(SqlState::division_by_zero);
    switch (expr.op) {
        case Op::add:
            return checked(expr.type, static_cast<Int128>(a.exact) + b.exact);
        case Op::subtract:
            return checked(expr.type, static_cast<Int128>(a.exact) - b.exact);
        case Op::multiply:
            return checked(expr.type, static_cast<Int128>(a.exact) * b.exact / power);
        case Op::divide:
            if (expr.exponent < 0) return checked(expr.type, a.exact / (b.exact * power));
            return checked(expr.type, a.exact * power / b.exact);
        case Op::mod:
            return checked(expr.type, static_cast<Int128>(a.exact) % b.exact);
        default:
            return checked(expr.type, static_cast<Int128>(a.exact) / b.exact * b.exact);
    }
}

// The day and the milliseconds of it, of a DATE, TIME or TIMESTAMP.
std::pair<std::int64_t, std::int64_t> split(const Type& type, std::int64_t value) {
    if (type.kind == Kind::date) return {value, 0};
    if (type.kind == Kind::time) return {0, value};
    std::int64_t day = value / day_ms;
    if (value % day_ms < 0) --day;
    return {day, value - day * day_ms};
}

std::int64_t put_together(const Type& type, std::int64_t day, std::int64_t ms) {
    if (type.kind == Kind::date) return day;
    return type.kind == Kind::time ? ms : day * day_ms + ms;
}

// Down to a multiple of so many months or milliseconds since 1970.
std::int64_t step_down(const Type& type, std::int64_t value, bool months, std::int64_t size) {
    const auto [day, ms] = split(type, value);
    if (months) {
        const Civil civil = civil_of(day);
        std::int64_t count = (civil.year - 1970) * 12 + civil.month - 1;
        while (count % size != 0) --count;
        std::int64_t year = 1970;
        while (count >= 12) {
            ++year;
            count -= 12;
        }
        while (count < 0) {
            --year;
            count += 12;
        }
        return put_together(type, days_of({year, static_cast<int>(count) + 1, 1}), 0);
    }
    Int128 total = static_cast<Int128>(day) * day_ms + ms;
    Int128 rest = total % size;
    if (rest < 0) rest += size;
    total -= rest;
    if (type.kind == Kind::date) return static_cast<std::int64_t>(total / day_ms);
    return static_cast<std::int64_t>(total);
}

Result round_time(const Expr& expr, const Datum& value, const std::vector<Datum>& args) {
    const bool step = expr.op == Op::step_time;
    const bool months = step ? expr.args[1]->type.kind == Kind::interval_month : expr.unit <= TimeUnit::month;
    const std::int64_t size = step ? args[1].exact : unit_size(expr.unit);
    if (size <= 0) return fail(SqlState::invalid_argument);
    const std::int64_t down = step_down(expr.type, value.exact, months, size);
    if (expr.op != Op::ceil_time || down == value.exact) return of_exact(down);
    if (!months) return of_exact(expr.type.kind == Kind::date ? down + 1 : down + size);
    const auto [day, ms] = split(expr.type, down);
    return of_exact(put_together(expr.type, add_months(day, size), ms));
}

Result extract(const Expr& expr, const Datum& value) {
    const Type& type = expr.args[0]->type;
    if (type.kind == Kind::interval_month)
        return of_exact(expr.unit == TimeUnit::year ? value.exact / 12 : value.exact % 12);
    std::int64_t day = value.exact / day_ms;
    std::int64_t ms = value.exact % day_ms;
    if (type.kind != Kind::interval_day) std::tie(day, ms) = split(type, value.exact);
    switch (expr.unit) {
        case TimeUnit::year:
            return of_exact(civil_of(day).year);
        case TimeUnit::month:
            return of_exact(civil_of(day).month);
        case TimeUnit::day:
            return of_exact(type.kind == Kind::interval_day ? day : civil_of(day).day);
        case TimeUnit::hour:
            return of_exact(ms / hour_ms);
        case TimeUnit::minute:
            return of_exact(ms % hour_ms / minute_ms);
        default:
            return of_exact(ms % minute_ms);
    }
}

Result add_interval(const Expr& expr, const Datum& value, const Datum& by) {
    const std::int64_t amount = expr.negative ? -by.exact : by.exact;
    const auto [day, ms] = split(expr.type, value.exact);
    if (expr.args[1]->type.kind == Kind::interval_month)
        return of_exact(put_together(expr.type, add_months(day, amount), ms));
    std::int64_t total = day * day_ms + ms + amount;
    if (expr.type.kind == Kind::time) {
        while (total < 0) total += day_ms;
        return of_exact(total % day_ms);
    }
    if (expr.type.kind == Kind::date) return of_exact(floor_div(total, day_ms));
    return of_exact(total);
}

Result substring(const Expr& expr, const std::vector<Datum>& args) {
    const auto parts = characters(args[0].text);
    const std::int64_t from = args[1].exact;
    const std::int64_t count = args.size() == 3 ? args[2].exact : 1'000'000'000;
    if (count < 0) return fail(SqlState::substring);
    if (std::max<std::int64_t>(from, 1) > static_cast<std::int64_t>(parts.size()) && expr.comma) return Datum();
    return of_text(joined(parts, from - 1, from - 1 + count));
}

Result fitting(const Type& type, std::string text) {
    if (characters(text).size() > type.length) return fail(SqlState::truncation);
    return of_text(std::move(text));
}

Result overlay(const Expr& expr, const std::vector<Datum>& args) {
    const auto parts = characters(args[0].text);
    const std::int64_t from = args[2].exact;
    const auto with = static_cast<std::int64_t>(characters(args[1].text).size());
    const std::int64_t count = args.size() == 4 ? args[3].exact : with;
    if (count < 0) return fail(SqlState::substring);
    return fitting(expr.type, joined(parts, 0, from - 1) + args[1].text +
                                  joined(parts, std::max<std::int64_t>(from + count - 1, 0), 1'000'000));
}

Result trim(const Expr& expr, const std::vector<Datum>& args) {
    if (characters(args[0].text).size() != 1) return fail(SqlState::trim);
    auto parts = characters(args[1].text);
    while (expr.op != Op::trim_trailing && !parts.empty() && parts.front() == args[0].text) parts.erase(parts.begin());
    while (expr.op != Op::trim_leading && !parts.empty() && parts.back() == args[0].text) parts.pop_back();
    return of_text(joined(parts, 0, 1'000'000));
}

std::string change_case(Op op, const std::string& text) {
    std::string out;
    char before = ' ';
    for (const char c : text) {
        const bool up = op == Op::upper || (op == Op::initcap && before == ' ');
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        out += !letter ? c : up ? static_cast<char>(c & ~0x20) : static_cast<char>(c | 0x20);
        before = c;
    }
    return out;
}

// LIKE by trying everything.
bool like_from(const std::vector<std::string>& text, std::size_t t, const std::vector<std::string>& pattern,
               std::size_t p, const std::string& escape) {
    if (p == pattern.size()) return t == text.size();
    if (!escape.empty() && pattern[p] == escape)
        return t < text.size() && text[t] == pattern[p + 1] && like_from(text, t + 1, pattern, p + 2, escape);
    if (pattern[p] == "%") {
        for (std::size_t i = t; i <= text.size(); ++i) {
            if (like_from(text, i, pattern, p + 1, escape)) return true;
        }
        return false;
    }
    return t < text.size() && (pattern[p] == "_" || pattern[p] == text[t]) &&
           like_from(text, t + 1, pattern, p + 1, escape);
}

Result like_value(const std::vector<Datum>& args) {
    const auto pattern = characters(args[1].text);
    const std::string escape = args.size() == 3 ? args[2].text : "";
    if (args.size() == 3 && characters(escape).size() != 1) return fail(SqlState::invalid_escape);
    for (std::size_t i = 0; i < pattern.size() && !escape.empty(); ++i) {
        if (pattern[i] != escape) continue;
        ++i;
        if (i == pattern.size() || (pattern[i] != "%" && pattern[i] != "_" && pattern[i] != escape))
            return fail(SqlState::invalid_escape);
    }
    return of_exact(like_from(characters(args[0].text), 0, pattern, 0, escape));
}

Result similar_value(const std::vector<Datum>& args) {
    const std::string escape = args.size() == 3 ? args[2].text : "";
    if (args.size() == 3 && characters(escape).size() != 1) return fail(SqlState::invalid_escape);
    const auto matches = similar_to(characters(args[0].text), characters(args[1].text), escape);
    if (!matches) return fail(SqlState::invalid_regex);
    return of_exact(*matches);
}

// The engine's matcher: an independent one of Java's syntax is not to be had.
Result regex_value(const Expr& expr, const std::vector<Datum>& args) {
    const auto regex = Regex::compile(args[1].text, Regex::Syntax::java);
    if (!regex) return fail(SqlState::invalid_regex);
    PatternMeter meter;
    if (expr.op == Op::regex_replace) {
        std::string out;
        const SqlState state =
            regex_replace(args[0].text, **regex, args[2].text, args[3].exact, args[4].exact, meter, out);
        if (state != SqlState::ok) return fail(state);
        return of_text(out);
    }
    bool found = false;
    Regex::Groups groups;
    if ((*regex)->find(args[0].text, 0, meter, found, groups) != SqlState::ok) return fail(SqlState::invalid_regex);
    if (!found) return Datum();
    return of_text(args[0].text.substr(groups[0].first, groups[0].second - groups[0].first));
}

Result real_function(Op op, double x, double y) {
    if (((op == Op::ln || op == Op::log10) && x <= 0) || (op == Op::sqrt && x < 0)) return fail(SqlState::logarithm);
    double result = 0;
    if (op == Op::exp) result = std::exp(x);
    if (op == Op::ln) result = std::log(x);
    if (op == Op::log10) result = std::log(x) / std::log(10.0);
    if (op == Op::sqrt) result = std::sqrt(x);
    if (op == Op::power) result = std::pow(x, y);
    if (std::isnan(result)) return fail(SqlState::logarithm);
    return checked(simple_type(Kind::double_precision), result);
}

Result round_number(const Expr& expr, const Datum& value) {
    const Type& from = expr.args[0]->type;
    if (physical_of(expr.type.kind) == Physical::real) {
        const double x = value.real;
        return of_real(expr.op == Op::negate  ? -x
                       : expr.op == Op::abs   ? std::fabs(x)
                       : expr.op == Op::floor ? std::floor(x)
                                              : std::ceil(x));
    }
    Int128 x = value.exact;
    if (expr.op == Op::negate || (expr.op == Op::abs && x < 0)) x = -x;
    if (expr.op == Op::floor || expr.op == Op::ceil) {
        Int128 unit = 1;
        for (int i = expr.type.scale; i < from.scale; ++i) unit *= 10;
        Int128 rest = x % unit;
        if (rest < 0) rest += unit;
        x = (x - rest) / unit;
        if (expr.op == Op::ceil && rest != 0) ++x;
    }
    return checked(expr.type, x);
}

Result cast(const Expr& expr, const Datum& value, RowTime started_at) {
    const Type& from = expr.args[0]->type;
    Scalar in{value.exact, value.real, value.text};
    Scalar out;
    std::string buffer;
    const SqlState state = cast_value(from, in, expr.type, out, buffer, floor_div(started_at.value(), day_ms));
    if (state != SqlState::ok) return fail(state);
    Datum result;
    result.null = false;
    result.exact = out.exact;
    result.real = out.real;
    result.text = out.text;
    return result;
}

Result scale_interval(const Expr& expr, const Datum& value, const Datum& by) {
    const Type& by_type = expr.args[1]->type;
    Int128 result = 0;
    if (by_type.is_approximate()) {
        if (expr.negative && by.real == 0) return fail(SqlState::division_by_zero);
        const double scaled =
            expr.negative ? static_cast<double>(value.exact) / by.real : static_cast<double>(value.exact) * by.real;
        if (std::fabs(scaled) >= 9.2e18) return fail(SqlState::out_of_range);
        result = static_cast<std::int64_t>(scaled);
    } else {
        const Int128 unit = power_of_ten(by_type.scale);
        if (expr.negative && by.exact == 0) return fail(SqlState::division_by_zero);
        result = expr.negative ? value.exact * unit / by.exact : static_cast<Int128>(value.exact) * by.exact / unit;
    }
    const auto exact = checked(expr.type, result);
    if (exact && exceeds_precision(exact->exact, expr.type)) return fail(SqlState::out_of_range);
    return exact;
}

Result subtract_times(const Expr& expr, const Datum& a, const Datum& b) {
    const Type& type = expr.args[0]->type;
    std::int64_t value = type.kind == Kind::date ? (a.exact - b.exact) * day_ms : a.exact - b.exact;
    if (expr.type.kind == Kind::interval_month) {
        const Civil x = civil_of(split(type, a.exact).first);
        const Civil y = civil_of(split(type, b.exact).first);
        value = (x.year - y.year) * 12 + x.month - y.month;
        if (value > 0 && x.day < y.day) --value;
        if (value < 0 && x.day > y.day) ++value;
    }
    value = truncate_interval(value, expr.type);
    if (exceeds_precision(value, expr.type)) return fail(SqlState::out_of_range);
    return of_exact(value);
}

}  // namespace

Expected<Datum, SqlState> Reference::eval(const Expr& expr, const Row& row) {
    switch (expr.op) {
        case Op::constant: {
            Datum datum;
            datum.null = expr.is_null;
            datum.exact = expr.value.exact;
            datum.real = expr.value.real;
            datum.text = expr.value.text;
            return datum;
        }
        case Op::column:
            return row.values[expr.index];
        case Op::rowtime:
            return of_exact(row.time.value());
        case Op::current_row_timestamp:
            return of_exact(times_.wall_now.value());
        case Op::started_at: {
            const auto [day, ms] = split(simple_type(Kind::timestamp), times_.started_at.value());
            return of_exact(put_together(expr.type, day, ms));
        }
        case Op::logical_and:
        case Op::logical_or: {
            const bool deciding = expr.op == Op::logical_or;
            TRY(const Datum left, eval(*expr.args[0], row));
            if (!left.null && (left.exact != 0) == deciding) return of_exact(deciding);
            TRY(const Datum right, eval(*expr.args[1], row));
            if (!right.null && (right.exact != 0) == deciding) return of_exact(deciding);
            if (left.null || right.null) return Datum();
            return of_exact(!deciding);
        }
        case Op::is_null:
        case Op::is_true:
        case Op::is_false: {
            TRY(const Datum value, eval(*expr.args[0], row));
            if (expr.op == Op::is_null) return of_exact(value.null);
            return of_exact(!value.null && (value.exact != 0) == (expr.op == Op::is_true));
        }
        case Op::case_when:
            for (std::size_t i = 0; i + 1 < expr.args.size(); i += 2) {
                TRY(const Datum when, eval(*expr.args[i], row));
                if (!when.null && when.exact != 0) return eval(*expr.args[i + 1], row);
            }
            return eval(*expr.args.back(), row);
        case Op::coalesce:
            for (const ExprPtr& arg : expr.args) {
                TRY(Datum value, eval(*arg, row));
                if (!value.null) return value;
            }
            return Datum();
        default:
            break;
    }
    std::vector<Datum> args;
    for (const ExprPtr& arg : expr.args) {
        TRY(Datum value, eval(*arg, row));
        args.push_back(std::move(value));
    }
    if (expr.op == Op::distinct || expr.op == Op::not_distinct) {
        const bool same =
            args[0].null || args[1].null ? args[0].null && args[1].null : order(expr, args[0], args[1]) == 0;
        return of_exact(same == (expr.op == Op::not_distinct));
    }
    if (std::ranges::any_of(args, &Datum::null)) return Datum();
    return call(expr, args);
}

Expected<Datum, SqlState> Reference::call(const Expr& expr, const std::vector<Datum>& args) {
    if (is_comparison(expr.op)) return of_exact(holds(expr.op, order(expr, args[0], args[1])));
    switch (expr.op) {
        case Op::logical_not:
            return of_exact(args[0].exact == 0);
        case Op::add:
        case Op::subtract:
        case Op::multiply:
        case Op::divide:
        case Op::mod:
        case Op::step_number:
            return arithmetic(expr, args[0], args[1]);
        case Op::negate:
        case Op::abs:
        case Op::floor:
        case Op::ceil:
            return round_number(expr, args[0]);
        case Op::cast:
            return cast(expr, args[0], times_.started_at);
        case Op::exp:
        case Op::ln:
        case Op::log10:
        case Op::power:
        case Op::sqrt:
            return real_function(expr.op, args[0].real, args.size() > 1 ? args[1].real : 0);
        case Op::floor_time:
        case Op::ceil_time:
        case Op::step_time:
            return round_time(expr, args[0], args);
        case Op::extract:
            return extract(expr, args[0]);
        case Op::add_interval:
            return add_interval(expr, args[0], args[1]);
        case Op::subtract_times:
            return subtract_times(expr, args[0], args[1]);
        case Op::scale_interval:
            return scale_interval(expr, args[0], args[1]);
        case Op::timestamp_ms:
            return of_exact(args[0].exact);
        case Op::concat:
            return fitting(expr.type, args[0].text + args[1].text);
        case Op::char_length:
            return of_exact(static_cast<std::int64_t>(characters(args[0].text).size()));
        case Op::upper:
        case Op::lower:
        case Op::initcap:
            return of_text(change_case(expr.op, args[0].text));
        case Op::position: {
            const std::size_t at = args[1].text.find(args[0].text);
            if (at == std::string::npos) return of_exact(0);
            return of_exact(static_cast<std::int64_t>(characters(args[1].text.substr(0, at)).size()) + 1);
        }
        case Op::substring:
            return substring(expr, args);
        case Op::overlay:
            return overlay(expr, args);
        case Op::trim_both:
        case Op::trim_leading:
        case Op::trim_trailing:
            return trim(expr, args);
        case Op::like:
            return like_value(args);
        case Op::similar:
            return similar_value(args);
        default:
            return regex_value(expr, args);
    }
}

}  // namespace riacho::sql
