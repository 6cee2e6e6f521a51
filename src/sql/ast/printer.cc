#include <fmt/format.h>

#include "sql/ast/ast.h"

namespace riacho::sql::ast {
namespace {

std::string quoted_text(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        out += c;
        if (c == '\'') out += '\'';
    }
    return out + "'";
}

std::string qualifier_text(const Qualifier& qualifier) {
    std::string out(unit_name(qualifier.from));
    if (qualifier.to != qualifier.from) out += fmt::format(" TO {}", unit_name(qualifier.to));
    return out;
}

std::string list(const std::vector<ExprPtr>& args, std::size_t from = 0) {
    std::string out;
    for (std::size_t i = from; i < args.size(); ++i) out += (i == from ? "" : ", ") + to_sql(*args[i]);
    return out;
}

std::string case_text(const Expr& expr) {
    std::string out = "CASE";
    std::size_t at = 0;
    if (expr.has_operand) out += " " + to_sql(*expr.args[at++]);
    const std::size_t end = expr.args.size() - (expr.has_else ? 1 : 0);
    for (; at + 1 < end; at += 2)
        out += fmt::format(" WHEN {} THEN {}", to_sql(*expr.args[at]), to_sql(*expr.args[at + 1]));
    if (expr.has_else) out += " ELSE " + to_sql(*expr.args.back());
    return out + " END";
}

std::string call_text(const Expr& expr) {
    std::string out = expr.text + "(";
    if (expr.distinct) out += "DISTINCT ";
    out += list(expr.args);
    if (expr.qualifier.from != TimeUnit::none) out += fmt::format(" TO {}", qualifier_text(expr.qualifier));
    return out + ")";
}

}  // namespace

std::string_view unit_name(TimeUnit unit) {
    switch (unit) {
        case TimeUnit::none:
            return "";
        case TimeUnit::year:
            return "YEAR";
        case TimeUnit::month:
            return "MONTH";
        case TimeUnit::day:
            return "DAY";
        case TimeUnit::hour:
            return "HOUR";
        case TimeUnit::minute:
            return "MINUTE";
        case TimeUnit::second:
            return "SECOND";
    }
    return "";
}

std::string to_sql(const Expr& expr) {
    switch (expr.kind) {
        case ExprKind::number:
        case ExprKind::boolean:
            return expr.text;
        case ExprKind::string:
            return quoted_text(expr.text);
        case ExprKind::binary:
            return fmt::format("X'{}'", expr.text);
        case ExprKind::null:
            return "NULL";
        case ExprKind::datetime:
            return fmt::format("{} {}", type_text(expr.type->type), quoted_text(expr.text));
        case ExprKind::interval:
            return fmt::format("INTERVAL {} {}", quoted_text(expr.text), qualifier_text(expr.qualifier));
        case ExprKind::name:
        case ExprKind::star: {
            std::string out;
            for (const Name& part : expr.path) out += (out.empty() ? "" : ".") + part.text;
            if (expr.kind == ExprKind::star) out += out.empty() ? "*" : ".*";
            return out;
        }
        case ExprKind::call:
            return call_text(expr);
        case ExprKind::unary:
            return expr.text + (expr.text == "NOT" ? " " : "") + to_sql(*expr.args[0]);
        case ExprKind::binary_op:
            return fmt::format("{} {}{} {}", to_sql(*expr.args[0]), expr.negated ? "NOT " : "", expr.text,
                               to_sql(*expr.args[1]));
        case ExprKind::is:
            return fmt::format("{} IS {}{}", to_sql(*expr.args[0]), expr.negated ? "NOT " : "", expr.text);
        case ExprKind::between:
            return fmt::format("{} {}BETWEEN {} AND {}", to_sql(*expr.args[0]), expr.negated ? "NOT " : "",
                               to_sql(*expr.args[1]), to_sql(*expr.args[2]));
        case ExprKind::in_list:
            return fmt::format("{} {}IN ({})", to_sql(*expr.args[0]), expr.negated ? "NOT " : "", list(expr.args, 1));
        case ExprKind::in_query:
            return fmt::format("{} {}IN (SELECT ...)", to_sql(*expr.args[0]), expr.negated ? "NOT " : "");
        case ExprKind::exists:
            return "EXISTS (SELECT ...)";
        case ExprKind::case_when:
            return case_text(expr);
        case ExprKind::cast:
            return fmt::format("CAST({} AS {})", to_sql(*expr.args[0]), type_text(expr.type->type));
        case ExprKind::row:
            return fmt::format("ROW({})", list(expr.args));
        case ExprKind::scalar_query:
            return "(SELECT ...)";
        case ExprKind::cursor:
            return "CURSOR(SELECT ...)";
        case ExprKind::difference:
            return fmt::format("({} - {}) {}", to_sql(*expr.args[0]), to_sql(*expr.args[1]),
                               qualifier_text(expr.qualifier));
        case ExprKind::window_agg:
            return to_sql(*expr.args[0]) + " OVER (...)";
    }
    return "";
}

}  // namespace riacho::sql::ast
