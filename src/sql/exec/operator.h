// Operators: batches and bounds are pushed from one operator to the next, up to a stream.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/engine.h"
#include "sql/function/evaluate.h"
#include "sql/plan/plan.h"

namespace riacho {
class Encoder;
class Decoder;
}  // namespace riacho

namespace riacho::sql::exec {

class Tumble;
class MergeBuffer;

// The rows of the error stream. Errors are always counted; rows are made only when the stream is read (design 5.12).
class ErrorLog {
public:
    void begin_turn();
    void set_wanted(bool wanted) { wanted_ = wanted; }
    // Rows of a batch that failed in a pump; the columns are those of the batch.
    void report(std::string_view pump, const Batch& batch, const std::vector<Column>& columns, ErrorMask& errors,
                RowTime now);
    void report(std::string_view pump, const InputError& error, RowTime now);
    // The rows of errors reported since the last call, in batches with the columns of the error stream; at the end of a
    // turn also a row with the number of further errors.
    std::vector<BatchRef> take(bool end_of_turn);
    [[nodiscard]] std::vector<ErrorCount> counts() const;
    void encode(Encoder& out) const;
    void decode(Decoder& in);

private:
    struct Row {
        RowTime time;
        std::string name;
        std::string message;
        RowTime rowtime;
        std::string data;
        std::string pump;
    };
    bool count(std::string_view name, std::string_view pump, std::uint64_t rows);

    bool wanted_ = false;
    std::size_t rows_of_turn_ = 0;
    std::uint64_t left_out_ = 0;
    RowTime last_time_{};
    std::vector<Row> rows_;
    std::map<std::pair<std::string, std::string>, std::uint64_t> counts_;
};

// The objects that the operators of an engine share.
struct Context {
    TurnTimes times;
    std::uint64_t seed = 0;
    Evaluator evaluator;
    ErrorLog errors;
    bool may_be_busy = false;  // an operator may need step(); cleared when none does
};

// Counts for sizes().
struct Traffic {
    std::uint64_t rows_in = 0;
    std::uint64_t rows_out = 0;
};

class Operator {
public:
    Operator(Context& context, std::string_view pump, const plan::Node* node)
        : context_(context), pump_(pump), node_(node) {}
    virtual ~Operator() = default;
    Operator(const Operator&) = delete;
    Operator& operator=(const Operator&) = delete;

    // Rows of a batch, ascending; not earlier than an earlier bound. `port`: index of the input.
    virtual void on_rows(std::uint32_t port, const BatchRef& batch, const Rows& rows) = 0;
    // No later row of the input is earlier.
    virtual void on_bound(std::uint32_t port, RowTime bound) = 0;
    // The earliest bound that would release rows.
    [[nodiscard]] virtual std::optional<RowTime> wake_at() const { return std::nullopt; }
    // Whether it stopped in the middle, so that no call is long (then Context::may_be_busy is set): step() continues,
    // and returns the number of rows processed. Later input waits.
    [[nodiscard]] virtual bool is_busy() const { return false; }
    virtual std::uint32_t step() { return 0; }
    [[nodiscard]] virtual Tumble* as_tumble() { return nullptr; }
    [[nodiscard]] virtual MergeBuffer* as_merge() { return nullptr; }

    void set_next(Operator* next, std::uint32_t port) {
        next_ = next;
        next_port_ = port;
    }
    [[nodiscard]] const plan::Node* node() const { return node_; }
    [[nodiscard]] const Traffic& traffic() const { return traffic_; }
    [[nodiscard]] std::string_view pump() const { return pump_; }

protected:
    void emit(const BatchRef& batch, const Rows& rows) {
        if (rows.count == 0) return;
        traffic_.rows_out += rows.count;
        next_->on_rows(next_port_, batch, rows);
    }
    void pass_bound(RowTime bound) { next_->on_bound(next_port_, bound); }

    Context& context_;
    std::string pump_;
    const plan::Node* node_;
    Traffic traffic_;
    Operator* next_ = nullptr;
    std::uint32_t next_port_ = 0;
};

// An operator that computes expressions of one input. Rows whose patterns take long are deferred and computed one by
// one, so that no call is long; later rows wait.
class Computing : public Operator {
public:
    using Operator::Operator;
    void on_rows(std::uint32_t port, const BatchRef& batch, const Rows& rows) final;
    void on_bound(std::uint32_t port, RowTime bound) final;
    [[nodiscard]] bool is_busy() const override { return !waiting_.empty(); }
    std::uint32_t step() override;

protected:
    // Processes the rows, or defers those that it has not processed.
    virtual void take_rows(const BatchRef& batch, const Rows& rows) = 0;
    virtual void take_bound(RowTime bound) = 0;
    // The results since take_rows() began are invalid: the rows from `from` on are to be deferred.
    [[nodiscard]] bool gave_up() { return context_.evaluator.meter().gave_up(); }
    // Inserts the rows before all waiting ones.
    void put_off(const BatchRef& batch, const Rows& rows, std::uint32_t from);
    void put_off(RowTime bound);

private:
    struct Waiting {
        BatchRef batch;  // null: a bound
        RowTime bound{};
        std::vector<std::uint16_t> list;  // rows of the batch
        std::uint32_t at = 0;             // the first waiting row
        bool is_slow = false;             // rows are processed one by one
    };
    static Waiting waiting_rows(const BatchRef& batch, const Rows& rows, std::uint32_t from);
    std::deque<Waiting> waiting_;
};

// The columns of a row batch with the given values; errors of its rows are reported with it.
[[nodiscard]] BatchRef gather(const Batch& from, const Rows& rows, std::vector<Values>& columns,
                              const VectorRef& rowtime, const std::shared_ptr<Arena>& arena);
// The rows without an error, in `list`.
[[nodiscard]] Rows without_errors(const Rows& rows, const ErrorMask& errors, std::uint16_t* list);
// Rows of a batch as a batch of their own.
[[nodiscard]] BatchRef compact(const BatchRef& batch, const Rows& rows);

std::unique_ptr<Operator> make_filter(Context& context, std::string_view pump, const plan::Node& node);
std::unique_ptr<Operator> make_project(Context& context, std::string_view pump, const plan::Node& node);
std::unique_ptr<Operator> make_tumble(Context& context, std::string_view pump, const plan::Node& node);
std::unique_ptr<Operator> make_merge(Context& context, std::string_view pump, const plan::Node& node);

}  // namespace riacho::sql::exec
