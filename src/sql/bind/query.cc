#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"
#include "sql/bind/binder.h"
#include "sql/function/evaluate.h"

namespace riacho::sql {
namespace {

constexpr std::uint64_t program_weight_max = 200'000;

std::vector<Column> plain_columns(std::span<const ScopeColumn> columns) {
    std::vector<Column> result;
    for (const ScopeColumn& column : columns) result.push_back({column.name, column.type});
    return result;
}

// The output columns of a node.
std::vector<ScopeColumn> columns_of(const plan::Node& node) {
    std::vector<ScopeColumn> columns;
    for (std::uint32_t i = 0; i < node.columns.size(); ++i)
        columns.push_back({node.columns[i].name, node.columns[i].type, make_column(node.columns[i].type, i), nullptr});
    return columns;
}

// The expression over ROWTIME and constants alone, if it depends on nothing else; columns are replaced by their own
// such expressions.
ExprPtr over_rowtime(const ExprPtr& expr, const Scope& scope) {
    if (expr->op == Op::column) {
        for (const ScopeColumn& column : scope.columns) {
            if (column.expr->op == Op::column && column.expr->index == expr->index) return column.monotone;
        }
        return nullptr;
    }
    if (expr->op == Op::current_row_timestamp) return nullptr;
    if (expr->args.empty()) return expr;
    auto copy = std::make_shared<Expr>(*expr);
    for (ExprPtr& arg : copy->args) {
        arg = over_rowtime(arg, scope);
        if (!arg) return nullptr;
    }
    return copy;
}

bool moves_with_time(const ExprPtr& expr) {
    const Direction direction = monotonicity(*expr);
    return direction == Direction::ascending || direction == Direction::descending;
}

std::unique_ptr<plan::Node> filter_node(std::unique_ptr<plan::Node> input, ExprPtr condition) {
    auto node = std::make_unique<plan::Node>();
    node->kind = plan::NodeKind::filter;
    node->columns = input->columns;
    node->conditions.push_back(std::move(condition));
    node->inputs.push_back(std::move(input));
    return node;
}

}  // namespace

bool contains_aggregate(const ast::Expr& expr) {
    static constexpr std::string_view names[] = {"COUNT", "SUM",     "AVG",      "MIN",        "MAX",        "EVERY",
                                                 "ANY",   "VAR_POP", "VAR_SAMP", "STDDEV_POP", "STDDEV_SAMP"};
    if (expr.kind == ast::ExprKind::call && std::ranges::find(names, expr.text) != std::end(names)) return true;
    if (expr.kind == ast::ExprKind::window_agg) return false;
    return std::ranges::any_of(expr.args, [](const ast::ExprPtr& arg) { return contains_aggregate(*arg); });
}

Bound<BoundQuery> Binder::query(const ast::Query& query, bool in_pump) {
    if (!query.order_by.empty()) return fail(unsupported(query.order_span, "ORDER BY"));
    switch (query.kind) {
        case ast::QueryKind::select:
            return select(query, in_pump);
        case ast::QueryKind::set_op:
            return union_all(query, in_pump);
        case ast::QueryKind::values:
            if (in_pump) return fail(invalid(query.span, "Cannot stream VALUES"));
            return fail(unsupported(query.span, "VALUES"));
    }
    return fail(invalid(query.span, "Unknown query"));
}

Bound<void> Binder::refuse_unsupported(const ast::Query& query) {
    if (query.distinct) return fail(unsupported(query.distinct_span, "SELECT DISTINCT"));
    if (query.stagger) return fail(unsupported(query.group_span, "WINDOWED BY STAGGER"));
    std::vector<std::string_view> names;
    for (const ast::NamedWindow& window : query.windows) {
        if (std::ranges::find(names, window.name.text) != names.end())
            return fail(invalid(window.name.span, "Duplicate window names not allowed"));
        names.push_back(window.name.text);
    }
    if (!query.windows.empty()) return fail(unsupported(query.windows[0].name.span, "WINDOW"));
    return {};
}

Bound<BoundQuery> Binder::union_all(const ast::Query& query, bool in_pump) {
    if (query.op != "UNION" || !query.all)
        return fail(
            invalid(query.op_span, fmt::format("{} is not allowed between streams: only UNION ALL is", query.op)));
    TRY(BoundQuery left, this->query(*query.left, in_pump));
    TRY(BoundQuery right, this->query(*query.right, in_pump));
    if (left.is_stream != right.is_stream)
        return fail(invalid(query.op_span, "Set operator cannot combine streaming and non-streaming inputs"));
    if (left.columns.size() != right.columns.size())
        return fail(invalid(query.op_span, "Column count mismatch in UNION ALL"));
    if (left.overrides_rowtime || right.overrides_rowtime)
        return fail(unsupported(query.op_span, "UNION ALL of a query with AS ROWTIME"));
    auto merge = std::make_unique<plan::Node>();
    merge->kind = plan::NodeKind::merge;
    std::vector<ExprPtr> casts[2];
    for (std::size_t i = 0; i < left.columns.size(); ++i) {
        const Type types[] = {left.columns[i].type, right.columns[i].type};
        const auto type = least_restrictive(types);
        if (!type || !can_assign(types[0], *type) || !can_assign(types[1], *type) || type->kind == Kind::unknown)
            return fail(invalid(query.op_span, fmt::format("Type mismatch in column {} of UNION ALL", i + 1)));
        casts[0].push_back(make_cast(left.columns[i].expr, *type));
        casts[1].push_back(make_cast(right.columns[i].expr, *type));
        merge->columns.push_back({left.columns[i].name, *type});
    }
    BoundQuery* sides[] = {&left, &right};
    for (std::size_t side = 0; side < 2; ++side) {
        auto project = std::make_unique<plan::Node>();
        project->kind = plan::NodeKind::project;
        project->columns = merge->columns;
        project->exprs = std::move(casts[side]);
        project->inputs.push_back(std::move(sides[side]->node));
        merge->inputs.push_back(std::move(project));
    }
    BoundQuery result;
    result.node = std::move(merge);
    result.columns = columns_of(*result.node);
    return result;
}

// Binds the table of FROM, and the names of its columns.
Bound<BoundQuery> Binder::from(const ast::TableRef& table, Scope& scope, bool in_pump) {
    switch (table.kind) {
        case ast::TableKind::join:
            return fail(unsupported(table.span, "JOIN"));
        case ast::TableKind::function:
            return fail(unsupported(table.span, fmt::format("TABLE({}(..))", table.function->text)));
        case ast::TableKind::name:
        case ast::TableKind::query:
            break;
    }
    if (table.window) return fail(unsupported(table.window->span, "A window (OVER) in FROM"));
    BoundQuery below;
    if (table.kind == ast::TableKind::query) {
        TRY(below, query(*table.query, in_pump));
        if (below.overrides_rowtime) return fail(unsupported(table.span, "AS ROWTIME in a subquery"));
        scope.columns = below.columns;
    } else {
        std::string name;
        for (const ast::Name& part : table.path) name += (name.empty() ? "" : ".") + part.text;
        if (name == error_stream_name || (table.path.size() == 1 && name == "ERROR_STREAM" && !find_stream(name)))
            return fail(invalid(table.span, "'error_stream' cannot be read by SQL"));
        if (std::ranges::find(environment_.tables, name, &TableSpec::name) != environment_.tables.end())
            return fail(unsupported(table.span, "A reference table"));
        const auto stream = table.path.size() == 1 ? find_stream(name) : std::nullopt;
        if (!stream) return fail(invalid(table.span, fmt::format("Table '{}' not found", name)));
        const StreamInfo& info = plan_->streams[*stream];
        below.node = std::make_unique<plan::Node>();
        below.node->stream = StreamIx(*stream);
        below.node->columns = info.columns;
        scope.table = name;
        scope.columns = columns_of(*below.node);
        // AWS: S5.1: * expands declared columns only.
        const std::size_t declared = info.is_input ? environment_.inputs[*stream].columns.size() : info.columns.size();
        for (std::size_t i = declared; i < scope.columns.size(); ++i) scope.columns[i].implicit = true;
    }
    if (!table.alias.text.empty()) scope.table = table.alias.text;
    if (!table.columns.empty()) {
        std::vector<ScopeColumn*> visible;
        std::string names;
        for (ScopeColumn& column : scope.columns) {
            if (column.implicit) continue;
            visible.push_back(&column);
            names += (names.empty() ? "'" : ", '") + column.name + "'";
        }
        if (visible.size() != table.columns.size())
            return fail(
                invalid(table.columns[0].span,
                        fmt::format("List of column aliases must have same degree as table; table has {} columns ({}), "
                                    "whereas alias list has {} columns",
                                    visible.size(), names, table.columns.size())));
        for (std::size_t i = 0; i < visible.size(); ++i) visible[i]->name = table.columns[i].text;
    }
    return below;
}

Bound<void> Binder::count_weight(const Expr& expr, const Span& at) {
    weight_ += expr.weight;
    if (weight_ <= program_weight_max) return {};
    return fail(
        invalid(at, fmt::format("The SQL has more than {} parts, those that are used several times counted as often",
                                program_weight_max)));
}

Bound<ExprPtr> Binder::condition(const ast::Expr& expr, const ExprContext& context) {
    TRY(ExprPtr bound, this->expr(expr, context));
    TRY_VOID(count_weight(*bound, expr.span));
    if (bound->type.kind == Kind::unknown) bound = make_null(boolean_type());
    if (bound->type.kind != Kind::boolean)
        return fail(invalid(expr.span, fmt::format("{} clause must be a condition", context.clause)));
    return bound;
}

Bound<BoundQuery> Binder::select(const ast::Query& query, bool in_pump) {
    TRY_VOID(refuse_unsupported(query));
    Scope scope;
    TRY(BoundQuery below, from(*query.from, scope, in_pump));
    if (!query.stream && !in_pump)
        return fail(invalid(query.from->span, fmt::format("Cannot convert stream '{}' to relation", scope.table)));
    ExprContext context;
    context.scope = &scope;
    if (query.where) {
        context.clause = "WHERE";
        TRY(ExprPtr where, condition(*query.where, context));
        below.node = filter_node(std::move(below.node), std::move(where));
        context.clause = "SELECT";
    }
    const bool aggregates =
        std::ranges::any_of(query.items, [](const ast::SelectItem& item) { return contains_aggregate(*item.expr); });
    if (!query.group_by.empty() || query.having || aggregates) return aggregate(query, scope, std::move(below));

    ExprPtr rowtime;
    TRY(std::vector<ScopeColumn> items, select_items(query, context, rowtime));
    auto project = std::make_unique<plan::Node>();
    project->kind = plan::NodeKind::project;
    project->columns = plain_columns(items);
    project->rowtime = rowtime;
    for (const ScopeColumn& item : items) project->exprs.push_back(item.expr);
    project->inputs.push_back(std::move(below.node));
    BoundQuery result;
    result.node = std::move(project);
    result.overrides_rowtime = rowtime != nullptr;
    result.columns = columns_of(*result.node);
    for (std::size_t i = 0; i < items.size(); ++i) {
        auto placed = std::make_shared<Expr>(*result.columns[i].expr);
        placed->span = items[i].expr->span;
        result.columns[i].expr = placed;
        if (!rowtime) result.columns[i].monotone = over_rowtime(items[i].expr, scope);
    }
    return result;
}

Bound<std::vector<ScopeColumn>> Binder::select_items(const ast::Query& query, const ExprContext& context,
                                                     ExprPtr& rowtime) {
    std::vector<ScopeColumn> items;
    int unnamed = 0;
    for (const ast::SelectItem& item : query.items) {
        if (item.expr->kind == ast::ExprKind::star) {
            if (!item.expr->path.empty() && item.expr->path[0].text != context.scope->table)
                return fail(invalid(item.expr->span, fmt::format("Table '{}' not found", item.expr->path[0].text)));
            for (const ScopeColumn& column : context.scope->columns) {
                if (column.implicit) continue;
                if (context.grouping == nullptr) {
                    auto bound = std::make_shared<Expr>(*column.expr);
                    bound->span = item.expr->span;
                    items.push_back({column.name, column.type, std::move(bound), nullptr});
                    continue;
                }
                ast::Expr name;
                name.kind = ast::ExprKind::name;
                name.span = item.expr->span;
                name.path.push_back({column.name, name.span, true});
                TRY(ExprPtr bound, expr(name, context));
                items.push_back({column.name, bound->type, bound, nullptr});
            }
            continue;
        }
        TRY(ExprPtr bound, expr(*item.expr, context));
        TRY_VOID(count_weight(*bound, item.expr->span));
        if (item.alias.text == "ROWTIME" && !item.alias.quoted) {
            if (bound->type.kind != Kind::timestamp)
                return fail(invalid(item.expr->span, "ROWTIME must be a TIMESTAMP"));
            if (rowtime) return fail(invalid(item.alias.span, "ROWTIME is given more than once"));
            rowtime = bound;
            continue;
        }
        std::string name = item.alias.text;
        if (name.empty()) {
            name =
                item.expr->kind == ast::ExprKind::name ? item.expr->path.back().text : fmt::format("EXPR${}", unnamed);
        }
        if (item.alias.text.empty() && item.expr->kind != ast::ExprKind::name) ++unnamed;
        items.push_back({std::move(name), bound->type, bound, nullptr});
    }
    if (items.size() > columns_max)
        return fail(invalid(query.span, fmt::format("The query has more than {} columns", columns_max)));
    if (items.empty()) return fail(invalid(query.span, "The query has no columns besides ROWTIME"));
    return items;
}

// AWS: S11.3. The monotone item is put first.
Bound<Grouping> Binder::group_by(const ast::Query& query, const Scope& scope) {
    Grouping grouping;
    grouping.input = &scope;
    ExprContext context;
    context.scope = &scope;
    context.clause = "GROUP BY";
    std::optional<std::size_t> monotone;
    std::size_t of_rowtime = 0;
    for (const ast::ExprPtr& item : query.group_by) {
        if (item->kind == ast::ExprKind::call && item->text == "MONOTONIC")
            return fail(unsupported(item->span, "MONOTONIC"));
        TRY(ExprPtr bound, expr(*item, context));
        if (bound->type.kind == Kind::unknown) return fail(invalid(item->span, "Illegal use of 'NULL'"));
        const ExprPtr over_time = over_rowtime(bound, scope);
        if (over_time && depends_on_rows(*over_time)) {
            if (++of_rowtime > 1)
                return fail(invalid(item->span, "GROUP BY may have only one expression that is derived from ROWTIME"));
            if (moves_with_time(over_time)) monotone = grouping.groups.size();
            // An expression that fails or is NULL for this time never ends a window.
            constexpr std::int64_t some_time = 1'525'860'000'000;
            const ExprPtr probe =
                fold(substitute(over_time, {}, make_exact(simple_type(Kind::timestamp, false), some_time)));
            if (!uses_op(*over_time, Op::started_at) && (!is_constant(*probe) || probe->is_null))
                return fail(invalid(item->span, "The expression has no value for any ROWTIME"));
        }
        grouping.groups.push_back(std::move(bound));
    }
    if (!monotone)
        return fail(invalid(query.group_by.empty() ? query.span : query.group_span,
                            "Streaming aggregation requires at least one monotonic expression in GROUP BY clause"));
    std::rotate(grouping.groups.begin(), grouping.groups.begin() + static_cast<std::ptrdiff_t>(*monotone),
                grouping.groups.begin() + static_cast<std::ptrdiff_t>(*monotone) + 1);
    return grouping;
}

Bound<BoundQuery> Binder::aggregate(const ast::Query& query, const Scope& scope, BoundQuery below) {
    TRY(Grouping grouping, group_by(query, scope));
    ExprContext context;
    context.scope = &scope;
    context.grouping = &grouping;
    context.aggregates_allowed = true;
    ExprPtr rowtime;
    TRY(std::vector<ScopeColumn> items, select_items(query, context, rowtime));
    if (rowtime) return fail(unsupported(query.span, "AS ROWTIME in a query with GROUP BY"));
    ExprPtr having;
    if (query.having) {
        context.clause = "HAVING";
        TRY(having, condition(*query.having, context));
    }
    auto tumble = std::make_unique<plan::Node>();
    tumble->kind = plan::NodeKind::tumble;
    tumble->monotone = over_rowtime(grouping.groups[0], scope);
    tumble->stamps_before = uses_op(*tumble->monotone, Op::ceil_time) || uses_op(*tumble->monotone, Op::ceil);
    for (std::size_t i = 0; i < grouping.groups.size(); ++i) {
        tumble->columns.push_back({fmt::format("$G{}", i), grouping.groups[i]->type});
        if (i > 0) tumble->keys.push_back(grouping.groups[i]);
    }
    for (std::size_t i = 0; i < grouping.aggregates.size(); ++i)
        tumble->columns.push_back({fmt::format("$A{}", i), grouping.aggregates[i].type});
    tumble->aggregates = std::move(grouping.aggregates);
    tumble->inputs.push_back(std::move(below.node));
    std::unique_ptr<plan::Node> node = std::move(tumble);
    if (having) node = filter_node(std::move(node), std::move(having));
    auto project = std::make_unique<plan::Node>();
    project->kind = plan::NodeKind::project;
    project->columns = plain_columns(items);
    for (const ScopeColumn& item : items) project->exprs.push_back(item.expr);
    project->inputs.push_back(std::move(node));
    BoundQuery result;
    result.node = std::move(project);
    result.columns = columns_of(*result.node);
    for (std::size_t i = 0; i < items.size(); ++i) {
        auto placed = std::make_shared<Expr>(*result.columns[i].expr);
        placed->span = items[i].expr->span;
        result.columns[i].expr = placed;
        // Only the output time itself is known to be monotone in the output's time.
        if (items[i].expr->op == Op::rowtime) result.columns[i].monotone = items[i].expr;
    }
    return result;
}

}  // namespace riacho::sql
