#include "wire/detail/plain_json.h"

#include <bit>
#include <cstring>

#include "base/base64_scan.h"
#include "wire/detail/json_parser.h"
#include "wire/detail/special_bytes.h"

namespace riacho::wire::detail {
namespace {

constexpr std::size_t digits_max = 18;  // always fits std::int64_t

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool ends_scalar(char c) { return c == ',' || c == '}' || c == ']' || is_space(c); }

struct TextEnd {
    const char* quote = nullptr;  // null: there is no closing quote, or an escape or a control character before it
    bool is_ascii = true;
};

// Looks for the closing quote from `at` on.
TextEnd find_quote(const char* at, const char* end) {
    TextEnd found;
    for (; at < end; at += special_bytes_step) {
        const auto [special, beyond_ascii] = special_bytes(at);
        if (special == 0) {
            found.is_ascii &= beyond_ascii == 0;
            continue;
        }
        const unsigned before = (special & (0U - special)) - 1;  // a bit for each byte before the first special one
        found.is_ascii &= (beyond_ascii & before) == 0;
        const char* const first = at + std::countr_zero(special);
        if (first < end && *first == '"') found.quote = first;
        return found;
    }
    return found;
}

class Parser {
public:
    Parser(std::string_view text, std::vector<Node>& nodes)
        : at_(text.data()), end_(text.data() + text.size()), nodes_(nodes) {}

    bool parse() {
        skip_space();
        if (at_ == end_ || (*at_ != '{' && *at_ != '[') || !value(0)) return false;
        skip_space();
        return at_ == end_;
    }

private:
    void skip_space() {
        while (at_ < end_ && is_space(*at_)) ++at_;
    }
    bool take(char c) {
        if (at_ == end_ || *at_ != c) return false;
        ++at_;
        return true;
    }

    std::size_t add(NodeKind kind) {
        Node node;
        node.kind = kind;
        node.boolean = false;
        node.size = 0;
        node.integer = 0;
        nodes_.push_back(node);
        return nodes_.size() - 1;
    }

    bool value(std::size_t depth) {
        if (at_ == end_ || nodes_.size() >= nodes_max_json) return false;
        switch (*at_) {
            case '"':
                ++at_;
                return text();
            case '{':
                ++at_;
                return depth < depth_max && object(depth + 1);
            case '[':
                ++at_;
                return depth < depth_max && array(depth + 1);
            case 't':
                return word("true", NodeKind::boolean);
            case 'f':
                return word("false", NodeKind::boolean);
            case 'n':
                return word("null", NodeKind::null);
            default:
                return integer();
        }
    }

    // The opening quote was taken.
    bool text() {
        const char* const start = at_;
        // The alphabet of base64 holds neither quotes nor escapes.
        const std::size_t run = base64_run({start, static_cast<std::size_t>(end_ - start)});
        const TextEnd found = find_quote(start + run, end_);
        if (found.quote == nullptr) return false;
        const std::string_view content(start, static_cast<std::size_t>(found.quote - start));
        if (!found.is_ascii && !is_utf8(content)) return false;
        Node& node = nodes_[add(NodeKind::text)];
        node.text = content.data();
        node.size = static_cast<std::uint32_t>(content.size());
        node.boolean = content.size() - run <= base64_end_size;
        at_ = found.quote + 1;
        return true;
    }

    bool word(std::string_view name, NodeKind kind) {
        const auto left = static_cast<std::size_t>(end_ - at_);
        if (left <= name.size() || std::memcmp(at_, name.data(), name.size()) != 0) return false;
        if (!ends_scalar(at_[name.size()])) return false;
        nodes_[add(kind)].boolean = name == "true";
        at_ += name.size();
        return true;
    }

    bool integer() {
        const bool negative = take('-');
        const char* const start = at_;
        std::int64_t number = 0;
        for (; at_ < end_ && is_digit(*at_); ++at_) {
            if (at_ - start == digits_max) return false;
            number = number * 10 + (*at_ - '0');
        }
        const auto count = at_ - start;
        if (count == 0 || (count > 1 && *start == '0') || at_ == end_ || !ends_scalar(*at_)) return false;
        nodes_[add(NodeKind::integer)].integer = negative ? -number : number;
        return true;
    }

    bool object(std::size_t depth) {
        const std::size_t self = add(NodeKind::object);
        std::uint32_t count = 0;
        skip_space();
        if (!take('}')) {
            for (;; ++count) {
                if (!take('"') || !text() || nodes_.back().size > key_size_max) return false;
                skip_space();
                if (!take(':')) return false;
                skip_space();
                if (!value(depth)) return false;
                skip_space();
                if (take('}')) break;
                if (!take(',')) return false;
                skip_space();
            }
            ++count;
        }
        return close(self, count);
    }

    bool array(std::size_t depth) {
        const std::size_t self = add(NodeKind::array);
        std::uint32_t count = 0;
        skip_space();
        if (!take(']')) {
            for (;; ++count) {
                if (!value(depth)) return false;
                skip_space();
                if (take(']')) break;
                if (!take(',')) return false;
                skip_space();
            }
            ++count;
        }
        return close(self, count);
    }

    bool close(std::size_t self, std::uint32_t count) {
        nodes_[self].size = count;
        nodes_[self].end = nodes_.size();
        return true;
    }

    const char* at_;
    const char* const end_;
    std::vector<Node>& nodes_;
};

}  // namespace

bool parse_plain_json(std::string_view text, std::vector<Node>& nodes) {
    const std::size_t before = nodes.size();
    if (Parser(text, nodes).parse()) return true;
    nodes.resize(before);
    return false;
}

}  // namespace riacho::wire::detail
