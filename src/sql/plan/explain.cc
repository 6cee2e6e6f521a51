#include <fmt/format.h>

#include <iterator>

#include "sql/plan/plan.h"

namespace riacho::sql::plan {
namespace {

std::vector<std::string> names_of(const std::vector<Column>& columns) {
    std::vector<std::string> names;
    for (const Column& column : columns) names.push_back(column.name);
    return names;
}

std::string list(const std::vector<ExprPtr>& exprs, const std::vector<std::string>& names,
                 std::string_view between = ", ") {
    std::string out;
    for (const ExprPtr& expr : exprs) {
        if (!out.empty()) out += between;
        out += describe(*expr, names);
    }
    return out;
}

bool any_can_fail(const std::vector<ExprPtr>& exprs) {
    for (const ExprPtr& expr : exprs) {
        if (can_fail(*expr)) return true;
    }
    return false;
}

// The names by which a node's output is shown: those of a Tumble are its expressions.
std::vector<std::string> shown_names(const Node& node) {
    if (node.kind == NodeKind::filter) return shown_names(*node.inputs[0]);
    if (node.kind != NodeKind::tumble) return names_of(node.columns);
    const std::vector<std::string> below = shown_names(*node.inputs[0]);
    std::vector<std::string> names = {describe(*node.monotone, below)};
    for (const ExprPtr& key : node.keys) names.push_back(describe(*key, below));
    for (const Aggregate& aggregate : node.aggregates) names.push_back(describe_aggregate(aggregate, below));
    return names;
}

void explain_node(const Node& node, const Plan& plan, std::string& out) {
    const auto line = [&](std::string_view name, std::string_view text) {
        fmt::format_to(std::back_inserter(out), "  {} {:<14} {}\n", node.number, name, text);
    };
    const std::vector<std::string> below =
        node.inputs.empty() ? std::vector<std::string>() : shown_names(*node.inputs[0]);
    switch (node.kind) {
        case NodeKind::scan: {
            std::string used;
            std::size_t count = 0;
            for (std::size_t i = 0; i < node.used.size(); ++i) {
                if (!node.used[i]) continue;
                used += (used.empty() ? "" : ", ") + node.columns[i].name;
                ++count;
            }
            line("Scan", fmt::format("{} ({}{}{} of {})", plan.streams[node.stream.value()].name, used,
                                     used.empty() ? "" : "; ", count, node.columns.size()));
            break;
        }
        case NodeKind::filter:
            line("Filter",
                 list(node.conditions, below, " AND ") + (any_can_fail(node.conditions) ? "   can fail" : ""));
            break;
        case NodeKind::project:
            line("Project", list(node.exprs, below) + (any_can_fail(node.exprs) ? "   can fail" : ""));
            break;
        case NodeKind::tumble: {
            std::string text = fmt::format("by {} [time]", describe(*node.monotone, below));
            if (!node.keys.empty()) text += ", " + list(node.keys, below);
            text += " -> ";
            std::string aggregates;
            for (const Aggregate& aggregate : node.aggregates)
                aggregates += (aggregates.empty() ? "" : ", ") + describe_aggregate(aggregate, below);
            line("Tumble", text + aggregates + "   state: groups, cleared at each window's end");
            break;
        }
        case NodeKind::merge:
            line("Merge", fmt::format("{} inputs by ROWTIME", node.inputs.size()));
            break;
    }
    for (const auto& input : node.inputs) explain_node(*input, plan, out);
}

void explain_pump(const Pump& pump, const Plan& plan, std::string& out) {
    const StreamInfo& target = plan.streams[pump.target.value()];
    fmt::format_to(std::back_inserter(out), "pump {} -> {}{}\n", pump.name, target.name,
                   pump.stopped ? "   (STOPPED: idle)" : "");
    std::string columns;
    std::string checks;
    const std::vector<std::string> below = shown_names(*pump.root);
    for (std::size_t i = 0; i < target.columns.size(); ++i) {
        const std::string value = describe(*pump.values[i], below);
        columns += columns.empty() ? "" : ", ";
        columns += value == target.columns[i].name ? value : fmt::format("{} = {}", target.columns[i].name, value);
        if (!target.columns[i].type.nullable)
            checks += fmt::format("{}{}", checks.empty() ? "   checks not null " : ", ", target.columns[i].name);
    }
    if (any_can_fail(pump.values)) checks += "   can fail";
    if (pump.rowtime)
        checks += fmt::format("   ROWTIME = {}, checked for order; windows over it close by rows alone",
                              describe(*pump.rowtime, below));
    fmt::format_to(std::back_inserter(out), "  {} {:<14} {}{}\n", pump.number, "Insert", columns, checks);
    explain_node(*pump.root, plan, out);
}

}  // namespace

std::string_view aggregate_name(AggregateOp op) {
    switch (op) {
        case AggregateOp::count_rows:
        case AggregateOp::count:
            return "COUNT";
        case AggregateOp::sum:
            return "SUM";
        case AggregateOp::average:
            return "AVG";
        case AggregateOp::min:
            return "MIN";
        case AggregateOp::max:
            return "MAX";
        case AggregateOp::var_pop:
            return "VAR_POP";
        case AggregateOp::var_samp:
            return "VAR_SAMP";
        case AggregateOp::stddev_pop:
            return "STDDEV_POP";
        case AggregateOp::stddev_samp:
            return "STDDEV_SAMP";
    }
    return "";
}

std::string describe_aggregate(const Aggregate& aggregate, const std::vector<std::string>& names) {
    return fmt::format("{}({})", aggregate_name(aggregate.op), aggregate.arg ? describe(*aggregate.arg, names) : "*");
}

std::string explain(const Plan& plan) {
    std::string out;
    for (const Pump& pump : plan.pumps) explain_pump(pump, plan, out);
    return out;
}

}  // namespace riacho::sql::plan
