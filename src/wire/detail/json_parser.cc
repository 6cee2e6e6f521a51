#include "wire/detail/json_parser.h"

#include <simdjson.h>

#include <limits>

#include "base/try.h"
#include "wire/detail/json_numbers.h"
#include "wire/detail/plain_json.h"

namespace riacho::wire::detail {
namespace {

// Above this capacity the parser's memory (about a dozen times the text, mostly untouched) is freed when a small text
// follows.
constexpr std::size_t capacity_to_keep = std::size_t{4} << 20;

Node make_node(NodeKind kind) {
    Node node;
    node.kind = kind;
    node.boolean = false;
    node.size = 0;
    node.integer = 0;
    return node;
}

Node text_node(std::string_view text) {
    Node node = make_node(NodeKind::text);
    node.text = text.data();
    node.size = static_cast<std::uint32_t>(text.size());
    return node;
}

// Copies simdjson's tree into nodes and checks the limits.
class Copier {
public:
    explicit Copier(std::vector<Node>& nodes) : nodes_(nodes) {}

    Expected<void, ParseFault> copy(simdjson::dom::element element, std::size_t depth) {
        if (nodes_.size() >= nodes_max_json) return fail(ParseFault::too_large);
        switch (element.type()) {
            case simdjson::dom::element_type::OBJECT:
                return object(element.get_object().value_unsafe(), depth + 1);
            case simdjson::dom::element_type::ARRAY:
                return array(element.get_array().value_unsafe(), depth + 1);
            default:
                nodes_.push_back(scalar(element));
                return {};
        }
    }

private:
    static Node scalar(simdjson::dom::element element) {
        switch (element.type()) {
            case simdjson::dom::element_type::STRING:
                return text_node(element.get_string().value_unsafe());
            case simdjson::dom::element_type::INT64: {
                Node node = make_node(NodeKind::integer);
                node.integer = element.get_int64().value_unsafe();
                return node;
            }
            case simdjson::dom::element_type::UINT64: {  // only integers above int64's range
                Node node = make_node(NodeKind::real);
                node.real = static_cast<double>(element.get_uint64().value_unsafe());
                return node;
            }
            case simdjson::dom::element_type::DOUBLE: {
                Node node = make_node(NodeKind::real);
                node.real = element.get_double().value_unsafe();
                return node;
            }
            case simdjson::dom::element_type::BOOL: {
                Node node = make_node(NodeKind::boolean);
                node.boolean = element.get_bool().value_unsafe();
                return node;
            }
            default:
                return make_node(NodeKind::null);
        }
    }

    Expected<void, ParseFault> object(simdjson::dom::object members, std::size_t depth) {
        if (depth > depth_max) return fail(ParseFault::too_deep);
        const std::size_t self = nodes_.size();
        nodes_.push_back(make_node(NodeKind::object));
        std::uint32_t count = 0;
        for (const auto [key, value] : members) {
            if (key.size() > key_size_max) return fail(ParseFault::too_large);
            nodes_.push_back(text_node(key));
            TRY_VOID(copy(value, depth));
            ++count;
        }
        nodes_[self].size = count;
        nodes_[self].end = nodes_.size();
        return {};
    }

    Expected<void, ParseFault> array(simdjson::dom::array elements, std::size_t depth) {
        if (depth > depth_max) return fail(ParseFault::too_deep);
        const std::size_t self = nodes_.size();
        nodes_.push_back(make_node(NodeKind::array));
        std::uint32_t count = 0;
        for (const auto element : elements) {
            TRY_VOID(copy(element, depth));
            ++count;
        }
        nodes_[self].size = count;
        nodes_[self].end = nodes_.size();
        return {};
    }

    std::vector<Node>& nodes_;
};

}  // namespace

struct JsonParser::Impl {
    simdjson::dom::parser parser;
};

JsonParser::JsonParser() : impl_(std::make_unique<Impl>()) {}
JsonParser::~JsonParser() = default;

Expected<void, ParseFault> JsonParser::parse(std::string_view text, std::size_t readable_behind,
                                             std::vector<Node>& nodes) {
    if (impl_->parser.capacity() > capacity_to_keep && text.size() < capacity_to_keep / 16) {
        impl_ = std::make_unique<Impl>();
    }
    if (readable_behind >= plain_json_padding && parse_plain_json(text, nodes)) return {};
    if (!numbers_have_bounded_size(text)) return fail(ParseFault::too_large);
    simdjson::dom::element root;
    const bool must_copy = readable_behind < simdjson::SIMDJSON_PADDING;
    auto error = impl_->parser.parse(text.data(), text.size(), must_copy).get(root);
    if (error == simdjson::NUMBER_ERROR) {
        // AWS: spec 3.1: integers of any size are accepted and clamped; simdjson stops at 64 bits.
        const Buffer copy = with_large_integers_as_reals(text);
        error = impl_->parser.parse(copy.data(), copy.size(), true).get(root);
    }
    if (error == simdjson::DEPTH_ERROR) return fail(ParseFault::too_deep);
    if (error == simdjson::MEMALLOC) throw std::bad_alloc();
    if (error != simdjson::SUCCESS) return fail(ParseFault::syntax);
    return Copier(nodes).copy(root, 0);
}

bool is_utf8(std::string_view text) noexcept { return simdjson::validate_utf8(text); }

}  // namespace riacho::wire::detail
