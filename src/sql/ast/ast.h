// The syntax tree of a text, before names and types are resolved. Every node knows its position in the text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sql/text/issue.h"
#include "sql/types/type.h"

namespace riacho::sql::ast {

struct Expr;
struct Query;
using ExprPtr = std::unique_ptr<Expr>;
using QueryPtr = std::unique_ptr<Query>;

struct Name {
    std::string text;  // folded unless quoted
    Span span;
    bool quoted = false;
};

// INTERVAL qualifiers, and the TO of FLOOR and the like.
struct Qualifier {
    TimeUnit from = TimeUnit::none;
    TimeUnit to = TimeUnit::none;  // the same as from for a single field
    int precision = 2;
    int scale = 3;
    Span span;
};

struct TypeName {
    Type type;
    Span span;
};

enum class ExprKind : std::uint8_t {
    number,   // text
    string,   // text
    binary,   // text: hexits
    boolean,  // text: TRUE, FALSE, UNKNOWN
    null,
    datetime,   // type.kind and text
    interval,   // text (with its sign), qualifier
    name,       // path: a column, or table.column
    star,       // path: empty or the table; only in select lists and COUNT(*)
    call,       // text: the function in upper case; args; special forms are calls too (see parse/special.cc)
    unary,      // text: "+", "-", "NOT"
    binary_op,  // text: "+", "=", "AND", "LIKE", ...
    is,         // text: "NULL", "TRUE", "FALSE", "UNKNOWN"; negated
    between,    // args: value, low, high; negated; symmetric
    in_list,    // args: value, items...; negated
    in_query,   // args: value; query; negated
    exists,     // query
    case_when,  // args: [operand] (when then)... [else]; has_operand, has_else
    cast,       // args: value; type
    row,        // args
    scalar_query,
    cursor,
    difference,  // (a - b) qualifier: args a, b
    window_agg,  // args: the call; window or window_name
};

struct FrameBound {
    enum class Kind : std::uint8_t {
        unbounded_preceding,
        preceding,
        current_row,
        following,
        unbounded_following
    } kind = Kind::current_row;
    ExprPtr value;
    Span span;
};

struct Window {
    Name ref;  // only a name: OVER w
    std::vector<ExprPtr> partition_by;
    std::vector<ExprPtr> order_by;
    bool has_frame = false;
    bool rows = false;
    FrameBound begin;
    FrameBound end;
    Span span;
};

struct Expr {
    ExprKind kind = ExprKind::null;
    Span span;
    std::string text;
    std::vector<Name> path;
    std::vector<ExprPtr> args;
    std::optional<TypeName> type;
    Qualifier qualifier;
    bool negated = false;
    bool symmetric = false;
    bool distinct = false;
    bool has_operand = false;
    bool has_else = false;
    bool comma_form = false;  // SUBSTRING(s, p, n)
    int depth = 0;            // of the tree below, this included; 0: not measured yet
    ExprPtr escape;           // LIKE, SIMILAR
    QueryPtr query;
    std::unique_ptr<Window> window;
};

struct SelectItem {
    ExprPtr expr;
    Name alias;  // empty: none
};

struct OrderItem {
    ExprPtr expr;
    bool descending = false;
};

enum class TableKind : std::uint8_t { name, query, function, join };
enum class JoinKind : std::uint8_t { inner, left, right, full, cross, comma };

struct TableRef {
    TableKind kind = TableKind::name;
    Span span;
    std::vector<Name> path;
    Name alias;
    std::vector<Name> columns;
    std::unique_ptr<Window> window;
    QueryPtr query;
    ExprPtr function;
    JoinKind join = JoinKind::inner;
    bool natural = false;
    std::unique_ptr<TableRef> left;
    std::unique_ptr<TableRef> right;
    ExprPtr on;
    std::vector<Name> using_columns;
};

struct NamedWindow {
    Name name;
    std::unique_ptr<Window> window;
};

enum class QueryKind : std::uint8_t { select, set_op, values };

struct Query {
    QueryKind kind = QueryKind::select;
    Span span;
    // select
    bool stream = false;
    Span stream_span;
    bool distinct = false;
    Span distinct_span;
    std::vector<SelectItem> items;
    std::unique_ptr<TableRef> from;
    ExprPtr where;
    std::vector<ExprPtr> group_by;
    Span group_span;
    bool stagger = false;
    ExprPtr stagger_range;
    ExprPtr having;
    std::vector<NamedWindow> windows;
    // set operations
    std::string op;  // UNION, EXCEPT, INTERSECT
    bool all = false;
    Span op_span;
    QueryPtr left;
    QueryPtr right;
    // values
    std::vector<ExprPtr> rows;
    // any
    std::vector<OrderItem> order_by;
    Span order_span;
};

struct ColumnDef {
    Name name;
    TypeName type;
    bool not_null = false;
};

enum class StatementKind : std::uint8_t { create_stream, create_pump, create_function, create_view, query };

struct Statement {
    StatementKind kind = StatementKind::query;
    Span span;
    bool or_replace = false;
    Name name;
    std::vector<ColumnDef> columns;  // streams; parameters of functions
    bool stopped = false;            // pumps
    Name target;
    std::vector<Name> target_columns;
    Span target_columns_span;
    QueryPtr query;
    std::optional<TypeName> returns;
    ExprPtr body;
};

struct Script {
    std::vector<Statement> statements;
};

// Canonical SQL of an expression, for messages.
[[nodiscard]] std::string to_sql(const Expr& expr);
[[nodiscard]] std::string_view unit_name(TimeUnit unit);

}  // namespace riacho::sql::ast
