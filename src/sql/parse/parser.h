// The parser: tokens to the syntax tree by recursive descent over the whole dialect (S11, S12.1), including parts that
// riacho does not execute.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sql/ast/ast.h"
#include "sql/text/lexer.h"

namespace riacho::sql {

// At most one issue: there is no recovery from a syntax error.
[[nodiscard]] Expected<ast::Script, Issue> parse_script(std::string_view text);

class Parser {
public:
    explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

    template <class T>
    using Parsed = Expected<T, Issue>;

    Parsed<ast::Script> script();
    Parsed<ast::Statement> statement();
    Parsed<ast::QueryPtr> query();
    Parsed<ast::ExprPtr> expr() { return expr(0); }
    Parsed<ast::TypeName> type();
    [[nodiscard]] bool at_end() const { return here().kind == TokenKind::end_of_text; }
    [[nodiscard]] Issue unexpected();

private:
    // Statements (statement.cc)
    Parsed<ast::Statement> create();
    Parsed<void> create_stream(ast::Statement& statement);
    Parsed<void> create_pump(ast::Statement& statement);
    Parsed<void> create_function(ast::Statement& statement);
    Parsed<std::vector<ast::ColumnDef>> column_defs(bool parameters);
    Parsed<void> description();
    Issue refuse_statement(std::string_view name);

    // Queries (query.cc)
    Parsed<ast::QueryPtr> set_operations(int precedence_min);
    Parsed<ast::QueryPtr> query_primary();
    Parsed<ast::QueryPtr> select();
    Parsed<void> select_tail(ast::Query& query);
    Parsed<ast::QueryPtr> values();
    Parsed<void> order_by(ast::Query& query);
    Parsed<ast::SelectItem> select_item();
    Parsed<std::unique_ptr<ast::TableRef>> from_list();
    Parsed<std::unique_ptr<ast::TableRef>> joined_table();
    Parsed<std::unique_ptr<ast::TableRef>> table_primary();
    Parsed<void> table_alias(ast::TableRef& table);
    Parsed<void> stagger(ast::Query& query);
    Parsed<std::unique_ptr<ast::Window>> window_spec();
    Parsed<std::unique_ptr<ast::Window>> over_window();
    Parsed<ast::FrameBound> frame_bound();
    Parsed<std::vector<ast::Name>> name_list();
    Parsed<std::vector<ast::ExprPtr>> expr_list();

    // Expressions (expr.cc)
    Parsed<ast::ExprPtr> expr(int precedence_min);
    Parsed<ast::ExprPtr> infix(ast::ExprPtr left, int precedence_min, bool& done);
    Parsed<ast::ExprPtr> negatable(ast::ExprPtr left, bool negated, Span begin);
    Parsed<ast::ExprPtr> is_predicate(ast::ExprPtr left);
    Parsed<ast::ExprPtr> in_predicate(ast::ExprPtr left, bool negated);
    Parsed<ast::ExprPtr> unary();
    Parsed<ast::ExprPtr> primary();
    Parsed<ast::ExprPtr> word_primary();
    Parsed<ast::ExprPtr> parenthesized();
    Parsed<ast::ExprPtr> case_expr();
    Parsed<ast::ExprPtr> name_or_call();
    Parsed<ast::ExprPtr> call_tail(ast::ExprPtr call);
    Parsed<ast::ExprPtr> period();

    // Literals, and calls with keywords (special.cc)
    Parsed<ast::ExprPtr> interval_literal();
    Parsed<ast::ExprPtr> datetime_literal();
    Parsed<ast::ExprPtr> escape_literal();
    Parsed<ast::Qualifier> qualifier();
    Parsed<int> small_number();
    Parsed<ast::ExprPtr> cast_call();
    Parsed<ast::ExprPtr> extract_call();
    Parsed<ast::ExprPtr> position_call();
    Parsed<ast::ExprPtr> substring_call();
    Parsed<ast::ExprPtr> overlay_call();
    Parsed<ast::ExprPtr> trim_call();
    Parsed<ast::ExprPtr> floor_call();
    Parsed<ast::ExprPtr> step_call();
    [[nodiscard]] std::optional<TimeUnit> unit_here() const;
    Parsed<TimeUnit> unit();
    // Appends the next expression to the arguments of a call.
    Parsed<void> argument(ast::Expr& call, int precedence_min = 0);
    // The call, behind its closing parenthesis.
    Parsed<ast::ExprPtr> closed(ast::ExprPtr call);

    // Tokens
    [[nodiscard]] const Token& here() const { return tokens_[at_]; }
    [[nodiscard]] const Token& ahead(std::size_t count = 1) const {
        return tokens_[std::min(at_ + count, tokens_.size() - 1)];
    }
    [[nodiscard]] const Span& last_span() const { return tokens_[at_ == 0 ? 0 : at_ - 1].span; }
    [[nodiscard]] static bool is(const Token& token, std::string_view word_or_symbol);
    // Whether the token is this word or symbol; if not, it is noted as expected.
    bool look(std::string_view word_or_symbol);
    bool accept(std::string_view word_or_symbol);
    Parsed<void> expect(std::string_view word_or_symbol);
    Parsed<void> expect_all(std::initializer_list<std::string_view> words);
    bool look_name();
    Parsed<ast::Name> name();
    void note(std::string_view expected);
    [[nodiscard]] Span since(const Span& begin) const { return join(begin, last_span()); }
    Parsed<ast::ExprPtr> make(ast::ExprKind kind, const Span& span);
    // Limits the depth of the tree: later passes recurse over it on the stack.
    Parsed<void> measure(ast::Expr& expr);

    class Depth;

    std::vector<Token> tokens_;
    std::size_t at_ = 0;
    std::size_t farthest_ = 0;
    std::set<std::string, std::less<>> expected_;  // at the farthest token
    int depth_ = 0;
    std::size_t nodes_ = 0;

    friend class Depth;
};

// Counts one more level of nesting during its lifetime.
class Parser::Depth {
public:
    explicit Depth(Parser& parser) : parser_(parser) { ++parser_.depth_; }
    ~Depth() { --parser_.depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    [[nodiscard]] Expected<void, Issue> check() const;

private:
    Parser& parser_;
};

}  // namespace riacho::sql
