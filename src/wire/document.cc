#include "wire/document.h"

#include <vector>

#include "base/buffer.h"
#include "base/check.h"
#include "base/try.h"
#include "wire/detail/cbor_parser.h"
#include "wire/detail/json_parser.h"

namespace riacho::wire {

struct Document::Impl {
    detail::JsonParser json;
    std::vector<Node> nodes;
    Buffer joined;  // CBOR strings that came in chunks
    Format format = Format::json;
};

Document::Document() : impl_(std::make_unique<Impl>()) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Expected<void, ParseFault> Document::parse(Format format, std::string_view body, std::size_t readable_behind) {
    constexpr std::size_t size_max = std::size_t{1} << 30;  // sizes of texts are 32 bits
    constexpr std::size_t joined_to_keep = std::size_t{64} << 10;
    if (body.size() > size_max) return fail(ParseFault::too_large);
    impl_->format = format;
    impl_->nodes.clear();
    if (impl_->joined.capacity() > joined_to_keep) impl_->joined = Buffer();
    impl_->joined.clear();
    if (format == Format::json) {
        TRY_VOID(impl_->json.parse(body, readable_behind, impl_->nodes));
    } else {
        TRY_VOID(detail::parse_cbor(body, impl_->nodes, impl_->joined));
    }
    if (!impl_->nodes.front().is_container()) return fail(ParseFault::not_an_object);
    return {};
}

void Document::make_empty(Format format) {
    impl_->format = format;
    impl_->nodes.clear();
    Node root{};
    root.kind = NodeKind::object;
    root.end = 1;
    impl_->nodes.push_back(root);
}

void Document::add_member(std::string_view name, const Node& value) {
    RIACHO_CHECK(!impl_->nodes.empty() && impl_->nodes.front().kind == NodeKind::object, "members belong to objects");
    RIACHO_CHECK(!value.is_container(), "a header holds a scalar");
    Node key{};
    key.kind = NodeKind::text;
    key.size = static_cast<std::uint32_t>(name.size());
    key.text = name.data();
    impl_->nodes.push_back(key);
    impl_->nodes.push_back(value);
    ++impl_->nodes.front().size;
    impl_->nodes.front().end = impl_->nodes.size();
}

std::span<const Node> Document::nodes() const { return impl_->nodes; }
Format Document::format() const { return impl_->format; }

}  // namespace riacho::wire
