// Binds functions by name (S13) and checks their arguments.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/try.h"
#include "sql/bind/binder.h"
#include "sql/function/evaluate.h"
#include "sql/function/regex.h"

namespace riacho::sql {
namespace {

// What an argument may be.
enum class Arg : std::uint8_t { number, integer, character, timestamp, timestamp_or_bigint, text_or_binary };

bool fits(const Type& type, Arg arg) {
    switch (arg) {
        case Arg::number:
            return type.is_number();
        case Arg::integer:
            return type.is_exact_number() && type.scale == 0;
        case Arg::character:
            return type.is_character();
        case Arg::timestamp:
            return type.kind == Kind::timestamp;
        case Arg::timestamp_or_bigint:
            return type.kind == Kind::timestamp || type.is_integer();
        case Arg::text_or_binary:
            return type.is_character() || type.is_binary();
    }
    return false;
}

std::string_view form(Arg arg) {
    switch (arg) {
        case Arg::number:
            return "<NUMERIC>";
        case Arg::integer:
            return "<INTEGER>";
        case Arg::character:
            return "<CHARACTER>";
        case Arg::timestamp:
            return "<TIMESTAMP>";
        case Arg::timestamp_or_bigint:
            return "<TIMESTAMP>";
        case Arg::text_or_binary:
            return "<CHARACTER>";
    }
    return "";
}

Type null_type(Arg arg) {
    switch (arg) {
        case Arg::number:
        case Arg::integer:
            return simple_type(Kind::integer);
        case Arg::character:
        case Arg::text_or_binary:
            return varchar_type(1);
        case Arg::timestamp:
        case Arg::timestamp_or_bigint:
            return simple_type(Kind::timestamp);
    }
    return {};
}

struct Signature {
    std::string_view name;
    Op op;
    std::array<Arg, 5> args;
    std::size_t count_min;
    std::size_t count_max;
};

// Functions of a fixed list of arguments; the result's type is in result_type().
constexpr Signature signatures[] = {
    {"ABS", Op::abs, {Arg::number}, 1, 1},
    {"MOD", Op::mod, {Arg::integer, Arg::integer}, 2, 2},
    {"EXP", Op::exp, {Arg::number}, 1, 1},
    {"LN", Op::ln, {Arg::number}, 1, 1},
    {"LOG10", Op::log10, {Arg::number}, 1, 1},
    {"POWER", Op::power, {Arg::number, Arg::number}, 2, 2},
    {"SQRT", Op::sqrt, {Arg::number}, 1, 1},
    {"CHAR_LENGTH", Op::char_length, {Arg::character}, 1, 1},
    {"CHARACTER_LENGTH", Op::char_length, {Arg::character}, 1, 1},
    {"LOWER", Op::lower, {Arg::character}, 1, 1},
    {"UPPER", Op::upper, {Arg::character}, 1, 1},
    {"INITCAP", Op::initcap, {Arg::character}, 1, 1},
    {"POSITION", Op::position, {Arg::character, Arg::character}, 2, 2},
    {"OVERLAY", Op::overlay, {Arg::character, Arg::character, Arg::integer, Arg::integer}, 3, 4},
    {"TRIM_BOTH", Op::trim_both, {Arg::character, Arg::character}, 2, 2},
    {"TRIM_LEADING", Op::trim_leading, {Arg::character, Arg::character}, 2, 2},
    {"TRIM_TRAILING", Op::trim_trailing, {Arg::character, Arg::character}, 2, 2},
    {"REGEX_REPLACE",
     Op::regex_replace,
     {Arg::character, Arg::character, Arg::character, Arg::integer, Arg::integer},
     5,
     5},
    {"TO_TIMESTAMP", Op::timestamp_ms, {Arg::integer}, 1, 1},
    {"UNIX_TIMESTAMP", Op::timestamp_ms, {Arg::timestamp}, 1, 1},
    {"TSDIFF", Op::subtract, {Arg::timestamp_or_bigint, Arg::timestamp_or_bigint}, 2, 2},
};

constexpr std::string_view not_yet[] = {"CHAR_TO_TIMESTAMP",
                                        "CHAR_TO_DATE",
                                        "CHAR_TO_TIME",
                                        "TIMESTAMP_TO_CHAR",
                                        "DATE_TO_CHAR",
                                        "TIME_TO_CHAR",
                                        "VARIABLE_COLUMN_LOG_PARSE",
                                        "FIXED_COLUMN_LOG_PARSE",
                                        "REGEX_LOG_PARSE",
                                        "FAST_REGEX_LOG_PARSE",
                                        "FAST_REGEX_LOG_PARSER",
                                        "SYS_LOG_PARSE",
                                        "W3C_LOG_PARSE",
                                        "PERIOD",
                                        "SUBSTRING_SIMILAR",
                                        "MONOTONIC"};

Type result_type(const Signature& signature, std::span<const ExprPtr> args) {
    Type type;
    switch (signature.op) {
        case Op::abs:
        case Op::lower:
        case Op::upper:
        case Op::initcap:
            type = args[0]->type;
            break;
        case Op::mod:
            // AWS: S13.2: the type of the second argument.
            type = args[1]->type;
            break;
        case Op::exp:
        case Op::ln:
        case Op::log10:
        case Op::power:
        case Op::sqrt:
            type = simple_type(Kind::double_precision);
            break;
        case Op::char_length:
        case Op::position:
            type = simple_type(Kind::integer);
            break;
        case Op::overlay:
            type = varchar_type(args[0]->type.length + args[1]->type.length);
            break;
        case Op::trim_both:
        case Op::trim_leading:
        case Op::trim_trailing:
            type = varchar_type(args[1]->type.length);
            break;
        case Op::regex_replace:
            type = varchar_type(string_length_max);
            break;
        case Op::timestamp_ms:
            type = simple_type(signature.name == "TO_TIMESTAMP" ? Kind::timestamp : Kind::bigint);
            break;
        default:
            type = simple_type(Kind::bigint);
            break;
    }
    type.nullable = any_nullable(args);
    return type;
}

Issue wrong_count(const ast::Expr& expr, std::size_t wanted) {
    return invalid(expr.span, fmt::format("Invalid number of arguments to function '{}'. Was expecting {} argument{}",
                                          expr.text, wanted, wanted == 1 ? "" : "s"));
}

// Checks that arguments have the families of the signature; untyped NULLs get them.
Bound<void> check_args(const ast::Expr& expr, const Signature& signature, std::vector<ExprPtr>& args) {
    if (args.size() < signature.count_min || args.size() > signature.count_max)
        return fail(wrong_count(expr, args.size() < signature.count_min ? signature.count_min : signature.count_max));
    bool good = true;
    for (std::size_t i = 0; i < args.size(); ++i) {
        if (args[i]->type.kind == Kind::unknown) args[i] = make_null(null_type(signature.args[i]));
        good &= fits(args[i]->type, signature.args[i]);
    }
    if (good) return {};
    std::string forms;
    for (std::size_t i = 0; i < signature.count_max; ++i)
        forms += (i == 0 ? "" : ", ") + std::string(form(signature.args[i]));
    return fail(cannot_apply(expr, args, fmt::format("'{}({})'", signature.name, forms)));
}

Bound<ExprPtr> regular(const ast::Expr& expr, const Signature& signature, std::vector<ExprPtr> args) {
    TRY_VOID(check_args(expr, signature, args));
    const Type type = result_type(signature, args);
    if (signature.name == "TSDIFF") std::swap(args[0], args[1]);  // b - a
    if (type.kind == Kind::double_precision) {
        for (ExprPtr& arg : args) arg = make_cast(std::move(arg), simple_type(Kind::double_precision));
    }
    auto result = make_op(signature.op, type, std::move(args));
    if (signature.op == Op::regex_replace) TRY_VOID(compile_pattern(*result, Regex::Syntax::java));
    return finished(std::move(result), expr.span);
}

Bound<ExprPtr> substring(const ast::Expr& expr, std::vector<ExprPtr> args) {
    for (std::size_t i = 0; i < args.size(); ++i) {
        if (args[i]->type.kind == Kind::unknown)
            args[i] = make_null(i == 0 ? varchar_type(1) : simple_type(Kind::integer));
    }
    // SUBSTRING(s FROM '<regex>')
    if (args.size() == 2 && !expr.comma_form && args[0]->type.is_character() && args[1]->type.is_character()) {
        auto result = make_op(Op::substring_regex, varchar_type(args[0]->type.length), std::move(args));
        TRY_VOID(compile_pattern(*result, Regex::Syntax::java));
        return finished(std::move(result), expr.span);
    }
    bool good = args[0]->type.is_character() || args[0]->type.is_binary();
    for (std::size_t i = 1; i < args.size(); ++i) good &= fits(args[i]->type, Arg::integer);
    if (!good)
        return fail(cannot_apply(expr, args,
                                 "'SUBSTRING(<CHARACTER> FROM <INTEGER>)'\n'SUBSTRING(<CHARACTER> FROM <INTEGER> FOR "
                                 "<INTEGER>)'\n'SUBSTRING(<CHARACTER> FROM <CHARACTER>)'"));
    Type type = varchar_type(args[0]->type.length);
    if (args[0]->type.is_binary()) {
        type = simple_type(Kind::varbinary);
        type.length = args[0]->type.length;
    }
    type.nullable = any_nullable(args) || expr.comma_form;
    auto result = make_op(Op::substring, type, std::move(args));
    result->comma = expr.comma_form;
    return finished(std::move(result), expr.span);
}

// FLOOR and CEIL of numbers, and of times with TO.
Bound<ExprPtr> rounding(const ast::Expr& expr, std::vector<ExprPtr> args) {
    const bool is_floor = expr.text == "FLOOR";
    Type type = args[0]->type;
    if (expr.qualifier.from == TimeUnit::none) {
        if (!type.is_number()) return fail(cannot_apply(expr, args, fmt::format("'{}(<NUMERIC>)'", expr.text)));
        if (type.is_integer()) return std::move(args[0]);
        if (type.kind == Kind::decimal) type.scale = 0;
        return finished(make_op(is_floor ? Op::floor : Op::ceil, type, std::move(args)), expr.span);
    }
    const TimeUnit unit = expr.qualifier.from;
    const bool of_date = unit <= TimeUnit::day;
    if (!type.is_datetime() || (type.kind == Kind::time && of_date))
        return fail(cannot_apply(expr, args, fmt::format("'{}(<DATETIME> TO <TIME_UNIT>)'", expr.text)));
    if (type.kind == Kind::date && !of_date) return std::move(args[0]);
    auto result = make_op(is_floor ? Op::floor_time : Op::ceil_time, type, std::move(args));
    result->unit = unit;
    return finished(std::move(result), expr.span);
}

Bound<ExprPtr> step(const ast::Expr& expr, std::vector<ExprPtr> args) {
    Type type = args[0]->type;
    const bool of_time = type.is_datetime() && args[1]->type.is_interval() &&
                         !(type.kind == Kind::time && args[1]->type.kind == Kind::interval_month);
    const bool of_integer = type.is_integer() && args[1]->type.is_integer();
    if (!of_time && !of_integer)
        return fail(
            cannot_apply(expr, args, "'STEP(<DATETIME> BY <DATETIME_INTERVAL>)'\n'STEP(<INTEGER> BY <INTEGER>)'"));
    if (of_time && is_constant(*args[1]) && !args[1]->is_null && args[1]->value.exact <= 0)
        return fail(invalid(args[1]->span, "STEP needs an interval that is positive"));
    type.nullable = any_nullable(args);
    return finished(make_op(of_time ? Op::step_time : Op::step_number, type, std::move(args)), expr.span);
}

Bound<ExprPtr> extract(const ast::Expr& expr, std::vector<ExprPtr> args) {
    const Type from = args[0]->type;
    const TimeUnit unit = expr.qualifier.from;
    bool good = from.is_datetime() || from.is_interval();
    if (from.kind == Kind::date) good = unit <= TimeUnit::day;
    if (from.kind == Kind::time || from.kind == Kind::interval_day)
        good = unit >= (from.kind == Kind::time ? TimeUnit::hour : TimeUnit::day);
    if (from.kind == Kind::interval_month) good = unit <= TimeUnit::month;
    if (!good) return fail(cannot_apply(expr, args, "'EXTRACT(<TIME_UNIT> FROM <DATETIME_INTERVAL>)'"));
    const Type type =
        unit == TimeUnit::second ? decimal_type(5, 3, from.nullable) : simple_type(Kind::bigint, from.nullable);
    auto result = make_op(Op::extract, type, std::move(args));
    result->unit = unit;
    return finished(std::move(result), expr.span);
}

Bound<ExprPtr> coalesce(const ast::Expr& expr, std::vector<ExprPtr> args) {
    std::vector<Type> types;
    for (const ExprPtr& arg : args) types.push_back(arg->type);
    if (args.empty()) return fail(wrong_count(expr, 1));
    if (std::ranges::all_of(types, [](const Type& type) { return type.kind == Kind::unknown; }))
        return fail(invalid(expr.span, "Illegal use of 'NULL'"));
    auto type = least_restrictive(types);
    if (!type) return fail(invalid(expr.span, "Illegal mixing of types in CASE or COALESCE statement"));
    // NULL only if all are.
    type->nullable = std::ranges::all_of(types, &Type::nullable);
    for (ExprPtr& arg : args) arg = arg->type.kind == Kind::unknown ? make_null(*type) : make_cast(arg, *type);
    return finished(make_op(Op::coalesce, *type, std::move(args)), expr.span);
}

}  // namespace

Bound<ExprPtr> Binder::call(const ast::Expr& expr, const ExprContext& context) {
    const std::string& name = expr.text;
    TRY(ExprPtr aggregate, aggregate_call(expr, context));
    if (aggregate) return aggregate;
    if (std::ranges::find(not_yet, name) != std::end(not_yet))
        return fail(unsupported(expr.span, "The function " + name));
    if (expr.distinct) return fail(invalid(expr.span, fmt::format("DISTINCT/ALL not allowed with {} function", name)));
    TRY(std::vector<ExprPtr> args, args_of(expr, context));
    bool known = true;
    TRY(ExprPtr result, special(expr, args, known));
    if (known) return result;
    for (const Signature& signature : signatures) {
        if (signature.name == name) return regular(expr, signature, std::move(args));
    }
    std::string types;
    for (const ExprPtr& arg : args) types += fmt::format("{}<{}>", types.empty() ? "" : ", ", type_family(arg->type));
    return fail(invalid(expr.span, fmt::format("No match found for function signature {}({})", name, types)));
}

// Functions with special rules for their arguments.
Bound<ExprPtr> Binder::special(const ast::Expr& expr, std::vector<ExprPtr> args, bool& known) {
    const std::string& name = expr.text;
    if (name == "SUBSTRING") return substring(expr, std::move(args));
    if (name == "FLOOR" || name == "CEIL") return rounding(expr, std::move(args));
    if (name == "STEP") return step(expr, std::move(args));
    if (name == "EXTRACT") return extract(expr, std::move(args));
    if (name == "COALESCE") return coalesce(expr, std::move(args));
    if (name == "NULLIF") {
        if (args.size() != 2) return fail(wrong_count(expr, 2));
        if (args[0]->type.kind == Kind::unknown) return fail(invalid(expr.span, "Illegal use of 'NULL'"));
        ast::Expr equal;
        equal.kind = ast::ExprKind::binary_op;
        equal.text = "=";
        equal.span = expr.span;
        TRY(ExprPtr test, compare(equal, Op::equal, args[0], args[1]));
        Type type = args[0]->type;
        type.nullable = true;
        return finished(make_op(Op::case_when, type, {std::move(test), make_null(type), make_cast(args[0], type)}),
                        expr.span);
    }
    if (name == "CURRENT_DATE" || name == "CURRENT_TIME" || name == "CURRENT_TIMESTAMP" || name == "LOCALTIME" ||
        name == "LOCALTIMESTAMP") {
        if (expr.has_operand)  // "()"
            return fail(invalid(expr.span, fmt::format("No match found for function signature {}()", name)));
        const Kind kind = name == "CURRENT_DATE"                    ? Kind::date
                          : name.find("STAMP") != std::string::npos ? Kind::timestamp
                                                                    : Kind::time;
        auto result = make_op(Op::started_at, simple_type(kind, false), {});
        result->span = expr.span;
        return ExprPtr(std::move(result));
    }
    if (name == "USER" || name == "CURRENT_USER" || name == "SESSION_USER" || name == "SYSTEM_USER" ||
        name == "CURRENT_PATH") {
        auto result = std::make_shared<Expr>(*make_text(varchar_type(128, false), ""));
        result->span = expr.span;
        return ExprPtr(std::move(result));
    }
    known = false;
    return ExprPtr();
}

}  // namespace riacho::sql
