#include "streams/token.h"

#include "base/codec.h"

namespace riacho::streams {
namespace {

constexpr std::uint8_t format = 1;

}  // namespace

std::string seal_iterator(const TokenSealer& sealer, const ShardIterator& iterator) {
    Encoder out;
    out.number(format);
    out.time(iterator.issued_at);
    out.number(iterator.stream_uid);
    out.number(static_cast<std::uint32_t>(iterator.shard_index));
    out.number(iterator.next_seq);
    out.text(iterator.stream_name);
    return sealer.seal(TokenSealer::Kind::shard_iterator, out.bytes());
}

std::optional<ShardIterator> open_iterator(const TokenSealer& sealer, std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    const auto content = sealer.open(TokenSealer::Kind::shard_iterator, text);
    if (!content) return std::nullopt;
    Decoder in(*content);
    if (in.number<std::uint8_t>() != format) return std::nullopt;
    ShardIterator iterator;
    iterator.issued_at = in.time();
    iterator.stream_uid = in.number<std::uint64_t>();
    iterator.shard_index = static_cast<std::int32_t>(in.number<std::uint32_t>());
    iterator.next_seq = in.number<std::uint64_t>();
    iterator.stream_name = in.text();
    if (!in.ok()) return std::nullopt;
    return iterator;
}

std::string seal_page(const TokenSealer& sealer, TokenSealer::Kind kind, const PageToken& page) {
    Encoder out;
    out.number(format);
    out.time(page.issued_at);
    out.number(page.stream_uid);
    out.text(page.after);
    out.text(page.filter);
    return sealer.seal(kind, out.bytes());
}

std::optional<PageToken> open_page(const TokenSealer& sealer, TokenSealer::Kind kind, std::string_view text) {
    const auto content = sealer.open(kind, text);
    if (!content) return std::nullopt;
    Decoder in(*content);
    if (in.number<std::uint8_t>() != format) return std::nullopt;
    PageToken page;
    page.issued_at = in.time();
    page.stream_uid = in.number<std::uint64_t>();
    page.after = in.text();
    page.filter = in.text();
    if (!in.ok()) return std::nullopt;
    return page;
}

}  // namespace riacho::streams
