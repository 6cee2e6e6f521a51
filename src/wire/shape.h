// Shape tables: they describe an AWS API to the decoder and the encoder. They are generated from api/ as constinit
// data; the templates here make the entries that depend on C++ types.
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

// Read and write access to a text field, whatever the field's C++ type is.
struct TextAccess {
    std::string_view (*get)(const void* field);
    void (*set)(void* field, std::string_view text);
};

// Read and write access to a list or a map. Elements of a map are entries: a key and a value.
struct ListAccess {
    std::size_t (*size)(const void* list);
    const void* (*at)(const void* list, std::size_t index);
    void (*reserve)(void* list, std::size_t count);
    void* (*append)(void* list);
    // For maps only.
    void* (*key)(void* entry);
    void* (*value)(void* entry);
};

// Read and write access to a field of any structure: one FieldAccess for each C++ type of a field.
struct FieldAccess {
    // The value, or nullptr if the field is an optional without one.
    const void* (*get)(const void* field);
    // Makes the field hold a default value and returns it.
    void* (*emplace)(void* field);
    // Empties an optional, and makes any other field a default value.
    void (*reset)(void* field);
};

struct Shape;

struct Member {
    std::string_view name;  // in AWS's spelling: "StreamName"; violations print it with its first letter in lower case
    const Shape* shape;
    const FieldAccess* access;
    std::uint32_t offset;  // of the field in its structure
    bool optional;
    bool required;

    [[nodiscard]] const void* get(const void* structure) const {
        const void* field = static_cast<const char*>(structure) + offset;
        return optional ? access->get(field) : field;
    }
    [[nodiscard]] void* emplace(void* structure) const { return access->emplace(field_of(structure)); }
    void reset(void* structure) const { access->reset(field_of(structure)); }

private:
    [[nodiscard]] void* field_of(void* structure) const { return static_cast<char*>(structure) + offset; }
};

// A member that is bound to a header of the request or the reply, not part of its body (REST-JSON).
struct HeaderBinding {
    std::uint8_t member;    // index into Shape::members
    std::string_view name;  // in lower case: "x-amzn-stream-name"
};

inline constexpr std::int64_t no_min = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t no_max = std::numeric_limits<std::int64_t>::max();

struct Shape {
    Kind kind;
    std::string_view name;
    std::int64_t min = no_min;  // of the value (numbers) or of the length (other kinds)
    std::int64_t max = no_max;
    const Pattern* pattern = nullptr;
    bool sensitive = false;                          // never printed in violations
    std::span<const std::string_view> values = {};   // enumeration
    std::string_view values_printed = {};            // "[A, B]" in AWS's order, as violations print it
    const Shape* element = nullptr;                  // list; the value of a map
    const Shape* key = nullptr;                      // map
    std::span<const Member> members = {};            // structure, in the order of replies
    std::span<const std::uint8_t> check_order = {};  // indexes into members, in the order of violations
    std::span<const HeaderBinding> headers = {};     // structure
    const TextAccess* text = nullptr;                // string
    const ListAccess* list = nullptr;                // list, map
    bool values_shown = true;                        // for inputs: violations print the values of scalars and maps
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

template <class Field>
inline constexpr FieldAccess field_access = [] {
    if constexpr (detail::is_optional<Field>) {
        return FieldAccess{
            .get = [](const void* field) -> const void* {
                const Field& optional = *static_cast<const Field*>(field);
                return optional ? &*optional : nullptr;
            },
            .emplace = [](void* field) -> void* { return &static_cast<Field*>(field)->emplace(); },
            .reset = [](void* field) { static_cast<Field*>(field)->reset(); },
        };
    } else {
        return FieldAccess{
            .get = [](const void* field) -> const void* { return field; },
            .emplace = [](void* field) -> void* {
                *static_cast<Field*>(field) = Field{};
                return field;
            },
            .reset = [](void* field) { *static_cast<Field*>(field) = Field{}; },
        };
    }
}();

// An entry of a structure's table. The offset comes from offsetof(): a pointer to member would cost the compiler three
// functions for each member of each structure.
template <class Field>
consteval Member member(std::string_view name, const Shape& shape, std::size_t offset, bool required) {
    return {.name = name,
            .shape = &shape,
            .access = &field_access<Field>,
            .offset = static_cast<std::uint32_t>(offset),
            .optional = detail::is_optional<Field>,
            .required = required};
}

}  // namespace riacho::wire
