#include "sql/test/reference.h"

#include <algorithm>
#include <cmath>

namespace riacho::sql {
namespace {

using Datum = Reference::Datum;
using plan::AggregateOp;
using plan::NodeKind;

constexpr RowTime never(INT64_MAX);

bool contains_scan(const plan::Node& node, std::uint32_t stream) {
    if (node.kind == NodeKind::scan) return node.stream.value() == stream;
    return std::ranges::any_of(node.inputs, [stream](const auto& input) { return contains_scan(*input, stream); });
}

bool equal(const Type& type, const Datum& a, const Datum& b) {
    if (a.null || b.null) return a.null == b.null;
    std::string left = a.text;
    std::string right = b.text;
    if (type.kind == Kind::character) {
        while (left.ends_with(' ')) left.pop_back();
        while (right.ends_with(' ')) right.pop_back();
    }
    return a.exact == b.exact && a.real == b.real && left == right;
}

bool less(const Type& type, const Datum& a, const Datum& b) {
    switch (physical_of(type.kind)) {
        case Physical::string:
            return a.text < b.text;
        case Physical::real:
            return a.real < b.real;
        default:
            return a.exact < b.exact;
    }
}

Datum exact(std::int64_t value) {
    Datum datum;
    datum.null = false;
    datum.exact = value;
    return datum;
}

Datum real(double value) {
    Datum datum;
    datum.null = false;
    datum.real = value;
    return datum;
}

// Over all values of a group, in the order in which they came.
Expected<Datum, SqlState> aggregate(const plan::Aggregate& aggregate, const std::vector<Datum>& all) {
    std::vector<Datum> values;
    for (const Datum& value : all) {
        if (!value.null) values.push_back(value);
    }
    if (aggregate.op == AggregateOp::count_rows) return exact(static_cast<std::int64_t>(all.size()));
    const auto n = static_cast<std::int64_t>(values.size());
    if (aggregate.op == AggregateOp::count) return exact(n);
    const bool sample = aggregate.op == AggregateOp::var_samp || aggregate.op == AggregateOp::stddev_samp;
    if (n == 0 || (sample && n == 1)) return Datum();
    const Type& type = aggregate.arg->type;
    if (aggregate.op == AggregateOp::min || aggregate.op == AggregateOp::max) {
        Datum best = values[0];
        for (const Datum& value : values) {
            if (aggregate.op == AggregateOp::min ? less(type, value, best) : less(type, best, value)) best = value;
        }
        return best;
    }
    if (physical_of(type.kind) == Physical::exact) {
        Int128 sum = 0;
        for (const Datum& value : values) sum += value.exact;
        if (aggregate.op == AggregateOp::average) sum /= n;
        if (!range_of(aggregate.type).has(sum)) return fail(SqlState::out_of_range);
        return exact(static_cast<std::int64_t>(sum));
    }
    double sum = 0;
    for (const Datum& value : values) sum += value.real;
    if (aggregate.op == AggregateOp::sum)
        return real(aggregate.type.kind == Kind::real ? static_cast<float>(sum) : sum);
    const double mean = sum / static_cast<double>(n);
    if (aggregate.op == AggregateOp::average) return real(mean);
    double squares = 0;
    for (const Datum& value : values) squares += (value.real - mean) * (value.real - mean);
    const double variance = squares / static_cast<double>(sample ? n - 1 : n);
    const bool root = aggregate.op == AggregateOp::stddev_pop || aggregate.op == AggregateOp::stddev_samp;
    return real(root ? std::sqrt(variance) : variance);
}

}  // namespace

Reference::Reference(std::shared_ptr<const Program> program, RowTime started_at) : program_(std::move(program)) {
    times_.started_at = times_.wall_now = started_at;
    ordinals_.resize(program_->streams().size());
    errors_.set_wanted(true);
}

void Reference::begin_turn(RowTime now) {
    times_.wall_now = std::max(times_.wall_now, now);
    errors_.begin_turn();
}

void Reference::push(std::uint32_t input, const Batch& rows) {
    for (std::uint32_t r = 0; r < rows.rows; ++r) {
        Row row;
        row.time = rows.time_of(r);
        for (const VectorRef& column : rows.columns) {
            Datum datum;
            datum.null = column == nullptr || column->is_null(r);
            if (!datum.null) {
                switch (column->physical()) {
                    case Physical::boolean:
                        datum.exact = column->values<std::uint8_t>()[r];
                        break;
                    case Physical::exact:
                        datum.exact = column->values<std::int64_t>()[r];
                        break;
                    case Physical::real:
                        datum.real = column->values<double>()[r];
                        break;
                    case Physical::string:
                        datum.text = column->values<std::string_view>()[r];
                        break;
                }
            }
            row.values.push_back(std::move(datum));
        }
        deliver(input, row);
    }
}

void Reference::push_errors(std::uint32_t input, const std::vector<InputError>& errors) {
    for (const InputError& error : errors) errors_.report(program_->streams()[input].name, error, times_.wall_now);
}

void Reference::advance_all(RowTime bound) {
    for (std::uint32_t i = 0; i < program_->plan().environment.inputs.size(); ++i) deliver_bound(i, bound);
}

void Reference::deliver(std::uint32_t stream, const Row& row) {
    const StreamInfo& info = program_->streams()[stream];
    auto batch = std::make_shared<Batch>();
    auto arena = std::make_shared<Arena>();
    batch->rows = 1;
    batch->rowtime = make_rowtime(row.time, 1);
    for (std::size_t i = 0; i < info.columns.size(); ++i) {
        auto column = std::make_shared<Vector>(info.columns[i].type);
        const Datum& value = row.values[i];
        if (value.null) {
            column->set_null(0);
        } else if (column->physical() == Physical::boolean) {
            column->values<std::uint8_t>()[0] = value.exact != 0;
        } else if (column->physical() == Physical::exact) {
            column->values<std::int64_t>()[0] = value.exact;
        } else if (column->physical() == Physical::real) {
            column->values<double>()[0] = value.real;
        } else {
            column->values<std::string_view>()[0] = arena->copy(value.text);
        }
        batch->columns.push_back(std::move(column));
    }
    batch->arenas.push_back(std::move(arena));
    emitted_.push_back({StreamIx(stream), ordinals_[stream]++, std::move(batch)});
    for (const plan::Pump& pump : program_->plan().pumps) {
        if (pump.stopped || !contains_scan(*pump.root, stream)) continue;
        const RowTime bound =
            feed(pump, *pump.root, stream, &row, row.time, [&](const Row& result) { insert(pump, result); });
        insert_into(pump, 0, nullptr, bound);
    }
}

void Reference::deliver_bound(std::uint32_t stream, RowTime bound) {
    for (const plan::Pump& pump : program_->plan().pumps) {
        if (pump.stopped || !contains_scan(*pump.root, stream)) continue;
        const RowTime out =
            feed(pump, *pump.root, stream, nullptr, bound, [&](const Row& result) { insert(pump, result); });
        insert_into(pump, 0, nullptr, out);
    }
}

RowTime Reference::feed(const plan::Pump& pump, const plan::Node& node, std::uint32_t stream, const Row* row,
                        RowTime bound, const Emit& emit) {
    if (node.kind == NodeKind::scan) {
        if (node.stream.value() != stream) return RowTime(INT64_MIN);
        if (row != nullptr) emit(*row);
        return bound;
    }
    if (node.kind == NodeKind::merge) {
        std::vector<std::pair<std::size_t, Row>> rows;
        std::vector<RowTime> bounds;
        for (std::size_t i = 0; i < node.inputs.size(); ++i)
            bounds.push_back(
                feed(pump, *node.inputs[i], stream, row, bound, [&](const Row& one) { rows.emplace_back(i, one); }));
        return merge(memories_[&node], rows, bounds, emit);
    }
    std::vector<Row> rows;
    const RowTime below = feed(pump, *node.inputs[0], stream, row, bound, [&](const Row& one) { rows.push_back(one); });
    if (node.kind == NodeKind::tumble) return tumble(pump, node, rows, below, emit);
    for (const Row& one : rows) {
        if (node.kind == NodeKind::filter) {
            bool keep = true;
            for (const ExprPtr& condition : node.conditions) {
                const auto value = eval(*condition, one);
                if (!value) error(pump, value.error(), one.time);
                keep = value && !value->null && value->exact != 0;
                if (!keep) break;
            }
            if (keep) emit(one);
            continue;
        }
        Row result;
        result.time = one.time;
        bool good = true;
        for (const ExprPtr& expr : node.exprs) {
            const auto value = eval(*expr, one);
            if (!value) {
                error(pump, value.error(), one.time);
                good = false;
                break;
            }
            result.values.push_back(*value);
        }
        if (good) emit(result);
    }
    return below;
}

// The first time with another value of the item, by doubling and halving steps.
RowTime Reference::change_after(const Expr& item, RowTime time, bool stamps_before, RowTime& stamp) {
    const auto value_at = [&](std::int64_t at) {
        Row row;
        row.time = RowTime(at);
        const auto value = eval(item, row);
        return value ? *value : Datum();
    };
    stamp = never;
    if (time == never) return never;
    const Datum here = value_at(time.value());
    std::int64_t same = time.value();
    for (std::int64_t step = 1; step > 0;) {
        if (equal(item.type, here, value_at(same + step))) {
            same += step;
            if (step >= std::int64_t{1} << 42) return never;
            step *= 2;
            continue;
        }
        while (step > 1) {
            step /= 2;
            if (equal(item.type, here, value_at(same + step))) same += step;
        }
        if (equal(item.type, here, value_at(same + 1))) {
            ++same;
            step = 1;
            continue;
        }
        break;
    }
    stamp = RowTime(stamps_before ? same : same + 1);
    return RowTime(same + 1);
}

RowTime Reference::tumble(const plan::Pump& pump, const plan::Node& node, const std::vector<Row>& rows, RowTime bound,
                          const Emit& emit) {
    Memory& memory = memories_[&node];
    const auto item = [&](RowTime time) {
        Row row;
        row.time = time;
        const auto value = eval(*node.monotone, row);
        return value ? *value : Datum();
    };
    const auto is_other = [&](RowTime time) {
        return memory.open && !equal(node.monotone->type, item(time), item(memory.opened_at));
    };
    for (const Row& row : rows) {
        if (is_other(row.time)) close(pump, node, memory, emit);
        if (!memory.open) {
            memory.open = true;
            memory.opened_at = row.time;
        }
        Row kept;
        bool good = true;
        const auto add = [&](const ExprPtr& expr) {
            if (!good) return;
            const auto value = expr ? eval(*expr, row) : Expected<Datum, SqlState>(Datum());
            good = value.has_value();
            if (good) {
                kept.values.push_back(*value);
            } else {
                error(pump, value.error(), row.time);
            }
        };
        for (const ExprPtr& key : node.keys) add(key);
        for (const plan::Aggregate& one : node.aggregates) add(one.arg);
        if (good) memory.rows.push_back(std::move(kept));
    }
    if (bound == RowTime(INT64_MIN)) return bound;
    if (bound != never && is_other(bound)) close(pump, node, memory, emit);
    RowTime stamp = never;
    change_after(*node.monotone, memory.open ? memory.opened_at : bound, node.stamps_before, stamp);
    return stamp;
}

void Reference::close(const plan::Pump& pump, const plan::Node& node, Memory& memory, const Emit& emit) {
    RowTime stamp;
    change_after(*node.monotone, memory.opened_at, node.stamps_before, stamp);
    Row probe;
    probe.time = memory.opened_at;
    const auto item = eval(*node.monotone, probe);
    std::vector<std::vector<Row>> groups;
    for (const Row& row : memory.rows) {
        const auto same_key = [&](const std::vector<Row>& group) {
            for (std::size_t k = 0; k < node.keys.size(); ++k) {
                if (!equal(node.keys[k]->type, group[0].values[k], row.values[k])) return false;
            }
            return true;
        };
        const auto found = std::ranges::find_if(groups, same_key);
        if (found == groups.end()) {
            groups.push_back({row});
        } else {
            found->push_back(row);
        }
    }
    memory.open = false;
    memory.rows.clear();
    for (const auto& group : groups) {
        Row row;
        row.time = stamp;
        row.values.push_back(item ? *item : Datum());
        for (std::size_t k = 0; k < node.keys.size(); ++k) row.values.push_back(group[0].values[k]);
        bool good = true;
        for (std::size_t a = 0; a < node.aggregates.size() && good; ++a) {
            std::vector<Datum> values;
            for (const Row& one : group) values.push_back(one.values[node.keys.size() + a]);
            const auto value = aggregate(node.aggregates[a], values);
            good = value.has_value();
            if (good) {
                row.values.push_back(*value);
            } else {
                error(pump, value.error(), stamp);
            }
        }
        if (good) emit(row);
    }
}

RowTime Reference::merge(Memory& memory, const std::vector<std::pair<std::size_t, Row>>& rows,
                         const std::vector<RowTime>& bounds, const Emit& emit) {
    memory.bounds.resize(bounds.size(), RowTime(INT64_MIN));
    for (const auto& [port, row] : rows) {
        memory.waiting.push_back({row, port, sequence_++});
        memory.bounds[port] = std::max(memory.bounds[port], row.time);
    }
    for (std::size_t i = 0; i < bounds.size(); ++i) memory.bounds[i] = std::max(memory.bounds[i], bounds[i]);
    std::ranges::sort(memory.waiting, [](const auto& a, const auto& b) {
        return a.row.time != b.row.time ? a.row.time < b.row.time : a.sequence < b.sequence;
    });
    const RowTime least = *std::ranges::min_element(memory.bounds);
    while (!memory.waiting.empty() && memory.waiting.front().row.time <= least) {
        const Row row = memory.waiting.front().row;
        memory.waiting.erase(memory.waiting.begin());
        emit(row);
    }
    return least;
}

void Reference::insert(const plan::Pump& pump, const Row& row) {
    const StreamInfo& target = program_->streams()[pump.target.value()];
    Row result;
    result.time = row.time;
    for (std::size_t i = 0; i < pump.values.size(); ++i) {
        const auto value = eval(*pump.values[i], row);
        if (!value) return error(pump, value.error(), row.time);
        result.values.push_back(*value);
    }
    for (std::size_t i = 0; i < pump.values.size(); ++i) {
        if (result.values[i].null && !target.columns[i].type.nullable)
            return error(pump, SqlState::null_in_not_null, row.time);
    }
    if (pump.rowtime) {
        const auto time = eval(*pump.rowtime, row);
        if (!time) return error(pump, time.error(), row.time);
        if (time->null) return error(pump, SqlState::null_in_not_null, row.time);
        result.time = RowTime(time->exact);
        const auto last = last_written_.find(&pump);
        if (last != last_written_.end() && result.time < last->second)
            return error(pump, SqlState::out_of_order, row.time);
        last_written_[&pump] = result.time;
    }
    insert_into(pump, 0, &result, result.time);
}

void Reference::insert_into(const plan::Pump& pump, std::uint32_t, const Row* row, RowTime bound) {
    if (bound == RowTime(INT64_MIN) || (row == nullptr && pump.rowtime)) return;
    const std::uint32_t target = pump.target.value();
    std::size_t writers = 0;
    std::size_t mine = 0;
    for (const plan::Pump& other : program_->plan().pumps) {
        if (other.target.value() != target || other.stopped) continue;
        if (&other == &pump) mine = writers;
        ++writers;
    }
    if (writers < 2) {
        if (row != nullptr) {
            deliver(target, *row);
        } else {
            deliver_bound(target, bound);
        }
        return;
    }
    std::vector<std::pair<std::size_t, Row>> rows;
    if (row != nullptr) rows.emplace_back(mine, *row);
    std::vector<RowTime> bounds(writers, RowTime(INT64_MIN));
    bounds[mine] = bound;
    const RowTime out = merge(stream_merges_[target], rows, bounds, [&](const Row& one) { deliver(target, one); });
    if (out != RowTime(INT64_MIN)) deliver_bound(target, out);
}

void Reference::error(const plan::Pump& pump, SqlState state, RowTime time) {
    errors_.report(pump.name, InputError{sql_state_name(state), std::string(sql_state_message(state)), time, ""},
                   times_.wall_now);
}

std::vector<Emitted> Reference::take() {
    for (const BatchRef& batch : errors_.take(true)) emitted_.push_back({program_->error_stream(), 0, batch});
    return std::move(emitted_);
}

}  // namespace riacho::sql
