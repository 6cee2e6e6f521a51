// Feeds input to the reply parser in pieces, as the outbound client does.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/detail/reply_parser.h"

namespace {

using namespace riacho;
using namespace riacho::http;
using State = detail::ReplyParser::State;

constexpr std::size_t body_size_max = 4096;

void check_head(detail::ReplyParser& parser) {
    RIACHO_CHECK(parser.status() >= 200 && parser.status() <= 999);
    for (const char c : parser.headers().text()) RIACHO_CHECK(c != '\0');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t step = data[0] == 0 ? size : data[0];
    const bool cleared = (data[1] & 2) != 0;  // as for a sink
    std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
    detail::ReplyParser parser({.has_no_body = (data[1] & 1) != 0, .body_size_max = body_size_max});
    Buffer body;
    std::size_t total = 0;
    State state = State::head;
    while (!input.empty() && (state == State::head || state == State::body)) {
        const std::string piece(input.substr(0, step));
        std::string_view rest = piece;
        while (!rest.empty() && (state == State::head || state == State::body)) {
            const State before = state;
            const std::size_t held = body.size();
            const auto fed = parser.feed(rest, body);
            RIACHO_CHECK(fed.used <= rest.size());
            RIACHO_CHECK(fed.used > 0 || fed.state != before, "no progress");
            state = fed.state;
            if (before == State::head && (state == State::body || state == State::done)) check_head(parser);
            total += body.size() - held;
            RIACHO_CHECK(state == State::too_large || total <= body_size_max);
            if (cleared) body.clear();
            rest.remove_prefix(fed.used);
        }
        input.remove_prefix(std::min(step, input.size()));
    }
    if (state == State::head || state == State::body) {
        state = parser.finish();
        RIACHO_CHECK(state == State::done || state == State::broken);
    }
    return 0;
}
