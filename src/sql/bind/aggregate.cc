#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"
#include "sql/bind/binder.h"

namespace riacho::sql {
namespace {

using plan::Aggregate;
using plan::AggregateOp;

struct Known {
    std::string_view name;
    AggregateOp op;
};

constexpr Known aggregates[] = {
    {"COUNT", AggregateOp::count},
    {"SUM", AggregateOp::sum},
    {"AVG", AggregateOp::average},
    {"MIN", AggregateOp::min},
    {"MAX", AggregateOp::max},
    {"EVERY", AggregateOp::min},
    {"ANY", AggregateOp::max},
    {"VAR_POP", AggregateOp::var_pop},
    {"VAR_SAMP", AggregateOp::var_samp},
    {"STDDEV_POP", AggregateOp::stddev_pop},
    {"STDDEV_SAMP", AggregateOp::stddev_samp},
};

constexpr std::string_view not_yet[] = {"FIRST_VALUE", "LAST_VALUE", "NTH_VALUE", "LAG", "EXP_AVG", "STDDEV"};

// The argument in the type that is summed or compared, and the type of the result (S13.5).
Bound<Aggregate> typed(const ast::Expr& call, const Known& known, ExprPtr arg) {
    Aggregate aggregate;
    aggregate.op = known.op;
    Type type = arg->type;
    const auto refuse = [&](std::string_view forms) -> Bound<Aggregate> {
        return fail(cannot_apply(call, {&arg, 1}, fmt::format("'{}({})'", call.text, forms)));
    };
    if (known.name == "EVERY" || known.name == "ANY") {
        if (type.kind != Kind::boolean) return refuse("<BOOLEAN>");
        type.nullable = true;
    } else if (known.op == AggregateOp::count) {
        type = simple_type(Kind::bigint, false);
    } else if (known.op == AggregateOp::sum || known.op == AggregateOp::average) {
        if (!type.is_number()) return refuse("<NUMERIC>");
        type.nullable = true;
    } else if (known.op == AggregateOp::min || known.op == AggregateOp::max) {
        if (type.kind == Kind::unknown || type.kind == Kind::boolean) return refuse("<COMPARABLE_TYPE>");
        type.nullable = true;
    } else {
        // AWS: S13.5: their examples have DOUBLE columns.
        if (!type.is_number()) return refuse("<NUMERIC>");
        arg = make_cast(std::move(arg), simple_type(Kind::double_precision));
        type = simple_type(Kind::double_precision);
    }
    aggregate.arg = std::move(arg);
    aggregate.type = type;
    return aggregate;
}

bool equal(const Aggregate& a, const Aggregate& b) {
    return a.op == b.op && (a.arg == nullptr) == (b.arg == nullptr) && (a.arg == nullptr || same(*a.arg, *b.arg));
}

}  // namespace

// Null when the call is no aggregate.
Bound<ExprPtr> Binder::aggregate_call(const ast::Expr& expr, const ExprContext& context) {
    if (std::ranges::find(not_yet, expr.text) != std::end(not_yet))
        return fail(unsupported(expr.span, "The function " + expr.text));
    const auto* known = std::ranges::find(aggregates, expr.text, &Known::name);
    if (known == std::end(aggregates)) return ExprPtr();
    if (context.in_aggregate) return fail(invalid(expr.span, "Aggregate expressions cannot be nested"));
    if (context.grouping == nullptr || !context.aggregates_allowed)
        return fail(invalid(expr.span, fmt::format("Aggregate expression is illegal in {} clause", context.clause)));
    if (expr.distinct)
        return fail(invalid(expr.span, fmt::format("DISTINCT is not allowed with {} over a stream", expr.text)));
    if (expr.args.size() != 1)
        return fail(
            invalid(expr.span,
                    fmt::format("Invalid number of arguments to function '{}'. Was expecting 1 argument", expr.text)));
    Aggregate aggregate;
    if (expr.args[0]->kind == ast::ExprKind::star) {
        if (known->op != AggregateOp::count)
            return fail(invalid(expr.span, fmt::format("'*' is not allowed in {}", expr.text)));
        aggregate.type = simple_type(Kind::bigint, false);
    } else {
        ExprContext inner = context;
        inner.grouping = nullptr;
        inner.scope = context.grouping->input;
        inner.in_aggregate = true;
        TRY(ExprPtr arg, this->expr(*expr.args[0], inner));
        TRY(aggregate, typed(expr, *known, std::move(arg)));
    }
    auto& list = context.grouping->aggregates;
    auto found = std::ranges::find_if(list, [&](const Aggregate& other) { return equal(aggregate, other); });
    const auto index = static_cast<std::uint32_t>(found - list.begin());
    const Type type = aggregate.type;
    if (found == list.end()) list.push_back(std::move(aggregate));
    auto column =
        std::make_shared<Expr>(*make_column(type, static_cast<std::uint32_t>(context.grouping->groups.size()) + index));
    column->span = expr.span;
    return ExprPtr(std::move(column));
}

}  // namespace riacho::sql
