// Filter and Project.
#include <array>

#include "sql/exec/operator.h"

namespace riacho::sql::exec {
namespace {

class Filter final : public Computing {
public:
    using Computing::Computing;

private:
    void take_rows(const BatchRef& batch, const Rows& rows) override {
        auto arena = std::make_shared<Arena>();
        Rows left = rows;
        for (const ExprPtr& condition : node_->conditions) {
            left = context_.evaluator.select(*condition, *batch, left, context_.times, *arena, errors_, list_.data());
            if (left.count == 0) break;
        }
        if (gave_up()) {
            errors_.clear();
            return put_off(batch, rows, 0);
        }
        if (errors_.any()) context_.errors.report(pump_, *batch, node_->columns, errors_, context_.times.wall_now);
        emit(batch, left);
    }
    void take_bound(RowTime bound) override { pass_bound(bound); }

    ErrorMask errors_;
    std::array<std::uint16_t, batch_rows_max> list_;
};

class Project final : public Computing {
public:
    using Computing::Computing;

private:
    void take_rows(const BatchRef& batch, const Rows& rows) override {
        auto arena = std::make_shared<Arena>();
        std::vector<Values> columns;
        columns.reserve(node_->exprs.size());
        for (const ExprPtr& expr : node_->exprs)
            columns.push_back(context_.evaluator.evaluate(*expr, *batch, rows, context_.times, *arena, errors_));
        const bool is_void = gave_up();
        if (is_void) errors_.clear();
        const Rows good = without_errors(rows, errors_, list_.data());
        BatchRef result;
        if (good.count > 0 && !is_void) result = gather(*batch, good, columns, batch->rowtime, arena);
        for (Values& values : columns) context_.evaluator.recycle(std::move(values));
        if (is_void) return put_off(batch, rows, 0);
        if (errors_.any())
            context_.errors.report(pump_, *batch, node_->inputs[0]->columns, errors_, context_.times.wall_now);
        if (result) emit(result, Rows::all(result->rows));
    }
    void take_bound(RowTime bound) override { pass_bound(bound); }

    ErrorMask errors_;
    std::array<std::uint16_t, batch_rows_max> list_;
};

}  // namespace

std::unique_ptr<Operator> make_filter(Context& context, std::string_view pump, const plan::Node& node) {
    return std::make_unique<Filter>(context, pump, &node);
}

std::unique_ptr<Operator> make_project(Context& context, std::string_view pump, const plan::Node& node) {
    return std::make_unique<Project>(context, pump, &node);
}

}  // namespace riacho::sql::exec
