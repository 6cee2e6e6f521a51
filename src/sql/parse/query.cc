#include <fmt/format.h>

#include "base/try.h"
#include "sql/parse/parser.h"

namespace riacho::sql {
namespace {

// AWS: S12.1: INTERSECT binds tighter than UNION and EXCEPT.
int set_precedence(const Token& token) {
    if (token.kind != TokenKind::word) return 0;
    if (token.value == "INTERSECT") return 18;
    if (token.value == "UNION" || token.value == "EXCEPT") return 14;
    return 0;
}

Issue not_supported(const Span& at, std::string_view what) {
    return make_issue(IssueCode::invalid, at, fmt::format("{} is not supported in an application's SQL", what));
}

}  // namespace

Expected<ast::QueryPtr, Issue> Parser::query() {
    const Depth depth(*this);
    TRY_VOID(depth.check());
    if (is(here(), "WITH")) return fail(not_supported(here().span, "WITH"));
    TRY(ast::QueryPtr result, set_operations(0));
    TRY_VOID(order_by(*result));
    if (is(here(), "LIMIT") || is(here(), "FETCH")) return fail(not_supported(here().span, here().value));
    return result;
}

Expected<ast::QueryPtr, Issue> Parser::set_operations(int precedence_min) {
    TRY(ast::QueryPtr left, query_primary());
    while (true) {
        const int precedence = set_precedence(here());
        if (precedence == 0 || precedence < precedence_min) {
            note("\"UNION\"");
            return left;
        }
        auto operation = std::make_unique<ast::Query>();
        operation->kind = ast::QueryKind::set_op;
        operation->op = here().value;
        operation->op_span = here().span;
        ++at_;
        if (accept("ALL")) operation->all = true;
        TRY(operation->right, set_operations(precedence + 1));
        operation->left = std::move(left);
        operation->span = join(operation->left->span, operation->right->span);
        left = std::move(operation);
    }
}

Expected<ast::QueryPtr, Issue> Parser::query_primary() {
    const Depth depth(*this);
    TRY_VOID(depth.check());
    if (accept("(")) {
        TRY(ast::QueryPtr inner, query());
        TRY_VOID(expect(")"));
        return inner;
    }
    if (look("VALUES")) return values();
    if (look("SELECT")) return select();
    return fail(unexpected());
}

Expected<ast::QueryPtr, Issue> Parser::values() {
    auto query = std::make_unique<ast::Query>();
    query->kind = ast::QueryKind::values;
    query->span = here().span;
    TRY_VOID(expect("VALUES"));
    do {
        const Span begin = here().span;
        accept("ROW");
        TRY_VOID(expect("("));
        TRY(ast::ExprPtr row, make(ast::ExprKind::row, begin));
        TRY(row->args, expr_list());
        TRY_VOID(expect(")"));
        row->span = since(begin);
        query->rows.push_back(std::move(row));
    } while (accept(","));
    query->span = since(query->span);
    return query;
}

Expected<ast::QueryPtr, Issue> Parser::select() {
    auto query = std::make_unique<ast::Query>();
    query->span = here().span;
    TRY_VOID(expect("SELECT"));
    if (look("STREAM")) {
        query->stream = true;
        query->stream_span = here().span;
        ++at_;
    }
    if (look("DISTINCT")) {
        query->distinct = true;
        query->distinct_span = here().span;
        ++at_;
    } else {
        accept("ALL");
    }
    do {
        TRY(ast::SelectItem item, select_item());
        query->items.push_back(std::move(item));
    } while (accept(","));
    TRY_VOID(expect("FROM"));
    TRY(query->from, from_list());
    TRY_VOID(select_tail(*query));
    query->span = since(query->span);
    return query;
}

Expected<void, Issue> Parser::select_tail(ast::Query& query) {
    if (accept("WHERE")) {
        TRY(query.where, expr());
    }
    if (is(here(), "WINDOWED")) {
        TRY_VOID(stagger(query));
    } else if (look("GROUP")) {
        query.group_span = here().span;
        ++at_;
        TRY_VOID(expect("BY"));
        for (const std::string_view refused : {"ROLLUP", "CUBE", "GROUPING"}) {
            if (is(here(), refused)) return fail(not_supported(here().span, refused));
        }
        TRY(query.group_by, expr_list());
        query.group_span = since(query.group_span);
    }
    if (accept("HAVING")) {
        TRY(query.having, expr());
    }
    if (accept("WINDOW")) {
        do {
            ast::NamedWindow window;
            TRY(window.name, name());
            TRY_VOID(expect_all({"AS", "("}));
            TRY(window.window, window_spec());
            TRY_VOID(expect(")"));
            query.windows.push_back(std::move(window));
        } while (accept(","));
    }
    return {};
}

Expected<void, Issue> Parser::stagger(ast::Query& query) {
    query.group_span = here().span;
    query.stagger = true;
    TRY_VOID(expect_all({"WINDOWED", "BY", "STAGGER", "(", "PARTITION", "BY"}));
    TRY(query.group_by, expr_list());
    TRY_VOID(expect("RANGE"));
    TRY(query.stagger_range, interval_literal());
    TRY_VOID(expect(")"));
    query.group_span = since(query.group_span);
    return {};
}

Expected<void, Issue> Parser::order_by(ast::Query& query) {
    if (!look("ORDER")) return {};
    query.order_span = here().span;
    ++at_;
    TRY_VOID(expect("BY"));
    do {
        ast::OrderItem item;
        TRY(item.expr, expr());
        if (is(here(), "WITHIN")) return fail(not_supported(here().span, "ORDER BY ... WITHIN INTERVAL"));
        if (accept("DESC")) {
            item.descending = true;
        } else {
            accept("ASC");
        }
        query.order_by.push_back(std::move(item));
    } while (accept(","));
    query.order_span = since(query.order_span);
    return {};
}

Expected<ast::SelectItem, Issue> Parser::select_item() {
    ast::SelectItem item;
    if (look("*")) {
        TRY(item.expr, make(ast::ExprKind::star, here().span));
        ++at_;
        return item;
    }
    if (look_name() && is(ahead(), ".") && is(ahead(2), "*")) {
        TRY(item.expr, make(ast::ExprKind::star, here().span));
        TRY(ast::Name table, name());
        item.expr->path.push_back(std::move(table));
        at_ += 2;
        item.expr->span = since(item.expr->span);
        return item;
    }
    TRY(item.expr, expr());
    const bool as = accept("AS");
    // AWS: S11.2: AS ROWTIME overrides the row's timestamp.
    if (as && is(here(), "ROWTIME")) {
        item.alias = {here().value, here().span, false};
        ++at_;
    } else if (as || look_name()) {
        TRY(item.alias, name());
    }
    return item;
}

Expected<std::unique_ptr<ast::TableRef>, Issue> Parser::from_list() {
    TRY(std::unique_ptr<ast::TableRef> left, joined_table());
    while (accept(",")) {
        auto comma = std::make_unique<ast::TableRef>();
        comma->kind = ast::TableKind::join;
        comma->join = ast::JoinKind::comma;
        TRY(comma->right, joined_table());
        comma->span = join(left->span, comma->right->span);
        comma->left = std::move(left);
        left = std::move(comma);
    }
    return left;
}

Expected<std::unique_ptr<ast::TableRef>, Issue> Parser::joined_table() {
    TRY(std::unique_ptr<ast::TableRef> left, table_primary());
    while (true) {
        auto node = std::make_unique<ast::TableRef>();
        node->kind = ast::TableKind::join;
        node->natural = accept("NATURAL");
        if (accept("CROSS")) {
            node->join = ast::JoinKind::cross;
        } else if (accept("LEFT")) {
            node->join = ast::JoinKind::left;
            accept("OUTER");
        } else if (accept("RIGHT")) {
            node->join = ast::JoinKind::right;
            accept("OUTER");
        } else if (accept("FULL")) {
            node->join = ast::JoinKind::full;
            accept("OUTER");
        } else if (!accept("INNER") && !look("JOIN")) {
            if (node->natural) return fail(unexpected());
            return left;
        }
        TRY_VOID(expect("JOIN"));
        TRY(node->right, table_primary());
        if (accept("ON")) {
            TRY(node->on, expr());
        } else if (accept("USING")) {
            TRY_VOID(expect("("));
            TRY(node->using_columns, name_list());
            TRY_VOID(expect(")"));
        }
        node->span = since(left->span);
        node->left = std::move(left);
        left = std::move(node);
    }
}

Expected<std::unique_ptr<ast::TableRef>, Issue> Parser::table_primary() {
    const Depth depth(*this);
    TRY_VOID(depth.check());
    auto table = std::make_unique<ast::TableRef>();
    table->span = here().span;
    for (const std::string_view refused : {"LATERAL", "UNNEST"}) {
        if (is(here(), refused)) return fail(not_supported(here().span, refused));
    }
    if (accept("TABLE")) {
        table->kind = ast::TableKind::function;
        TRY_VOID(expect("("));
        TRY(table->function, name_or_call());
        TRY_VOID(expect(")"));
    } else if (accept("(")) {
        table->kind = ast::TableKind::query;
        TRY(table->query, query());
        TRY_VOID(expect(")"));
    } else {
        do {
            TRY(ast::Name part, name());
            table->path.push_back(std::move(part));
        } while (accept("."));
        if (look("OVER")) {
            TRY(table->window, over_window());
        }
        if (is(here(), "TABLESAMPLE")) return fail(not_supported(here().span, "TABLESAMPLE"));
    }
    table->span = since(table->span);
    TRY_VOID(table_alias(*table));
    return table;
}

Expected<void, Issue> Parser::table_alias(ast::TableRef& table) {
    if (!accept("AS")) {
        if (is(here(), "WINDOWED") || !look_name()) return {};
    }
    TRY(table.alias, name());
    if (!accept("(")) return {};
    TRY(table.columns, name_list());
    return expect(")");
}

Expected<std::unique_ptr<ast::Window>, Issue> Parser::over_window() {
    const Span begin = here().span;
    TRY_VOID(expect("OVER"));
    std::unique_ptr<ast::Window> window;
    if (accept("(")) {
        TRY(window, window_spec());
        TRY_VOID(expect(")"));
    } else {
        window = std::make_unique<ast::Window>();
        TRY(window->ref, name());
    }
    window->span = since(begin);
    return window;
}

// window := [PARTITION BY expr, ..] [ORDER BY expr] [{ROWS|RANGE} frame]
Expected<std::unique_ptr<ast::Window>, Issue> Parser::window_spec() {
    auto window = std::make_unique<ast::Window>();
    window->span = here().span;
    if (accept("PARTITION")) {
        TRY_VOID(expect("BY"));
        TRY(window->partition_by, expr_list());
    }
    if (accept("ORDER")) {
        TRY_VOID(expect("BY"));
        TRY(window->order_by, expr_list());
    }
    window->rows = accept("ROWS");
    if (!window->rows && !accept("RANGE")) return window;
    window->has_frame = true;
    if (accept("BETWEEN")) {
        TRY(window->begin, frame_bound());
        TRY_VOID(expect("AND"));
        TRY(window->end, frame_bound());
    } else {
        TRY(window->begin, frame_bound());
    }
    window->span = since(window->span);
    return window;
}

Expected<ast::FrameBound, Issue> Parser::frame_bound() {
    using Kind = ast::FrameBound::Kind;
    ast::FrameBound bound;
    bound.span = here().span;
    if (accept("CURRENT")) {
        TRY_VOID(expect("ROW"));
    } else if (accept("UNBOUNDED")) {
        if (accept("FOLLOWING")) {
            bound.kind = Kind::unbounded_following;
        } else {
            TRY_VOID(expect("PRECEDING"));
            bound.kind = Kind::unbounded_preceding;
        }
    } else {
        TRY(bound.value, expr());
        if (accept("FOLLOWING")) {
            bound.kind = Kind::following;
        } else {
            TRY_VOID(expect("PRECEDING"));
            bound.kind = Kind::preceding;
        }
    }
    bound.span = since(bound.span);
    return bound;
}

Expected<std::vector<ast::Name>, Issue> Parser::name_list() {
    std::vector<ast::Name> names;
    do {
        TRY(ast::Name next, name());
        names.push_back(std::move(next));
    } while (accept(","));
    return names;
}

Expected<std::vector<ast::ExprPtr>, Issue> Parser::expr_list() {
    std::vector<ast::ExprPtr> list;
    do {
        TRY(ast::ExprPtr next, expr());
        list.push_back(std::move(next));
    } while (accept(","));
    return list;
}

}  // namespace riacho::sql
