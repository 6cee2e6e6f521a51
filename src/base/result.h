// Expected<T, E>: a value or the reason there is none, as a return value. See CONTRIBUTING.md for which layer uses
// which E.
#pragma once

#include <expected>
#include <type_traits>
#include <utility>

namespace riacho {

// std::expected that may not be ignored (libstdc++ 12's own is not [[nodiscard]]).
template <class T, class E>
class [[nodiscard]] Expected : public std::expected<T, E> {
public:
    using Base = std::expected<T, E>;
    using Base::Base;
    Expected(Base&& base) : Base(std::move(base)) {}
};

template <class E>
constexpr std::unexpected<std::decay_t<E>> fail(E&& error) {
    return std::unexpected<std::decay_t<E>>(std::forward<E>(error));
}

}  // namespace riacho
