#include "sql/bind/binder.h"

namespace riacho::sql {
namespace {

Direction reversed(Direction direction) {
    if (direction == Direction::ascending) return Direction::descending;
    if (direction == Direction::descending) return Direction::ascending;
    return direction;
}

// The sign of a constant number; 0 for NULL.
int sign_of(const Expr& expr) {
    if (expr.op != Op::constant || expr.is_null) return 0;
    if (expr.type.is_approximate()) return expr.value.real > 0 ? 1 : expr.value.real < 0 ? -1 : 0;
    return expr.value.exact > 0 ? 1 : expr.value.exact < 0 ? -1 : 0;
}

Direction sum(Direction a, Direction b) {
    if (a == Direction::constant) return b;
    if (b == Direction::constant) return a;
    return a == b ? a : Direction::none;
}

Direction product(const Expr& expr) {
    const Direction a = monotonicity(*expr.args[0]);
    const Direction b = monotonicity(*expr.args[1]);
    if (a == Direction::constant && b == Direction::constant) return Direction::constant;
    // An unknown constant has no sign.
    if (a == Direction::constant && expr.op != Op::divide) {
        const int sign = sign_of(*expr.args[0]);
        return sign > 0 ? b : sign < 0 ? reversed(b) : Direction::none;
    }
    if (b == Direction::constant) {
        const int sign = sign_of(*expr.args[1]);
        return sign > 0 ? a : sign < 0 ? reversed(a) : Direction::none;
    }
    return Direction::none;
}

}  // namespace

Direction monotonicity(const Expr& expr) {
    if (!depends_on_rows(expr)) return Direction::constant;
    switch (expr.op) {
        case Op::rowtime:
        case Op::current_row_timestamp:
            return Direction::ascending;
        case Op::floor:
        case Op::ceil:
        case Op::floor_time:
        case Op::ceil_time:
        case Op::timestamp_ms:
            return monotonicity(*expr.args[0]);
        case Op::step_time:
        case Op::step_number:
            return monotonicity(*expr.args[1]) == Direction::constant ? monotonicity(*expr.args[0]) : Direction::none;
        case Op::negate:
            return reversed(monotonicity(*expr.args[0]));
        case Op::add:
            return sum(monotonicity(*expr.args[0]), monotonicity(*expr.args[1]));
        case Op::subtract:
        case Op::subtract_times:
            return sum(monotonicity(*expr.args[0]), reversed(monotonicity(*expr.args[1])));
        case Op::add_interval: {
            // A TIME wraps around at midnight.
            if (expr.type.kind == Kind::time) return Direction::none;
            const Direction by = monotonicity(*expr.args[1]);
            return sum(monotonicity(*expr.args[0]), expr.negative ? reversed(by) : by);
        }
        case Op::multiply:
        case Op::divide:
        case Op::scale_interval:
            return product(expr);
        case Op::extract:
            return expr.unit == TimeUnit::year ? monotonicity(*expr.args[0]) : Direction::none;
        case Op::cast: {
            const Type& from = expr.args[0]->type;
            if (from.kind == Kind::timestamp && (expr.type.kind == Kind::timestamp || expr.type.kind == Kind::date))
                return monotonicity(*expr.args[0]);
            if (from.is_number() && expr.type.is_number()) return monotonicity(*expr.args[0]);
            return Direction::none;
        }
        default:
            return Direction::none;
    }
}

}  // namespace riacho::sql
