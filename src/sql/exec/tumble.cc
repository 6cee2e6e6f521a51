#include "sql/exec/tumble.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace riacho::sql::exec {
namespace {

constexpr std::int64_t gallop_max = std::int64_t{1} << 42;  // 139 years
constexpr std::size_t emitted_text_max = 1 << 20;           // of a batch
constexpr RowTime never(std::numeric_limits<std::int64_t>::max());

bool equal_values(const Values& a, const Values& b) {
    if (a.is_null(0) != b.is_null(0)) return false;
    if (a.is_null(0)) return true;
    switch (a.vector->physical()) {
        case Physical::boolean:
            return a.at<std::uint8_t>(0) == b.at<std::uint8_t>(0);
        case Physical::exact:
            return a.at<std::int64_t>(0) == b.at<std::int64_t>(0);
        case Physical::real:
            return a.at<double>(0) == b.at<double>(0);
        case Physical::string:
            return a.at<std::string_view>(0) == b.at<std::string_view>(0);
    }
    return true;
}

}  // namespace

Tumble::Tumble(Context& context, std::string_view pump, const plan::Node* node)
    : Computing(context, pump, node),
      keys_(context.seed),
      probe_time_(std::make_shared<Vector>(simple_type(Kind::timestamp, false))) {
    for (const ExprPtr& key : node->keys) key_types_.push_back(key->type);
    for (const plan::Aggregate& aggregate : node->aggregates) aggregates_.emplace_back(aggregate);
    probe_.rows = 1;
    probe_.rowtime = probe_time_;
}

Values Tumble::item_at(RowTime time) {
    probe_time_->values<std::int64_t>()[0] = time.value();
    ErrorMask errors;
    Values values =
        context_.evaluator.evaluate(*node_->monotone, probe_, Rows::all(1), context_.times, probe_arena_, errors);
    // If the item is a column, its vector is that of the probe's time, which changes: keep the value.
    if (!values.owned) {
        Values copy;
        copy.owned = std::make_unique<Vector>(values.vector->type());
        copy.owned->values<std::int64_t>()[0] = time.value();
        copy.vector = copy.owned.get();
        return copy;
    }
    return values;
}

// Exponential and binary search that evaluate the item: correct for every monotone expression (design 4.3).
Tumble::Boundary Tumble::boundary_after(RowTime time) {
    if (time.value() > gallop_max * 1'000 || time.value() < -gallop_max * 1'000) return {never, never};
    Values here = item_at(time);
    const auto differs = [&](std::int64_t at) {
        Values there = item_at(RowTime(at));
        const bool different = !equal_values(here, there);
        context_.evaluator.recycle(std::move(there));
        return different;
    };
    std::int64_t same_until = time.value();
    std::int64_t step = 1;
    while (step < gallop_max && !differs(time.value() + step)) {
        same_until = time.value() + step;
        step *= 2;
    }
    if (step >= gallop_max) {
        context_.evaluator.recycle(std::move(here));
        return {never, never};
    }
    std::int64_t change = time.value() + step;
    while (change - same_until > 1) {
        const std::int64_t middle = same_until + (change - same_until) / 2;
        (differs(middle) ? change : same_until) = middle;
    }
    context_.evaluator.recycle(std::move(here));
    return {RowTime(change), RowTime(node_->stamps_before ? change - 1 : change)};
}

void Tumble::open(RowTime time) {
    open_ = true;
    ++epoch_;
    opened_at_ = time;
    if (bound_window_ && time >= bound_window_from_ && time < bound_window_->change) {
        boundary_ = *bound_window_;
        return;
    }
    boundary_ = boundary_after(time);
}

void Tumble::take_rows(const BatchRef& batch, const Rows& rows) {
    PatternMeter& meter = context_.evaluator.meter();
    const bool is_quick = meter.is_quick();
    std::uint32_t at = 0;
    while (at < rows.count) {
        const RowTime time = batch->time_of(rows[at]);
        if (open_ && time >= boundary_.change) {
            close();
            // Steps of operators behind this one do not count here.
            is_quick ? meter.begin_rows() : meter.begin_row();
            if (closing_) {
                return put_off(batch, rows, at);
            }
        }
        if (!open_) open(time);
        std::uint32_t end = rows.count;
        if (batch->time_of(rows[rows.count - 1]) >= boundary_.change) {
            end = at + 1;
            while (batch->time_of(rows[end]) < boundary_.change) ++end;
        }
        Rows segment = rows;
        if (at > 0 || end < rows.count) {
            for (std::uint32_t i = at; i < end; ++i) segment_[i - at] = static_cast<std::uint16_t>(rows[i]);
            segment = Rows{rows.total, end - at, segment_.data()};
        }
        if (!accumulate(batch, segment)) return put_off(batch, rows, at);
        at = end;
    }
}

bool Tumble::accumulate(const BatchRef& batch, const Rows& rows) {
    Arena arena;
    std::vector<Values> values;
    values.reserve(node_->keys.size() + node_->aggregates.size());
    for (const ExprPtr& key : node_->keys)
        values.push_back(context_.evaluator.evaluate(*key, *batch, rows, context_.times, arena, errors_));
    for (const plan::Aggregate& aggregate : node_->aggregates) {
        values.push_back(aggregate.arg
                             ? context_.evaluator.evaluate(*aggregate.arg, *batch, rows, context_.times, arena, errors_)
                             : Values());
    }
    if (gave_up()) {
        errors_.clear();
        for (Values& used : values) context_.evaluator.recycle(std::move(used));
        return false;
    }
    // A row with a failing argument is skipped; its group continues (S14.8).
    const Rows good = without_errors(rows, errors_, list_.data());
    if (errors_.any())
        context_.errors.report(pump_, *batch, node_->inputs[0]->columns, errors_, context_.times.wall_now);
    if (good.count > 0) {
        if (key_types_.empty()) {
            if (keys_.size() == 0) keys_.find_or_add(std::string_view());
            std::fill_n(numbers_.begin(), good.count, 0);
        } else {
            builder_.build(std::span(values).first(node_->keys.size()), good);
            keys_.find_or_add(builder_.bytes(), builder_.offsets(), numbers_.data());
        }
        for (std::size_t i = 0; i < aggregates_.size(); ++i) {
            aggregates_[i].resize(keys_.size());
            aggregates_[i].update(&values[node_->keys.size() + i], good, numbers_.data());
        }
        mark_dirty(numbers_.data(), good.count);
    }
    for (Values& used : values) context_.evaluator.recycle(std::move(used));
    return true;
}

void Tumble::mark_dirty(const std::uint32_t* groups, std::uint32_t count) {
    dirty_.resize(keys_.size() / 64 + 1);
    for (std::uint32_t i = 0; i < count; ++i) dirty_[groups[i] / 64] |= std::uint64_t{1} << (groups[i] % 64);
}

void Tumble::take_bound(RowTime bound) {
    if (open_ && bound >= boundary_.change) {
        close();
        if (closing_) {
            return put_off(bound);
        }
    }
    if (open_) {
        pass_bound(boundary_.stamp);
        return;
    }
    if (bound.value() < -gallop_max * 1'000) return;  // no bound is known yet: a merge waits for its first row
    // Later rows belong to the window that contains the bound, or to later ones.
    if (!bound_window_ || bound < bound_window_from_ || bound >= bound_window_->change) {
        bound_window_ = boundary_after(bound);
        bound_window_from_ = bound;
    }
    pass_bound(bound_window_->stamp);
}

std::optional<RowTime> Tumble::wake_at() const {
    if (!open_ || boundary_.change == never) return std::nullopt;
    return boundary_.change;
}

void Tumble::close() {
    open_ = false;
    closing_ = true;
    next_group_ = 0;
    emit_next();
}

std::uint32_t Tumble::emit_next() {
    std::uint32_t count = std::min(batch_rows_max, keys_.size() - next_group_);
    while (count > 1 && text_size(next_group_, count) > emitted_text_max) count /= 2;
    if (count > 0) emit_groups(next_group_, count);
    next_group_ += count;
    if (next_group_ < keys_.size()) {
        context_.may_be_busy = true;
        return count;
    }
    closing_ = false;
    keys_.clear();
    for (AggregateColumn& aggregate : aggregates_) aggregate.clear();
    dirty_ = {};
    return count;
}

std::uint32_t Tumble::step() { return closing_ ? emit_next() : Computing::step(); }

// Text size of the groups' keys and results.
std::size_t Tumble::text_size(std::uint32_t first, std::uint32_t count) const {
    std::size_t size = keys_.size_of(first, count);
    for (const AggregateColumn& aggregate : aggregates_) size += aggregate.text_size(first, count);
    return size;
}

void Tumble::emit_groups(std::uint32_t first, std::uint32_t count) {
    auto batch = std::make_shared<Batch>();
    auto arena = std::make_shared<Arena>();
    batch->rows = count;
    batch->rowtime = make_rowtime(boundary_.stamp, count);
    Values item = item_at(opened_at_);
    auto item_column = std::make_shared<Vector>(node_->columns[0].type, count);
    for (std::uint32_t row = 0; row < count; ++row) {
        if (item.is_null(0)) {
            item_column->set_null(row);
            continue;
        }
        switch (item_column->physical()) {
            case Physical::boolean:
                item_column->values<std::uint8_t>()[row] = item.at<std::uint8_t>(0);
                break;
            case Physical::exact:
                item_column->values<std::int64_t>()[row] = item.at<std::int64_t>(0);
                break;
            case Physical::real:
                item_column->values<double>()[row] = item.at<double>(0);
                break;
            case Physical::string:
                item_column->values<std::string_view>()[row] = arena->copy(item.at<std::string_view>(0));
                break;
        }
    }
    context_.evaluator.recycle(std::move(item));
    batch->columns.push_back(std::move(item_column));
    std::vector<std::uint32_t> cursors(count);
    for (const Type& type : key_types_) {
        auto column = std::make_shared<Vector>(type, count);
        read_key_column(keys_, first, count, cursors, *column, *arena);
        batch->columns.push_back(std::move(column));
    }
    for (std::size_t i = 0; i < aggregates_.size(); ++i) {
        auto column = std::make_shared<Vector>(node_->aggregates[i].type, count);
        aggregates_[i].finish(first, count, *column, *arena, errors_);
        batch->columns.push_back(std::move(column));
    }
    batch->arenas.push_back(std::move(arena));
    const Rows good = without_errors(Rows::all(count), errors_, list_.data());
    // A sum beyond its type: the row of the group is the error (design 2.4).
    if (errors_.any()) context_.errors.report(pump_, *batch, node_->columns, errors_, context_.times.wall_now);
    emit(batch, good);
}

std::size_t Tumble::capacity() const {
    std::size_t size = keys_.capacity() + dirty_.capacity() * 8;
    for (const AggregateColumn& aggregate : aggregates_) size += aggregate.capacity();
    return size;
}

void Tumble::encode_scalars(Encoder& out) const {
    out.number(static_cast<std::uint8_t>(open_));
    out.time(opened_at_);
    out.varint(epoch_);
    out.varint(keys_.size());
}

void Tumble::decode_scalars(Decoder& in) {
    open_ = in.number<std::uint8_t>() == 1;
    opened_at_ = in.time();
    const std::uint64_t epoch = in.varint();
    const std::uint64_t groups = in.varint();
    if (!in.ok() || opened_at_.value() < -gallop_max * 1000 || opened_at_.value() > gallop_max * 1000 ||
        groups > restored_keys_.size() || (groups > 0 && epoch != epoch_) || !seal(static_cast<std::uint32_t>(groups)))
        return in.fail();
    epoch_ = epoch;
    if (open_) boundary_ = boundary_after(opened_at_);
    bound_window_.reset();
}

void Tumble::encode_group(std::uint32_t group, bool with_key, Encoder& out) const {
    if (with_key) out.text(keys_.key(group));
    for (const AggregateColumn& aggregate : aggregates_) aggregate.encode(group, out);
}

std::vector<std::uint32_t> Tumble::take_dirty() {
    std::vector<std::uint32_t> groups;
    for (std::size_t word = 0; word < dirty_.size(); ++word) {
        for (std::uint64_t bits = dirty_[word]; bits != 0; bits &= bits - 1)
            groups.push_back(static_cast<std::uint32_t>(word * 64) +
                             static_cast<std::uint32_t>(std::countr_zero(bits)));
    }
    std::ranges::fill(dirty_, 0);
    return groups;
}

void Tumble::begin_epoch(std::uint64_t epoch) {
    if (epoch == epoch_) return;
    epoch_ = epoch;
    restored_keys_.clear();
    restored_bytes_.clear();
    for (AggregateColumn& aggregate : aggregates_) aggregate.clear();
}

void Tumble::forget() {
    begin_epoch(0);
    keys_.clear();
    open_ = false;
    opened_at_ = RowTime();
    dirty_ = {};
}

void Tumble::decode_group(std::uint32_t group, bool with_key, Decoder& in) {
    if (group >= restored_keys_.size()) {
        // In steps of partitions, so that single groups cost nothing more.
        const std::uint32_t room = (group / partition_groups + 1) * partition_groups;
        restored_keys_.resize(room);
        for (AggregateColumn& aggregate : aggregates_) aggregate.resize(room);
    }
    if (with_key) {
        const std::string_view key = in.text();
        if (!is_key(key, key_types_)) return in.fail();
        restored_keys_[group] = {restored_bytes_.size(), static_cast<std::uint32_t>(key.size()), true};
        restored_bytes_ += key;
    }
    for (AggregateColumn& aggregate : aggregates_) aggregate.decode(group, in);
}

bool Tumble::seal(std::uint32_t groups) {
    keys_.clear();
    keys_.reserve(groups, restored_bytes_.size());
    // Groups beyond the count belong to an earlier window; below it none may be missing.
    std::string bytes;
    std::vector<std::uint32_t> offsets;
    for (std::uint32_t first = 0; first < groups; first += batch_rows_max) {
        const std::uint32_t count = std::min(batch_rows_max, groups - first);
        bytes.clear();
        offsets.assign(1, 0);
        for (std::uint32_t i = 0; i < count; ++i) {
            const RestoredKey& key = restored_keys_[first + i];
            if (!key.known) return false;
            bytes.append(restored_bytes_, key.offset, key.size);
            offsets.push_back(static_cast<std::uint32_t>(bytes.size()));
        }
        keys_.find_or_add(bytes.data(), offsets, numbers_.data());
        for (std::uint32_t i = 0; i < count; ++i) {
            if (numbers_[i] != first + i) return false;
        }
    }
    for (AggregateColumn& aggregate : aggregates_) aggregate.resize(groups);
    restored_keys_ = {};
    restored_bytes_ = {};
    dirty_.assign(groups / 64 + 1, 0);
    return true;
}

std::unique_ptr<Operator> make_tumble(Context& context, std::string_view pump, const plan::Node& node) {
    return std::make_unique<Tumble>(context, pump, &node);
}

}  // namespace riacho::sql::exec
