// A naive interpreter of plans: row by row, without vectors, masks and incremental state; windows keep all their rows
// and evaluate them at their end. It shares only the binder and types/cast.h with the engine.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sql/engine.h"
#include "sql/exec/operator.h"
#include "sql/plan/plan.h"

namespace riacho::sql {

class Reference {
public:
    Reference(std::shared_ptr<const Program> program, RowTime started_at);

    void begin_turn(RowTime now);
    void push(std::uint32_t input, const Batch& rows);
    void push_errors(std::uint32_t input, const std::vector<InputError>& errors);
    // Of all inputs.
    void advance_all(RowTime bound);
    std::vector<Emitted> take();

    struct Datum {
        bool null = true;
        std::int64_t exact = 0;
        double real = 0;
        std::string text;
    };
    struct Row {
        RowTime time{};
        std::vector<Datum> values;
    };

private:
    // The state of a node.
    struct Memory {
        bool open = false;
        RowTime opened_at{};
        std::vector<Row> rows;  // of the window: keys, then arguments
        struct Waiting {
            Row row;
            std::size_t port;
            std::uint64_t sequence;
        };
        std::vector<Waiting> waiting;  // of a merge
        std::vector<RowTime> bounds;
    };
    using Emit = std::function<void(const Row&)>;

    void deliver(std::uint32_t stream, const Row& row);
    void deliver_bound(std::uint32_t stream, RowTime bound);
    // Passes a row or bound of the stream to the scans below the node; the node's rows go to `emit`, and its bound is
    // returned.
    RowTime feed(const plan::Pump& pump, const plan::Node& node, std::uint32_t stream, const Row* row, RowTime bound,
                 const Emit& emit);
    RowTime tumble(const plan::Pump& pump, const plan::Node& node, const std::vector<Row>& rows, RowTime bound,
                   const Emit& emit);
    RowTime merge(Memory& memory, const std::vector<std::pair<std::size_t, Row>>& rows,
                  const std::vector<RowTime>& bounds, const Emit& emit);
    void close(const plan::Pump& pump, const plan::Node& node, Memory& memory, const Emit& emit);
    RowTime change_after(const Expr& item, RowTime time, bool stamps_before, RowTime& stamp);
    void insert(const plan::Pump& pump, const Row& row);
    void insert_into(const plan::Pump& pump, std::uint32_t writer, const Row* row, RowTime bound);
    void error(const plan::Pump& pump, SqlState state, RowTime time);
    [[nodiscard]] Expected<Datum, SqlState> eval(const Expr& expr, const Row& row);
    [[nodiscard]] Expected<Datum, SqlState> call(const Expr& expr, const std::vector<Datum>& args);

    std::shared_ptr<const Program> program_;
    TurnTimes times_;
    std::map<const plan::Node*, Memory> memories_;
    std::map<std::uint32_t, Memory> stream_merges_;
    std::vector<std::uint64_t> ordinals_;
    std::map<const plan::Pump*, RowTime> last_written_;
    std::uint64_t sequence_ = 0;
    exec::ErrorLog errors_;
    std::vector<Emitted> emitted_;
};

}  // namespace riacho::sql
