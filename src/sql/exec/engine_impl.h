// The parts of an engine: streams, and for each pump a chain of operators between two streams.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sql/engine.h"
#include "sql/exec/merge.h"
#include "sql/exec/operator.h"

namespace riacho::sql {

namespace exec {

class Insert;

// A stream: the queue of rows and bounds that its readers have not received yet.
struct StreamNode {
    struct Item {
        BatchRef batch;  // null: a bound
        RowTime bound{};
    };
    struct Reader {
        Operator* first = nullptr;
        std::uint32_t port = 0;
        std::int64_t cost = 1;  // operators of the pump
        std::uint32_t pump = 0;
    };
    std::deque<Item> queue;
    std::vector<Reader> readers;
    RowTime bound{INT64_MIN};     // of all that was queued
    RowTime last_row{INT64_MIN};  // the last row that was queued
    std::uint64_t next_ordinal = 0;
    bool is_output = false;
    std::unique_ptr<MergeBuffer> merge;  // for streams with several writers
    std::deque<BatchRef> peeked;
    std::uint32_t peeked_rows = 0;

    void write(const BatchRef& batch);
    void write_bound(RowTime to);
};

// The end of a pump: assigns and checks values, and writes them to the stream.
class Insert final : public Computing {
public:
    Insert(Context& context, const plan::Plan& plan, const plan::Pump& pump, StreamNode& stream, std::uint32_t writer);

    [[nodiscard]] const plan::Pump& plan_pump() const { return pump_plan_; }
    [[nodiscard]] RowTime last_written() const { return last_written_; }
    void set_last_written(RowTime time) { last_written_ = time; }

private:
    void take_rows(const BatchRef& batch, const Rows& rows) override;
    void take_bound(RowTime bound) override;
    void check_nulls(std::vector<Values>& columns, const Rows& rows);
    void check_order(const Values& rowtime, const Rows& rows);
    void check_sizes(const std::vector<Values>& columns, const Rows& rows);

    const plan::Pump& pump_plan_;
    const StreamInfo& target_;
    StreamNode& stream_;
    std::uint32_t writer_;
    bool may_be_large_ = false;
    RowTime last_written_{INT64_MIN};  // with a ROWTIME of its own
    ErrorMask errors_;
    std::array<std::uint16_t, batch_rows_max> list_;
};

}  // namespace exec

struct Engine::Impl {
    std::shared_ptr<const Program> program;
    EngineOptions options;
    exec::Context context;
    std::vector<exec::StreamNode> streams;
    std::vector<std::unique_ptr<exec::Operator>> operators;
    std::vector<exec::Insert*> inserts;
    struct Pump {
        std::size_t operators_begin = 0;  // of `operators`, the last one of the pump first
        std::size_t operators_end = 0;
        std::vector<std::uint32_t> below;  // all streams that its rows can reach, sources before targets
    };
    std::vector<Pump> pumps;  // by plan::Pump; empty for a stopped one
    struct Made {
        Emitted rows;
        std::size_t size = 0;
    };
    std::deque<Made> emitted;
    std::size_t emitted_bytes = 0;
    // A delivery of a stream's queue to its readers in progress; run() may return in the middle of it.
    struct Delivery {
        std::uint32_t stream = 0;
        exec::StreamNode::Item item;
        std::size_t reader = 0;
        bool has_rows = false;  // the reader has received the batch; the bound is next
        bool has_all = false;
        bool may_be_busy = false;  // an operator of the reader's pump needs step()
    };
    // Each but the first is for a stream below the pump of the previous one.
    std::vector<Delivery> deliveries;
    bool began = false;

    // State (exec/state.cc). For each Tumble the last chunks of its partitions.
    struct PartitionLog {
        std::uint64_t epoch = 0;
        std::vector<std::uint64_t> base;  // number of the chunk from which on the partition is complete
        std::uint32_t groups = 0;         // number of groups written with their keys
    };
    std::vector<PartitionLog> partitions;
    std::uint64_t next_chunk = 1;

    Impl(std::shared_ptr<const Program> the_program, EngineOptions the_options);
    exec::Operator* build(std::uint32_t number, const plan::Node& node, exec::Operator* next, std::uint32_t port);
    void drain(std::uint32_t stream, WorkBudget& budget);
    // Begins a delivery of the stream's queue to its readers.
    void deliver(std::uint32_t stream);
    // Continues the deliveries; true when all are complete.
    bool go_on(WorkBudget& budget);
    // Whether run() may continue: the budget is not spent, and not too many rows wait in take().
    [[nodiscard]] bool has_room(const WorkBudget& budget) const;
    void find_streams_below();
    void flush_errors();
    [[nodiscard]] bool idle() const;
    [[nodiscard]] std::vector<exec::Tumble*> tumbles() const;
    Collected collect(ChunkSink& sink, const CollectBudget& budget);
    Expected<void, RestoreError> restore(ChunkSource& source);
};

}  // namespace riacho::sql
