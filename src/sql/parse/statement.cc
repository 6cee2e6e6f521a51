#include <fmt/format.h>

#include "base/try.h"
#include "sql/parse/parser.h"
#include "sql/program.h"

namespace riacho::sql {
namespace {

constexpr int depth_max = 200;
constexpr std::size_t nodes_max = 20'000;
constexpr std::size_t statements_max = 1'000;
constexpr std::size_t expected_shown_max = 40;

}  // namespace

Expected<ast::Script, Issue> parse_script(std::string_view text) {
    TRY(std::vector<Token> tokens, tokenize(text));
    return Parser(std::move(tokens)).script();
}

Expected<void, Issue> check_syntax(std::string_view text) {
    TRY_VOID(parse_script(text));
    return {};
}

Expected<Type, Issue> parse_type(std::string_view text) {
    TRY(std::vector<Token> tokens, tokenize(text));
    Parser parser(std::move(tokens));
    TRY(const ast::TypeName type, parser.type());
    if (!parser.at_end()) return fail(parser.unexpected());
    return type.type;
}

Expected<void, Issue> Parser::Depth::check() const {
    if (parser_.depth_ <= depth_max) return {};
    return fail(make_issue(IssueCode::syntax, parser_.here().span,
                           fmt::format("The SQL is nested more than {} levels deep", depth_max)));
}

bool Parser::is(const Token& token, std::string_view word_or_symbol) {
    return (token.kind == TokenKind::word || token.kind == TokenKind::symbol) && token.value == word_or_symbol;
}

void Parser::note(std::string_view expected) {
    if (at_ < farthest_) return;
    if (at_ > farthest_) {
        farthest_ = at_;
        expected_.clear();
    }
    expected_.emplace(expected);
}

bool Parser::look(std::string_view word_or_symbol) {
    if (is(here(), word_or_symbol)) return true;
    note(fmt::format("\"{}\"", word_or_symbol));
    return false;
}

bool Parser::accept(std::string_view word_or_symbol) {
    if (!look(word_or_symbol)) return false;
    ++at_;
    return true;
}

Expected<void, Issue> Parser::expect(std::string_view word_or_symbol) {
    if (accept(word_or_symbol)) return {};
    return fail(unexpected());
}

Expected<void, Issue> Parser::expect_all(std::initializer_list<std::string_view> words) {
    for (const std::string_view word : words) TRY_VOID(expect(word));
    return {};
}

bool Parser::look_name() {
    if (here().kind == TokenKind::quoted || (here().kind == TokenKind::word && !here().reserved)) return true;
    note("<IDENTIFIER>");
    return false;
}

Expected<ast::Name, Issue> Parser::name() {
    if (!look_name()) return fail(unexpected());
    const Token& token = tokens_[at_++];
    return ast::Name{token.value, token.span, token.kind == TokenKind::quoted};
}

// AWS: S10.1: the form of JavaCC's messages.
Issue Parser::unexpected() {
    const Token& token = tokens_[std::max(at_, farthest_)];
    const std::string_view text = token.kind == TokenKind::end_of_text ? "<EOF>" : token.text;
    std::string message =
        fmt::format("Encountered \"{}\" at line {}, column {}.", text, token.span.line, token.span.column);
    if (std::max(at_, farthest_) == farthest_ && !expected_.empty()) {
        message += expected_.size() == 1 ? "\nWas expecting:" : "\nWas expecting one of:";
        std::size_t shown = 0;
        for (const std::string& expected : expected_) {
            if (shown++ == expected_shown_max) break;
            message += fmt::format("\n    {} ...", expected);
        }
    }
    return {IssueCode::syntax, token.span, std::move(message)};
}

Expected<ast::ExprPtr, Issue> Parser::make(ast::ExprKind kind, const Span& span) {
    if (++nodes_ > nodes_max)
        return fail(make_issue(IssueCode::syntax, span, fmt::format("The SQL has more than {} parts", nodes_max)));
    auto expr = std::make_unique<ast::Expr>();
    expr->kind = kind;
    expr->span = span;
    return expr;
}

Expected<ast::Script, Issue> Parser::script() {
    ast::Script script;
    while (true) {
        while (accept(";")) {
        }
        if (at_end()) return script;
        if (script.statements.size() == statements_max)
            return fail(make_issue(IssueCode::syntax, here().span,
                                   fmt::format("The SQL has more than {} statements", statements_max)));
        TRY(ast::Statement next, statement());
        script.statements.push_back(std::move(next));
        if (!at_end() && !look(";")) return fail(unexpected());
    }
}

Issue Parser::refuse_statement(std::string_view name) {
    return make_issue(IssueCode::invalid, here().span,
                      fmt::format("{} is not supported in an application's SQL", name));
}

Expected<ast::Statement, Issue> Parser::statement() {
    for (const std::string_view refused : {"ALTER", "DROP", "SET", "ANALYZE", "MERGE", "UPDATE", "DELETE", "INSERT",
                                           "EXPLAIN", "TRUNCATE", "GRANT", "CALL"}) {
        if (!is(here(), refused)) continue;
        std::string name(refused);
        if ((refused == "ALTER" || refused == "DROP") && ahead().kind == TokenKind::word) name += " " + ahead().value;
        return fail(refuse_statement(name));
    }
    if (look("CREATE")) return create();
    ast::Statement statement;
    statement.span = here().span;
    statement.kind = ast::StatementKind::query;
    TRY(statement.query, query());
    statement.span = since(statement.span);
    return statement;
}

Expected<ast::Statement, Issue> Parser::create() {
    ast::Statement statement;
    statement.span = here().span;
    TRY_VOID(expect("CREATE"));
    if (accept("OR")) {
        TRY_VOID(expect("REPLACE"));
        statement.or_replace = true;
    }
    if (accept("STREAM")) {
        TRY_VOID(create_stream(statement));
    } else if (accept("PUMP")) {
        TRY_VOID(create_pump(statement));
    } else if (accept("FUNCTION")) {
        TRY_VOID(create_function(statement));
    } else if (accept("VIEW")) {
        statement.kind = ast::StatementKind::create_view;
        TRY(statement.name, name());
        TRY_VOID(description());
        TRY_VOID(expect("AS"));
        TRY(statement.query, query());
    } else if (here().kind == TokenKind::word) {
        std::string what = "CREATE " + here().value;
        if (here().value == "FOREIGN" && ahead().kind == TokenKind::word) what += " " + ahead().value;
        return fail(refuse_statement(what));
    } else {
        return fail(unexpected());
    }
    statement.span = since(statement.span);
    return statement;
}

Expected<void, Issue> Parser::description() {
    if (!accept("DESCRIPTION")) return {};
    if (here().kind != TokenKind::string) {
        note("<QUOTED_STRING>");
        return fail(unexpected());
    }
    ++at_;
    return {};
}

Expected<void, Issue> Parser::create_stream(ast::Statement& statement) {
    statement.kind = ast::StatementKind::create_stream;
    TRY(statement.name, name());
    TRY(statement.columns, column_defs(false));
    return description();
}

Expected<std::vector<ast::ColumnDef>, Issue> Parser::column_defs(bool parameters) {
    std::vector<ast::ColumnDef> columns;
    TRY_VOID(expect("("));
    if (parameters && accept(")")) return columns;
    do {
        ast::ColumnDef column;
        TRY(column.name, name());
        TRY(column.type, type());
        if (!parameters && accept("NOT")) {
            TRY_VOID(expect("NULL"));
            column.not_null = true;
        }
        columns.push_back(std::move(column));
    } while (accept(","));
    TRY_VOID(expect(")"));
    return columns;
}

Expected<void, Issue> Parser::create_pump(ast::Statement& statement) {
    statement.kind = ast::StatementKind::create_pump;
    TRY(statement.name, name());
    TRY_VOID(description());
    if (accept("STOPPED")) {
        statement.stopped = true;
    } else {
        accept("STARTED");
    }
    TRY_VOID(expect_all({"AS", "INSERT"}));
    accept("EXPEDITED");
    TRY_VOID(expect("INTO"));
    TRY(statement.target, name());
    // A parenthesis begins the list of columns, or the query.
    if (look("(") && !is(ahead(), "SELECT") && !is(ahead(), "VALUES") && !is(ahead(), "(")) {
        const Span begin = here().span;
        ++at_;
        TRY(statement.target_columns, name_list());
        TRY_VOID(expect(")"));
        statement.target_columns_span = since(begin);
    }
    TRY(statement.query, query());
    return {};
}

Expected<void, Issue> Parser::create_function(ast::Statement& statement) {
    statement.kind = ast::StatementKind::create_function;
    TRY(statement.name, name());
    TRY(statement.columns, column_defs(true));
    TRY_VOID(expect("RETURNS"));
    TRY(statement.returns, type());
    while (!look("RETURN")) {
        if (accept("LANGUAGE")) {
            TRY_VOID(expect("SQL"));
        } else if (accept("SPECIFIC")) {
            TRY_VOID(name());
        } else if (accept("CONTAINS")) {
            TRY_VOID(expect("SQL"));
        } else if (accept("READS") || accept("MODIFIES")) {
            TRY_VOID(expect_all({"SQL", "DATA"}));
        } else if (accept("RETURNS")) {
            TRY_VOID(expect_all({"NULL", "ON", "NULL", "INPUT"}));
        } else if (accept("CALLED")) {
            TRY_VOID(expect_all({"ON", "NULL", "INPUT"}));
        } else if (accept("NOT")) {
            TRY_VOID(expect("DETERMINISTIC"));
        } else if (!accept("DETERMINISTIC")) {
            return fail(unexpected());
        }
    }
    TRY_VOID(expect("RETURN"));
    TRY(statement.body, expr());
    return {};
}

}  // namespace riacho::sql
