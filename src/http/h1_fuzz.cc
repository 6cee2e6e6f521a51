// Feeds input to the HTTP/1.1 scanner and parser as a connection does: in pieces, request after request.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/detail/chunk_decoder.h"
#include "http/detail/h1_parser.h"

namespace {

using namespace riacho;
using namespace riacho::http;

constexpr std::size_t body_size_max = 4096;

void check_request(const Request& request, std::string_view head) {
    RIACHO_CHECK(!request.method().empty() && !request.path().empty());
    for (const HeaderField& field : request.headers()) {
        RIACHO_CHECK(!field.name.empty());
        RIACHO_CHECK(field.name.data() >= head.data() &&
                     field.name.data() + field.name.size() <= head.data() + head.size());
        RIACHO_CHECK(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    }
}

// Decodes the body in pieces; false if the connection would end.
bool feed_chunks(const ServerOptions& options, std::string_view& input, std::size_t step) {
    Buffer body;
    detail::ChunkDecoder decoder(options, body_size_max);
    while (!input.empty()) {
        const std::string piece(input.substr(0, step));
        const auto fed = decoder.feed(piece, body);
        RIACHO_CHECK(fed.used <= piece.size() && body.size() <= body_size_max);
        if (fed.refused != 0) return false;
        RIACHO_CHECK(fed.done || fed.used == piece.size());
        input.remove_prefix(fed.used);
        if (fed.done) return true;
    }
    return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t step = data[0] == 0 ? size : data[0];
    std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    ServerOptions options;
    options.request_line_size_max = 200;
    options.header_block_size_max = 1000;
    options.header_size_max = 300;
    options.header_count_max = 20;
    while (!input.empty()) {
        detail::HeadScanner scanner(options);
        auto state = detail::HeadScanner::State::need_more;
        std::size_t seen = 0;
        while (state == detail::HeadScanner::State::need_more && seen < input.size()) {
            seen = std::min(input.size(), seen + step);
            state = scanner.scan(input.substr(0, seen));
            RIACHO_CHECK(state != detail::HeadScanner::State::need_more || seen <= 1400, "a head without end");
        }
        if (state != detail::HeadScanner::State::complete) break;
        // A copy of exactly the head's size, so that AddressSanitizer detects a read beyond it.
        const std::string head(input.substr(scanner.begin(), scanner.end() - scanner.begin()));
        input.remove_prefix(scanner.end());
        Request request;
        detail::H1Parser parser(request);
        if (parser.parse_head(head) != 0) break;
        check_request(request, head);
        if (parser.is_chunked()) {
            if (!feed_chunks(options, input, step)) break;
        } else {
            const std::uint64_t length = request.content_length().value_or(0);
            if (length > input.size()) break;
            input.remove_prefix(length);
        }
    }
    return 0;
}
