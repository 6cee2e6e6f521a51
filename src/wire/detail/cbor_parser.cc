#include "wire/detail/cbor_parser.h"

#include <bit>
#include <cmath>
#include <limits>

#include "base/try.h"
#include "wire/detail/json_parser.h"

namespace riacho::wire::detail {
namespace {

enum Major : std::uint8_t {
    unsigned_integer,
    negative_integer,
    byte_string,
    text_string,
    array_of_items,
    map_of_items,
    tagged,
    simple_or_float
};

constexpr std::uint8_t indefinite = 31;
constexpr std::uint8_t break_code = 0xFF;
constexpr std::uint64_t epoch_time_tag = 1;

struct Head {
    Major major;
    std::uint8_t info;
    std::uint64_t argument;  // 0 for indefinite lengths
};

double from_half(std::uint16_t bits) {
    const int exponent = bits >> 10 & 0x1F;
    const int mantissa = bits & 0x3FF;
    double value = 0;
    if (exponent == 0) {
        value = std::ldexp(mantissa, -24);
    } else if (exponent != 31) {
        value = std::ldexp(mantissa + 1024, exponent - 25);
    } else {
        value = mantissa == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
    }
    return (bits & 0x8000) != 0 ? -value : value;
}

class Parser {
public:
    Parser(std::string_view body, std::vector<Node>& nodes, Buffer& joined)
        : body_(body), nodes_(nodes), joined_(joined) {}

    Expected<void, ParseFault> parse() {
        TRY_VOID(item(0, false));
        if (at_ != body_.size()) return fail(ParseFault::syntax);
        return {};
    }

private:
    [[nodiscard]] std::size_t remaining() const { return body_.size() - at_; }

    bool take_break() {
        if (remaining() == 0 || static_cast<std::uint8_t>(body_[at_]) != break_code) return false;
        ++at_;
        return true;
    }

    Expected<Head, ParseFault> head() {
        if (remaining() == 0) return fail(ParseFault::syntax);
        const auto first = static_cast<std::uint8_t>(body_[at_++]);
        Head head{static_cast<Major>(first >> 5), static_cast<std::uint8_t>(first & 0x1F), 0};
        if (head.info < 24) {
            head.argument = head.info;
        } else if (head.info < 28) {
            const std::size_t size = std::size_t{1} << (head.info - 24);
            if (remaining() < size) return fail(ParseFault::syntax);
            for (std::size_t i = 0; i < size; ++i) {
                head.argument = head.argument << 8 | static_cast<std::uint8_t>(body_[at_++]);
            }
        } else if (head.info != indefinite) {
            return fail(ParseFault::syntax);
        }
        return head;
    }

    Node& add(NodeKind kind) {
        Node& node = nodes_.emplace_back();
        node.kind = kind;
        node.boolean = false;
        node.size = 0;
        node.integer = 0;
        return node;
    }

    // Parses one data item. `in_time`: the item follows tag 1.
    Expected<void, ParseFault> item(std::size_t depth, bool in_time) {
        if (nodes_.size() >= nodes_max_cbor) return fail(ParseFault::too_large);
        TRY(const Head head, this->head());
        switch (head.major) {
            case unsigned_integer:
            case negative_integer:
                return integer(head, in_time);
            case byte_string:
            case text_string:
                return string(head);
            case array_of_items:
                return array(head, depth + 1);
            case map_of_items:
                return map(head, depth + 1);
            case tagged:
                if (head.info == indefinite) return fail(ParseFault::syntax);
                // Tags other than tag 1 are ignored, because they do not change how a shape reads the item; nested tags
                // count as depth.
                if (depth + 1 > depth_max) return fail(ParseFault::too_deep);
                return item(depth + 1, head.argument == epoch_time_tag);
            case simple_or_float:
                return simple(head, in_time);
        }
        return fail(ParseFault::syntax);
    }

    Expected<void, ParseFault> integer(const Head& head, bool in_time) {
        if (head.info == indefinite) return fail(ParseFault::syntax);
        const bool negative = head.major == negative_integer;
        if (head.argument > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
            const auto magnitude = static_cast<double>(head.argument);
            add(NodeKind::real).real = negative ? -magnitude : magnitude;
            return {};
        }
        const auto value = static_cast<std::int64_t>(head.argument);
        // AWS: spec 1.4: tag 1 carries milliseconds here, not the seconds of RFC 8949.
        add(in_time ? NodeKind::timestamp : NodeKind::integer).integer = negative ? -1 - value : value;
        return {};
    }

    Expected<void, ParseFault> simple(const Head& head, bool in_time) {
        (void)in_time;  // a float after tag 1 keeps RFC 8949's meaning: seconds
        switch (head.info) {
            case 20:
            case 21:
                add(NodeKind::boolean).boolean = head.info == 21;
                return {};
            case 22:
            case 23:
                add(NodeKind::null);
                return {};
            case 25:
                add(NodeKind::real).real = from_half(static_cast<std::uint16_t>(head.argument));
                return {};
            case 26:
                add(NodeKind::real).real = std::bit_cast<float>(static_cast<std::uint32_t>(head.argument));
                return {};
            case 27:
                add(NodeKind::real).real = std::bit_cast<double>(head.argument);
                return {};
            default:  // unassigned values, and a break outside an item of indefinite length
                return fail(ParseFault::syntax);
        }
    }

    Expected<std::string_view, ParseFault> string_content(const Head& head) {
        if (head.info != indefinite) {
            if (head.argument > remaining()) return fail(ParseFault::syntax);
            const std::string_view content = body_.substr(at_, head.argument);
            at_ += head.argument;
            return content;
        }
        // The joined strings together are smaller than the body, so the buffer never reallocates under the views into
        // it.
        joined_.reserve(body_.size());
        const std::size_t start = joined_.size();
        for (std::size_t chunks = 0; !take_break(); ++chunks) {
            if (chunks == chunks_max) return fail(ParseFault::too_large);
            TRY(const Head chunk, this->head());
            if (chunk.major != head.major || chunk.info == indefinite) return fail(ParseFault::syntax);
            if (chunk.argument > remaining()) return fail(ParseFault::syntax);
            joined_.append(body_.substr(at_, chunk.argument));
            at_ += chunk.argument;
        }
        return std::string_view(joined_.data() + start, joined_.size() - start);
    }

    Expected<void, ParseFault> string(const Head& head) {
        TRY(const std::string_view content, string_content(head));
        if (head.major == text_string && !is_utf8(content)) return fail(ParseFault::syntax);
        Node& node = add(head.major == text_string ? NodeKind::text : NodeKind::bytes);
        node.text = content.data();
        node.size = static_cast<std::uint32_t>(content.size());
        return {};
    }

    Expected<void, ParseFault> array(const Head& head, std::size_t depth) {
        if (depth > depth_max) return fail(ParseFault::too_deep);
        if (head.info != indefinite && head.argument > remaining()) return fail(ParseFault::syntax);
        const std::size_t self = nodes_.size();
        add(NodeKind::array);
        std::uint32_t count = 0;
        while (head.info == indefinite ? !take_break() : count < head.argument) {
            TRY_VOID(item(depth, false));
            ++count;
        }
        nodes_[self].size = count;
        nodes_[self].end = nodes_.size();
        return {};
    }

    Expected<void, ParseFault> map(const Head& head, std::size_t depth) {
        if (depth > depth_max) return fail(ParseFault::too_deep);
        if (head.info != indefinite && head.argument > remaining() / 2) return fail(ParseFault::syntax);
        const std::size_t self = nodes_.size();
        add(NodeKind::object);
        std::uint32_t count = 0;
        while (head.info == indefinite ? !take_break() : count < head.argument) {
            if (nodes_.size() >= nodes_max_cbor) return fail(ParseFault::too_large);
            TRY(const Head key, this->head());
            if (key.major != text_string) return fail(ParseFault::syntax);
            TRY_VOID(string(key));
            if (nodes_.back().size > key_size_max) return fail(ParseFault::too_large);
            TRY_VOID(item(depth, false));
            ++count;
        }
        nodes_[self].size = count;
        nodes_[self].end = nodes_.size();
        return {};
    }

    std::string_view body_;
    std::size_t at_ = 0;
    std::vector<Node>& nodes_;
    Buffer& joined_;
};

}  // namespace

Expected<void, ParseFault> parse_cbor(std::string_view body, std::vector<Node>& nodes, Buffer& joined) {
    return Parser(body, nodes, joined).parse();
}

}  // namespace riacho::wire::detail
