#include "sql/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <utility>

#include "base/check.h"
#include "base/try.h"
#include "sql/exec/engine_impl.h"
#include "sql/exec/tumble.h"

namespace riacho::sql {
namespace {

// The size of rows waiting in take() at which no more are made.
constexpr std::size_t emitted_bytes_max = 2 << 20;

// The memory that a batch keeps alive; arenas that batches share are counted several times.
std::uint64_t size_of(const Batch& batch) {
    std::uint64_t size = batch.rows * (batch.columns.size() + 1) * 16;
    for (const ArenaRef& arena : batch.arenas) size += arena->capacity();
    return size;
}

std::int64_t count_nodes(const plan::Node& node) {
    std::int64_t count = 1;
    for (const auto& input : node.inputs) count += count_nodes(*input);
    return count;
}

}  // namespace

Engine::Impl::Impl(std::shared_ptr<const Program> the_program, EngineOptions the_options)
    : program(std::move(the_program)), options(the_options) {
    const plan::Plan& plan = program->plan();
    context.seed = options.seed;
    context.times.started_at = options.started_at;
    context.times.wall_now = options.started_at;
    streams.resize(plan.streams.size());
    for (std::size_t i = 0; i < streams.size(); ++i) {
        streams[i].is_output = plan.streams[i].is_output;
        std::uint32_t writers = 0;
        for (const plan::Pump& pump : plan.pumps) writers += pump.target.value() == i && !pump.stopped ? 1 : 0;
        if (writers < 2) continue;
        std::vector<Type> types;
        for (const Column& column : plan.streams[i].columns) types.push_back(column.type);
        streams[i].merge = std::make_unique<exec::MergeBuffer>(writers, std::move(types));
    }
    std::vector<std::uint32_t> writers(streams.size());
    pumps.resize(plan.pumps.size());
    for (std::size_t i = 0; i < plan.pumps.size(); ++i) {
        const plan::Pump& pump = plan.pumps[i];
        if (pump.stopped) continue;
        pumps[i].operators_begin = operators.size();
        const std::uint32_t target = pump.target.value();
        auto insert = std::make_unique<exec::Insert>(context, plan, pump, streams[target], writers[target]++);
        exec::Insert* end = insert.get();
        inserts.push_back(end);
        operators.push_back(std::move(insert));
        build(static_cast<std::uint32_t>(i), *pump.root, end, 0);
        pumps[i].operators_end = operators.size();
    }
    find_streams_below();
    context.errors.set_wanted(streams.back().is_output || options.peek_rows > 0);
    partitions.resize(tumbles().size());
}

// Builds the operators of a node and of the nodes below it; the last one passes its rows to `next`. Null for a scan,
// whose rows go to `next` directly.
exec::Operator* Engine::Impl::build(std::uint32_t number, const plan::Node& node, exec::Operator* next,
                                    std::uint32_t port) {
    const plan::Pump& pump = program->plan().pumps[number];
    std::unique_ptr<exec::Operator> made;
    switch (node.kind) {
        case plan::NodeKind::scan:
            streams[node.stream.value()].readers.push_back({next, port, count_nodes(*pump.root), number});
            return nullptr;
        case plan::NodeKind::filter:
            made = exec::make_filter(context, pump.name, node);
            break;
        case plan::NodeKind::project:
            made = exec::make_project(context, pump.name, node);
            break;
        case plan::NodeKind::tumble:
            made = exec::make_tumble(context, pump.name, node);
            break;
        case plan::NodeKind::merge:
            made = exec::make_merge(context, pump.name, node);
            break;
    }
    made->set_next(next, port);
    exec::Operator* here = made.get();
    operators.push_back(std::move(made));
    for (std::uint32_t i = 0; i < node.inputs.size(); ++i) build(number, *node.inputs[i], here, i);
    return here;
}

std::vector<exec::Tumble*> Engine::Impl::tumbles() const {
    std::vector<exec::Tumble*> result;
    for (const auto& next : operators) {
        if (exec::Tumble* tumble = next->as_tumble()) result.push_back(tumble);
    }
    return result;
}

bool Engine::Impl::idle() const {
    return deliveries.empty() &&
           std::ranges::all_of(streams, [](const exec::StreamNode& stream) { return stream.queue.empty(); });
}

void Engine::Impl::find_streams_below() {
    const plan::Plan& plan = program->plan();
    // From the last streams up: the readers of a stream come before its writers.
    std::vector<std::vector<bool>> reached(streams.size(), std::vector<bool>(streams.size()));
    for (const std::uint32_t stream : std::views::reverse(plan.stream_order)) {
        reached[stream][stream] = true;
        for (const exec::StreamNode::Reader& reader : streams[stream].readers) {
            const auto& further = reached[plan.pumps[reader.pump].target.value()];
            for (std::size_t i = 0; i < further.size(); ++i) reached[stream][i] = reached[stream][i] || further[i];
        }
    }
    for (std::size_t i = 0; i < pumps.size(); ++i) {
        for (const std::uint32_t stream : plan.stream_order) {
            if (reached[plan.pumps[i].target.value()][stream]) pumps[i].below.push_back(stream);
        }
    }
}

void Engine::Impl::deliver(std::uint32_t index) {
    exec::StreamNode& stream = streams[index];
    Delivery& delivery = deliveries.emplace_back();
    delivery.stream = index;
    delivery.item = std::move(stream.queue.front());
    stream.queue.pop_front();
    const BatchRef& batch = delivery.item.batch;
    if (!batch) return;
    if (stream.is_output) {
        emitted.push_back({{StreamIx(index), stream.next_ordinal, batch}, size_of(*batch)});
        emitted_bytes += emitted.back().size;
    }
    stream.next_ordinal += batch->rows;
    if (options.peek_rows > 0) {
        stream.peeked.push_back(batch);
        stream.peeked_rows += batch->rows;
        while (stream.peeked_rows - stream.peeked.front()->rows >= options.peek_rows) {
            stream.peeked_rows -= stream.peeked.front()->rows;
            stream.peeked.pop_front();
        }
    }
}

bool Engine::Impl::has_room(const WorkBudget& budget) const {
    return budget.left > 0 && emitted_bytes < emitted_bytes_max;
}

// One reader after the other, each until none of its operators is busy. A pump that makes many rows of one item, as at
// the end of a window, makes one batch of them at a time, which is processed by all pumps below before the next: no
// queue holds more. The order does not depend on budgets.
bool Engine::Impl::go_on(WorkBudget& budget) {
    while (!deliveries.empty()) {
        Delivery& delivery = deliveries.back();
        const auto& readers = streams[delivery.stream].readers;
        const BatchRef& batch = delivery.item.batch;
        if (std::exchange(context.may_be_busy, false)) delivery.may_be_busy = true;
        if (delivery.may_be_busy) {
            if (!has_room(budget)) return false;
            const exec::StreamNode::Reader& reader = readers[delivery.reader];
            const Pump& pump = pumps[reader.pump];
            const auto filled =
                std::ranges::find_if(pump.below, [&](std::uint32_t below) { return !streams[below].queue.empty(); });
            if (filled != pump.below.end()) {
                deliver(*filled);
                continue;
            }
            // The last operator of a pump is the first here: it processes all its rows before it gets more.
            const auto begin = operators.begin();
            const auto end = begin + static_cast<std::ptrdiff_t>(pump.operators_end);
            const auto busy = std::find_if(begin + static_cast<std::ptrdiff_t>(pump.operators_begin), end,
                                           [](const auto& next) { return next->is_busy(); });
            if (busy != end) {
                budget.left -= reader.cost * (*busy)->step();
                continue;
            }
            delivery.may_be_busy = false;
        }
        if (delivery.has_all) {
            delivery.has_rows = delivery.has_all = false;
            ++delivery.reader;
        }
        if (delivery.reader == readers.size()) {
            deliveries.pop_back();
            continue;
        }
        const exec::StreamNode::Reader& reader = readers[delivery.reader];
        if (batch && !delivery.has_rows) {
            delivery.has_rows = true;
            budget.left -= reader.cost * batch->rows;
            reader.first->on_rows(reader.port, batch, Rows::all(batch->rows));
            continue;
        }
        delivery.has_all = true;
        if (!batch) budget.left -= reader.cost;
        // A row at time t is also a bound: no later row is earlier.
        reader.first->on_bound(reader.port, batch ? batch->last_time() : delivery.item.bound);
    }
    return true;
}

void Engine::Impl::drain(std::uint32_t index, WorkBudget& budget) {
    exec::StreamNode& stream = streams[index];
    while (!stream.queue.empty() && has_room(budget)) {
        // Rows that only the host reads cost the host's work on them.
        const BatchRef& next = stream.queue.front().batch;
        if (next && stream.readers.empty()) budget.left -= next->rows;
        deliver(index);
        if (!go_on(budget)) return;
    }
}

// Not within a delivery: rows made from errors must not come between its rows.
void Engine::Impl::flush_errors() {
    if (!deliveries.empty()) return;
    for (const BatchRef& batch : context.errors.take(idle())) streams.back().write(batch);
}

Engine::Engine(std::shared_ptr<const Program> program, EngineOptions options)
    : impl_(std::make_unique<Impl>(std::move(program), options)) {}
Engine::~Engine() = default;

void Engine::begin_turn(RowTime wall_now) {
    impl_->context.times.wall_now = std::max(impl_->context.times.wall_now, wall_now);
    impl_->context.errors.begin_turn();
}

void Engine::push(InputIx input, BatchRef rows) {
    RIACHO_CHECK(input.value() < impl_->program->plan().environment.inputs.size());
    exec::StreamNode& stream = impl_->streams[input.value()];
    RIACHO_CHECK(rows->rows > 0 && rows->rows <= batch_rows_max, "a batch has 1 to 1,024 rows");
    RowTime last = std::max(stream.bound, stream.last_row);
    for (std::uint32_t row = 0; row < rows->rows; ++row) {
        RIACHO_CHECK(rows->time_of(row) >= last, "ROWTIME of an input never goes back");
        last = rows->time_of(row);
    }
    stream.write(rows);
}

void Engine::push_errors(InputIx input, std::vector<InputError> errors) {
    const StreamInfo& stream = impl_->program->streams()[input.value()];
    for (const InputError& error : errors)
        impl_->context.errors.report(stream.name, error, impl_->context.times.wall_now);
}

void Engine::advance(InputIx input, RowTime bound) { impl_->streams[input.value()].write_bound(bound); }

void Engine::run(WorkBudget& budget) {
    if (!impl_->go_on(budget)) return;
    do {
        for (const std::uint32_t stream : impl_->program->plan().stream_order) {
            impl_->drain(stream, budget);
            if (!impl_->has_room(budget)) break;
        }
        impl_->flush_errors();
    } while (!impl_->idle() && impl_->has_room(budget));
}

bool Engine::idle() const { return impl_->idle(); }

std::optional<RowTime> Engine::wake_at() const {
    std::optional<RowTime> earliest;
    for (const auto& next : impl_->operators) {
        const auto wake = next->wake_at();
        if (wake && (!earliest || *wake < *earliest)) earliest = wake;
    }
    return earliest;
}

std::optional<Emitted> Engine::take() {
    if (impl_->emitted.empty()) return std::nullopt;
    Impl::Made first = std::move(impl_->emitted.front());
    impl_->emitted.pop_front();
    impl_->emitted_bytes -= first.size;
    return std::move(first.rows);
}

std::vector<ErrorCount> Engine::error_counts() const { return impl_->context.errors.counts(); }

Collected Engine::collect(ChunkSink& sink, const CollectBudget& budget) { return impl_->collect(sink, budget); }

Expected<std::unique_ptr<Engine>, RestoreError> Engine::restore(std::shared_ptr<const Program> program,
                                                                EngineOptions options, ChunkSource& source) {
    auto engine = std::make_unique<Engine>(std::move(program), options);
    TRY_VOID(engine->impl_->restore(source));
    return engine;
}

std::vector<BatchRef> Engine::peek(StreamIx stream) const {
    const auto& peeked = impl_->streams[stream.value()].peeked;
    return {peeked.begin(), peeked.end()};
}

void Engine::set_peek_rows(std::uint32_t rows) {
    impl_->options.peek_rows = rows;
    impl_->context.errors.set_wanted(impl_->streams.back().is_output || rows > 0);
    if (rows > 0) return;
    for (exec::StreamNode& stream : impl_->streams) {
        stream.peeked.clear();
        stream.peeked_rows = 0;
    }
}

std::vector<OperatorState> Engine::sizes() const {
    std::vector<OperatorState> result;
    for (const auto& next : impl_->operators) {
        OperatorState state;
        static constexpr std::string_view names[] = {"Scan", "Filter", "Project", "Tumble", "Merge"};
        const plan::Node* node = next->node();
        const std::string_view kind = node == nullptr ? "Insert" : names[static_cast<std::size_t>(node->kind)];
        std::uint32_t number = 0;
        if (node != nullptr) {
            number = node->number;
        } else {
            number = static_cast<const exec::Insert*>(next.get())->plan_pump().number;
        }
        state.name = fmt::format("{}.{} {}", next->pump(), number, kind);
        state.rows_in = next->traffic().rows_in;
        state.rows_out = next->traffic().rows_out;
        if (const exec::Tumble* tumble = next->as_tumble()) {
            state.groups = tumble->groups();
            state.bytes = tumble->capacity();
        }
        if (const exec::MergeBuffer* merge = next->as_merge()) state.rows = merge->held_rows();
        result.push_back(std::move(state));
    }
    return result;
}

std::uint64_t Engine::memory_used() const {
    std::uint64_t size = 0;
    for (const exec::StreamNode& stream : impl_->streams) {
        for (const auto& item : stream.queue) size += item.batch ? size_of(*item.batch) : 0;
        for (const BatchRef& batch : stream.peeked) size += size_of(*batch);
        if (stream.merge) size += stream.merge->held_size();
    }
    for (const auto& next : impl_->operators) {
        if (const exec::Tumble* tumble = next->as_tumble()) size += tumble->capacity();
        if (const exec::MergeBuffer* merge = next->as_merge()) size += merge->held_size();
    }
    return size + impl_->emitted_bytes;
}

std::uint64_t Engine::next_ordinal(StreamIx stream) const { return impl_->streams[stream.value()].next_ordinal; }

}  // namespace riacho::sql
