// The binder: resolves names and types of a syntax tree and checks the rules of streaming SQL (S11, S12, S14); the
// result is a plan.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sql/ast/ast.h"
#include "sql/function/regex.h"
#include "sql/plan/plan.h"

namespace riacho::sql {

template <class T>
using Bound = Expected<T, Issue>;

// A column that expressions can refer to.
struct ScopeColumn {
    std::string name;
    Type type;
    ExprPtr expr;           // over the rows of the node
    ExprPtr monotone;       // the same over ROWTIME and constants alone, if it depends on nothing else
    bool implicit = false;  // not in *
};

// The input rows of a query block: one table, under one name.
struct Scope {
    std::string table;
    std::vector<ScopeColumn> columns;
    bool is_stream = true;
};

// The aggregation of a select: expressions over groups become columns of the Tumble.
struct Grouping {
    const Scope* input = nullptr;
    std::vector<ExprPtr> groups;  // over the input; the first is the monotone one
    std::vector<plan::Aggregate> aggregates;
};

struct ExprContext {
    const Scope* scope = nullptr;
    Grouping* grouping = nullptr;        // null: not over groups
    std::string_view clause = "SELECT";  // for messages
    bool aggregates_allowed = false;
    bool in_aggregate = false;
};

// A bound query: its node and the names of its columns.
struct BoundQuery {
    std::unique_ptr<plan::Node> node;
    std::vector<ScopeColumn> columns;  // exprs are columns of the node
    bool is_stream = true;
    bool overrides_rowtime = false;
};

enum class Direction : std::uint8_t { none, constant, ascending, descending };
// S12.8, for an expression over rows; columns are `none`.
[[nodiscard]] Direction monotonicity(const Expr& expr);

class Binder {
public:
    explicit Binder(const Environment& environment);
    // Fails with all issues, at most 20.
    Expected<std::unique_ptr<plan::Plan>, std::vector<Issue>> run(const ast::Script& script);

private:
    // Statements (statement.cc)
    Bound<void> statement(const ast::Statement& statement);
    Bound<void> create_stream(const ast::Statement& statement);
    Bound<void> create_pump(const ast::Statement& statement);
    Bound<std::vector<std::uint32_t>> target_columns(const ast::Statement& statement, const StreamInfo& target,
                                                     std::size_t sources);
    Bound<void> check_cycle(const ast::Statement& statement, StreamIx target, const plan::Node& root);
    [[nodiscard]] std::optional<std::uint32_t> find_stream(std::string_view name) const;

    // Queries (query.cc)
    Bound<BoundQuery> query(const ast::Query& query, bool in_pump);
    Bound<BoundQuery> select(const ast::Query& query, bool in_pump);
    Bound<BoundQuery> union_all(const ast::Query& query, bool in_pump);
    Bound<BoundQuery> from(const ast::TableRef& table, Scope& scope, bool in_pump);
    Bound<BoundQuery> aggregate(const ast::Query& query, const Scope& scope, BoundQuery below);
    Bound<Grouping> group_by(const ast::Query& query, const Scope& scope);
    Bound<void> refuse_unsupported(const ast::Query& query);
    Bound<std::vector<ScopeColumn>> select_items(const ast::Query& query, const ExprContext& context, ExprPtr& rowtime);
    Bound<ExprPtr> condition(const ast::Expr& expr, const ExprContext& context);
    Bound<void> count_weight(const Expr& expr, const Span& at);

    // Expressions (expr.cc, literal.cc)
    Bound<ExprPtr> expr(const ast::Expr& expr, const ExprContext& context);
    Bound<ExprPtr> expr_over(const ast::Expr& expr, const ExprContext& context);
    Bound<ExprPtr> expr_node(const ast::Expr& expr, const ExprContext& context);
    Bound<ExprPtr> name(const ast::Expr& expr, const ExprContext& context);
    Bound<ExprPtr> literal(const ast::Expr& expr);
    Bound<ExprPtr> number(const ast::Expr& expr);
    Bound<ExprPtr> unary(const ast::Expr& expr, const ExprContext& context);
    Bound<ExprPtr> binary(const ast::Expr& expr, const ExprContext& context);
    Bound<ExprPtr> arithmetic(const ast::Expr& expr, ExprPtr left, ExprPtr right);
    Bound<ExprPtr> time_arithmetic(const ast::Expr& expr, ExprPtr left, ExprPtr right);
    Bound<ExprPtr> compare(const ast::Expr& expr, Op op, ExprPtr left, ExprPtr right);
    Bound<ExprPtr> pattern(const ast::Expr& expr, const ExprContext& context);
    Bound<ExprPtr> between(const ast::Expr& expr, const ExprContext& context);
    Bound<ExprPtr> in_list(const ast::Expr& expr, const ExprContext& context);
    Bound<ExprPtr> case_when(const ast::Expr& expr, const ExprContext& context);
    Bound<ExprPtr> cast(const ast::Expr& expr, const ExprContext& context);
    Bound<ExprPtr> difference(const ast::Expr& expr, const ExprContext& context);
    Bound<std::vector<ExprPtr>> args_of(const ast::Expr& expr, const ExprContext& context);

    // Functions (functions.cc, special.cc, aggregate.cc)
    Bound<ExprPtr> call(const ast::Expr& expr, const ExprContext& context);
    Bound<ExprPtr> special(const ast::Expr& expr, std::vector<ExprPtr> args, bool& known);
    Bound<ExprPtr> aggregate_call(const ast::Expr& expr, const ExprContext& context);

    const Environment& environment_;
    std::unique_ptr<plan::Plan> plan_;
    std::vector<Issue> issues_;
    std::uint64_t weight_ = 0;  // of all expressions of the program
};

[[nodiscard]] bool contains_aggregate(const ast::Expr& expr);
[[nodiscard]] bool any_nullable(std::span<const ExprPtr> args);
// The expression with its place in the text; folded if all of its arguments are constants.
[[nodiscard]] ExprPtr finished(std::shared_ptr<Expr> expr, const Span& span);
// Compiles the regular expression that is the second argument of a call, if it is constant.
Bound<void> compile_pattern(Expr& call, Regex::Syntax syntax, std::string_view escape = {});

// Messages (S12.9) that several files of the binder use.
[[nodiscard]] Issue invalid(const Span& at, std::string_view message);
[[nodiscard]] Issue unsupported(const Span& at, std::string_view what);
// Cannot apply 'F' to arguments of type ...
[[nodiscard]] Issue cannot_apply(const ast::Expr& expr, std::span<const ExprPtr> args, std::string_view forms);

}  // namespace riacho::sql
