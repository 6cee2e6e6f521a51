// The plan that an engine executes: for each pump a chain of operators from a stream to a stream.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sql/function/expr.h"
#include "sql/program.h"

namespace riacho::sql::plan {

enum class NodeKind : std::uint8_t { scan = 0, filter = 1, project = 2, tumble = 3, merge = 4 };

// The numbers are part of fingerprints and of state: append only.
enum class AggregateOp : std::uint8_t {
    count_rows = 0,
    count = 1,
    sum = 2,
    average = 3,
    min = 4,
    max = 5,
    var_pop = 6,
    var_samp = 7,
    stddev_pop = 8,
    stddev_samp = 9,
};

struct Aggregate {
    AggregateOp op = AggregateOp::count_rows;
    ExprPtr arg;  // null: COUNT(*)
    Type type;
};

struct Node {
    NodeKind kind = NodeKind::scan;
    std::uint32_t number = 0;     // in its pump, from the scan upwards
    Fingerprint fingerprint;      // of this node and everything below
    std::vector<Column> columns;  // of its output
    std::vector<std::unique_ptr<Node>> inputs;

    StreamIx stream{};                // scan
    std::vector<bool> used;           // scan: columns that are read by nodes above
    std::vector<ExprPtr> conditions;  // filter: all must be TRUE, in this order
    std::vector<ExprPtr> exprs;       // project
    ExprPtr rowtime;                  // project: null keeps the input's

    // tumble. Its columns are the monotone item, the keys, the aggregates; its ROWTIME is the end of the window.
    ExprPtr monotone;            // of ROWTIME and constants alone
    bool stamps_before = false;  // CEIL: the boundary itself is the end, and is known a millisecond later (design 5.4)
    std::vector<ExprPtr> keys;
    std::vector<Aggregate> aggregates;
};

struct Pump {
    std::string name;
    StreamIx target{};
    bool stopped = false;
    std::vector<std::uint32_t> sources;  // streams that are read
    std::unique_ptr<Node> root;
    // Insert: a value for each column of the target, over the root's columns; and ROWTIME, if it is set, or null.
    std::vector<ExprPtr> values;
    ExprPtr rowtime;
    Fingerprint fingerprint;
    std::uint32_t number = 0;  // of the Insert
};

struct Plan {
    Environment environment;
    std::vector<StreamInfo> streams;
    std::vector<Pump> pumps;
    std::vector<std::uint32_t> stream_order;      // indices of streams: writers' sources before their targets
    std::vector<std::vector<bool>> columns_used;  // of inputs
    std::vector<Issue> warnings;
    Fingerprint fingerprint;
};

// Rewrites (design 4.5), numbers, used columns, fingerprints and the order of streams. Never fails.
void finish(Plan& plan);
[[nodiscard]] std::string explain(const Plan& plan);
[[nodiscard]] std::string_view aggregate_name(AggregateOp op);
[[nodiscard]] std::string describe_aggregate(const Aggregate& aggregate, const std::vector<std::string>& names);

}  // namespace riacho::sql::plan
