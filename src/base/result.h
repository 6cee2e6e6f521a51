// Expected<T, E>: a return value that is either a value or an error. See CONTRIBUTING.md for which layer uses which E.
#pragma once

#include <expected>
#include <type_traits>
#include <utility>

namespace riacho {

// std::expected, made [[nodiscard]] (libstdc++ 12's is not).
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
