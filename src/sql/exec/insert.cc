#include <algorithm>

#include "sql/exec/engine_impl.h"

namespace riacho::sql::exec {
namespace {

constexpr std::size_t row_size_max = 512 * 1024;  // AWS: S9.3

}  // namespace

void StreamNode::write(const BatchRef& batch) {
    queue.push_back({batch, {}});
    last_row = std::max(last_row, batch->last_time());
}

void StreamNode::write_bound(RowTime to) {
    if (to <= bound) return;
    bound = to;
    if (!queue.empty() && !queue.back().batch) {
        queue.back().bound = to;
    } else {
        queue.push_back({nullptr, to});
    }
}

Insert::Insert(Context& context, const plan::Plan& plan, const plan::Pump& pump, StreamNode& stream,
               std::uint32_t writer)
    : Computing(context, pump.name, nullptr),
      pump_plan_(pump),
      target_(plan.streams[pump.target.value()]),
      stream_(stream),
      writer_(writer) {
    std::size_t size_max = 0;
    for (const Column& column : target_.columns) size_max += 8 + std::size_t{column.type.length} * 4;
    may_be_large_ = size_max > row_size_max;
}

void Insert::take_rows(const BatchRef& batch, const Rows& rows) {
    auto arena = std::make_shared<Arena>();
    std::vector<Values> columns;
    columns.reserve(pump_plan_.values.size() + 1);
    for (const ExprPtr& value : pump_plan_.values)
        columns.push_back(context_.evaluator.evaluate(*value, *batch, rows, context_.times, *arena, errors_));
    Values own;
    if (pump_plan_.rowtime)
        own = context_.evaluator.evaluate(*pump_plan_.rowtime, *batch, rows, context_.times, *arena, errors_);
    if (gave_up()) {
        errors_.clear();
        for (Values& values : columns) context_.evaluator.recycle(std::move(values));
        context_.evaluator.recycle(std::move(own));
        return put_off(batch, rows, 0);
    }
    check_nulls(columns, rows);
    if (may_be_large_) check_sizes(columns, rows);
    VectorRef rowtime = batch->rowtime;
    if (pump_plan_.rowtime) {
        check_order(own, rows);
        auto times = std::make_shared<Vector>(simple_type(Kind::timestamp, false));
        for (std::uint32_t i = 0; i < rows.count; ++i)
            times->values<std::int64_t>()[rows[i]] = own.at<std::int64_t>(rows[i]);
        rowtime = std::move(times);
        context_.evaluator.recycle(std::move(own));
    }
    const Rows good = without_errors(rows, errors_, list_.data());
    BatchRef result;
    if (good.count > 0) result = gather(*batch, good, columns, rowtime, arena);
    for (Values& values : columns) context_.evaluator.recycle(std::move(values));
    if (errors_.any())
        context_.errors.report(pump_, *batch, pump_plan_.root->columns, errors_, context_.times.wall_now);
    if (!result) return;
    traffic_.rows_out += result->rows;
    if (stream_.merge) {
        stream_.merge->on_rows(writer_, result, [this](const BatchRef& merged, const Rows& some) {
            stream_.write(compact(merged, some));
        });
        stream_.write_bound(stream_.merge->bound());
        return;
    }
    stream_.write(result);
    // With a ROWTIME of its own only rows move the time (design 5.2).
    if (pump_plan_.rowtime) stream_.write_bound(result->last_time());
}

void Insert::take_bound(RowTime bound) {
    if (pump_plan_.rowtime) return;
    if (stream_.merge) {
        stream_.merge->on_bound(
            writer_, bound, [this](const BatchRef& merged, const Rows& some) { stream_.write(compact(merged, some)); });
        stream_.write_bound(stream_.merge->bound());
        return;
    }
    stream_.write_bound(bound);
}

void Insert::check_nulls(std::vector<Values>& columns, const Rows& rows) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (target_.columns[i].type.nullable || !columns[i].vector->has_nulls()) continue;
        for (std::uint32_t k = 0; k < rows.count; ++k) {
            if (columns[i].is_null(rows[k])) errors_.set(rows[k], SqlState::null_in_not_null);
        }
    }
}

// AWS: S14.1: a row with an earlier time is out of order; the stream's last time stays.
void Insert::check_order(const Values& rowtime, const Rows& rows) {
    for (std::uint32_t i = 0; i < rows.count; ++i) {
        const std::uint32_t row = rows[i];
        if (errors_.has(row)) continue;
        if (rowtime.is_null(row)) {
            errors_.set(row, SqlState::null_in_not_null);
            continue;
        }
        const RowTime time(rowtime.at<std::int64_t>(row));
        if (time < last_written_) {
            errors_.set(row, SqlState::out_of_order);
            continue;
        }
        last_written_ = time;
    }
}

void Insert::check_sizes(const std::vector<Values>& columns, const Rows& rows) {
    for (std::uint32_t i = 0; i < rows.count; ++i) {
        const std::uint32_t row = rows[i];
        std::size_t size = 0;
        for (const Values& values : columns) {
            if (errors_.has(row) || values.is_null(row)) continue;
            size += values.vector->physical() == Physical::string ? values.at<std::string_view>(row).size() : 8;
        }
        if (size > row_size_max) errors_.set(row, SqlState::row_too_large);
    }
}

}  // namespace riacho::sql::exec
