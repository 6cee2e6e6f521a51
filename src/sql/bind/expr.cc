#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"
#include "sql/bind/binder.h"
#include "sql/function/evaluate.h"
#include "sql/function/regex.h"
#include "sql/types/interval.h"

namespace riacho::sql {
namespace {

constexpr std::uint32_t weight_max = 20'000;

std::string family_text(const Type& type) { return fmt::format("<{}>", type_text(type)); }

// An untyped NULL takes the type of its sibling.
void adopt_type(ExprPtr& null, const ExprPtr& sibling) {
    if (null->type.kind == Kind::unknown && sibling->type.kind != Kind::unknown) null = make_null(sibling->type);
}

ExprPtr placed(std::shared_ptr<Expr> expr, const Span& span) {
    expr->span = span;
    return expr;
}

ExprPtr boolean_op(Op op, std::vector<ExprPtr> args, const Span& span) {
    const bool nullable = any_nullable(args);
    return finished(make_op(op, boolean_type(nullable), std::move(args)), span);
}

// Balanced, so that a long list makes no deep tree.
ExprPtr combine(Op op, std::span<const ExprPtr> parts, const Span& span) {
    if (parts.size() == 1) return parts[0];
    const std::size_t half = parts.size() / 2;
    return boolean_op(op, {combine(op, parts.first(half), span), combine(op, parts.subspan(half), span)}, span);
}

bool comparable(const Type& a, const Type& b) {
    if (a.kind == Kind::unknown || b.kind == Kind::unknown) return true;
    if (a.is_number()) return b.is_number();
    if (a.is_character()) return b.is_character();
    if (a.is_binary()) return b.is_binary();
    return a.kind == b.kind;
}

Op comparison(std::string_view text) {
    if (text == "=") return Op::equal;
    if (text == "<>") return Op::not_equal;
    if (text == "<") return Op::less;
    if (text == "<=") return Op::less_equal;
    if (text == ">") return Op::greater;
    if (text == ">=") return Op::greater_equal;
    return text == "IS DISTINCT FROM" ? Op::distinct : Op::not_distinct;
}

}  // namespace

ExprPtr finished(std::shared_ptr<Expr> expr, const Span& span) {
    expr->span = span;
    const bool constants =
        !expr->args.empty() && std::ranges::all_of(expr->args, [](const ExprPtr& arg) { return is_constant(*arg); });
    if (!constants) return expr;
    const ExprPtr folded = fold(expr);
    if (folded.get() == expr.get()) return folded;
    auto copy = std::make_shared<Expr>(*folded);
    copy->span = span;
    return copy;
}

bool any_nullable(std::span<const ExprPtr> args) {
    return std::ranges::any_of(args, [](const ExprPtr& arg) { return arg->type.nullable; });
}

Bound<void> compile_pattern(Expr& call, Regex::Syntax syntax, std::string_view escape) {
    const Expr& pattern = *call.args[1];
    if (!is_constant(pattern) || pattern.is_null) return {};
    auto regex = Regex::compile(pattern.value.text, syntax, escape);
    if (!regex) {
        return fail(invalid(pattern.span,
                            fmt::format("Invalid regular expression '{}': {}", pattern.value.text, regex.error())));
    }
    call.regex = *std::move(regex);
    return {};
}

Issue cannot_apply(const ast::Expr& expr, std::span<const ExprPtr> args, std::string_view forms) {
    std::string types;
    if (expr.kind == ast::ExprKind::call) {
        for (const ExprPtr& arg : args) types += (types.empty() ? "" : ", ") + family_text(arg->type);
        types = fmt::format("{}({})", expr.text, types);
    } else if (args.size() == 1) {
        types = fmt::format("{}{}", expr.text, family_text(args[0]->type));
    } else {
        types = fmt::format("{} {} {}", family_text(args[0]->type), expr.text.empty() ? "-" : expr.text,
                            family_text(args[1]->type));
    }
    return invalid(expr.span, fmt::format("Cannot apply '{}' to arguments of type '{}'. Supported form(s): {}",
                                          expr.text.empty() ? "-" : expr.text, types, forms));
}

namespace {

// Over groups: subexpressions that are grouping expressions become their columns; a remaining reference to rows is an
// error.
Bound<ExprPtr> regroup(const ExprPtr& expr, const Grouping& grouping) {
    for (std::uint32_t i = 0; i < grouping.groups.size(); ++i) {
        if (!same(*expr, *grouping.groups[i])) continue;
        auto column = std::make_shared<Expr>(*make_column(expr->type, i));
        column->span = expr->span;
        return ExprPtr(std::move(column));
    }
    if (expr->op == Op::column || expr->op == Op::rowtime) {
        // AWS: S11.2: unqualified, ROWTIME is the time of the output row.
        if (expr->op == Op::rowtime && expr->text && *expr->text == "ROWTIME") return expr;
        return fail(
            invalid(expr->span, fmt::format("Expression '{}' is not being grouped", expr->text ? *expr->text : "")));
    }
    if (!depends_on_rows(*expr)) return expr;
    auto copy = std::make_shared<Expr>(*expr);
    for (ExprPtr& arg : copy->args) {
        TRY(arg, regroup(arg, grouping));
    }
    measure(*copy);
    return ExprPtr(std::move(copy));
}

}  // namespace

// Binds an expression; over groups, one of grouping expressions, aggregates and computations with them.
Bound<ExprPtr> Binder::expr(const ast::Expr& expr, const ExprContext& context) {
    TRY(ExprPtr bound, expr_over(expr, context));
    // NULLIF, BETWEEN, CASE and IN use an argument several times: nested, they multiply.
    if (bound->weight <= weight_max) return bound;
    return fail(
        invalid(expr.span, fmt::format("The expression has more than {} parts, those that are used several times "
                                       "counted as often",
                                       weight_max)));
}

Bound<ExprPtr> Binder::expr_over(const ast::Expr& expr, const ExprContext& context) {
    if (context.grouping == nullptr || context.in_aggregate || contains_aggregate(expr))
        return expr_node(expr, context);
    ExprContext plain = context;
    plain.grouping = nullptr;
    plain.scope = context.grouping->input;
    TRY(const ExprPtr bound, expr_node(expr, plain));
    return regroup(bound, *context.grouping);
}

Bound<ExprPtr> Binder::expr_node(const ast::Expr& expr, const ExprContext& context) {
    using ast::ExprKind;
    switch (expr.kind) {
        case ExprKind::number:
        case ExprKind::string:
        case ExprKind::binary:
        case ExprKind::boolean:
        case ExprKind::null:
        case ExprKind::datetime:
        case ExprKind::interval:
            return literal(expr);
        case ExprKind::name:
            return name(expr, context);
        case ExprKind::star:
            return fail(invalid(expr.span, "'*' may only stand in a select list or in COUNT(*)"));
        case ExprKind::call:
            return call(expr, context);
        case ExprKind::unary:
            return unary(expr, context);
        case ExprKind::binary_op:
            if (expr.text == "LIKE" || expr.text == "SIMILAR TO") return pattern(expr, context);
            return binary(expr, context);
        case ExprKind::is: {
            TRY(ExprPtr value, this->expr(*expr.args[0], context));
            const Op op = expr.text == "TRUE" ? Op::is_true : expr.text == "FALSE" ? Op::is_false : Op::is_null;
            if (op != Op::is_null || expr.text == "UNKNOWN") adopt_type(value, make_null(boolean_type()));
            if (expr.text != "NULL" && value->type.kind != Kind::boolean)
                return fail(
                    invalid(expr.span, fmt::format("Cannot apply 'IS {}' to arguments of type '<{}> IS {}'. Supported "
                                                   "form(s): '<BOOLEAN> IS {}'",
                                                   expr.text, type_text(value->type), expr.text, expr.text)));
            ExprPtr result = finished(make_op(op, boolean_type(false), {std::move(value)}), expr.span);
            if (!expr.negated) return result;
            return finished(make_op(Op::logical_not, boolean_type(false), {std::move(result)}), expr.span);
        }
        case ExprKind::between:
            return between(expr, context);
        case ExprKind::in_list:
            return in_list(expr, context);
        case ExprKind::in_query:
            return fail(unsupported(expr.span, "IN with a query"));
        case ExprKind::exists:
            return fail(unsupported(expr.span, "EXISTS"));
        case ExprKind::case_when:
            return case_when(expr, context);
        case ExprKind::cast:
            return cast(expr, context);
        case ExprKind::row:
            return fail(unsupported(expr.span, "A row of several values"));
        case ExprKind::scalar_query:
            return fail(unsupported(expr.span, "A query as a value"));
        case ExprKind::cursor:
            return fail(invalid(expr.span, "CURSOR expression encountered in illegal context"));
        case ExprKind::difference:
            return difference(expr, context);
        case ExprKind::window_agg:
            if (context.clause != "SELECT")
                return fail(invalid(
                    expr.span, fmt::format("Windowed aggregate expression is illegal in {} clause", context.clause)));
            return fail(unsupported(expr.span, "A window (OVER)"));
    }
    return fail(invalid(expr.span, "Unknown expression"));
}

Bound<ExprPtr> Binder::name(const ast::Expr& expr, const ExprContext& context) {
    const std::string& column = expr.path.back().text;
    const Scope* scope = context.scope;
    if (expr.path.size() > 2) return fail(invalid(expr.span, fmt::format("Table '{}' not found", expr.path[0].text)));
    if (scope == nullptr) return fail(invalid(expr.span, fmt::format("Column '{}' not found in any table", column)));
    if (expr.path.size() == 2 && expr.path[0].text != scope->table)
        return fail(invalid(expr.path[0].span, fmt::format("Table '{}' not found", expr.path[0].text)));
    if (column == "ROWTIME" && !expr.path.back().quoted && scope->is_stream) {
        auto rowtime = std::make_shared<Expr>(*make_rowtime_expr());
        rowtime->span = expr.span;
        rowtime->text = std::make_shared<const std::string>(ast::to_sql(expr));
        return rowtime;
    }
    const ScopeColumn* found = nullptr;
    for (const ScopeColumn& candidate : scope->columns) {
        if (candidate.name != column) continue;
        if (found != nullptr) return fail(invalid(expr.span, fmt::format("Column '{}' is ambiguous", column)));
        found = &candidate;
    }
    if (found == nullptr) {
        if (expr.path.size() == 1 && column == "CURRENT_ROW_TIMESTAMP")
            return placed(make_op(Op::current_row_timestamp, simple_type(Kind::timestamp, false), {}), expr.span);
        return fail(invalid(expr.span, expr.path.size() == 2
                                           ? fmt::format("Column '{}' not found in table '{}'", column, scope->table)
                                           : fmt::format("Column '{}' not found in any table", column)));
    }
    auto copy = std::make_shared<Expr>(*found->expr);
    copy->span = expr.span;
    if (copy->op == Op::column || copy->op == Op::rowtime)
        copy->text = std::make_shared<const std::string>(ast::to_sql(expr));
    return copy;
}

Bound<std::vector<ExprPtr>> Binder::args_of(const ast::Expr& expr, const ExprContext& context) {
    std::vector<ExprPtr> args;
    for (const ast::ExprPtr& arg : expr.args) {
        TRY(ExprPtr bound, this->expr(*arg, context));
        args.push_back(std::move(bound));
    }
    return args;
}

Bound<ExprPtr> Binder::unary(const ast::Expr& expr, const ExprContext& context) {
    // -9223372036854775808 is a number of its own: its digits alone are out of range.
    if (expr.text == "-" && expr.args[0]->kind == ast::ExprKind::number && expr.args[0]->text == "9223372036854775808")
        return placed(std::make_shared<Expr>(*make_exact(simple_type(Kind::bigint, false), INT64_MIN)), expr.span);
    TRY(ExprPtr value, this->expr(*expr.args[0], context));
    if (expr.text == "NOT") {
        adopt_type(value, make_null(boolean_type()));
        if (value->type.kind != Kind::boolean) return fail(cannot_apply(expr, {&value, 1}, "'NOT <BOOLEAN>'"));
        return boolean_op(Op::logical_not, {std::move(value)}, expr.span);
    }
    if (value->type.kind == Kind::unknown) return fail(invalid(expr.span, "Illegal use of 'NULL'"));
    if (!value->type.is_number() && !value->type.is_interval())
        return fail(cannot_apply(expr, {&value, 1},
                                 fmt::format("'{}<NUMERIC>'\n'{}<DATETIME_INTERVAL>'", expr.text, expr.text)));
    if (expr.text == "+") return value;
    const Type type = value->type;
    return finished(make_op(Op::negate, type, {std::move(value)}), expr.span);
}

Bound<ExprPtr> Binder::binary(const ast::Expr& expr, const ExprContext& context) {
    TRY(ExprPtr left, this->expr(*expr.args[0], context));
    TRY(ExprPtr right, this->expr(*expr.args[1], context));
    const std::string& text = expr.text;
    if (text == "AND" || text == "OR") {
        adopt_type(left, make_null(boolean_type()));
        adopt_type(right, make_null(boolean_type()));
        if (left->type.kind != Kind::boolean || right->type.kind != Kind::boolean) {
            const ExprPtr args[] = {left, right};
            return fail(cannot_apply(expr, args, fmt::format("'<BOOLEAN> {} <BOOLEAN>'", text)));
        }
        return boolean_op(text == "AND" ? Op::logical_and : Op::logical_or, {std::move(left), std::move(right)},
                          expr.span);
    }
    if (left->type.kind == Kind::unknown && right->type.kind == Kind::unknown)
        return fail(invalid(expr.span, "Illegal use of 'NULL'"));
    adopt_type(left, right);
    adopt_type(right, left);
    if (text == "||") {
        if (!left->type.is_character() || !right->type.is_character()) {
            const ExprPtr args[] = {left, right};
            return fail(cannot_apply(expr, args, "'<CHARACTER> || <CHARACTER>'"));
        }
        const bool fixed = left->type.kind == Kind::character && right->type.kind == Kind::character;
        const std::uint32_t length = left->type.length + right->type.length;
        Type type = fixed ? char_type(length) : varchar_type(length);
        type.nullable = left->type.nullable || right->type.nullable;
        return finished(make_op(Op::concat, type, {std::move(left), std::move(right)}), expr.span);
    }
    if (text == "+" || text == "-" || text == "*" || text == "/") {
        if (left->type.is_number() && right->type.is_number())
            return arithmetic(expr, std::move(left), std::move(right));
        return time_arithmetic(expr, std::move(left), std::move(right));
    }
    if (text == "=" || text == "<>" || text == "<" || text == "<=" || text == ">" || text == ">=" ||
        text.starts_with("IS "))
        return compare(expr, comparison(text), std::move(left), std::move(right));
    return fail(unsupported(expr.span, text));
}

Bound<ExprPtr> Binder::arithmetic(const ast::Expr& expr, ExprPtr left, ExprPtr right) {
    const Type a = left->type;
    const Type b = right->type;
    const Op op = expr.text == "+"   ? Op::add
                  : expr.text == "-" ? Op::subtract
                  : expr.text == "*" ? Op::multiply
                                     : Op::divide;
    const Type types[] = {a, b};
    Type type = *least_restrictive(types);
    int exponent = 0;
    if (type.is_approximate()) {
        left = make_cast(std::move(left), type);
        right = make_cast(std::move(right), type);
    } else if (type.kind == Kind::decimal) {
        // AWS: S12.2.
        const int p1 = a.exact_precision();
        const int p2 = b.exact_precision();
        if (op == Op::add || op == Op::subtract) {
            const int scale = std::max(a.scale, b.scale);
            type = decimal_type(std::max(p1 - a.scale, p2 - b.scale) + scale + 1, scale, type.nullable);
            if (a.scale != scale) left = make_cast(std::move(left), decimal_type(p1 - a.scale + scale, scale));
            if (b.scale != scale) right = make_cast(std::move(right), decimal_type(p2 - b.scale + scale, scale));
        } else if (op == Op::multiply) {
            const int scale = std::min<int>(a.scale + b.scale, decimal_precision_max);
            exponent = a.scale + b.scale - scale;
            type = decimal_type(p1 + p2, scale, type.nullable);
        } else {
            const int whole = p1 - a.scale + b.scale;
            const int room = std::max(decimal_precision_max - whole, 0);
            const int scale = std::min(std::max(6, a.scale + p2 + 1), room);
            type = decimal_type(whole + scale, scale, type.nullable);
            exponent = scale + b.scale - a.scale;
        }
    }
    auto result = make_op(op, type, {std::move(left), std::move(right)});
    result->exponent = exponent;
    return finished(std::move(result), expr.span);
}

// AWS: S12.6.
Bound<ExprPtr> Binder::time_arithmetic(const ast::Expr& expr, ExprPtr left, ExprPtr right) {
    const std::string& text = expr.text;
    const bool nullable = left->type.nullable || right->type.nullable;
    const auto refuse = [&] {
        const ExprPtr args[] = {left, right};
        return fail(
            cannot_apply(expr, args,
                         fmt::format("'<NUMERIC> {0} <NUMERIC>'\n'<DATETIME_INTERVAL> {0} <DATETIME_INTERVAL>'\n"
                                     "'<DATETIME> {0} <DATETIME_INTERVAL>'",
                                     text)));
    };
    if (text == "+" && left->type.is_interval() && right->type.is_datetime()) std::swap(left, right);
    if (text == "*" && left->type.is_number() && right->type.is_interval()) std::swap(left, right);
    const Type a = left->type;
    const Type b = right->type;
    if ((text == "+" || text == "-") && a.is_datetime() && b.is_interval()) {
        if (a.kind == Kind::time && b.kind == Kind::interval_month) return refuse();
        Type type = a;
        type.nullable = nullable;
        auto result = make_op(Op::add_interval, type, {std::move(left), std::move(right)});
        result->negative = text == "-";
        return finished(std::move(result), expr.span);
    }
    if ((text == "+" || text == "-") && a.is_interval() && a.kind == b.kind) {
        const Type types[] = {a, b};
        Type type = *least_restrictive(types);
        type.nullable = nullable;
        type.precision = 10;
        return finished(make_op(text == "+" ? Op::add : Op::subtract, type, {std::move(left), std::move(right)}),
                        expr.span);
    }
    if ((text == "*" || text == "/") && a.is_interval() && b.is_number()) {
        Type type = a;
        type.nullable = nullable;
        type.precision = 10;
        if (type.kind == Kind::interval_day && text == "/") type.to = std::max(type.to, TimeUnit::hour);
        auto result = make_op(Op::scale_interval, type, {std::move(left), std::move(right)});
        result->negative = text == "/";
        return finished(std::move(result), expr.span);
    }
    return refuse();
}

Bound<ExprPtr> Binder::difference(const ast::Expr& expr, const ExprContext& context) {
    TRY(std::vector<ExprPtr> args, args_of(expr, context));
    adopt_type(args[0], args[1]);
    adopt_type(args[1], args[0]);
    Type type = simple_type(expr.qualifier.from <= TimeUnit::month ? Kind::interval_month : Kind::interval_day);
    type.from = expr.qualifier.from;
    type.to = expr.qualifier.to;
    type.precision = static_cast<std::uint8_t>(std::clamp(expr.qualifier.precision, 1, 10));
    type.scale = static_cast<std::uint8_t>(std::clamp(expr.qualifier.scale, 0, 9));
    // AWS: (date - date) DAY gives +367: the default of two digits does not bound differences.
    if (expr.qualifier.precision == 2) type.precision = 10;
    type.nullable = any_nullable(args);
    if (!args[0]->type.is_datetime() || !args[1]->type.is_datetime())
        return fail(cannot_apply(expr, args, "'(<DATETIME> - <DATETIME>) <INTERVAL>'"));
    if (args[0]->type.kind != args[1]->type.kind)
        return fail(invalid(expr.span, "Parameters must be of the same type"));
    if (args[0]->type.kind == Kind::time && type.kind == Kind::interval_month)
        return fail(cannot_apply(expr, args, "'(<DATETIME> - <DATETIME>) <INTERVAL>'"));
    return finished(make_op(Op::subtract_times, type, std::move(args)), expr.span);
}

Bound<ExprPtr> Binder::compare(const ast::Expr& expr, Op op, ExprPtr left, ExprPtr right) {
    adopt_type(left, right);
    adopt_type(right, left);
    const Type a = left->type;
    const Type b = right->type;
    if (a.kind == Kind::unknown) return fail(invalid(expr.span, "Illegal use of 'NULL'"));
    if (!comparable(a, b)) {
        const ExprPtr args[] = {left, right};
        return fail(cannot_apply(expr, args, fmt::format("'<COMPARABLE_TYPE> {} <COMPARABLE_TYPE>'", expr.text)));
    }
    int exponent = 0;
    if (a.is_number() && (a.is_approximate() || b.is_approximate())) {
        const Type real = simple_type(Kind::double_precision);
        left = make_cast(std::move(left), real);
        right = make_cast(std::move(right), real);
    } else if (a.is_number()) {
        exponent = b.scale - a.scale;
    }
    const bool tests_null = op == Op::distinct || op == Op::not_distinct;
    auto result =
        make_op(op, boolean_type(!tests_null && (a.nullable || b.nullable)), {std::move(left), std::move(right)});
    result->exponent = exponent;
    result->pads = a.kind == Kind::character || b.kind == Kind::character;
    return finished(std::move(result), expr.span);
}

Bound<ExprPtr> Binder::pattern(const ast::Expr& expr, const ExprContext& context) {
    TRY(std::vector<ExprPtr> args, args_of(expr, context));
    if (expr.escape) {
        TRY(ExprPtr escape, this->expr(*expr.escape, context));
        args.push_back(std::move(escape));
    }
    for (ExprPtr& arg : args) {
        if (arg->type.kind == Kind::unknown) arg = make_null(varchar_type(1));
        if (!arg->type.is_character())
            return fail(cannot_apply(expr, args, fmt::format("'<CHARACTER> {} <CHARACTER>'", expr.text)));
    }
    auto result = make_op(expr.text == "LIKE" ? Op::like : Op::similar, boolean_type(any_nullable(args)), args);
    const bool literals = is_constant(*args[1]) && !args[1]->is_null &&
                          (args.size() == 2 || (is_constant(*args[2]) && !args[2]->is_null));
    if (literals) {
        const std::string_view escape = args.size() == 3 ? args[2]->value.text : std::string_view();
        if (result->op == Op::similar) {
            TRY_VOID(compile_pattern(*result, Regex::Syntax::similar, escape));
        } else {
            bool matches = false;
            PatternMeter meter;
            if (like("", args[1]->value.text, escape, meter, matches) != SqlState::ok)
                return fail(invalid(args[1]->span,
                                    fmt::format("Invalid LIKE pattern '{}'", args[1]->value.text.substr(0, 100))));
        }
    }
    ExprPtr test = finished(std::move(result), expr.span);
    if (!expr.negated) return test;
    return boolean_op(Op::logical_not, {std::move(test)}, expr.span);
}

Bound<ExprPtr> Binder::between(const ast::Expr& expr, const ExprContext& context) {
    TRY(const std::vector<ExprPtr> args, args_of(expr, context));
    ast::Expr shown;  // for messages
    shown.kind = ast::ExprKind::binary_op;
    shown.text = "BETWEEN";
    shown.span = expr.span;
    const auto inside = [&](const ExprPtr& low, const ExprPtr& high) -> Bound<ExprPtr> {
        TRY(ExprPtr above, compare(shown, Op::greater_equal, args[0], low));
        TRY(ExprPtr below, compare(shown, Op::less_equal, args[0], high));
        return boolean_op(Op::logical_and, {std::move(above), std::move(below)}, expr.span);
    };
    TRY(ExprPtr result, inside(args[1], args[2]));
    if (expr.symmetric) {
        TRY(ExprPtr swapped, inside(args[2], args[1]));
        result = boolean_op(Op::logical_or, {std::move(result), std::move(swapped)}, expr.span);
    }
    if (!expr.negated) return result;
    return boolean_op(Op::logical_not, {std::move(result)}, expr.span);
}

Bound<ExprPtr> Binder::in_list(const ast::Expr& expr, const ExprContext& context) {
    TRY(const std::vector<ExprPtr> args, args_of(expr, context));
    std::vector<ExprPtr> tests;
    for (std::size_t i = 1; i < args.size(); ++i) {
        if (!comparable(args[0]->type, args[i]->type))
            return fail(invalid(expr.span, "Values passed to IN operator must have compatible types"));
        TRY(ExprPtr test, compare(expr, Op::equal, args[0], args[i]));
        tests.push_back(std::move(test));
    }
    ExprPtr result = combine(Op::logical_or, tests, expr.span);
    if (!expr.negated) return result;
    return boolean_op(Op::logical_not, {std::move(result)}, expr.span);
}

Bound<ExprPtr> Binder::case_when(const ast::Expr& expr, const ExprContext& context) {
    std::vector<ExprPtr> parts;
    std::size_t at = 0;
    ExprPtr operand;
    if (expr.has_operand) {
        TRY(operand, this->expr(*expr.args[at++], context));
    }
    const std::size_t end = expr.args.size() - (expr.has_else ? 1 : 0);
    for (; at + 1 < end; at += 2) {
        TRY(ExprPtr when, this->expr(*expr.args[at], context));
        if (operand) {
            ast::Expr equal;
            equal.kind = ast::ExprKind::binary_op;
            equal.text = "=";
            equal.span = expr.args[at]->span;
            TRY(when, compare(equal, Op::equal, operand, std::move(when)));
        }
        adopt_type(when, make_null(boolean_type()));
        if (when->type.kind != Kind::boolean) return fail(invalid(expr.args[at]->span, "Expected a boolean type"));
        TRY(ExprPtr then, this->expr(*expr.args[at + 1], context));
        parts.push_back(std::move(when));
        parts.push_back(std::move(then));
    }
    if (expr.has_else) {
        TRY(ExprPtr other, this->expr(*expr.args.back(), context));
        parts.push_back(std::move(other));
    } else {
        parts.push_back(make_null(simple_type(Kind::unknown)));
    }
    std::vector<Type> types;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i % 2 == 1 || i + 1 == parts.size()) types.push_back(parts[i]->type);
    }
    if (std::ranges::all_of(types, [](const Type& type) { return type.kind == Kind::unknown; }))
        return fail(invalid(expr.span, "ELSE clause or at least one THEN clause must be non-NULL"));
    const auto type = least_restrictive(types);
    if (!type) return fail(invalid(expr.span, "Illegal mixing of types in CASE or COALESCE statement"));
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i % 2 == 1 || i + 1 == parts.size())
            parts[i] = parts[i]->type.kind == Kind::unknown ? make_null(*type) : make_cast(parts[i], *type);
    }
    return finished(make_op(Op::case_when, *type, std::move(parts)), expr.span);
}

Bound<ExprPtr> Binder::cast(const ast::Expr& expr, const ExprContext& context) {
    TRY(ExprPtr value, this->expr(*expr.args[0], context));
    const Type to = expr.type->type;
    if (!can_cast(value->type, to))
        return fail(invalid(expr.span, fmt::format("Cast function cannot convert value of type {} to type {}",
                                                   type_text(value->type), type_text(to))));
    if (value->type.kind == Kind::unknown) return placed(std::make_shared<Expr>(*make_null(to)), expr.span);
    auto result = std::make_shared<Expr>(*make_cast(std::move(value), to));
    return placed(std::move(result), expr.span);
}

}  // namespace riacho::sql
