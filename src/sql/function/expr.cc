#include "sql/function/expr.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>

namespace riacho::sql {
namespace {

struct OpName {
    std::string_view name;
    bool infix = false;
};

OpName name_of(Op op) {
    static constexpr auto names = std::to_array<OpName>({
        {"constant"},
        {"column"},
        {"ROWTIME"},
        {"CURRENT_ROW_TIMESTAMP"},
        {"CURRENT_TIMESTAMP"},
        {"+", true},
        {"-", true},
        {"*", true},
        {"/", true},
        {"-"},
        {"MOD"},
        {"=", true},
        {"<>", true},
        {"<", true},
        {"<=", true},
        {">", true},
        {">=", true},
        {"IS DISTINCT FROM", true},
        {"IS NOT DISTINCT FROM", true},
        {"AND", true},
        {"OR", true},
        {"NOT"},
        {"IS_NULL"},
        {"IS_TRUE"},
        {"IS_FALSE"},
        {"CASE"},
        {"COALESCE"},
        {"CAST"},
        {"ABS"},
        {"FLOOR"},
        {"CEIL"},
        {"EXP"},
        {"LN"},
        {"LOG10"},
        {"POWER"},
        {"SQRT"},
        {"FLOOR"},
        {"CEIL"},
        {"STEP"},
        {"STEP"},
        {"EXTRACT"},
        {"+", true},
        {"-", true},
        {"*", true},
        {"TIMESTAMP_MS"},
        {"||", true},
        {"CHAR_LENGTH"},
        {"UPPER"},
        {"LOWER"},
        {"INITCAP"},
        {"POSITION"},
        {"SUBSTRING"},
        {"SUBSTRING_REGEX"},
        {"OVERLAY"},
        {"TRIM_BOTH"},
        {"TRIM_LEADING"},
        {"TRIM_TRAILING"},
        {"REGEX_REPLACE"},
        {"LIKE", true},
        {"SIMILAR TO", true},
    });
    static_assert(names.size() == static_cast<std::size_t>(Op::similar) + 1);
    return names[static_cast<std::size_t>(op)];
}

std::string unit_text(TimeUnit unit) {
    static constexpr std::string_view names[] = {"", "YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"};
    return std::string(names[static_cast<std::size_t>(unit)]);
}

std::string constant_text(const Expr& expr) {
    if (expr.is_null) return "NULL";
    std::string buffer;
    Scalar out;
    if (expr.type.is_character()) return fmt::format("'{}'", expr.value.text);
    if (expr.type.is_binary()) return fmt::format("X'({} bytes)'", expr.value.text.size());
    Type text = varchar_type(200);
    if (cast_value(expr.type, expr.value, text, out, buffer) != SqlState::ok) return "?";
    if (expr.type.is_interval()) {
        const std::string_view unsigned_text = out.text.starts_with('+') ? out.text.substr(1) : out.text;
        return fmt::format("INTERVAL '{}' {}", unsigned_text, type_text(expr.type).substr(9));
    }
    if (expr.type.is_datetime()) return fmt::format("{} '{}'", type_text(expr.type), out.text);
    return std::string(out.text);
}

}  // namespace

std::shared_ptr<Expr> make_op(Op op, const Type& type, std::vector<ExprPtr> args) {
    auto expr = std::make_shared<Expr>();
    expr->op = op;
    expr->type = type;
    expr->args = std::move(args);
    if (!expr->args.empty()) expr->span = expr->args[0]->span;
    measure(*expr);
    return expr;
}

void measure(Expr& expr) {
    std::uint64_t weight = 1;
    expr.depth = 1;
    for (const ExprPtr& arg : expr.args) {
        weight += arg->weight;
        expr.depth = std::max(expr.depth, arg->depth + 1);
    }
    expr.weight = static_cast<std::uint32_t>(std::min<std::uint64_t>(weight, UINT32_MAX));
}

ExprPtr make_null(const Type& type) {
    auto expr = make_op(Op::constant, type, {});
    expr->type.nullable = true;
    expr->is_null = true;
    return expr;
}

ExprPtr make_exact(const Type& type, std::int64_t value) {
    auto expr = make_op(Op::constant, type, {});
    expr->type.nullable = false;
    expr->value.exact = value;
    return expr;
}

ExprPtr make_real(const Type& type, double value) {
    auto expr = make_op(Op::constant, type, {});
    expr->type.nullable = false;
    expr->value.real = value;
    return expr;
}

ExprPtr make_text(const Type& type, std::string text) {
    auto expr = make_op(Op::constant, type, {});
    expr->type.nullable = false;
    expr->text = std::make_shared<const std::string>(std::move(text));
    expr->value.text = *expr->text;
    return expr;
}

ExprPtr make_column(const Type& type, std::uint32_t index) {
    auto expr = make_op(Op::column, type, {});
    expr->index = index;
    return expr;
}

ExprPtr make_rowtime_expr() { return make_op(Op::rowtime, simple_type(Kind::timestamp, false), {}); }

ExprPtr make_cast(ExprPtr expr, const Type& to) {
    Type target = to;
    target.nullable = expr->type.nullable;
    if (expr->type == target) return expr;
    if (expr->op == Op::constant) {
        if (expr->is_null) return make_null(target);
        std::string buffer;
        Scalar out;
        if (cast_value(expr->type, expr->value, target, out, buffer) == SqlState::ok) {
            const auto folded = physical_of(target.kind) == Physical::string ? make_text(target, std::string(out.text))
                                : physical_of(target.kind) == Physical::real ? make_real(target, out.real)
                                                                             : make_exact(target, out.exact);
            return folded;
        }
    }
    const Span span = expr->span;
    auto cast = make_op(Op::cast, target, {std::move(expr)});
    cast->span = span;
    return cast;
}

bool is_constant(const Expr& expr) { return expr.op == Op::constant; }

bool same(const Expr& a, const Expr& b) {
    if (a.op != b.op || a.type != b.type || a.args.size() != b.args.size() || a.index != b.index ||
        a.exponent != b.exponent || a.unit != b.unit || a.negative != b.negative || a.comma != b.comma ||
        a.pads != b.pads || a.is_null != b.is_null)
        return false;
    if (a.op == Op::constant &&
        (a.value.exact != b.value.exact || a.value.text != b.value.text ||
         std::bit_cast<std::uint64_t>(a.value.real) != std::bit_cast<std::uint64_t>(b.value.real)))
        return false;
    for (std::size_t i = 0; i < a.args.size(); ++i) {
        if (!same(*a.args[i], *b.args[i])) return false;
    }
    return true;
}

bool can_fail(const Expr& expr) {
    switch (expr.op) {
        case Op::add:
        case Op::subtract:
        case Op::multiply:
        case Op::divide:
        case Op::negate:
        case Op::mod:
        case Op::abs:
        case Op::exp:
        case Op::ln:
        case Op::log10:
        case Op::power:
        case Op::sqrt:
        case Op::step_number:
        case Op::scale_interval:
        case Op::add_interval:
        case Op::subtract_times:
        case Op::substring:
        case Op::substring_regex:
        case Op::overlay:
        case Op::trim_both:
        case Op::trim_leading:
        case Op::trim_trailing:
        case Op::regex_replace:
        case Op::like:
        case Op::similar:
        case Op::floor:
        case Op::ceil:
        case Op::extract:
        case Op::ceil_time:
            return true;
        case Op::floor_time:
        case Op::step_time:
            // FLOOR and CEIL of ROWTIME by a constant cannot fail.
            if (expr.args[0]->op != Op::rowtime || (expr.args.size() > 1 && expr.args[1]->op != Op::constant))
                return true;
            break;
        case Op::concat:
            if (expr.args[0]->type.length + expr.args[1]->type.length > expr.type.length) return true;
            break;
        case Op::cast:
            // Casts between character types cannot fail.
            if (!(expr.type.is_character() && expr.args[0]->type.is_character())) return true;
            break;
        default:
            break;
    }
    return std::ranges::any_of(expr.args, [](const ExprPtr& arg) { return can_fail(*arg); });
}

bool depends_on_rows(const Expr& expr) {
    if (expr.op == Op::column || expr.op == Op::rowtime || expr.op == Op::current_row_timestamp) return true;
    return std::ranges::any_of(expr.args, [](const ExprPtr& arg) { return depends_on_rows(*arg); });
}

bool uses_op(const Expr& expr, Op op) {
    if (expr.op == op) return true;
    return std::ranges::any_of(expr.args, [op](const ExprPtr& arg) { return uses_op(*arg, op); });
}

void collect_columns(const Expr& expr, std::vector<bool>& used) {
    if (expr.op == Op::column && expr.index < used.size()) used[expr.index] = true;
    for (const ExprPtr& arg : expr.args) collect_columns(*arg, used);
}

ExprPtr substitute(const ExprPtr& expr, const std::vector<ExprPtr>& columns, const ExprPtr& rowtime) {
    if (expr->op == Op::column) return columns[expr->index];
    if (expr->op == Op::rowtime) return rowtime;
    if (expr->args.empty()) return expr;
    auto copy = std::make_shared<Expr>(*expr);
    for (ExprPtr& arg : copy->args) arg = substitute(arg, columns, rowtime);
    measure(*copy);
    return copy;
}

std::string describe(const Expr& expr, const std::vector<std::string>& names) {
    const auto arg = [&](std::size_t i) {
        const Expr& inner = *expr.args[i];
        std::string text = describe(inner, names);
        return name_of(expr.op).infix && name_of(inner.op).infix && inner.args.size() > 1 ? "(" + text + ")" : text;
    };
    switch (expr.op) {
        case Op::constant:
            return constant_text(expr);
        case Op::column:
            return expr.index < names.size() ? names[expr.index] : fmt::format("${}", expr.index);
        case Op::rowtime:
        case Op::current_row_timestamp:
        case Op::started_at:
            return std::string(name_of(expr.op).name);
        case Op::negate:
            return "-" + arg(0);
        case Op::logical_not:
            return "NOT " + arg(0);
        case Op::cast:
            return fmt::format("CAST({} AS {})", arg(0), type_text(expr.type));
        case Op::is_null:
            return fmt::format("{} IS NULL", arg(0));
        case Op::is_true:
            return fmt::format("{} IS TRUE", arg(0));
        case Op::is_false:
            return fmt::format("{} IS FALSE", arg(0));
        case Op::floor_time:
        case Op::ceil_time:
            return fmt::format("{}({} TO {})", name_of(expr.op).name, arg(0), unit_text(expr.unit));
        case Op::step_time:
        case Op::step_number:
            return fmt::format("STEP({} BY {})", arg(0), arg(1));
        case Op::extract:
            return fmt::format("EXTRACT({} FROM {})", unit_text(expr.unit), arg(0));
        case Op::add_interval:
            return fmt::format("{} {} {}", arg(0), expr.negative ? '-' : '+', arg(1));
        case Op::scale_interval:
            return fmt::format("{} {} {}", arg(0), expr.negative ? '/' : '*', arg(1));
        case Op::subtract_times:
            return fmt::format("({} - {}) {}", arg(0), arg(1), type_text(expr.type));
        case Op::case_when: {
            std::string out = "CASE";
            for (std::size_t i = 0; i + 1 < expr.args.size(); i += 2)
                out += fmt::format(" WHEN {} THEN {}", arg(i), arg(i + 1));
            return out + fmt::format(" ELSE {} END", arg(expr.args.size() - 1));
        }
        default:
            break;
    }
    if (name_of(expr.op).infix && expr.args.size() >= 2)
        return fmt::format("{} {} {}", arg(0), name_of(expr.op).name, arg(1));
    std::string out(name_of(expr.op).name);
    out += '(';
    for (std::size_t i = 0; i < expr.args.size(); ++i) out += (i == 0 ? "" : ", ") + arg(i);
    return out + ')';
}

void fingerprint_text(const Expr& expr, std::string& out) {
    const Type& type = expr.type;
    fmt::format_to(std::back_inserter(out), "({} {}.{}.{}.{}.{}.{}.{} {} {} {} {} {} {} {}", static_cast<int>(expr.op),
                   static_cast<int>(type.kind), type.precision, type.scale, static_cast<int>(type.from),
                   static_cast<int>(type.to), type.nullable, type.length, expr.index, expr.exponent,
                   static_cast<int>(expr.unit), expr.negative, expr.comma, expr.pads, expr.is_null);
    if (expr.op == Op::constant && !expr.is_null) {
        fmt::format_to(std::back_inserter(out), " {} {} {}:", expr.value.exact,
                       std::bit_cast<std::uint64_t>(expr.value.real), expr.value.text.size());
        out += expr.value.text;
    }
    for (const ExprPtr& arg : expr.args) fingerprint_text(*arg, out);
    out += ')';
}

}  // namespace riacho::sql
