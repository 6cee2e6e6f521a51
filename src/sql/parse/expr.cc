#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/try.h"
#include "sql/parse/parser.h"

namespace riacho::sql {
namespace {

using ast::ExprKind;
using ast::ExprPtr;

// AWS: S12.1, the ancestor's table; a larger number binds stronger.
constexpr int or_level = 26;
constexpr int and_level = 28;
constexpr int predicate_level = 30;
constexpr int sum_level = 40;
constexpr int product_level = 60;

constexpr int tree_depth_max = 500;

constexpr std::string_view comparisons[] = {"=", "<>", "!=", "<", "<=", ">", ">="};
constexpr std::string_view period_words[] = {"CONTAINS", "OVERLAPS",    "EQUALS",   "PRECEDES", "SUCCEEDS",
                                             "LEADS",    "IMMEDIATELY", "STRICTLY", "LAGS"};
// Reserved words that are functions.
constexpr std::string_view callable[] = {
    "ABS",         "ANY",        "AVG",          "CARDINALITY",  "CHARACTER_LENGTH",
    "CHAR_LENGTH", "COALESCE",   "COLLECT",      "CORR",         "COUNT",
    "COVAR_POP",   "COVAR_SAMP", "CUME_DIST",    "DENSE_RANK",   "EVERY",
    "EXP",         "EXP_AVG",    "FIRST_VALUE",  "INITCAP",      "LAST_VALUE",
    "LN",          "LOWER",      "MAX",          "MIN",          "MOD",
    "NTH_VALUE",   "NULLIF",     "OCTET_LENGTH", "PERCENT_RANK", "POWER",
    "RANK",        "ROW_NUMBER", "SQRT",         "STDDEV",       "STDDEV_POP",
    "STDDEV_SAMP", "SUM",        "UPPER",        "VAR_POP",      "VAR_SAMP"};
// Functions without parentheses (S13.3), and columns that every stream has (S5.1).
constexpr std::string_view bare_words[] = {"CURRENT_DATE",   "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME",
                                           "LOCALTIMESTAMP", "USER",         "CURRENT_USER",      "SESSION_USER",
                                           "SYSTEM_USER",    "CURRENT_PATH"};
constexpr std::string_view column_words[] = {"ROWTIME", "APPROXIMATE_ARRIVAL_TIME", "PARTITION_KEY", "SEQUENCE_NUMBER",
                                             "SHARD_ID"};

template <std::size_t N>
bool among(const std::string_view (&words)[N], std::string_view word) {
    return std::ranges::find(words, word) != std::end(words);
}

bool is_word(const Token& token) { return token.kind == TokenKind::word; }

}  // namespace

Expected<ExprPtr, Issue> Parser::expr(int precedence_min) {
    const Depth depth(*this);
    TRY_VOID(depth.check());
    TRY(ExprPtr left, unary());
    TRY_VOID(measure(*left));
    // Each operator makes the tree one level deeper on its left side.
    bool done = false;
    while (!done) {
        TRY(left, infix(std::move(left), precedence_min, done));
        TRY_VOID(measure(*left));
    }
    return left;
}

Expected<void, Issue> Parser::measure(ast::Expr& expr) {
    int below = 0;
    for (const ExprPtr& arg : expr.args) {
        if (arg->depth == 0) TRY_VOID(measure(*arg));
        below = std::max(below, arg->depth);
    }
    expr.depth = below + 1;
    if (expr.depth <= tree_depth_max) return {};
    return fail(make_issue(IssueCode::syntax, expr.span,
                           fmt::format("The expression is more than {} operators deep", tree_depth_max)));
}

// Parses one operator behind `left`, if one of at least this precedence follows.
Expected<ExprPtr, Issue> Parser::infix(ExprPtr left, int precedence_min, bool& done) {
    const Token& token = here();
    const std::string_view value = token.value;
    int level = 0;
    if (token.kind == TokenKind::symbol) {
        if (value == "+" || value == "-") level = sum_level;
        if (value == "*" || value == "/" || value == "||") level = product_level;
        if (among(comparisons, value)) level = predicate_level;
    } else if (is_word(token)) {
        if (value == "OR") level = or_level;
        if (value == "AND") level = and_level;
        if (value == "IS" || value == "BETWEEN" || value == "IN" || value == "LIKE" || value == "SIMILAR")
            level = predicate_level;
        if (value == "NOT" &&
            (is(ahead(), "BETWEEN") || is(ahead(), "IN") || is(ahead(), "LIKE") || is(ahead(), "SIMILAR")))
            level = predicate_level;
        if (among(period_words, value) &&
            (left->kind == ExprKind::row || (left->kind == ExprKind::call && left->text == "PERIOD") ||
             (left->kind == ExprKind::binary_op && left->args[1]->kind == ExprKind::row)))
            level = predicate_level;
    }
    if (level == 0 || level < precedence_min) {
        for (const std::string_view operators :
             {"\"+\"", "\"-\"", "\"*\"", "\"/\"", "\"||\"", "\"=\"", "\"<\"", "\">\"", "\"AND\"", "\"OR\"", "\"IS\"",
              "\"IN\"", "\"LIKE\"", "\"BETWEEN\""})
            note(operators);
        done = true;
        return left;
    }
    if (level == predicate_level && is_word(token)) {
        if (value == "IS") return is_predicate(std::move(left));
        const bool negated = accept("NOT");
        return negatable(std::move(left), negated, here().span);
    }
    const Span begin = left->span;
    TRY(ExprPtr node, make(ExprKind::binary_op, begin));
    node->text = value == "!=" ? "<>" : value;
    ++at_;
    TRY(ExprPtr right, expr(level + 1));
    node->span = join(begin, right->span);
    node->args.push_back(std::move(left));
    node->args.push_back(std::move(right));
    return node;
}

// BETWEEN, IN, LIKE, SIMILAR TO and the temporal predicates, after an optional NOT.
Expected<ExprPtr, Issue> Parser::negatable(ExprPtr left, bool negated, Span) {
    const Span begin = left->span;
    if (accept("IN")) return in_predicate(std::move(left), negated);
    if (accept("BETWEEN")) {
        TRY(ExprPtr node, make(ExprKind::between, begin));
        node->negated = negated;
        node->symmetric = accept("SYMMETRIC");
        if (!node->symmetric) accept("ASYMMETRIC");
        node->args.push_back(std::move(left));
        TRY(ExprPtr low, expr(predicate_level + 1));
        TRY_VOID(expect("AND"));
        TRY(ExprPtr high, expr(predicate_level + 1));
        node->args.push_back(std::move(low));
        node->args.push_back(std::move(high));
        node->span = since(begin);
        return node;
    }
    TRY(ExprPtr node, make(ExprKind::binary_op, begin));
    node->negated = negated;
    if (accept("LIKE")) {
        node->text = "LIKE";
    } else if (accept("SIMILAR")) {
        TRY_VOID(expect("TO"));
        node->text = "SIMILAR TO";
    } else {
        std::string words = here().value;
        if (words == "IMMEDIATELY" || words == "STRICTLY") {
            ++at_;
            if (!is_word(here()) || !among(period_words, here().value)) return fail(unexpected());
            words += " " + here().value;
        }
        ++at_;
        node->text = words;
    }
    node->args.push_back(std::move(left));
    TRY(ExprPtr right, expr(predicate_level + 1));
    node->args.push_back(std::move(right));
    if ((node->text == "LIKE" || node->text == "SIMILAR TO") && accept("ESCAPE")) {
        TRY(node->escape, expr(predicate_level + 1));
    }
    node->span = since(begin);
    return node;
}

Expected<ExprPtr, Issue> Parser::is_predicate(ExprPtr left) {
    const Span begin = left->span;
    TRY_VOID(expect("IS"));
    const bool negated = accept("NOT");
    if (accept("DISTINCT")) {
        TRY_VOID(expect("FROM"));
        TRY(ExprPtr node, make(ExprKind::binary_op, begin));
        node->text = negated ? "IS NOT DISTINCT FROM" : "IS DISTINCT FROM";
        node->args.push_back(std::move(left));
        TRY(ExprPtr right, expr(predicate_level + 1));
        node->args.push_back(std::move(right));
        node->span = since(begin);
        return node;
    }
    TRY(ExprPtr node, make(ExprKind::is, begin));
    node->negated = negated;
    for (const std::string_view word : {"NULL", "TRUE", "FALSE", "UNKNOWN"}) {
        if (!accept(word)) continue;
        node->text = word;
        node->args.push_back(std::move(left));
        node->span = since(begin);
        return node;
    }
    return fail(unexpected());
}

Expected<ExprPtr, Issue> Parser::in_predicate(ExprPtr left, bool negated) {
    const Span begin = left->span;
    TRY_VOID(expect("("));
    const bool is_query = is(here(), "SELECT") || is(here(), "VALUES");
    TRY(ExprPtr node, make(is_query ? ExprKind::in_query : ExprKind::in_list, begin));
    node->negated = negated;
    node->args.push_back(std::move(left));
    if (is_query) {
        TRY(node->query, query());
    } else {
        do {
            TRY(ExprPtr item, expr());
            node->args.push_back(std::move(item));
        } while (accept(","));
    }
    TRY_VOID(expect(")"));
    node->span = since(begin);
    return node;
}

Expected<ExprPtr, Issue> Parser::unary() {
    const Depth depth(*this);
    TRY_VOID(depth.check());
    const Span begin = here().span;
    const bool negation = look("NOT");
    if (negation || look("+") || look("-")) {
        TRY(ExprPtr node, make(ExprKind::unary, begin));
        node->text = here().value;
        ++at_;
        ExprPtr operand;
        if (negation) {
            TRY(operand, expr(predicate_level));
        } else {
            TRY(operand, unary());
        }
        node->args.push_back(std::move(operand));
        node->span = since(begin);
        return node;
    }
    return primary();
}

Expected<ExprPtr, Issue> Parser::primary() {
    const Token& token = here();
    switch (token.kind) {
        case TokenKind::number:
        case TokenKind::string:
        case TokenKind::binary: {
            const ExprKind kind = token.kind == TokenKind::number   ? ExprKind::number
                                  : token.kind == TokenKind::string ? ExprKind::string
                                                                    : ExprKind::binary;
            TRY(ExprPtr node, make(kind, token.span));
            node->text = token.value;
            ++at_;
            return node;
        }
        case TokenKind::quoted:
            return name_or_call();
        case TokenKind::word:
            return word_primary();
        case TokenKind::symbol:
            if (look("(")) return parenthesized();
            if (look("{")) return escape_literal();
            break;
        case TokenKind::end_of_text:
            break;
    }
    note("<IDENTIFIER>");
    note("<QUOTED_STRING>");
    note("<UNSIGNED_INTEGER_LITERAL>");
    return fail(unexpected());
}

Expected<ExprPtr, Issue> Parser::word_primary() {
    const Token& token = here();
    const std::string_view word = token.value;
    if (!token.reserved) {
        if (word == "PERIOD" && is(ahead(), "(")) return period();
        if (word == "STEP" && is(ahead(), "(")) return step_call();
        return name_or_call();
    }
    if (word == "CASE") return case_expr();
    if (word == "CAST") return cast_call();
    if (word == "EXTRACT") return extract_call();
    if (word == "POSITION") return position_call();
    if (word == "SUBSTRING") return substring_call();
    if (word == "OVERLAY") return overlay_call();
    if (word == "TRIM") return trim_call();
    if (word == "FLOOR" || word == "CEIL" || word == "CEILING") return floor_call();
    if (word == "INTERVAL") return interval_literal();
    if ((word == "DATE" || word == "TIME" || word == "TIMESTAMP") && ahead().kind == TokenKind::string)
        return datetime_literal();
    if (word == "TRUE" || word == "FALSE" || word == "UNKNOWN" || word == "NULL") {
        TRY(ExprPtr node, make(word == "NULL" ? ExprKind::null : ExprKind::boolean, token.span));
        node->text = word;
        ++at_;
        return node;
    }
    if (word == "EXISTS" || word == "CURSOR") {
        TRY(ExprPtr node, make(word == "EXISTS" ? ExprKind::exists : ExprKind::cursor, token.span));
        ++at_;
        TRY_VOID(expect("("));
        TRY(node->query, query());
        TRY_VOID(expect(")"));
        node->span = since(node->span);
        return node;
    }
    if (word == "ROW" && is(ahead(), "(")) {
        ++at_;
        TRY(ExprPtr row, parenthesized());
        if (row->kind == ExprKind::row) return row;
        TRY(ExprPtr node, make(ExprKind::row, token.span));
        node->args.push_back(std::move(row));
        return node;
    }
    if (among(bare_words, word)) {
        TRY(ExprPtr node, make(ExprKind::call, token.span));
        node->text = word;
        ++at_;
        if (is(here(), "(") && ahead().kind == TokenKind::number && is(ahead(2), ")")) {  // precision
            ++at_;
            TRY_VOID(small_number());
            TRY_VOID(expect(")"));
            node->span = since(node->span);
        } else if (is(here(), "(")) {
            node->has_operand = true;  // "()": the binder has the message
            TRY_VOID(expect_all({"(", ")"}));
            node->span = since(node->span);
        }
        return node;
    }
    if (among(column_words, word)) {
        TRY(ExprPtr node, make(ExprKind::name, token.span));
        node->path.push_back({token.value, token.span, false});
        ++at_;
        return node;
    }
    if (among(callable, word) && is(ahead(), "(")) return name_or_call();
    note("<IDENTIFIER>");
    return fail(unexpected());
}

// A name, table.column, or a function with its arguments.
Expected<ExprPtr, Issue> Parser::name_or_call() {
    const Token& token = here();
    if (token.kind != TokenKind::word && token.kind != TokenKind::quoted) {
        note("<IDENTIFIER>");
        return fail(unexpected());
    }
    if (is(ahead(), "(")) {
        TRY(ExprPtr call, make(ExprKind::call, token.span));
        call->text = token.value;
        at_ += 2;
        return call_tail(std::move(call));
    }
    if (token.kind == TokenKind::word && token.reserved) return fail(unexpected());
    TRY(ExprPtr node, make(ExprKind::name, token.span));
    node->path.push_back({token.value, token.span, token.kind == TokenKind::quoted});
    ++at_;
    while (accept(".")) {
        const Token& part = here();
        const bool column_word = part.kind == TokenKind::word && among(column_words, part.value);
        if (!column_word && !look_name()) return fail(unexpected());
        node->path.push_back({part.value, part.span, part.kind == TokenKind::quoted});
        ++at_;
    }
    node->span = since(node->span);
    return node;
}

Expected<ExprPtr, Issue> Parser::call_tail(ExprPtr call) {
    const Span begin = call->span;
    if (accept("DISTINCT")) {
        call->distinct = true;
    } else {
        accept("ALL");
    }
    if (look("*")) {
        TRY(ExprPtr star, make(ExprKind::star, here().span));
        ++at_;
        call->args.push_back(std::move(star));
    } else if (!look(")")) {
        TRY(call->args, expr_list());
    }
    TRY_VOID(expect(")"));
    call->span = since(begin);
    // Of windows: NTH_VALUE(..) FROM FIRST|LAST, IGNORE|RESPECT NULLS. Not executed yet: parsed and ignored.
    if (is(here(), "FROM") && (is(ahead(), "FIRST") || is(ahead(), "LAST"))) at_ += 2;
    if ((is(here(), "IGNORE") || is(here(), "RESPECT")) && is(ahead(), "NULLS")) at_ += 2;
    if (!look("OVER")) return call;
    TRY(ExprPtr node, make(ExprKind::window_agg, begin));
    TRY(node->window, over_window());
    node->args.push_back(std::move(call));
    node->span = since(begin);
    return node;
}

Expected<ExprPtr, Issue> Parser::period() {
    TRY(ExprPtr node, make(ExprKind::call, here().span));
    node->text = "PERIOD";
    at_ += 2;
    TRY(node->args, expr_list());
    TRY_VOID(expect(")"));
    node->span = since(node->span);
    return node;
}

// ( expr ), ( expr, expr ), ( query ), ( a - b ) qualifier
Expected<ExprPtr, Issue> Parser::parenthesized() {
    const Span begin = here().span;
    TRY_VOID(expect("("));
    if (is(here(), "SELECT") || is(here(), "VALUES")) {
        TRY(ExprPtr node, make(ExprKind::scalar_query, begin));
        TRY(node->query, query());
        TRY_VOID(expect(")"));
        node->span = since(begin);
        return node;
    }
    TRY(ExprPtr first, expr());
    if (accept(",")) {
        TRY(ExprPtr row, make(ExprKind::row, begin));
        TRY(row->args, expr_list());
        row->args.insert(row->args.begin(), std::move(first));
        TRY_VOID(expect(")"));
        row->span = since(begin);
        return row;
    }
    TRY_VOID(expect(")"));
    if (first->kind == ExprKind::binary_op && first->text == "-" && unit_here()) {
        TRY(ExprPtr node, make(ExprKind::difference, begin));
        TRY(node->qualifier, qualifier());
        node->args = std::move(first->args);
        node->span = since(begin);
        return node;
    }
    first->span = since(begin);
    return first;
}

Expected<ExprPtr, Issue> Parser::case_expr() {
    TRY(ExprPtr node, make(ExprKind::case_when, here().span));
    TRY_VOID(expect("CASE"));
    if (!look("WHEN")) {
        node->has_operand = true;
        TRY(ExprPtr operand, expr());
        node->args.push_back(std::move(operand));
    }
    do {
        TRY_VOID(expect("WHEN"));
        TRY(ExprPtr when, expr());
        TRY_VOID(expect("THEN"));
        TRY(ExprPtr then, expr());
        node->args.push_back(std::move(when));
        node->args.push_back(std::move(then));
    } while (look("WHEN"));
    if (accept("ELSE")) {
        node->has_else = true;
        TRY(ExprPtr other, expr());
        node->args.push_back(std::move(other));
    }
    TRY_VOID(expect("END"));
    node->span = since(node->span);
    return node;
}

}  // namespace riacho::sql
