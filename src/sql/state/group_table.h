// Groups of a window: keys with dense numbers, and the aggregates of each group (design 5.4).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/codec.h"
#include "sql/function/evaluate.h"
#include "sql/plan/plan.h"

namespace riacho::sql {

// Keys as normalised bytes, numbered from 0 in the order in which they were first seen. Open addressing; the hash is
// seeded, and no result depends on it.
class KeyIndex {
public:
    explicit KeyIndex(std::uint64_t seed) : seed_(seed) {}

    // Numbers of the keys keys[offsets[i] .. offsets[i + 1]).
    void find_or_add(const char* keys, std::span<const std::uint32_t> offsets, std::uint32_t* numbers);
    std::uint32_t find_or_add(std::string_view key);
    [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(ends_.size()); }
    [[nodiscard]] std::string_view key(std::uint32_t number) const {
        const std::uint64_t begin = number == 0 ? 0 : ends_[number - 1];
        return std::string_view(bytes_).substr(begin, ends_[number] - begin);
    }
    // Bytes of the keys [first, first + count).
    [[nodiscard]] std::size_t size_of(std::uint32_t first, std::uint32_t count) const {
        if (count == 0) return 0;
        return static_cast<std::size_t>(ends_[first + count - 1] - (first == 0 ? 0 : ends_[first - 1]));
    }
    void reserve(std::size_t keys, std::size_t bytes);
    // Frees memory, except for what a small window needs.
    void clear();
    [[nodiscard]] std::size_t capacity() const;

private:
    std::uint32_t add(std::string_view key, std::uint64_t hash);
    void grow();

    std::uint64_t seed_;
    std::vector<std::uint64_t> slots_;  // upper half: of the hash; lower half: number + 1; 0: free
    std::vector<std::uint64_t> hashes_;
    std::vector<std::uint64_t> ends_;
    std::string bytes_;
    std::vector<std::uint64_t> row_hashes_;
};

// One aggregate of all groups, in columns.
class AggregateColumn {
public:
    explicit AggregateColumn(const plan::Aggregate& aggregate);

    void resize(std::uint32_t groups);
    // Adds the values of each selected row i to groups[i].
    void update(const Values* values, const Rows& rows, const std::uint32_t* groups);
    // Writes the results of groups [first, first + count) to rows 0.. of `out`. Texts are allocated in the arena.
    void finish(std::uint32_t first, std::uint32_t count, Vector& out, Arena& arena, ErrorMask& errors) const;
    // Bytes of results of text types.
    [[nodiscard]] std::size_t text_size(std::uint32_t first, std::uint32_t count) const;
    // Frees memory, like KeyIndex::clear().
    void clear();
    [[nodiscard]] std::size_t capacity() const;
    void encode(std::uint32_t group, Encoder& out) const;
    void decode(std::uint32_t group, Decoder& in);

private:
    plan::AggregateOp op_;
    Type type_;  // of the result
    Type arg_type_;
    Physical physical_;
    std::vector<std::int64_t> counts_;  // of values that are not NULL
    std::vector<Int128> sums_;
    std::vector<std::int64_t> exacts_;
    std::vector<double> reals_;  // sums, minima, maxima, means
    std::vector<double> squares_;
    std::vector<std::string> texts_;
};

// A key's bytes: for each column a flag (0: NULL) and its value; texts with their length, CHAR without its pad.
class KeyBuilder {
public:
    // One key for each row of `rows`.
    void build(std::span<const Values> columns, const Rows& rows);
    [[nodiscard]] const char* bytes() const { return bytes_.data(); }
    [[nodiscard]] std::span<const std::uint32_t> offsets() const { return offsets_; }

private:
    std::vector<char> bytes_;
    std::vector<std::uint32_t> offsets_;
    std::vector<std::uint32_t> cursor_;
};

// Reads a column of keys into a vector: the next column of each key from its cursor on.
void read_key_column(const KeyIndex& keys, std::uint32_t first, std::uint32_t count,
                     std::vector<std::uint32_t>& cursors, Vector& out, Arena& arena);
// Whether the bytes are a key with such columns; checks restored state.
[[nodiscard]] bool is_key(std::string_view key, std::span<const Type> types);

}  // namespace riacho::sql
