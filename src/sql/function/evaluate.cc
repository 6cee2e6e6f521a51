#include "sql/function/evaluate.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "sql/function/kernel.h"
#include "sql/function/regex.h"
#include "sql/types/calendar.h"

namespace riacho::sql {
namespace {

using Byte = std::uint8_t;
using RowList = std::array<std::uint16_t, batch_rows_max>;

void (*kernel_of(Op op))(const KernelCall&) {
    switch (op) {
        case Op::add:
        case Op::subtract:
        case Op::multiply:
        case Op::divide:
        case Op::negate:
        case Op::mod:
        case Op::abs:
        case Op::floor:
        case Op::ceil:
        case Op::step_number:
            return arithmetic_kernel;
        case Op::exp:
        case Op::ln:
        case Op::log10:
        case Op::power:
        case Op::sqrt:
            return real_function_kernel;
        case Op::equal:
        case Op::not_equal:
        case Op::less:
        case Op::less_equal:
        case Op::greater:
        case Op::greater_equal:
        case Op::distinct:
        case Op::not_distinct:
            return compare_kernel;
        case Op::cast:
            return cast_kernel;
        case Op::floor_time:
        case Op::ceil_time:
        case Op::step_time:
        case Op::extract:
        case Op::add_interval:
        case Op::subtract_times:
        case Op::scale_interval:
        case Op::timestamp_ms:
            return datetime_kernel;
        case Op::concat:
        case Op::char_length:
        case Op::upper:
        case Op::lower:
        case Op::initcap:
        case Op::position:
        case Op::substring:
        case Op::overlay:
        case Op::trim_both:
        case Op::trim_leading:
        case Op::trim_trailing:
            return string_kernel;
        case Op::substring_regex:
        case Op::regex_replace:
        case Op::like:
        case Op::similar:
            return pattern_kernel;
        case Op::constant:
        case Op::column:
        case Op::rowtime:
        case Op::current_row_timestamp:
        case Op::started_at:
        case Op::logical_and:
        case Op::logical_or:
        case Op::logical_not:
        case Op::is_null:
        case Op::is_true:
        case Op::is_false:
        case Op::case_when:
        case Op::coalesce:
            break;
    }
    return nullptr;
}

template <class T>
void copy_values(const Values& from, const Rows& rows, Vector& to) {
    T* out = to.values<T>();
    for (std::uint32_t i = 0; i < rows.count; ++i) out[rows[i]] = from.at<T>(rows[i]);
}

void copy_rows(const Values& from, const Rows& rows, Vector& to) {
    switch (to.physical()) {
        case Physical::boolean:
            copy_values<Byte>(from, rows, to);
            break;
        case Physical::exact:
            copy_values<std::int64_t>(from, rows, to);
            break;
        case Physical::real:
            copy_values<double>(from, rows, to);
            break;
        case Physical::string:
            copy_values<std::string_view>(from, rows, to);
            break;
    }
    if (!from.vector->has_nulls()) return;
    for (std::uint32_t i = 0; i < rows.count; ++i) {
        if (from.is_null(rows[i])) to.set_null(rows[i]);
    }
}

// Validity of a strict operation: that of all its arguments.
void combine_validity(std::span<const Values> args, std::uint32_t total, Vector& out) {
    const std::uint32_t words = (total + 63) / 64;
    for (const Values& arg : args) {
        if (arg.constant || !arg.vector->has_nulls()) continue;
        const std::uint64_t* from = arg.vector->valid().words();
        std::uint64_t* to = out.valid().words();
        if (out.has_nulls()) {
            for (std::uint32_t i = 0; i < words; ++i) to[i] &= from[i];
        } else {
            std::copy_n(from, words, to);
            out.set_has_nulls(true);
        }
    }
}

}  // namespace

struct Evaluator::Impl {
    struct Frame {
        const Batch& batch;
        const TurnTimes& times;
        Arena& arena;
        ErrorMask& errors;
    };

    std::array<std::vector<std::unique_ptr<Vector>>, 4> pool;
    std::unordered_map<const Expr*, std::unique_ptr<Vector>> constants;
    RegexCache regexes;
    PatternMeter meter;

    Values make(const Type& type) {
        auto& free = pool[static_cast<std::size_t>(physical_of(type.kind))];
        Values values;
        if (free.empty()) {
            values.owned = std::make_unique<Vector>(type);
        } else {
            values.owned = std::move(free.back());
            free.pop_back();
            values.owned->set_type(type);
            values.owned->set_has_nulls(false);
        }
        values.vector = values.owned.get();
        return values;
    }

    void recycle(Values&& values) {
        if (!values.owned) return;
        pool[static_cast<std::size_t>(values.owned->physical())].push_back(std::move(values.owned));
    }

    Values constant(const Expr& expr) {
        auto& cached = constants[&expr];
        if (!cached) {
            cached = std::make_unique<Vector>(expr.type);
            if (expr.is_null) cached->set_null(0);
            switch (cached->physical()) {
                case Physical::boolean:
                    cached->values<Byte>()[0] = expr.value.exact != 0;
                    break;
                case Physical::exact:
                    cached->values<std::int64_t>()[0] = expr.value.exact;
                    break;
                case Physical::real:
                    cached->values<double>()[0] = expr.value.real;
                    break;
                case Physical::string:
                    cached->values<std::string_view>()[0] = expr.value.text;
                    break;
            }
        }
        Values values;
        values.vector = cached.get();
        values.constant = true;
        return values;
    }

    Values time_constant(const Type& type, RowTime time) {
        Values values = make(type);
        std::int64_t value = time.value();
        if (type.kind == Kind::date) value = floor_div(value, day_ms);
        if (type.kind == Kind::time) value = floor_mod(value, day_ms);
        values.owned->values<std::int64_t>()[0] = value;
        values.constant = true;
        return values;
    }

    Values evaluate(const Expr& expr, const Rows& rows, const Frame& frame) {
        switch (expr.op) {
            case Op::constant:
                return constant(expr);
            case Op::column:
            case Op::rowtime: {
                Values values;
                values.column = expr.op == Op::column ? &frame.batch.columns[expr.index] : &frame.batch.rowtime;
                values.vector = values.column->get();
                return values;
            }
            case Op::current_row_timestamp:
                return time_constant(expr.type, frame.times.wall_now);
            case Op::started_at:
                return time_constant(expr.type, frame.times.started_at);
            case Op::logical_and:
            case Op::logical_or:
                return connective(expr, rows, frame);
            case Op::logical_not:
            case Op::is_null:
            case Op::is_true:
            case Op::is_false:
                return test(expr, rows, frame);
            case Op::case_when:
                return case_when(expr, rows, frame);
            case Op::coalesce:
                return coalesce(expr, rows, frame);
            default:
                return strict(expr, rows, frame);
        }
    }

    Values strict(const Expr& expr, const Rows& rows, const Frame& frame) {
        std::array<Values, 5> args;
        RIACHO_CHECK(expr.args.size() <= args.size());
        const std::size_t count = expr.args.size();
        bool null_constant = false;
        for (std::size_t i = 0; i < count; ++i) {
            args[i] = evaluate(*expr.args[i], rows, frame);
            null_constant |= args[i].constant && args[i].vector->is_null(0);
        }
        Values result = make(expr.type);
        const std::span<const Values> used(args.data(), count);
        const bool tests_null = expr.op == Op::distinct || expr.op == Op::not_distinct;
        if (null_constant && !tests_null) {
            result.owned->set_null(0);
            result.constant = true;
        } else {
            combine_validity(used, rows.total, *result.owned);
            const KernelCall call{expr,         used,        rows,    *result.owned, frame.arena,
                                  frame.errors, frame.times, regexes, meter};
            kernel_of(expr.op)(call);
        }
        for (std::size_t i = 0; i < count; ++i) recycle(std::move(args[i]));
        return result;
    }

    // AND and OR: the right side runs only on rows that the left one has not decided (design 2.3).
    Values connective(const Expr& expr, const Rows& rows, const Frame& frame) {
        const Byte deciding = expr.op == Op::logical_or;
        Values left = evaluate(*expr.args[0], rows, frame);
        Rows open = rows;
        std::unique_ptr<RowList> rows_left;  // not on the stack: a chain of ANDs is a deep tree
        if (can_fail(*expr.args[1])) {
            rows_left = std::make_unique_for_overwrite<RowList>();
            RowList& list = *rows_left;
            open.list = list.data();
            open.count = 0;
            for (std::uint32_t i = 0; i < rows.count; ++i) {
                const std::uint32_t row = rows[i];
                const bool decided = !left.is_null(row) && left.at<Byte>(row) == deciding;
                list[open.count] = static_cast<std::uint16_t>(row);
                open.count += decided ? 0 : 1;
            }
        }
        Values result = make(expr.type);
        Byte* out = result.owned->values<Byte>();
        for (std::uint32_t i = 0; i < rows.count; ++i) out[rows[i]] = deciding;
        if (open.count > 0) {
            Values right = evaluate(*expr.args[1], open, frame);
            for (std::uint32_t i = 0; i < open.count; ++i) {
                const std::uint32_t row = open[i];
                const bool left_null = left.is_null(row);
                const bool right_null = right.is_null(row);
                if ((!left_null && left.at<Byte>(row) == deciding) || (!right_null && right.at<Byte>(row) == deciding))
                    continue;
                out[row] = !deciding;
                if (left_null || right_null) result.owned->set_null(row);
            }
            recycle(std::move(right));
        }
        recycle(std::move(left));
        return result;
    }

    Values test(const Expr& expr, const Rows& rows, const Frame& frame) {
        Values arg = evaluate(*expr.args[0], rows, frame);
        Values result = make(expr.type);
        Byte* out = result.owned->values<Byte>();
        for (std::uint32_t i = 0; i < rows.count; ++i) {
            const std::uint32_t row = rows[i];
            const bool null = arg.is_null(row);
            switch (expr.op) {
                case Op::is_null:
                    out[row] = null;
                    break;
                case Op::is_true:
                    out[row] = !null && arg.at<Byte>(row) != 0;
                    break;
                case Op::is_false:
                    out[row] = !null && arg.at<Byte>(row) == 0;
                    break;
                default:
                    out[row] = !null && arg.at<Byte>(row) == 0;
                    if (null) result.owned->set_null(row);
                    break;
            }
        }
        recycle(std::move(arg));
        return result;
    }

    Values case_when(const Expr& expr, const Rows& rows, const Frame& frame) {
        Values result = make(expr.type);
        RowList open_list;
        RowList taken_list;
        Rows open = rows;
        for (std::size_t i = 0; i + 1 < expr.args.size() && open.count > 0; i += 2) {
            Values when = evaluate(*expr.args[i], open, frame);
            Rows taken{rows.total, 0, taken_list.data()};
            std::uint32_t left = 0;
            for (std::uint32_t k = 0; k < open.count; ++k) {
                const std::uint32_t row = open[k];
                if (!when.is_null(row) && when.at<Byte>(row) != 0) {
                    taken_list[taken.count++] = static_cast<std::uint16_t>(row);
                } else {
                    open_list[left++] = static_cast<std::uint16_t>(row);
                }
            }
            recycle(std::move(when));
            open = Rows{rows.total, left, open_list.data()};
            if (taken.count == 0) continue;
            // Nested calls have lists of their own.
            Values then = evaluate(*expr.args[i + 1], taken, frame);
            copy_rows(then, taken, *result.owned);
            recycle(std::move(then));
        }
        if (open.count > 0) {
            Values other = evaluate(*expr.args.back(), open, frame);
            copy_rows(other, open, *result.owned);
            recycle(std::move(other));
        }
        return result;
    }

    Values coalesce(const Expr& expr, const Rows& rows, const Frame& frame) {
        Values result = make(expr.type);
        RowList list;
        Rows open = rows;
        for (const ExprPtr& arg : expr.args) {
            Values values = evaluate(*arg, open, frame);
            copy_rows(values, open, *result.owned);
            std::uint32_t left = 0;
            for (std::uint32_t k = 0; k < open.count; ++k) {
                const std::uint32_t row = open[k];
                if (values.is_null(row)) {
                    list[left++] = static_cast<std::uint16_t>(row);
                } else {
                    result.owned->set_valid(row);
                }
            }
            recycle(std::move(values));
            open = Rows{rows.total, left, list.data()};
            if (left == 0) break;
        }
        return result;
    }
};

Evaluator::Evaluator() : impl_(std::make_unique<Impl>()) {}
Evaluator::~Evaluator() = default;

Values Evaluator::evaluate(const Expr& expr, const Batch& batch, const Rows& rows, const TurnTimes& times, Arena& arena,
                           ErrorMask& errors) {
    return impl_->evaluate(expr, rows, {batch, times, arena, errors});
}

Rows Evaluator::select(const Expr& condition, const Batch& batch, const Rows& rows, const TurnTimes& times,
                       Arena& arena, ErrorMask& errors, std::uint16_t* list) {
    Values values = evaluate(condition, batch, rows, times, arena, errors);
    const Vector& vector = *values.vector;
    Rows selected{rows.total, 0, list};
    if (values.constant) {
        if (!vector.is_null(0) && vector.values<Byte>()[0] != 0) selected = rows;
    } else if (vector.has_nulls()) {
        for (std::uint32_t i = 0; i < rows.count; ++i) {
            const std::uint32_t row = rows[i];
            list[selected.count] = static_cast<std::uint16_t>(row);
            selected.count += vector.valid().get(row) && vector.values<Byte>()[row] != 0 ? 1 : 0;
        }
    } else {
        const Byte* flags = vector.values<Byte>();
        for (std::uint32_t i = 0; i < rows.count; ++i) {
            const std::uint32_t row = rows[i];
            list[selected.count] = static_cast<std::uint16_t>(row);
            selected.count += flags[row];
        }
    }
    recycle(std::move(values));
    if (!errors.any()) return selected;
    // A part of the condition failed: the row is an error, whatever OR and CASE make of it.
    Rows good{rows.total, 0, list};
    for (std::uint32_t i = 0; i < selected.count; ++i) {
        const std::uint32_t row = selected[i];
        if (!errors.has(row)) list[good.count++] = static_cast<std::uint16_t>(row);
    }
    return good;
}

PatternMeter& Evaluator::meter() { return impl_->meter; }

void Evaluator::recycle(Values&& values) { impl_->recycle(std::move(values)); }

ExprPtr fold(const ExprPtr& expr) {
    if (expr->op == Op::constant || depends_on_rows(*expr) || uses_op(*expr, Op::started_at)) return expr;
    Batch batch;
    batch.rows = 1;
    batch.rowtime = make_rowtime(RowTime(0), 1);
    Evaluator evaluator;
    Arena arena;
    ErrorMask errors;
    Values values = evaluator.evaluate(*expr, batch, Rows::all(1), {}, arena, errors);
    if (errors.any()) return expr;
    if (values.is_null(0)) return make_null(expr->type);
    Type type = expr->type;
    ExprPtr folded;
    switch (values.vector->physical()) {
        case Physical::boolean:
            folded = make_exact(type, values.at<Byte>(0));
            break;
        case Physical::exact:
            folded = make_exact(type, values.at<std::int64_t>(0));
            break;
        case Physical::real:
            folded = make_real(type, values.at<double>(0));
            break;
        case Physical::string:
            folded = make_text(type, std::string(values.at<std::string_view>(0)));
            break;
    }
    return folded;
}

}  // namespace riacho::sql
