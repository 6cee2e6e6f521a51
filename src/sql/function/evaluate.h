// Computes bound expressions over batches.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sql/batch/batch.h"
#include "sql/function/expr.h"
#include "sql/function/regex.h"

namespace riacho::sql {

// The selected rows of a batch: all, or those of an ascending list.
struct Rows {
    std::uint32_t total = 0;  // of the batch
    std::uint32_t count = 0;
    const std::uint16_t* list = nullptr;  // null: all

    static Rows all(std::uint32_t total) { return {total, total, nullptr}; }
    [[nodiscard]] std::uint32_t operator[](std::uint32_t i) const { return list == nullptr ? i : list[i]; }
};

// The first error of each row.
class ErrorMask {
public:
    struct Entry {
        std::uint32_t row;
        SqlState state;
    };
    void set(std::uint32_t row, SqlState state) {
        if (bits_.get(row)) return;
        bits_.set(row);
        entries_.push_back({row, state});
    }
    [[nodiscard]] bool any() const { return !entries_.empty(); }
    [[nodiscard]] bool has(std::uint32_t row) const { return any() && bits_.get(row); }
    // In the order in which they happened; sort by row before showing them.
    [[nodiscard]] std::vector<Entry>& entries() { return entries_; }
    void clear() {
        if (!any()) return;
        bits_.fill(false);
        entries_.clear();
    }

private:
    RowBits bits_;
    std::vector<Entry> entries_;
};

// The values of an expression: a vector with one value for each row of the batch, or one value for all. Values of rows
// that are not selected are indeterminate.
struct Values {
    const Vector* vector = nullptr;
    bool constant = false;
    std::unique_ptr<Vector> owned;  // null: the vector is a column of the batch
    const VectorRef* column = nullptr;

    template <class T>
    [[nodiscard]] const T& at(std::uint32_t row) const {
        return vector->values<T>()[constant ? 0 : row];
    }
    [[nodiscard]] bool is_null(std::uint32_t row) const { return vector->is_null(constant ? 0 : row); }
};

// The times of a turn for expressions.
struct TurnTimes {
    RowTime wall_now{};
    RowTime started_at{};
};

// Not thread-safe. Keeps vectors for reuse.
class Evaluator {
public:
    Evaluator();
    ~Evaluator();
    Evaluator(const Evaluator&) = delete;
    Evaluator& operator=(const Evaluator&) = delete;

    // New strings are allocated in `arena`. Errors are added to `errors`; the value of such a row is NULL.
    Values evaluate(const Expr& expr, const Batch& batch, const Rows& rows, const TurnTimes& times, Arena& arena,
                    ErrorMask& errors);
    // Writes the rows for which the condition is TRUE to `list` (room for rows.count). Rows with errors are left out.
    Rows select(const Expr& condition, const Batch& batch, const Rows& rows, const TurnTimes& times, Arena& arena,
                ErrorMask& errors, std::uint16_t* list);
    void recycle(Values&& values);
    // Counts the steps of patterns. The caller begins a count before it computes rows.
    [[nodiscard]] PatternMeter& meter();

    struct Impl;

private:
    std::unique_ptr<Impl> impl_;
};

// The constant value of a constant expression, or the expression itself if computing it fails.
[[nodiscard]] ExprPtr fold(const ExprPtr& expr);

}  // namespace riacho::sql
