// Merges several sources of rows into one order of ROWTIME, for UNION ALL and for streams with several writers (design
// 5.7).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "base/codec.h"
#include "sql/batch/batch.h"
#include "sql/function/evaluate.h"

namespace riacho::sql::exec {

class MergeBuffer {
public:
    using Output = std::function<void(const BatchRef&, const Rows&)>;

    MergeBuffer(std::uint32_t ports, std::vector<Type> types) : ports_(ports), types_(std::move(types)) {}

    // Adds rows and bounds of a port, and outputs the rows that the bounds of all ports allow. Equal times: in the
    // order of arrival.
    void on_rows(std::uint32_t port, const BatchRef& batch, const Output& out);
    void on_bound(std::uint32_t port, RowTime bound, const Output& out);
    // No later output is earlier.
    [[nodiscard]] RowTime bound() const;
    [[nodiscard]] std::uint64_t held_rows() const;
    [[nodiscard]] std::uint64_t held_size() const;  // bytes
    void encode(Encoder& out) const;
    void decode(Decoder& in);

private:
    struct Held {
        BatchRef batch;
        std::uint32_t at = 0;        // the first row not yet output
        std::uint64_t sequence = 0;  // order of arrival
    };
    struct Port {
        std::deque<Held> held;
        RowTime bound{INT64_MIN};
    };
    void release(const Output& out);

    std::vector<Port> ports_;
    std::vector<Type> types_;
    std::uint64_t next_sequence_ = 0;
};

}  // namespace riacho::sql::exec
