#include "sql/state/group_table.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "sql/batch/hash.h"

namespace riacho::sql {
namespace {

using plan::AggregateOp;

constexpr std::size_t prefetch_ahead = 16;
constexpr std::size_t slots_min = 64;
constexpr std::size_t kept_size = 16 * 1024;  // bytes

// What one large window needed is not held by all later ones: the host's bound on memory counts it.
template <class Container>
void give_back(Container& values) {
    values.clear();
    // Not by an assignment: a string keeps its memory then.
    if (values.capacity() * sizeof(values[0]) > kept_size) Container().swap(values);
}

std::uint64_t upper_half(std::uint64_t hash) { return hash & 0xFFFF'FFFF'0000'0000; }

std::string_view without_pad(std::string_view text, const Type& type) {
    if (type.kind == Kind::character) {
        while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    }
    return text;
}

std::uint32_t width(const Type& type) {
    switch (physical_of(type.kind)) {
        case Physical::boolean:
            return 1;
        case Physical::exact:
        case Physical::real:
            return 8;
        case Physical::string:
            return 4;  // and the bytes
    }
    return 0;
}

}  // namespace

void KeyIndex::find_or_add(const char* keys, std::span<const std::uint32_t> offsets, std::uint32_t* numbers) {
    const std::size_t count = offsets.size() - 1;
    row_hashes_.resize(count);
    for (std::size_t i = 0; i < count; ++i)
        row_hashes_[i] = hash_bytes(keys + offsets[i], offsets[i + 1] - offsets[i], seed_);
    // Room for all of them at load 0.6, so that no growth comes between.
    while ((size() + count) * 5 > slots_.size() * 3) grow();
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t i = 0; i < count; ++i) {
        if (i + prefetch_ahead < count) __builtin_prefetch(&slots_[row_hashes_[i + prefetch_ahead] & mask]);
        const std::string_view wanted(keys + offsets[i], offsets[i + 1] - offsets[i]);
        const std::uint64_t hash = row_hashes_[i];
        std::size_t at = hash & mask;
        while (true) {
            const std::uint64_t slot = slots_[at];
            if (slot == 0) {
                numbers[i] = add(wanted, hash);
                slots_[at] = upper_half(hash) | (numbers[i] + 1);
                break;
            }
            if (upper_half(slot) == upper_half(hash)) {
                const auto number = static_cast<std::uint32_t>(slot) - 1;
                if (key(number) == wanted) {
                    numbers[i] = number;
                    break;
                }
            }
            at = (at + 1) & mask;
        }
    }
}

std::uint32_t KeyIndex::find_or_add(std::string_view wanted) {
    const std::uint32_t offsets[] = {0, static_cast<std::uint32_t>(wanted.size())};
    std::uint32_t number = 0;
    find_or_add(wanted.data(), offsets, &number);
    return number;
}

std::uint32_t KeyIndex::add(std::string_view key, std::uint64_t hash) {
    const std::uint32_t number = size();
    RIACHO_CHECK(number < UINT32_MAX - 1);
    bytes_.append(key);
    ends_.push_back(bytes_.size());
    hashes_.push_back(hash);
    return number;
}

void KeyIndex::grow() {
    slots_.assign(std::max(slots_min, slots_.size() * 2), 0);
    const std::size_t mask = slots_.size() - 1;
    for (std::uint32_t number = 0; number < size(); ++number) {
        std::size_t at = hashes_[number] & mask;
        while (slots_[at] != 0) at = (at + 1) & mask;
        slots_[at] = upper_half(hashes_[number]) | (number + 1);
    }
}

void KeyIndex::reserve(std::size_t keys, std::size_t bytes) {
    hashes_.reserve(keys);
    ends_.reserve(keys);
    bytes_.reserve(bytes);
    std::size_t slots = slots_min;
    while (keys * 5 > slots * 3) slots *= 2;
    if (slots > slots_.size() && size() == 0) slots_.assign(slots, 0);
}

void KeyIndex::clear() {
    give_back(hashes_);
    give_back(ends_);
    give_back(bytes_);
    const std::size_t slots = slots_.size();
    give_back(slots_);
    if (slots_.capacity() >= slots) slots_.resize(slots);
}

std::size_t KeyIndex::capacity() const {
    return (slots_.capacity() + hashes_.capacity() + ends_.capacity()) * 8 + bytes_.capacity();
}

AggregateColumn::AggregateColumn(const plan::Aggregate& aggregate)
    : op_(aggregate.op),
      type_(aggregate.type),
      arg_type_(aggregate.arg ? aggregate.arg->type : aggregate.type),
      physical_(physical_of(arg_type_.kind)) {}

void AggregateColumn::resize(std::uint32_t groups) {
    counts_.resize(groups);
    switch (op_) {
        case AggregateOp::count_rows:
        case AggregateOp::count:
            break;
        case AggregateOp::sum:
        case AggregateOp::average:
            if (physical_ == Physical::real) {
                reals_.resize(groups);
            } else {
                sums_.resize(groups);
            }
            break;
        case AggregateOp::min:
        case AggregateOp::max:
            if (physical_ == Physical::real) {
                reals_.resize(groups);
            } else if (physical_ == Physical::string) {
                texts_.resize(groups);
            } else {
                exacts_.resize(groups);
            }
            break;
        case AggregateOp::var_pop:
        case AggregateOp::var_samp:
        case AggregateOp::stddev_pop:
        case AggregateOp::stddev_samp:
            reals_.resize(groups);
            squares_.resize(groups);
            break;
    }
}

namespace {

// f(group, value) for each value that is not NULL.
template <class T, class F>
void each_value(const Values& values, const Rows& rows, const std::uint32_t* groups, F f) {
    if (!values.constant && !values.vector->has_nulls()) {
        const T* data = values.vector->values<T>();
        for (std::uint32_t i = 0; i < rows.count; ++i) f(groups[i], data[rows[i]]);
        return;
    }
    for (std::uint32_t i = 0; i < rows.count; ++i) {
        if (!values.is_null(rows[i])) f(groups[i], values.at<T>(rows[i]));
    }
}

}  // namespace

void AggregateColumn::update(const Values* values, const Rows& rows, const std::uint32_t* groups) {
    std::int64_t* counts = counts_.data();
    const bool is_min = op_ == AggregateOp::min;
    switch (op_) {
        case AggregateOp::count_rows:
            for (std::uint32_t i = 0; i < rows.count; ++i) ++counts[groups[i]];
            return;
        case AggregateOp::count:
            for (std::uint32_t i = 0; i < rows.count; ++i) counts[groups[i]] += values->is_null(rows[i]) ? 0 : 1;
            return;
        case AggregateOp::sum:
        case AggregateOp::average:
            if (physical_ == Physical::real) {
                each_value<double>(*values, rows, groups, [&](std::uint32_t g, double v) {
                    reals_[g] += v;
                    ++counts[g];
                });
            } else {
                each_value<std::int64_t>(*values, rows, groups, [&](std::uint32_t g, std::int64_t v) {
                    sums_[g] += v;
                    ++counts[g];
                });
            }
            return;
        case AggregateOp::min:
        case AggregateOp::max:
            if (physical_ == Physical::real) {
                each_value<double>(*values, rows, groups, [&](std::uint32_t g, double v) {
                    if (counts[g]++ == 0 || (is_min ? v < reals_[g] : v > reals_[g])) reals_[g] = v;
                });
            } else if (physical_ == Physical::string) {
                each_value<std::string_view>(*values, rows, groups, [&](std::uint32_t g, std::string_view v) {
                    if (counts[g]++ == 0 || (is_min ? v < texts_[g] : v > texts_[g])) texts_[g] = v;
                });
            } else if (physical_ == Physical::exact) {
                each_value<std::int64_t>(*values, rows, groups, [&](std::uint32_t g, std::int64_t v) {
                    if (counts[g]++ == 0 || (is_min ? v < exacts_[g] : v > exacts_[g])) exacts_[g] = v;
                });
            } else {
                each_value<std::uint8_t>(*values, rows, groups, [&](std::uint32_t g, std::uint8_t v) {
                    if (counts[g]++ == 0 || (is_min ? v < exacts_[g] : v > exacts_[g])) exacts_[g] = v;
                });
            }
            return;
        case AggregateOp::var_pop:
        case AggregateOp::var_samp:
        case AggregateOp::stddev_pop:
        case AggregateOp::stddev_samp:
            // Welford: the mean and the sum of squared differences from it.
            each_value<double>(*values, rows, groups, [&](std::uint32_t g, double v) {
                const double before = v - reals_[g];
                reals_[g] += before / static_cast<double>(++counts[g]);
                squares_[g] += before * (v - reals_[g]);
            });
            return;
    }
}

void AggregateColumn::finish(std::uint32_t first, std::uint32_t count, Vector& out, Arena& arena,
                             ErrorMask& errors) const {
    const Range range = range_of(type_);
    const auto exact = [&](std::uint32_t row, Int128 value) {
        if (!range.has(value)) {
            errors.set(row, SqlState::out_of_range);
            return out.set_null(row);
        }
        out.values<std::int64_t>()[row] = static_cast<std::int64_t>(value);
    };
    const auto real = [&](std::uint32_t row, double value) {
        SqlState state = std::isfinite(value) ? SqlState::ok : SqlState::out_of_range;
        if (state == SqlState::ok && type_.kind == Kind::real) state = to_real(value, value);
        if (state != SqlState::ok) {
            errors.set(row, state);
            return out.set_null(row);
        }
        out.values<double>()[row] = value;
    };
    for (std::uint32_t row = 0; row < count; ++row) {
        const std::uint32_t g = first + row;
        const std::int64_t n = counts_[g];
        if (op_ == AggregateOp::count_rows || op_ == AggregateOp::count) {
            out.values<std::int64_t>()[row] = n;
            continue;
        }
        const bool sample = op_ == AggregateOp::var_samp || op_ == AggregateOp::stddev_samp;
        if (n == 0 || (sample && n == 1)) {
            out.set_null(row);
            continue;
        }
        switch (op_) {
            case AggregateOp::sum:
                if (physical_ == Physical::real) {
                    real(row, reals_[g]);
                } else {
                    exact(row, sums_[g]);
                }
                break;
            case AggregateOp::average:
                // AWS: S13.5: an average of integers is an integer, cut towards zero.
                if (physical_ == Physical::real) {
                    real(row, reals_[g] / static_cast<double>(n));
                } else {
                    exact(row, sums_[g] / n);
                }
                break;
            case AggregateOp::min:
            case AggregateOp::max:
                if (physical_ == Physical::real) {
                    out.values<double>()[row] = reals_[g];
                } else if (physical_ == Physical::string) {
                    out.values<std::string_view>()[row] = arena.copy(texts_[g]);
                } else if (physical_ == Physical::exact) {
                    out.values<std::int64_t>()[row] = exacts_[g];
                } else {
                    out.values<std::uint8_t>()[row] = exacts_[g] != 0;
                }
                break;
            default: {
                const double variance = squares_[g] / static_cast<double>(sample ? n - 1 : n);
                const bool root = op_ == AggregateOp::stddev_pop || op_ == AggregateOp::stddev_samp;
                real(row, root ? std::sqrt(variance) : variance);
                break;
            }
        }
    }
}

void AggregateColumn::clear() {
    give_back(counts_);
    give_back(sums_);
    give_back(exacts_);
    give_back(reals_);
    give_back(squares_);
    give_back(texts_);
}

std::size_t AggregateColumn::text_size(std::uint32_t first, std::uint32_t count) const {
    std::size_t size = 0;
    if (texts_.empty()) return size;
    for (std::uint32_t group = first; group < first + count; ++group) size += texts_[group].size();
    return size;
}

std::size_t AggregateColumn::capacity() const {
    std::size_t size = (counts_.capacity() + exacts_.capacity() + reals_.capacity() + squares_.capacity()) * 8 +
                       sums_.capacity() * 16 + texts_.capacity() * sizeof(std::string);
    for (const std::string& text : texts_) size += text.capacity() > 15 ? text.capacity() : 0;
    return size;
}

namespace {

std::uint64_t zigzag(std::int64_t value) {
    return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unzigzag(std::uint64_t value) {
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

}  // namespace

void AggregateColumn::encode(std::uint32_t group, Encoder& out) const {
    out.varint(static_cast<std::uint64_t>(counts_[group]));
    if (!sums_.empty()) {
        // The upper half is a sign for all sums but huge ones: one byte.
        const auto sum = sums_[group];
        out.varint(zigzag(static_cast<std::int64_t>(sum >> 64)));
        out.varint(zigzag(static_cast<std::int64_t>(static_cast<std::uint64_t>(sum))));
    }
    if (!exacts_.empty()) out.varint(zigzag(exacts_[group]));
    if (!reals_.empty()) out.number(std::bit_cast<std::uint64_t>(reals_[group]));
    if (!squares_.empty()) out.number(std::bit_cast<std::uint64_t>(squares_[group]));
    if (!texts_.empty()) out.text(texts_[group]);
}

void AggregateColumn::decode(std::uint32_t group, Decoder& in) {
    counts_[group] = static_cast<std::int64_t>(in.varint() & INT64_MAX);
    if (!sums_.empty()) {
        const auto high = static_cast<std::uint64_t>(unzigzag(in.varint()));
        const auto low = static_cast<std::uint64_t>(unzigzag(in.varint()));
        sums_[group] = static_cast<Int128>(static_cast<unsigned __int128>(high) << 64 | low);
    }
    if (!exacts_.empty()) exacts_[group] = unzigzag(in.varint());
    if (!reals_.empty()) reals_[group] = std::bit_cast<double>(in.number<std::uint64_t>());
    if (!squares_.empty()) squares_[group] = std::bit_cast<double>(in.number<std::uint64_t>());
    if (!texts_.empty()) texts_[group] = in.text();
}

void KeyBuilder::build(std::span<const Values> columns, const Rows& rows) {
    std::uint32_t fixed = 0;
    for (const Values& column : columns) fixed += 1 + width(column.vector->type());
    offsets_.resize(rows.count + 1);
    std::uint32_t size = 0;
    for (std::uint32_t i = 0; i < rows.count; ++i) {
        offsets_[i] = size;
        size += fixed;
    }
    offsets_[rows.count] = size;
    cursor_.assign(rows.count, 0);
    // Texts make keys of different sizes.
    for (const Values& column : columns) {
        if (column.vector->physical() != Physical::string) continue;
        for (std::uint32_t i = 0; i < rows.count; ++i) {
            if (!column.is_null(rows[i]))
                cursor_[i] += static_cast<std::uint32_t>(
                    without_pad(column.at<std::string_view>(rows[i]), column.vector->type()).size());
        }
    }
    std::uint32_t more = 0;
    for (std::uint32_t i = 0; i < rows.count; ++i) {
        offsets_[i] += more;
        more += cursor_[i];
        cursor_[i] = offsets_[i];
    }
    offsets_[rows.count] += more;
    bytes_.resize(offsets_[rows.count]);
    for (const Values& column : columns) {
        const Type& type = column.vector->type();
        const Physical physical = column.vector->physical();
        for (std::uint32_t i = 0; i < rows.count; ++i) {
            char* at = bytes_.data() + cursor_[i];
            const std::uint32_t row = rows[i];
            const bool null = column.is_null(row);
            *at++ = null ? 0 : 1;
            cursor_[i] += 1 + width(type);
            switch (physical) {
                case Physical::boolean:
                    *at = null ? 0 : static_cast<char>(column.at<std::uint8_t>(row));
                    break;
                case Physical::exact: {
                    const std::int64_t value = null ? 0 : column.at<std::int64_t>(row);
                    std::memcpy(at, &value, 8);
                    break;
                }
                case Physical::real: {
                    const double value = null || column.at<double>(row) == 0 ? 0.0 : column.at<double>(row);
                    std::memcpy(at, &value, 8);
                    break;
                }
                case Physical::string: {
                    const std::string_view text =
                        null ? std::string_view() : without_pad(column.at<std::string_view>(row), type);
                    const auto length = static_cast<std::uint32_t>(text.size());
                    std::memcpy(at, &length, 4);
                    if (length > 0) std::memcpy(at + 4, text.data(), length);
                    cursor_[i] += length;
                    break;
                }
            }
        }
    }
}

void read_key_column(const KeyIndex& keys, std::uint32_t first, std::uint32_t count,
                     std::vector<std::uint32_t>& cursors, Vector& out, Arena& arena) {
    const Type& type = out.type();
    for (std::uint32_t row = 0; row < count; ++row) {
        const std::string_view key = keys.key(first + row);
        const char* at = key.data() + cursors[row];
        if (*at++ == 0) out.set_null(row);
        cursors[row] += 1 + width(type);
        switch (out.physical()) {
            case Physical::boolean:
                out.values<std::uint8_t>()[row] = static_cast<std::uint8_t>(*at);
                break;
            case Physical::exact:
                std::memcpy(&out.values<std::int64_t>()[row], at, 8);
                break;
            case Physical::real:
                std::memcpy(&out.values<double>()[row], at, 8);
                break;
            case Physical::string: {
                std::uint32_t length = 0;
                std::memcpy(&length, at, 4);
                cursors[row] += length;
                std::string_view text(at + 4, length);
                if (type.kind == Kind::character) {
                    const std::size_t shown = cut_code_points(text, type.length).size();
                    const auto points = static_cast<std::size_t>(std::ranges::count_if(
                        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
                    const std::size_t pad = type.length > points ? type.length - points : 0;
                    char* padded = arena.allocate(shown + pad);
                    std::memset(std::copy_n(text.data(), shown, padded), ' ', pad);
                    out.values<std::string_view>()[row] = {padded, shown + pad};
                } else {
                    out.values<std::string_view>()[row] = arena.copy(text);
                }
                break;
            }
        }
    }
}

bool is_key(std::string_view key, std::span<const Type> types) {
    for (const Type& type : types) {
        const std::size_t size = 1 + width(type);
        if (key.size() < size) return false;
        std::uint32_t length = 0;
        if (physical_of(type.kind) == Physical::string) std::memcpy(&length, key.data() + 1, 4);
        key.remove_prefix(size);
        if (key.size() < length) return false;
        key.remove_prefix(length);
    }
    return key.empty();
}

}  // namespace riacho::sql
