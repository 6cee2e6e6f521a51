// GROUP BY with a monotone item: groups of a window of time, output when the window has ended (S11.3, S14.3).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/codec.h"
#include "sql/exec/operator.h"
#include "sql/state/group_table.h"

namespace riacho::sql::exec {

class Tumble final : public Computing {
public:
    Tumble(Context& context, std::string_view pump, const plan::Node* node);

    [[nodiscard]] std::optional<RowTime> wake_at() const override;
    [[nodiscard]] bool is_busy() const override { return closing_ || Computing::is_busy(); }
    std::uint32_t step() override;
    [[nodiscard]] Tumble* as_tumble() override { return this; }

    // State (design 6.2). An epoch is a window: groups of earlier ones were dropped.
    static constexpr std::uint32_t partition_groups = 4096;
    [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
    [[nodiscard]] std::uint32_t groups() const { return keys_.size(); }
    [[nodiscard]] std::size_t capacity() const;
    void encode_scalars(Encoder& out) const;
    void decode_scalars(Decoder& in);
    void encode_group(std::uint32_t group, bool with_key, Encoder& out) const;
    // Groups changed since the last call, ascending; nothing is dirty afterwards.
    std::vector<std::uint32_t> take_dirty();
    // For a restore, in any order of groups: the table grows; seal() returns whether all groups are there.
    void begin_epoch(std::uint64_t epoch);
    // Resets the operator to its initial state.
    void forget();
    void decode_group(std::uint32_t group, bool with_key, Decoder& in);
    [[nodiscard]] bool seal(std::uint32_t groups);

private:
    struct Boundary {
        RowTime change;  // the first time at which the item has another value; max: none
        RowTime stamp;   // ROWTIME of the groups
    };
    [[nodiscard]] Boundary boundary_after(RowTime time);
    [[nodiscard]] Values item_at(RowTime time);
    void open(RowTime time);
    // False when the meter gave up: then no row was added.
    bool accumulate(const BatchRef& batch, const Rows& rows);
    void take_rows(const BatchRef& batch, const Rows& rows) override;
    void take_bound(RowTime bound) override;
    // Begins to output the window; step() continues after the first batch.
    void close();
    std::uint32_t emit_next();  // outputs a batch of its groups and returns their number
    void emit_groups(std::uint32_t first, std::uint32_t count);
    [[nodiscard]] std::size_t text_size(std::uint32_t first, std::uint32_t count) const;
    void mark_dirty(const std::uint32_t* groups, std::uint32_t count);

    std::vector<Type> key_types_;
    // The open window: the time of its first row, and its end.
    bool open_ = false;
    RowTime opened_at_{};
    Boundary boundary_{};
    std::uint64_t epoch_ = 0;
    // Of the last bound, so that bounds within a window cost nothing.
    std::optional<Boundary> bound_window_;
    RowTime bound_window_from_{};

    // An ended window that is not completely output: its next group. Rows and bounds wait meanwhile.
    bool closing_ = false;
    std::uint32_t next_group_ = 0;

    KeyIndex keys_;
    std::vector<AggregateColumn> aggregates_;
    std::vector<std::uint64_t> dirty_;  // one bit for each group

    // For a restore: keys by group until they are sealed, in one text.
    struct RestoredKey {
        std::uint64_t offset = 0;
        std::uint32_t size = 0;
        bool known = false;
    };
    std::vector<RestoredKey> restored_keys_;
    std::string restored_bytes_;

    KeyBuilder builder_;
    ErrorMask errors_;
    std::array<std::uint16_t, batch_rows_max> list_;
    std::array<std::uint16_t, batch_rows_max> segment_;
    std::array<std::uint32_t, batch_rows_max> numbers_;
    std::shared_ptr<Vector> probe_time_;
    Batch probe_;
    Arena probe_arena_;
};

}  // namespace riacho::sql::exec
