// Strong<Tag, T>: a number type that does not convert to other number types. Construction is explicit; value() returns
// the number.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace riacho {

template <class Tag, class T>
class Strong {
public:
    using Value = T;
    constexpr Strong() = default;
    constexpr explicit Strong(T value) : value_(value) {}
    [[nodiscard]] constexpr T value() const { return value_; }
    friend constexpr auto operator<=>(const Strong&, const Strong&) = default;
    // This value plus n.
    [[nodiscard]] constexpr Strong plus(T n) const { return Strong(static_cast<T>(value_ + n)); }

private:
    T value_{};
};

}  // namespace riacho

template <class Tag, class T>
struct std::hash<riacho::Strong<Tag, T>> {
    std::size_t operator()(const riacho::Strong<Tag, T>& id) const noexcept { return std::hash<T>()(id.value()); }
};
