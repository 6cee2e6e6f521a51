#include "wire/decode.h"

#include <span>

#include "base/base64.h"
#include "base/base64_scan.h"
#include "base/check.h"
#include "wire/detail/convert.h"
#include "wire/detail/type_errors.h"
#include "wire/detail/violations.h"

namespace riacho::wire {
namespace {

using detail::after;

// One pass over the document: a wrong type ends it; a violated constraint is only noted, because the violation's text
// is made by a second, rare pass in AWS's order. Without `store` nothing is written and every `out` is null.
template <bool store>
class Decoder {
public:
    explicit Decoder(std::span<const Node> nodes) : nodes_(nodes) {}

    // False: `error` holds the text of the type error.
    bool structure(const Shape& shape, std::size_t at, void* out) {
        if (nodes_[at].kind != NodeKind::object) return wrong_type(shape, at);
        std::uint64_t seen = 0;
        const std::size_t end = nodes_[at].end;
        std::size_t guess = 0;  // clients send the members of every element in the same order
        for (std::size_t key = at + 1; key < end;) {
            const std::size_t value_at = key + 1;
            const std::size_t index = find_member(shape, nodes_[key].view(), guess);
            if (index < shape.members.size()) {
                const Member& member = shape.members[index];
                const std::uint64_t bit = std::uint64_t{1} << index;
                repeated_ |= (seen & bit) != 0;
                if (nodes_[value_at].kind == NodeKind::null) {
                    if constexpr (store) {
                        if ((seen & bit) != 0) member.reset(out);
                    }
                    seen &= ~bit;
                } else {
                    void* field = nullptr;
                    if constexpr (store) field = member.emplace(out);
                    if (!value(*member.shape, value_at, field)) return false;
                    seen |= bit;
                }
                guess = index + 1;
            }
            key = after(nodes_, value_at);
        }
        for (std::size_t i = 0; i < shape.members.size(); ++i) {
            if (shape.members[i].required && (seen >> i & 1) == 0) violated_ = true;
        }
        return true;
    }

    [[nodiscard]] bool violated() const { return violated_; }
    // A member was given twice: a value that violated a constraint may have been replaced since.
    [[nodiscard]] bool repeated() const { return repeated_; }
    std::string error;

private:
    static std::size_t find_member(const Shape& shape, std::string_view name, std::size_t guess) {
        const std::size_t count = shape.members.size();
        for (std::size_t i = guess; i < count; ++i) {
            if (shape.members[i].name == name) return i;
        }
        for (std::size_t i = 0; i < guess && i < count; ++i) {
            if (shape.members[i].name == name) return i;
        }
        return count;
    }

    bool wrong_type(const Shape& shape, std::size_t at) {
        error = detail::type_error(shape, nodes_[at]);
        return false;
    }

    bool value(const Shape& shape, std::size_t at, void* out) {
        const Node& node = nodes_[at];
        switch (shape.kind) {
            case Kind::string:
                if (node.kind != NodeKind::text) return wrong_type(shape, at);
                return text(shape, node.view(), out);
            case Kind::enumeration:
                if (node.kind != NodeKind::text) return wrong_type(shape, at);
                return enumeration(shape, node.view(), out);
            case Kind::integer:
            case Kind::long_:
                return integer(shape, at, out);
            case Kind::boolean:
                return boolean(shape, at, out);
            case Kind::real:
                return real(shape, at, out);
            case Kind::timestamp:
                if (!is_number(node)) return wrong_type(shape, at);
                put(out, detail::to_timestamp(node));
                return true;
            case Kind::blob:
                return blob(shape, at, out);
            case Kind::list:
                return list(shape, at, out);
            case Kind::map:
                return map(shape, at, out);
            case Kind::structure:
                return structure(shape, at, out);
        }
        return false;
    }

    static bool is_number(const Node& node) { return node.is_number() || node.kind == NodeKind::timestamp; }

    template <class T>
    static void put([[maybe_unused]] void* out, [[maybe_unused]] const T& value) {
        if constexpr (store) *static_cast<T*>(out) = value;
    }

    bool text(const Shape& shape, std::string_view content, [[maybe_unused]] void* out) {
        violated_ |=
            !detail::length_in_bounds(shape, content) || (shape.pattern != nullptr && !shape.pattern->matches(content));
        if constexpr (store) shape.text->set(out, content);
        return true;
    }

    bool enumeration(const Shape& shape, std::string_view name, void* out) {
        const auto index = detail::to_enumerator(shape, name);
        violated_ |= !index.has_value();
        put(out, index.value_or(std::uint8_t{0}));
        return true;
    }

    bool integer(const Shape& shape, std::size_t at, void* out) {
        if (!is_number(nodes_[at])) return wrong_type(shape, at);
        const std::int64_t number = detail::to_integer(nodes_[at], shape.kind);
        violated_ |= number < shape.min || number > shape.max;
        if (shape.kind == Kind::long_) {
            put(out, number);
        } else {
            put(out, static_cast<std::int32_t>(number));
        }
        return true;
    }

    bool real(const Shape& shape, std::size_t at, void* out) {
        if (!is_number(nodes_[at])) return wrong_type(shape, at);
        const double number = detail::to_real(nodes_[at]);
        violated_ |= !detail::value_in_bounds(shape, number);
        put(out, number);
        return true;
    }

    bool boolean(const Shape& shape, std::size_t at, void* out) {
        const Node& node = nodes_[at];
        bool result = false;
        if (node.kind == NodeKind::boolean) {
            result = node.boolean;
        } else if (node.kind == NodeKind::text) {
            const auto truth = detail::to_boolean(node.view());
            if (!truth) {
                error = detail::boolean_error(node.view());
                return false;
            }
            result = *truth;
        } else if (node.kind == NodeKind::real) {  // AWS: a fraction passes, an integer does not
            result = node.real != 0;
        } else {
            return wrong_type(shape, at);
        }
        put(out, result);
        return true;
    }

    bool blob(const Shape& shape, std::size_t at, void* out) {
        const Node& node = nodes_[at];
        Blob result;
        if (node.kind == NodeKind::bytes) {
            result = Blob(node.view());
        } else if (node.kind == NodeKind::text) {
            const Base64Check check = node.boolean ? check_base64_end(node.view()) : check_base64(node.view());
            if (check.fault != Base64Fault::none) {
                error = detail::base64_error(node.view());
                return false;
            }
            result = Blob::from_base64(node.view(), check.decoded_size);
        } else {
            return wrong_type(shape, at);
        }
        const auto size = static_cast<std::int64_t>(result.size());
        violated_ |= size < shape.min || size > shape.max;
        put(out, result);
        return true;
    }

    bool list(const Shape& shape, std::size_t at, void* out) {
        const Node& node = nodes_[at];
        if (node.kind != NodeKind::array) return wrong_type(shape, at);
        const auto count = static_cast<std::int64_t>(node.size);
        violated_ |= count < shape.min || count > shape.max;
        if constexpr (store) shape.list->reserve(out, node.size);
        for (std::size_t child = at + 1; child < node.end; child = after(nodes_, child)) {
            if (nodes_[child].kind == NodeKind::null) {
                violated_ = true;
                continue;
            }
            void* element = nullptr;
            if constexpr (store) element = shape.list->append(out);
            if (!value(*shape.element, child, element)) return false;
        }
        return true;
    }

    bool map(const Shape& shape, std::size_t at, void* out) {
        if (nodes_[at].kind != NodeKind::object) return wrong_type(shape, at);
        const auto entries = detail::map_entries(nodes_, at);
        const auto count = static_cast<std::int64_t>(entries.size());
        violated_ |= count < shape.min || count > shape.max;
        if constexpr (store) shape.list->reserve(out, entries.size());
        for (const auto& [key, child] : entries) {
            void* key_out = nullptr;
            void* value_out = nullptr;
            if constexpr (store) {
                void* entry = shape.list->append(out);
                key_out = shape.list->key(entry);
                value_out = shape.list->value(entry);
            }
            if (shape.key->kind == Kind::enumeration) {
                enumeration(*shape.key, key, key_out);
            } else {
                text(*shape.key, key, key_out);
            }
            if (!value(*shape.element, child, value_out)) return false;
        }
        return true;
    }

    std::span<const Node> nodes_;
    bool violated_ = false;
    bool repeated_ = false;
};

}  // namespace

namespace {

template <bool store>
Decoded run(const Shape& shape, const Document& document, void* out) {
    Decoder<store> decoder(document.nodes());
    if (!decoder.structure(shape, 0, out)) return {Verdict::type_error, std::move(decoder.error)};
    if (!decoder.violated()) return {};
    std::string text = detail::describe_violations(shape, document);
    RIACHO_CHECK(!text.empty() || decoder.repeated(), "the two readings of a constraint disagree");
    if (text.empty()) return {};
    return {Verdict::violation, std::move(text)};
}

}  // namespace

Decoded decode(const Shape& shape, const Document& document, void* out) { return run<true>(shape, document, out); }

Decoded validate(const Shape& shape, const Document& document) { return run<false>(shape, document, nullptr); }

}  // namespace riacho::wire
