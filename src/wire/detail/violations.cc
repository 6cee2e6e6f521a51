#include "wire/detail/violations.h"

#include <fmt/format.h>

#include <span>
#include <vector>

#include "base/base64.h"
#include "base/text.h"
#include "wire/detail/convert.h"

namespace riacho::wire::detail {
namespace {

constexpr std::size_t items_max = 10;
constexpr std::size_t absent = 0;  // the index of the root, which is no member's value

class Describer {
public:
    Describer(const Shape& root, std::span<const Node> nodes) : nodes_(nodes), values_shown_(root.values_shown) {}

    void structure(const Shape& shape, std::size_t at, const std::string& path) {
        const auto members = find_members(shape, at);
        for (const std::uint8_t index : shape.check_order) {
            if (full()) return;
            const Member& member = shape.members[index];
            std::string member_path = path.empty() ? std::string() : path + ".";
            member_path += to_lower(member.name.front());
            member_path += member.name.substr(1);
            if (members[index] != absent) {
                value(*member.shape, members[index], member_path);
            } else if (member.required) {
                add(null_text(), member_path, "Member must not be null");
            }
        }
    }

    [[nodiscard]] std::string sentence() const {
        if (count_ == 0) return {};
        return fmt::format("{} validation error{} detected: {}", count_, count_ == 1 ? "" : "s", items_);
    }

private:
    [[nodiscard]] bool full() const { return count_ == items_max; }

    // AWS: Firehose prints neither the value nor " null" (firehose spec 5).
    [[nodiscard]] std::string_view null_text() const { return values_shown_ ? " null" : ""; }

    // `value` is printed after "Value": " 'x'", " null", or nothing where AWS prints no value.
    void add(std::string_view value, std::string_view path, std::string_view rule) {
        if (full()) return;
        if (count_++ != 0) items_ += "; ";
        items_ += fmt::format("Value{} at '{}' failed to satisfy constraint: {}", value, path, rule);
    }

    // The node of each member's last value, or `absent`, in the order of the shape's members.
    [[nodiscard]] std::vector<std::size_t> find_members(const Shape& shape, std::size_t at) const {
        std::vector<std::size_t> found(shape.members.size(), absent);
        for (std::size_t key = at + 1; key < nodes_[at].end; key = after(nodes_, key + 1)) {
            for (std::size_t i = 0; i < found.size(); ++i) {
                if (shape.members[i].name != nodes_[key].view()) continue;
                found[i] = nodes_[key + 1].kind == NodeKind::null ? absent : key + 1;
            }
        }
        return found;
    }

    void value(const Shape& shape, std::size_t at, const std::string& path) {
        switch (shape.kind) {
            case Kind::structure:
                return structure(shape, at, path);
            case Kind::list:
                return list(shape, at, path);
            case Kind::map:
                return map(shape, at, path);
            default:
                for (const std::string& rule : broken_rules(shape, at)) add(quoted(shape, at), path, rule);
        }
    }

    void list(const Shape& shape, std::size_t at, const std::string& path) {
        for (const std::string& rule : broken_length(shape, nodes_[at].size)) add(quoted(shape, at), path, rule);
        const Shape& element = *shape.element;
        const bool by_element = element.kind == Kind::structure || element.kind == Kind::list;
        bool any_broken = false;
        std::size_t number = 0;
        for (std::size_t child = at + 1; child < nodes_[at].end && !full(); child = after(nodes_, child)) {
            ++number;
            if (nodes_[child].kind == NodeKind::null) {
                add(null_text(), fmt::format("{}.{}.member", path, number), "Member must not be null");
            } else if (by_element) {
                value(element, child, fmt::format("{}.{}.member", path, number));
            } else if (!broken_rules(element, child).empty()) {
                any_broken = true;
            }
        }
        if (any_broken) {
            add(quoted(shape, at), path, "Member must satisfy constraint: " + rules_of(element));
        }
    }

    void map(const Shape& shape, std::size_t at, const std::string& path) {
        const auto entries = map_entries(nodes_, at);
        for (const std::string& rule : broken_length(shape, entries.size())) add(quoted(shape, at), path, rule);
        bool keys_broken = false;
        bool values_broken = false;
        for (const auto& [key, child] : entries) {
            keys_broken |= !broken_rules(*shape.key, child - 1).empty();  // the key's node precedes its value's
            if (shape.element->kind == Kind::structure || shape.element->kind == Kind::list) {
                value(*shape.element, child, fmt::format("{}.{}.member", path, key));
            } else {
                values_broken |= !broken_rules(*shape.element, child).empty();
            }
        }
        if (keys_broken) add(quoted(shape, at), path, "Map keys must satisfy constraint: " + rules_of(*shape.key));
        if (values_broken) {
            add(quoted(shape, at), path, "Map value must satisfy constraint: " + rules_of(*shape.element));
        }
    }

    static std::string length_rule(bool at_least, std::int64_t bound) {
        return fmt::format("Member must have length {} than or equal to {}", at_least ? "greater" : "less", bound);
    }
    static std::string value_rule(bool at_least, std::int64_t bound) {
        return fmt::format("Member must have value {} than or equal to {}", at_least ? "greater" : "less", bound);
    }
    static std::string pattern_rule(const Pattern& pattern) {
        return fmt::format("Member must satisfy regular expression pattern: {}", pattern.text);
    }
    static std::string enum_rule(const Shape& shape) {
        return fmt::format("Member must satisfy enum value set: {}", shape.values_printed);
    }

    static std::vector<std::string> broken_length(const Shape& shape, std::uint64_t length) {
        const auto size = static_cast<std::int64_t>(length);
        std::vector<std::string> rules;
        if (size < shape.min) rules.push_back(length_rule(true, shape.min));
        if (size > shape.max) rules.push_back(length_rule(false, shape.max));
        return rules;
    }

    // The violated rules of a scalar. AWS: the pattern comes before the length.
    [[nodiscard]] std::vector<std::string> broken_rules(const Shape& shape, std::size_t at) const {
        const Node& node = nodes_[at];
        std::vector<std::string> rules;
        if (shape.kind == Kind::enumeration) {
            if (!to_enumerator(shape, node.view())) rules.push_back(enum_rule(shape));
        } else if (shape.kind == Kind::string) {
            if (shape.pattern != nullptr && !shape.pattern->matches(node.view())) {
                rules.push_back(pattern_rule(*shape.pattern));
            }
            for (std::string& rule : broken_length(shape, static_cast<std::uint64_t>(utf16_length(node.view())))) {
                rules.push_back(std::move(rule));
            }
        } else if (shape.kind == Kind::blob) {
            return broken_length(shape, blob_size(node));
        } else if (shape.kind == Kind::integer || shape.kind == Kind::long_) {
            const std::int64_t number = to_integer(node, shape.kind);
            if (number < shape.min) rules.push_back(value_rule(true, shape.min));
            if (number > shape.max) rules.push_back(value_rule(false, shape.max));
        } else if (shape.kind == Kind::real && !value_in_bounds(shape, to_real(node))) {
            const bool above = shape.max != no_max && to_real(node) > static_cast<double>(shape.max);
            rules.push_back(above ? value_rule(false, shape.max) : value_rule(true, shape.min));
        }
        return rules;
    }

    // All rules of an element's shape, whichever of them is violated.
    static std::string rules_of(const Shape& shape) {
        std::vector<std::string> rules;
        if (shape.max != no_max) rules.push_back(length_rule(false, shape.max));
        if (shape.min != no_min) rules.push_back(length_rule(true, shape.min));
        if (shape.pattern != nullptr) rules.push_back(pattern_rule(*shape.pattern));
        if (shape.kind == Kind::enumeration) rules.push_back(enum_rule(shape));
        return fmt::format("[{}]", fmt::join(rules, ", "));
    }

    static std::uint64_t blob_size(const Node& node) {
        return node.kind == NodeKind::text ? check_base64(node.view()).decoded_size : node.size;
    }

    // AWS: values of lists and blobs are not printed (a public report of December 2025; before that date Java's
    // toString() was printed).
    [[nodiscard]] std::string quoted(const Shape& shape, std::size_t at) const {
        if (!values_shown_ || shape.sensitive) return {};
        switch (shape.kind) {
            case Kind::blob:
            case Kind::list:
            case Kind::structure:
                return {};
            case Kind::map:
                return is_scalar(*shape.element) ? " '" + shown_map(shape, at) + "'" : "";
            default:
                return " '" + shown(shape, at) + "'";
        }
    }

    static bool is_scalar(const Shape& shape) {
        return shape.kind != Kind::structure && shape.kind != Kind::list && shape.kind != Kind::map &&
               shape.kind != Kind::blob && !shape.sensitive;
    }

    // A scalar in the form of Java's toString().
    [[nodiscard]] std::string shown(const Shape& shape, std::size_t at) const {
        const Node& node = nodes_[at];
        switch (shape.kind) {
            case Kind::integer:
            case Kind::long_:
                return std::to_string(to_integer(node, shape.kind));
            case Kind::real:
                return fmt::format("{}", to_real(node));
            case Kind::boolean:
                return node.kind == NodeKind::boolean && node.boolean ? "true" : "false";
            case Kind::timestamp:
                return std::to_string(to_timestamp(node).value());
            default:
                return std::string(node.view());
        }
    }

    [[nodiscard]] std::string shown_map(const Shape& shape, std::size_t at) const {
        std::vector<std::string> entries;
        for (const auto& [key, child] : map_entries(nodes_, at)) {
            entries.push_back(fmt::format("{}={}", key, shown(*shape.element, child)));
        }
        return fmt::format("{{{}}}", fmt::join(entries, ", "));
    }

    std::span<const Node> nodes_;
    std::string items_;
    std::size_t count_ = 0;
    bool values_shown_;
};

}  // namespace

std::string describe_violations(const Shape& shape, const Document& document) {
    Describer describer(shape, document.nodes());
    describer.structure(shape, 0, "");
    return describer.sentence();
}

}  // namespace riacho::wire::detail
