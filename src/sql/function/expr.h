// Bound expressions: names resolved, types known, conversions explicit. Made by the binder, rewritten by the planner,
// computed by the evaluator and the reference interpreter.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sql/text/issue.h"
#include "sql/types/cast.h"
#include "sql/types/type.h"

namespace riacho::sql {

class Regex;

// The numbers are part of fingerprints: append only.
enum class Op : std::uint8_t {
    constant = 0,
    column = 1,   // of the rows below; `index`
    rowtime = 2,  // of the row below
    current_row_timestamp = 3,
    started_at = 4,  // CURRENT_TIMESTAMP; of DATE and TIME by type
    // exact or real; for exact ones the scales are of the result, but for multiply and divide
    add = 5,
    subtract = 6,
    multiply = 7,  // unscaled product / 10^exponent
    divide = 8,    // exact: left * 10^exponent / right
    negate = 9,
    mod = 10,
    // any one kind; exact numbers of two scales: left * 10^exponent, or right * 10^-exponent; pads: CHAR
    equal = 11,
    not_equal = 12,
    less = 13,
    less_equal = 14,
    greater = 15,
    greater_equal = 16,
    distinct = 17,
    not_distinct = 18,
    logical_and = 19,
    logical_or = 20,
    logical_not = 21,
    is_null = 22,
    is_true = 23,
    is_false = 24,
    case_when = 25,  // (when then)... else
    coalesce = 26,
    cast = 27,
    abs = 28,
    floor = 29,
    ceil = 30,
    exp = 31,
    ln = 32,
    log10 = 33,
    power = 34,
    sqrt = 35,
    floor_time = 36,  // unit
    ceil_time = 37,
    step_time = 38,       // by an interval constant
    step_number = 39,     // (a / b) * b
    extract = 40,         // unit
    add_interval = 41,    // datetime, interval; negative: minus
    subtract_times = 42,  // of one kind, to the interval type; cut
    scale_interval = 43,  // interval * number, or / with `negative`
    timestamp_ms = 44,    // BIGINT <-> TIMESTAMP: the same number
    concat = 45,
    char_length = 46,
    upper = 47,
    lower = 48,
    initcap = 49,
    position = 50,
    substring = 51,  // text, from [, for]; comma: NULL behind the end
    substring_regex = 52,
    overlay = 53,
    trim_both = 54,  // characters, text
    trim_leading = 55,
    trim_trailing = 56,
    regex_replace = 57,
    like = 58,  // text, pattern [, escape]
    similar = 59,
};

struct Expr;
using ExprPtr = std::shared_ptr<const Expr>;

struct Expr {
    Op op = Op::constant;
    Type type;
    std::vector<ExprPtr> args;
    // constant
    bool is_null = false;
    Scalar value;
    std::shared_ptr<const std::string> text;  // constant: owns value.text; column, rowtime: the name in the text
    std::uint32_t index = 0;                  // column
    int exponent = 0;
    TimeUnit unit = TimeUnit::none;
    bool negative = false;
    bool comma = false;
    bool pads = false;
    std::uint32_t depth = 1;             // of the tree
    std::uint32_t weight = 1;            // number of nodes, shared ones counted each time; saturates
    std::shared_ptr<const Regex> regex;  // of a literal pattern
    Span span;
};

// Sets depth and weight from the arguments.
void measure(Expr& expr);
[[nodiscard]] ExprPtr make_null(const Type& type);
[[nodiscard]] ExprPtr make_exact(const Type& type, std::int64_t value);
[[nodiscard]] ExprPtr make_real(const Type& type, double value);
[[nodiscard]] ExprPtr make_text(const Type& type, std::string text);
[[nodiscard]] ExprPtr make_column(const Type& type, std::uint32_t index);
[[nodiscard]] ExprPtr make_rowtime_expr();
[[nodiscard]] std::shared_ptr<Expr> make_op(Op op, const Type& type, std::vector<ExprPtr> args);
// The value converted to another type; the expression itself if it has the type. Constants are converted at once.
[[nodiscard]] ExprPtr make_cast(ExprPtr expr, const Type& to);

// Whether two expressions are equal, regardless of their positions in the text.
[[nodiscard]] bool same(const Expr& a, const Expr& b);
[[nodiscard]] bool is_constant(const Expr& expr);  // the op
[[nodiscard]] bool can_fail(const Expr& expr);
// Whether the value depends on rows; CURRENT_ROW_TIMESTAMP does.
[[nodiscard]] bool depends_on_rows(const Expr& expr);
[[nodiscard]] bool uses_op(const Expr& expr, Op op);
void collect_columns(const Expr& expr, std::vector<bool>& used);
// Replaces every column and ROWTIME by the expressions of a projection below.
[[nodiscard]] ExprPtr substitute(const ExprPtr& expr, const std::vector<ExprPtr>& columns, const ExprPtr& rowtime);

// Readable, and different for different expressions: for EXPLAIN and fingerprints.
[[nodiscard]] std::string describe(const Expr& expr, const std::vector<std::string>& column_names);
void fingerprint_text(const Expr& expr, std::string& out);

}  // namespace riacho::sql
