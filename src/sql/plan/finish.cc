// Completes a plan between the binder and the engine: rewrites that change no result, and derived properties.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>

#include "sql/batch/hash.h"
#include "sql/plan/plan.h"

namespace riacho::sql::plan {
namespace {

// Splits A AND B into two conditions, unless a NULL A would have let B fail.
void split(const ExprPtr& condition, std::vector<ExprPtr>& out) {
    if (condition->op == Op::logical_and && (!condition->args[0]->type.nullable || !can_fail(*condition->args[1]))) {
        split(condition->args[0], out);
        split(condition->args[1], out);
        return;
    }
    out.push_back(condition);
}

struct Uses {
    int all = 0;
    int lazy = 0;  // uses that may not be evaluated: within CASE, COALESCE, AND, OR
};

void count_uses(const Expr& expr, std::vector<Uses>& uses, bool lazy) {
    if (expr.op == Op::column) {
        ++uses[expr.index].all;
        uses[expr.index].lazy += lazy ? 1 : 0;
    }
    lazy |=
        expr.op == Op::case_when || expr.op == Op::coalesce || expr.op == Op::logical_and || expr.op == Op::logical_or;
    for (const ExprPtr& arg : expr.args) count_uses(*arg, uses, lazy);
}

constexpr std::uint32_t merged_depth_max = 1'000;
constexpr std::uint32_t pushed_weight_max = 20'000;

bool is_trivial(const Expr& expr) { return expr.op == Op::column || expr.op == Op::constant || expr.op == Op::rowtime; }

// Whether a node above a projection may compute the projection's expressions itself: none twice, and none that can fail
// only conditionally.
bool can_merge(const Node& project, const std::vector<ExprPtr>& above) {
    if (project.rowtime) return false;
    std::vector<Uses> uses(project.exprs.size());
    std::uint32_t depth_above = 0;
    for (const ExprPtr& expr : above) {
        count_uses(*expr, uses, false);
        depth_above = std::max(depth_above, expr->depth);
    }
    for (std::size_t i = 0; i < uses.size(); ++i) {
        const Expr& expr = *project.exprs[i];
        if (uses[i].all > 1 && !is_trivial(expr)) return false;
        if ((uses[i].all == 0 || uses[i].lazy > 0) && can_fail(expr)) return false;
        if (depth_above + expr.depth > merged_depth_max) return false;
    }
    return true;
}

void substitute_all(std::vector<ExprPtr>& exprs, const Node& project) {
    for (ExprPtr& expr : exprs) expr = substitute(expr, project.exprs, make_rowtime_expr());
}

std::unique_ptr<Node> rewrite(std::unique_ptr<Node> node) {
    for (auto& input : node->inputs) input = rewrite(std::move(input));
    if (node->kind == NodeKind::filter) {
        std::vector<ExprPtr> conditions;
        for (const ExprPtr& condition : node->conditions) split(condition, conditions);
        node->conditions = std::move(conditions);
        Node& below = *node->inputs[0];
        if (below.kind == NodeKind::filter) {
            below.conditions.insert(below.conditions.end(), node->conditions.begin(), node->conditions.end());
            return std::move(node->inputs[0]);
        }
        // Filters move below a projection that cannot fail: it need not compute the rows that they drop.
        if (below.kind == NodeKind::project && !below.rowtime &&
            std::ranges::none_of(below.exprs, [](const ExprPtr& expr) { return can_fail(*expr); })) {
            std::vector<ExprPtr> pushed = node->conditions;
            substitute_all(pushed, below);
            // A column that is used twice doubles its expression, at every level again.
            if (!std::ranges::all_of(pushed, [](const ExprPtr& expr) {
                    return expr->weight <= pushed_weight_max && expr->depth <= merged_depth_max;
                }))
                return node;
            node->conditions = std::move(pushed);
            std::unique_ptr<Node> project = std::move(node->inputs[0]);
            node->inputs[0] = std::move(project->inputs[0]);
            node->columns = node->inputs[0]->columns;
            project->inputs[0] = rewrite(std::move(node));
            return project;
        }
    }
    if (node->kind == NodeKind::project && node->inputs[0]->kind == NodeKind::project) {
        std::vector<ExprPtr> above = node->exprs;
        if (node->rowtime) above.push_back(node->rowtime);
        if (can_merge(*node->inputs[0], above)) {
            substitute_all(node->exprs, *node->inputs[0]);
            if (node->rowtime) node->rowtime = substitute(node->rowtime, node->inputs[0]->exprs, make_rowtime_expr());
            node->inputs[0] = std::move(node->inputs[0]->inputs[0]);
        }
    }
    return node;
}

void rewrite(Pump& pump) {
    pump.root = rewrite(std::move(pump.root));
    while (pump.root->kind == NodeKind::project) {
        std::vector<ExprPtr> above = pump.values;
        if (pump.rowtime) above.push_back(pump.rowtime);
        if (!can_merge(*pump.root, above)) break;
        substitute_all(pump.values, *pump.root);
        if (pump.rowtime) pump.rowtime = substitute(pump.rowtime, pump.root->exprs, make_rowtime_expr());
        pump.root = std::move(pump.root->inputs[0]);
    }
}

void number(Node& node, std::uint32_t& next) {
    for (auto& input : node.inputs) number(*input, next);
    node.number = next++;
}

// `used`: the node's columns that are read by nodes above.
void find_used(Node& node, const std::vector<bool>& used) {
    std::vector<bool> below(node.inputs.empty() ? 0 : node.inputs[0]->columns.size());
    switch (node.kind) {
        case NodeKind::scan:
            node.used = used;
            return;
        case NodeKind::filter:
            below = used;
            for (const ExprPtr& condition : node.conditions) collect_columns(*condition, below);
            break;
        case NodeKind::project:
            for (const ExprPtr& expr : node.exprs) collect_columns(*expr, below);
            if (node.rowtime) collect_columns(*node.rowtime, below);
            break;
        case NodeKind::tumble:
            for (const ExprPtr& key : node.keys) collect_columns(*key, below);
            for (const Aggregate& aggregate : node.aggregates) {
                if (aggregate.arg) collect_columns(*aggregate.arg, below);
            }
            break;
        case NodeKind::merge:
            below.assign(below.size(), true);
            break;
    }
    for (auto& input : node.inputs) find_used(*input, below);
}

void collect_scans(const Node& node, std::vector<const Node*>& scans) {
    if (node.kind == NodeKind::scan) scans.push_back(&node);
    for (const auto& input : node.inputs) collect_scans(*input, scans);
}

std::uint64_t hash_text(std::string_view text) { return hash_bytes(text, 0x726961'63686f73); }

void columns_text(const std::vector<Column>& columns, std::string& out) {
    for (const Column& column : columns) {
        const Type& type = column.type;
        fmt::format_to(std::back_inserter(out), "[{}.{}.{}.{}]", static_cast<int>(type.kind), type.precision,
                       type.scale, type.length);
    }
}

Fingerprint fingerprint(Node& node, const std::vector<Fingerprint>& streams, const Plan& plan) {
    std::string text = fmt::format("{}:", static_cast<int>(node.kind));
    for (auto& input : node.inputs)
        fmt::format_to(std::back_inserter(text), "<{:x}>", fingerprint(*input, streams, plan).value);
    columns_text(node.columns, text);
    if (node.kind == NodeKind::scan) {
        fmt::format_to(std::back_inserter(text), "{}:{:x}", plan.streams[node.stream.value()].name,
                       streams[node.stream.value()].value);
    }
    for (const ExprPtr& condition : node.conditions) fingerprint_text(*condition, text);
    for (const ExprPtr& expr : node.exprs) fingerprint_text(*expr, text);
    if (node.rowtime) fingerprint_text(*node.rowtime, text);
    if (node.monotone) fingerprint_text(*node.monotone, text);
    for (const ExprPtr& key : node.keys) fingerprint_text(*key, text);
    for (const Aggregate& aggregate : node.aggregates) {
        fmt::format_to(std::back_inserter(text), "a{}", static_cast<int>(aggregate.op));
        if (aggregate.arg) fingerprint_text(*aggregate.arg, text);
    }
    node.fingerprint = {hash_text(text)};
    return node.fingerprint;
}

void order_streams(Plan& plan) {
    std::vector<bool> done(plan.streams.size());
    const std::function<void(std::uint32_t)> visit = [&](std::uint32_t stream) {
        if (done[stream]) return;
        done[stream] = true;
        for (const Pump& pump : plan.pumps) {
            if (pump.target.value() != stream) continue;
            for (const std::uint32_t source : pump.sources) visit(source);
        }
        plan.stream_order.push_back(stream);
    };
    for (std::uint32_t i = 0; i < plan.streams.size(); ++i) visit(i);
}

void fingerprint_all(Plan& plan) {
    std::vector<Fingerprint> streams(plan.streams.size());
    std::string whole;
    for (const std::uint32_t index : plan.stream_order) {
        std::string text = fmt::format("{}:", plan.streams[index].is_input);
        columns_text(plan.streams[index].columns, text);
        for (Pump& pump : plan.pumps) {
            if (pump.target.value() != index) continue;
            std::string inner = fmt::format("{:x}{}", fingerprint(*pump.root, streams, plan).value, pump.stopped);
            for (const ExprPtr& value : pump.values) fingerprint_text(*value, inner);
            if (pump.rowtime) fingerprint_text(*pump.rowtime, inner);
            for (const Column& column : plan.streams[index].columns) inner += column.type.nullable ? 'n' : '!';
            pump.fingerprint = {hash_text(inner)};
            fmt::format_to(std::back_inserter(text), "<{:x}>", pump.fingerprint.value);
        }
        streams[index] = {hash_text(text)};
        fmt::format_to(std::back_inserter(whole), "{}:{:x};", plan.streams[index].name, streams[index].value);
    }
    plan.fingerprint = {hash_text(whole)};
}

}  // namespace

void finish(Plan& plan) {
    for (Pump& pump : plan.pumps) {
        rewrite(pump);
        std::uint32_t next = 0;
        number(*pump.root, next);
        pump.number = next;
        std::vector<bool> used(pump.root->columns.size());
        for (const ExprPtr& value : pump.values) collect_columns(*value, used);
        if (pump.rowtime) collect_columns(*pump.rowtime, used);
        find_used(*pump.root, used);
    }
    order_streams(plan);
    for (std::size_t i = 0; i < plan.environment.inputs.size(); ++i) {
        const bool output = plan.streams[i].is_output;
        plan.columns_used.emplace_back(plan.streams[i].columns.size(), output);
    }
    for (const Pump& pump : plan.pumps) {
        if (pump.stopped) continue;
        std::vector<const Node*> scans;
        collect_scans(*pump.root, scans);
        for (const Node* scan : scans) {
            if (scan->stream.value() >= plan.columns_used.size()) continue;
            auto& all = plan.columns_used[scan->stream.value()];
            for (std::size_t i = 0; i < all.size(); ++i) all[i] = all[i] || scan->used[i];
        }
    }
    fingerprint_all(plan);
}

}  // namespace riacho::sql::plan
