#include "sql/exec/operator.h"

#include <algorithm>

namespace riacho::sql::exec {
namespace {

// Fewer rows are copied, so that they do not keep vectors of 1,024 rows alive.
constexpr std::uint32_t shared_rows_min = 128;

template <class T>
void gather_values(const Values& from, const Rows& rows, Vector& to) {
    T* out = to.values<T>();
    if (from.constant) {
        std::fill_n(out, rows.count, from.at<T>(0));
        return;
    }
    const T* values = from.vector->values<T>();
    if (rows.list == nullptr) {
        std::copy_n(values, rows.count, out);
        return;
    }
    for (std::uint32_t i = 0; i < rows.count; ++i) out[i] = values[rows.list[i]];
}

VectorRef gather_column(const Values& from, const Rows& rows) {
    auto to = std::make_shared<Vector>(from.vector->type(), rows.count);
    switch (to->physical()) {
        case Physical::boolean:
            gather_values<std::uint8_t>(from, rows, *to);
            break;
        case Physical::exact:
            gather_values<std::int64_t>(from, rows, *to);
            break;
        case Physical::real:
            gather_values<double>(from, rows, *to);
            break;
        case Physical::string:
            gather_values<std::string_view>(from, rows, *to);
            break;
    }
    if (from.vector->has_nulls()) {
        for (std::uint32_t i = 0; i < rows.count; ++i) {
            if (from.is_null(rows[i])) to->set_null(i);
        }
    }
    return to;
}

}  // namespace

void Computing::on_rows(std::uint32_t, const BatchRef& batch, const Rows& rows) {
    traffic_.rows_in += rows.count;
    if (is_busy()) {
        waiting_.push_back(waiting_rows(batch, rows, 0));
        return;
    }
    context_.evaluator.meter().begin_rows();
    take_rows(batch, rows);
}

void Computing::on_bound(std::uint32_t, RowTime bound) {
    if (!is_busy()) return take_bound(bound);
    if (!waiting_.empty() && !waiting_.back().batch) {
        waiting_.back().bound = std::max(waiting_.back().bound, bound);
    } else {
        waiting_.push_back({.bound = bound});
    }
}

std::uint32_t Computing::step() {
    PatternMeter& meter = context_.evaluator.meter();
    Waiting& next = waiting_.front();
    if (!next.batch || !next.is_slow) {
        const Waiting taken = std::move(next);
        waiting_.pop_front();
        if (!taken.batch) {
            take_bound(taken.bound);
            return 1;
        }
        const auto count = static_cast<std::uint32_t>(taken.list.size());
        meter.begin_rows();
        take_rows(taken.batch,
                  count == taken.batch->rows ? Rows::all(count) : Rows{taken.batch->rows, count, taken.list.data()});
        return count;
    }
    const BatchRef batch = next.batch;
    const std::uint16_t row = next.list[next.at++];
    if (next.at == next.list.size()) waiting_.pop_front();
    meter.begin_row();
    const std::int64_t before = meter.total();
    take_rows(batch, Rows{batch->rows, 1, &row});
    // An operator's cost of a row.
    constexpr std::int64_t steps_of_row = 2;
    return 1 + static_cast<std::uint32_t>((meter.total() - before) / steps_of_row);
}

Computing::Waiting Computing::waiting_rows(const BatchRef& batch, const Rows& rows, std::uint32_t from) {
    Waiting waiting{.batch = batch};
    waiting.list.reserve(rows.count - from);
    for (std::uint32_t i = from; i < rows.count; ++i) waiting.list.push_back(static_cast<std::uint16_t>(rows[i]));
    return waiting;
}

void Computing::put_off(const BatchRef& batch, const Rows& rows, std::uint32_t from) {
    waiting_.push_front(waiting_rows(batch, rows, from));
    waiting_.front().is_slow = gave_up();
    context_.may_be_busy = true;
}

void Computing::put_off(RowTime bound) {
    waiting_.push_front({.bound = bound});
    context_.may_be_busy = true;
}

Rows without_errors(const Rows& rows, const ErrorMask& errors, std::uint16_t* list) {
    if (!errors.any()) return rows;
    Rows left{rows.total, 0, list};
    for (std::uint32_t i = 0; i < rows.count; ++i) {
        const std::uint32_t row = rows[i];
        if (!errors.has(row)) list[left.count++] = static_cast<std::uint16_t>(row);
    }
    return left;
}

BatchRef gather(const Batch& from, const Rows& rows, std::vector<Values>& columns, const VectorRef& rowtime,
                const std::shared_ptr<Arena>& arena) {
    auto batch = std::make_shared<Batch>();
    batch->rows = rows.count;
    const bool whole = rows.list == nullptr && rows.count >= shared_rows_min;
    Values time;
    time.vector = rowtime.get();
    batch->rowtime = whole ? rowtime : gather_column(time, rows);
    batch->columns.reserve(columns.size());
    for (Values& values : columns) {
        if (whole && !values.constant && values.column != nullptr) {
            batch->columns.push_back(*values.column);
        } else if (whole && !values.constant && values.owned) {
            batch->columns.push_back(std::move(values.owned));
        } else {
            batch->columns.push_back(gather_column(values, rows));
        }
    }
    batch->arenas = from.arenas;
    if (arena && arena->capacity() > 0) batch->arenas.push_back(arena);
    return batch;
}

BatchRef compact(const BatchRef& batch, const Rows& rows) {
    if (rows.list == nullptr) return batch;
    std::vector<Values> columns(batch->columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
        columns[i].column = &batch->columns[i];
        columns[i].vector = batch->columns[i].get();
    }
    auto result = std::make_shared<Batch>();
    result->rows = rows.count;
    Values time;
    time.vector = batch->rowtime.get();
    result->rowtime = gather_column(time, rows);
    for (const Values& values : columns)
        result->columns.push_back(values.vector == nullptr ? nullptr : gather_column(values, rows));
    result->arenas = batch->arenas;
    return result;
}

}  // namespace riacho::sql::exec
