// Rows in columns. A batch is immutable once its maker has passed it on; its readers share it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "sql/types/type.h"

namespace riacho::sql {

using RowTime = TimestampMs;

inline constexpr std::uint32_t batch_rows_max = 1024;
inline constexpr std::uint32_t batch_words = batch_rows_max / 64;

// Bytes of strings, in blocks that never move. Not thread-safe while it grows; shared for reading afterwards.
class Arena {
public:
    // Room for `size` bytes, valid as long as the arena.
    char* allocate(std::size_t size);
    std::string_view copy(std::string_view text);
    [[nodiscard]] std::size_t capacity() const { return capacity_; }

private:
    char* allocate_block(std::size_t size);
    std::vector<std::unique_ptr<char[]>> blocks_;
    char* at_ = nullptr;
    std::size_t left_ = 0;
    std::size_t capacity_ = 0;
};
using ArenaRef = std::shared_ptr<const Arena>;

// One bit a row.
class RowBits {
public:
    [[nodiscard]] bool get(std::uint32_t row) const { return (words_[row / 64] >> (row % 64) & 1) != 0; }
    void set(std::uint32_t row) { words_[row / 64] |= std::uint64_t{1} << (row % 64); }
    void clear(std::uint32_t row) { words_[row / 64] &= ~(std::uint64_t{1} << (row % 64)); }
    void fill(bool value) { words_.fill(value ? ~std::uint64_t{0} : 0); }
    [[nodiscard]] std::uint64_t* words() { return words_.data(); }
    [[nodiscard]] const std::uint64_t* words() const { return words_.data(); }

private:
    std::array<std::uint64_t, batch_words> words_{};
};

// A column of up to 1,024 values of one type, or of its given capacity. String values are views into arenas of the
// batch that holds the column, or into texts that outlive it (literals of the program).
class Vector {
public:
    // Strings are empty, other values indeterminate; no value is NULL.
    explicit Vector(Type type, std::uint32_t capacity = batch_rows_max);

    [[nodiscard]] const Type& type() const { return type_; }
    [[nodiscard]] Physical physical() const { return physical_; }
    // T: std::uint8_t, std::int64_t, double or std::string_view, by physical().
    template <class T>
    [[nodiscard]] T* values() {
        return reinterpret_cast<T*>(data_.get());
    }
    template <class T>
    [[nodiscard]] const T* values() const {
        return reinterpret_cast<const T*>(data_.get());
    }
    [[nodiscard]] bool has_nulls() const { return has_nulls_; }
    [[nodiscard]] bool is_null(std::uint32_t row) const { return has_nulls_ && !valid_.get(row); }
    void set_null(std::uint32_t row) {
        if (!has_nulls_) valid_.fill(true);
        has_nulls_ = true;
        valid_.clear(row);
    }
    void set_valid(std::uint32_t row) {
        if (has_nulls_) valid_.set(row);
    }
    // Meaningful only with has_nulls().
    [[nodiscard]] RowBits& valid() { return valid_; }
    [[nodiscard]] const RowBits& valid() const { return valid_; }
    void set_has_nulls(bool has_nulls) { has_nulls_ = has_nulls; }
    void set_type(const Type& type) { type_ = type; }

private:
    Type type_;
    Physical physical_;
    bool has_nulls_ = false;
    RowBits valid_;
    std::unique_ptr<std::byte[]> data_;
};
using VectorRef = std::shared_ptr<const Vector>;

// Columns that the reader does not use may be null pointers.
struct Batch {
    std::uint32_t rows = 0;  // 1..batch_rows_max
    VectorRef rowtime;       // TIMESTAMP NOT NULL, ascending
    std::vector<VectorRef> columns;
    std::vector<ArenaRef> arenas;

    [[nodiscard]] RowTime time_of(std::uint32_t row) const { return RowTime(rowtime->values<std::int64_t>()[row]); }
    [[nodiscard]] RowTime last_time() const { return time_of(rows - 1); }
};
using BatchRef = std::shared_ptr<const Batch>;

// A column with this value in all rows.
VectorRef make_rowtime(RowTime time, std::uint32_t rows);

}  // namespace riacho::sql
