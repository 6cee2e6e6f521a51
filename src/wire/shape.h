// The tables that describe an AWS API to the decoder and the encoder. They are generated from api/ as constinit data;
// the templates here make the entries that know C++ types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/time.h"
#include "wire/pattern.h"
#include "wire/value.h"

namespace riacho::wire {

enum class Kind : std::uint8_t {
    string,
    integer,      // std::int32_t
    long_,        // std::int64_t
    boolean,      // bool
    real,         // double
    timestamp,    // TimestampMs
    blob,         // Blob in requests, std::string_view in replies
    enumeration,  // an enum of std::uint8_t: the index into `values`
    list,         // std::vector
    map,          // std::vector<std::pair<text, text>>
    structure
};

// How a text is read from and written to its field, whatever the field's C++ type is.
struct TextAccess {
    std::string_view (*get)(const void* field);
    void (*set)(void* field, std::string_view text);
};

// How a list or a map is read and filled. Elements of a map are entries: a key and a value.
struct ListAccess {
    std::size_t (*size)(const void* list);
    const void* (*at)(const void* list, std::size_t index);
    void (*reserve)(void* list, std::size_t count);
    void* (*append)(void* list);
    // Maps only.
    void* (*key)(void* entry);
    void* (*value)(void* entry);
};

struct Shape;

struct Member {
    std::string_view name;  // as AWS writes it: "StreamName"
    std::string_view path;  // as violations print it: "streamName"
    const Shape* shape;
    bool required;
    // The field, or nullptr if it is an optional without a value.
    const void* (*get)(const void* structure);
    // Makes the field hold a fresh value and returns it.
    void* (*emplace)(void* structure);
    // Makes an optional field empty again.
    void (*reset)(void* structure);
};

inline constexpr std::int64_t no_min = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t no_max = std::numeric_limits<std::int64_t>::max();

struct Shape {
    Kind kind;
    std::string_view name;
    std::int64_t min = no_min;  // of the value (numbers), of the length (everything else)
    std::int64_t max = no_max;
    const Pattern* pattern = nullptr;
    std::span<const std::string_view> values = {};   // enumeration
    std::string_view values_printed = {};            // "[A, B]" in AWS's order, for violations
    const Shape* element = nullptr;                  // list; the value of a map
    const Shape* key = nullptr;                      // map
    std::span<const Member> members = {};            // structure, in the order of replies
    std::span<const std::uint8_t> check_order = {};  // indexes into members, in the order of violations
    const TextAccess* text = nullptr;                // string
    const ListAccess* list = nullptr;                // list, map
};

template <class T>
inline constexpr TextAccess text_access = {
    .get = [](const void* field) -> std::string_view { return *static_cast<const T*>(field); },
    .set = [](void* field, std::string_view text) { *static_cast<T*>(field) = T(text); },
};

namespace detail {
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_pair = false;
template <class A, class B>
inline constexpr bool is_pair<std::pair<A, B>> = true;

template <class>
struct MemberPointer;
template <class Structure, class Field>
struct MemberPointer<Field Structure::*> {
    using structure = Structure;
    using field = Field;
};
}  // namespace detail

template <class Vector>
inline constexpr ListAccess list_access = [] {
    using Element = typename Vector::value_type;
    ListAccess access{
        .size = [](const void* list) { return static_cast<const Vector*>(list)->size(); },
        .at = [](const void* list, std::size_t index) -> const void* {
            return &(*static_cast<const Vector*>(list))[index];
        },
        .reserve = [](void* list, std::size_t count) { static_cast<Vector*>(list)->reserve(count); },
        .append = [](void* list) -> void* { return &static_cast<Vector*>(list)->emplace_back(); },
        .key = nullptr,
        .value = nullptr,
    };
    if constexpr (detail::is_pair<Element>) {
        access.key = [](void* entry) -> void* { return &static_cast<Element*>(entry)->first; };
        access.value = [](void* entry) -> void* { return &static_cast<Element*>(entry)->second; };
    }
    return access;
}();

template <auto pointer>
constexpr Member member(std::string_view name, std::string_view path, const Shape& shape, bool required) {
    using Structure = typename detail::MemberPointer<decltype(pointer)>::structure;
    using Field = typename detail::MemberPointer<decltype(pointer)>::field;
    Member result{.name = name,
                  .path = path,
                  .shape = &shape,
                  .required = required,
                  .get = nullptr,
                  .emplace = nullptr,
                  .reset = nullptr};
    if constexpr (detail::is_optional<Field>) {
        result.get = [](const void* structure) -> const void* {
            const Field& field = static_cast<const Structure*>(structure)->*pointer;
            return field ? &*field : nullptr;
        };
        result.emplace = [](void* structure) -> void* {
            return &(static_cast<Structure*>(structure)->*pointer).emplace();
        };
        result.reset = [](void* structure) { (static_cast<Structure*>(structure)->*pointer).reset(); };
    } else {
        result.get = [](const void* structure) -> const void* {
            return &(static_cast<const Structure*>(structure)->*pointer);
        };
        result.emplace = [](void* structure) -> void* {
            Field& field = static_cast<Structure*>(structure)->*pointer;
            field = Field{};
            return &field;
        };
        result.reset = [](void* structure) { static_cast<Structure*>(structure)->*pointer = Field{}; };
    }
    return result;
}

}  // namespace riacho::wire
