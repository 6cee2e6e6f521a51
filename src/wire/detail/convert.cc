#include "wire/detail/convert.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace riacho::wire::detail {
namespace {

constexpr std::int64_t int64_max = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t int64_min = std::numeric_limits<std::int64_t>::min();

std::int64_t floor_to_int64(double value) {
    if (std::isnan(value)) return 0;
    const double floored = std::floor(value);
    // 2^63 as a double: this and everything above does not fit.
    if (floored >= 9223372036854775808.0) return int64_max;
    if (floored < -9223372036854775808.0) return int64_min;
    return static_cast<std::int64_t>(floored);
}

std::string upper(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return result;
}

}  // namespace

std::int64_t to_integer(const Node& node, Kind kind) noexcept {
    const std::int64_t value = node.kind == NodeKind::real ? floor_to_int64(node.real) : node.integer;
    if (kind == Kind::long_) return value;
    return std::clamp<std::int64_t>(value, std::numeric_limits<std::int32_t>::min(),
                                    std::numeric_limits<std::int32_t>::max());
}

double to_real(const Node& node) noexcept {
    return node.kind == NodeKind::real ? node.real : static_cast<double>(node.integer);
}

bool value_in_bounds(const Shape& shape, double value) noexcept {
    return (shape.min == no_min || value >= static_cast<double>(shape.min)) &&
           (shape.max == no_max || value <= static_cast<double>(shape.max));
}

TimestampMs to_timestamp(const Node& node) noexcept {
    if (node.kind == NodeKind::timestamp) return TimestampMs(node.integer);
    if (node.kind == NodeKind::integer) {
        constexpr std::int64_t seconds_max = int64_max / 1000;
        return TimestampMs(std::clamp(node.integer, -seconds_max, seconds_max) * 1000);
    }
    // A double represents present times to the microsecond; rounding to microseconds first keeps .123 from becoming
    // .122999. Beyond the year 2255 it does not, and only the nearest millisecond is known.
    constexpr double exact_max = 9'007'199'254'740'992.0;  // 2^53
    const double microseconds = std::round(node.real * 1e6);
    if (std::abs(microseconds) < exact_max) return TimestampMs(floor_to_int64(microseconds / 1e3));
    return TimestampMs(floor_to_int64(std::round(node.real * 1e3)));
}

std::optional<std::uint8_t> to_enumerator(const Shape& shape, std::string_view name) noexcept {
    for (std::size_t i = 0; i < shape.values.size(); ++i) {
        if (shape.values[i] == name) return static_cast<std::uint8_t>(i);
    }
    return std::nullopt;
}

std::optional<bool> to_boolean(std::string_view text) {
    const std::string name = text.size() <= 5 ? upper(text) : std::string();
    if (name == "TRUE" || name == "YES" || name == "1") return true;
    if (name == "FALSE" || name == "NO" || name == "0") return false;
    return std::nullopt;
}

std::int64_t utf16_length(std::string_view text) noexcept {
    std::int64_t length = 0;
    for (const char c : text) {
        const auto byte = static_cast<std::uint8_t>(c);
        // Continuation bytes count zero; the lead byte of a four-byte sequence counts as a surrogate pair.
        length += int{(byte & 0xC0) != 0x80} + int{byte >= 0xF0};
    }
    return length;
}

bool length_in_bounds(const Shape& shape, std::string_view text) noexcept {
    const auto bytes = static_cast<std::int64_t>(text.size());
    // The UTF-16 length lies between a third of the size in bytes and the size in bytes.
    const bool long_enough = shape.min <= 1 ? bytes >= shape.min : bytes / 3 >= shape.min;
    if (long_enough && bytes <= shape.max) return true;
    const std::int64_t length = utf16_length(text);
    return length >= shape.min && length <= shape.max;
}

std::vector<std::pair<std::string_view, std::size_t>> map_entries(std::span<const Node> nodes, std::size_t at) {
    std::vector<std::pair<std::string_view, std::size_t>> entries;
    entries.reserve(nodes[at].size);
    const std::size_t end = nodes[at].end;
    for (std::size_t key = at + 1; key < end; key = after(nodes, key + 1)) {
        entries.emplace_back(nodes[key].view(), key + 1);
    }
    // Equal keys are sorted by descending position, so that unique() keeps the last entry.
    std::ranges::sort(entries, [](const auto& a, const auto& b) {
        return a.first != b.first ? a.first < b.first : a.second > b.second;
    });
    entries.erase(std::ranges::unique(entries, {}, [](const auto& entry) { return entry.first; }).begin(),
                  entries.end());
    std::erase_if(entries, [&](const auto& entry) { return nodes[entry.second].kind == NodeKind::null; });
    return entries;
}

}  // namespace riacho::wire::detail
