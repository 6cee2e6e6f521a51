#include "sql/exec/merge.h"

#include <algorithm>
#include <array>

#include "sql/exec/operator.h"
#include "sql/state/row_codec.h"

namespace riacho::sql::exec {

RowTime MergeBuffer::bound() const {
    RowTime least(INT64_MAX);
    for (const Port& port : ports_)
        least =
            std::min(least, port.held.empty() ? port.bound : port.held.front().batch->time_of(port.held.front().at));
    return least;
}

std::uint64_t MergeBuffer::held_rows() const {
    std::uint64_t rows = 0;
    for (const Port& port : ports_) {
        for (const Held& held : port.held) rows += held.batch->rows - held.at;
    }
    return rows;
}

std::uint64_t MergeBuffer::held_size() const {
    std::uint64_t size = 0;
    for (const Port& port : ports_) {
        for (const Held& held : port.held) {
            size += held.batch->rows * (held.batch->columns.size() + 1) * 16;
            for (const ArenaRef& arena : held.batch->arenas) size += arena->capacity();
        }
    }
    return size;
}

void MergeBuffer::on_rows(std::uint32_t port, const BatchRef& batch, const Output& out) {
    ports_[port].held.push_back({batch, 0, next_sequence_++});
    ports_[port].bound = std::max(ports_[port].bound, batch->last_time());
    release(out);
}

void MergeBuffer::on_bound(std::uint32_t port, RowTime bound, const Output& out) {
    if (bound <= ports_[port].bound) return;
    ports_[port].bound = bound;
    release(out);
}

void MergeBuffer::release(const Output& out) {
    std::array<std::uint16_t, batch_rows_max> list;
    while (true) {
        // The port with the earliest head; of equal ones the one that arrived first.
        Port* first = nullptr;
        for (Port& port : ports_) {
            if (port.held.empty()) continue;
            if (first == nullptr) {
                first = &port;
                continue;
            }
            const Held& a = port.held.front();
            const Held& b = first->held.front();
            const RowTime time_a = a.batch->time_of(a.at);
            const RowTime time_b = b.batch->time_of(b.at);
            if (time_a < time_b || (time_a == time_b && a.sequence < b.sequence)) first = &port;
        }
        if (first == nullptr) return;
        Held& head = first->held.front();
        // The limit of its rows: the bounds of empty ports and the heads of the others.
        RowTime limit(INT64_MAX);
        for (const Port& port : ports_) {
            if (&port == first) continue;
            if (port.held.empty()) {
                limit = std::min(limit, port.bound);
                continue;
            }
            const Held& other = port.held.front();
            const RowTime time = other.batch->time_of(other.at);
            limit = std::min(limit, head.sequence < other.sequence ? time : time.plus(-1));
        }
        std::uint32_t end = head.at;
        while (end < head.batch->rows && head.batch->time_of(end) <= limit) ++end;
        if (end == head.at) return;
        const BatchRef batch = head.batch;
        Rows rows = Rows::all(batch->rows);
        if (head.at > 0 || end < batch->rows) {
            rows = Rows{batch->rows, end - head.at, list.data()};
            for (std::uint32_t i = head.at; i < end; ++i) list[i - head.at] = static_cast<std::uint16_t>(i);
        }
        if (end == batch->rows) {
            first->held.pop_front();
        } else {
            head.at = end;
        }
        out(batch, rows);
    }
}

void MergeBuffer::encode(Encoder& out) const {
    out.varint(ports_.size());
    out.varint(next_sequence_);
    for (const Port& port : ports_) {
        out.time(port.bound);
        out.varint(port.held.size());
        for (const Held& held : port.held) {
            out.varint(held.sequence);
            encode_rows(*held.batch, held.at, types_, out);
        }
    }
}

void MergeBuffer::decode(Decoder& in) {
    if (in.varint() != ports_.size()) return in.fail();
    next_sequence_ = in.varint();
    for (Port& port : ports_) {
        port.held.clear();
        port.bound = in.time();
        const std::size_t count = in.count();
        for (std::size_t i = 0; i < count && in.ok(); ++i) {
            Held held;
            held.sequence = in.varint();
            held.batch = decode_rows(types_, in);
            if (!held.batch) return in.fail();
            port.held.push_back(std::move(held));
        }
    }
}

namespace {

class Merge final : public Operator {
public:
    Merge(Context& context, std::string_view pump, const plan::Node* node)
        : Operator(context, pump, node), buffer_(static_cast<std::uint32_t>(node->inputs.size()), types_of(*node)) {}

    void on_rows(std::uint32_t port, const BatchRef& batch, const Rows& rows) override {
        traffic_.rows_in += rows.count;
        buffer_.on_rows(port, compact(batch, rows), output());
        pass_bound(buffer_.bound());
    }
    void on_bound(std::uint32_t port, RowTime bound) override {
        buffer_.on_bound(port, bound, output());
        pass_bound(buffer_.bound());
    }
    [[nodiscard]] MergeBuffer* as_merge() override { return &buffer_; }

private:
    static std::vector<Type> types_of(const plan::Node& node) {
        std::vector<Type> types;
        for (const Column& column : node.columns) types.push_back(column.type);
        return types;
    }
    MergeBuffer::Output output() {
        return [this](const BatchRef& batch, const Rows& rows) { emit(batch, rows); };
    }

    MergeBuffer buffer_;
};

}  // namespace

std::unique_ptr<Operator> make_merge(Context& context, std::string_view pump, const plan::Node& node) {
    return std::make_unique<Merge>(context, pump, &node);
}

}  // namespace riacho::sql::exec
