#include "sql/engine.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/try.h"
#include "sql/exec/engine_impl.h"
#include "sql/exec/tumble.h"

namespace riacho::sql {
namespace {

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
    for (const plan::Pump& pump : plan.pumps) {
        if (pump.stopped) continue;
        const std::uint32_t target = pump.target.value();
        auto insert = std::make_unique<exec::Insert>(context, plan, pump, streams[target], writers[target]++);
        exec::Insert* end = insert.get();
        inserts.push_back(end);
        operators.push_back(std::move(insert));
        build(pump, *pump.root, end, 0);
    }
    context.errors.set_wanted(streams.back().is_output || options.peek_rows > 0);
    partitions.resize(tumbles().size());
}

// The operators of a node and what is below it; the last of them hands on to `next`. Null for a scan, whose reader is
// `next` itself.
exec::Operator* Engine::Impl::build(const plan::Pump& pump, const plan::Node& node, exec::Operator* next,
                                    std::uint32_t port) {
    std::unique_ptr<exec::Operator> made;
    switch (node.kind) {
        case plan::NodeKind::scan:
            streams[node.stream.value()].readers.push_back({next, port, count_nodes(*pump.root)});
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
    for (std::uint32_t i = 0; i < node.inputs.size(); ++i) build(pump, *node.inputs[i], here, i);
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
    return !delivery &&
           std::ranges::all_of(streams, [](const exec::StreamNode& stream) { return stream.queue.empty(); });
}

void Engine::Impl::deliver(std::uint32_t index, exec::StreamNode::Item item) {
    exec::StreamNode& stream = streams[index];
    delivery.emplace(index, std::move(item));
    const BatchRef& batch = delivery->item.batch;
    if (!batch) return;
    if (stream.is_output) emitted.push_back({StreamIx(index), stream.next_ordinal, batch});
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

// One reader after the other, each until none of its operators is busy: the order of all that is made does not depend
// on where a budget ends.
bool Engine::Impl::go_on(WorkBudget& budget) {
    if (!delivery) return true;
    const auto& readers = streams[delivery->stream].readers;
    const BatchRef& batch = delivery->item.batch;
    while (true) {
        if (context.may_be_busy) {
            // The last operator of a pump is the first here: it takes all it got before there is more for it.
            const auto busy = std::ranges::find_if(operators, [](const auto& next) { return next->is_busy(); });
            if (busy != operators.end()) {
                if (budget.left <= 0) return false;
                budget.left -= readers[delivery->reader].cost * (*busy)->step();
                continue;
            }
            context.may_be_busy = false;
        }
        if (delivery->has_all) {
            delivery->has_rows = delivery->has_all = false;
            ++delivery->reader;
        }
        if (delivery->reader == readers.size()) break;
        const exec::StreamNode::Reader& reader = readers[delivery->reader];
        if (batch && !delivery->has_rows) {
            delivery->has_rows = true;
            budget.left -= reader.cost * batch->rows;
            reader.first->on_rows(reader.port, batch, Rows::all(batch->rows));
            continue;
        }
        delivery->has_all = true;
        if (!batch) budget.left -= reader.cost;
        // A row at t says that no later one is earlier.
        reader.first->on_bound(reader.port, batch ? batch->last_time() : delivery->item.bound);
    }
    delivery.reset();
    return true;
}

void Engine::Impl::drain(std::uint32_t index, WorkBudget& budget) {
    exec::StreamNode& stream = streams[index];
    while (!stream.queue.empty() && budget.left > 0) {
        exec::StreamNode::Item item = std::move(stream.queue.front());
        stream.queue.pop_front();
        // Rows that nothing but the host reads cost what it does with them.
        if (item.batch && stream.readers.empty()) budget.left -= item.batch->rows;
        deliver(index, std::move(item));
        if (!go_on(budget)) return;
    }
}

// Not in the middle of a delivery: what errors are the input of would come between.
void Engine::Impl::flush_errors() {
    if (delivery) return;
    const auto index = static_cast<std::uint32_t>(streams.size()) - 1;
    WorkBudget unlimited;
    for (const BatchRef& batch : context.errors.take(idle())) {
        deliver(index, {batch, {}});
        go_on(unlimited);
    }
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
    for (const std::uint32_t stream : impl_->program->plan().stream_order) {
        impl_->drain(stream, budget);
        if (budget.left <= 0) break;
    }
    impl_->flush_errors();
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
    Emitted first = std::move(impl_->emitted.front());
    impl_->emitted.pop_front();
    return first;
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

namespace {

// What a batch keeps alive; batches that share arenas count them several times.
std::uint64_t size_of(const Batch& batch) {
    std::uint64_t size = batch.rows * (batch.columns.size() + 1) * 16;
    for (const ArenaRef& arena : batch.arenas) size += arena->capacity();
    return size;
}

}  // namespace

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
    for (const Emitted& next : impl_->emitted) size += size_of(*next.rows);
    return size;
}

std::uint64_t Engine::next_ordinal(StreamIx stream) const { return impl_->streams[stream.value()].next_ordinal; }

}  // namespace riacho::sql
