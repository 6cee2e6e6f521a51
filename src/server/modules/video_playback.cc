#include "server/modules/video_playback.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "aws/replies.h"
#include "core/task.h"
#include "http/mux.h"

namespace riacho::server {
namespace {

// Larger answers are sent piece by piece out of the fragment, without a length.
constexpr std::size_t buffered_size_max = std::size_t{4} << 20;

void add_common_headers(http::HeaderList& headers) {
    headers.add("access-control-allow-origin", "*");
    headers.add("access-control-expose-headers", "x-amzn-ErrorType,Content-Length,Content-Range,Date,ETag");
}

http::Response preflight() {
    http::Response response;
    add_common_headers(response.headers);
    response.headers.add("access-control-allow-methods", "GET, HEAD, OPTIONS");
    response.headers.add("access-control-allow-headers", "*, range, if-none-match, authorization, content-type");
    response.headers.add("access-control-max-age", "86400");
    return response;
}

struct Range {
    std::size_t from = 0;
    std::size_t size = 0;
};

enum class RangeKind : std::uint8_t { none, satisfiable, unsatisfiable };

// RFC 9110 14.2. A header that is not one range of bytes is ignored: the whole body is sent.
RangeKind read_range(std::optional<std::string_view> header, std::size_t size, Range& range) {
    constexpr std::string_view unit = "bytes=";
    if (!header || !header->starts_with(unit)) return RangeKind::none;
    const std::string_view text = header->substr(unit.size());
    const std::size_t dash = text.find('-');
    if (dash == std::string_view::npos) return RangeKind::none;
    const auto number = [](std::string_view digits) -> std::optional<std::size_t> {
        std::size_t value = 0;
        const char* end = digits.data() + digits.size();
        const auto [at, error] = std::from_chars(digits.data(), end, value);
        if (error != std::errc() || at != end) return std::nullopt;
        return value;
    };
    const std::string_view first = text.substr(0, dash);
    const std::string_view last = text.substr(dash + 1);
    if (first.empty()) {
        const auto suffix = number(last);
        if (!suffix) return RangeKind::none;
        if (*suffix == 0) return RangeKind::unsatisfiable;
        range.size = std::min(*suffix, size);
        range.from = size - range.size;
        return RangeKind::satisfiable;
    }
    const auto from = number(first);
    const auto to = last.empty() ? std::optional(size) : number(last);
    if (!from || !to || *to < *from) return RangeKind::none;
    if (*from >= size) return RangeKind::unsatisfiable;
    range.from = *from;
    range.size = std::min(*to, size - 1) - *from + 1;
    return RangeKind::satisfiable;
}

std::vector<std::string_view> slice(const video::PlaybackReply& reply, Range range) {
    std::vector<std::string_view> pieces;
    const auto add = [&](std::string_view piece) {
        const std::size_t skipped = std::min(range.from, piece.size());
        range.from -= skipped;
        piece.remove_prefix(skipped);
        piece = piece.substr(0, range.size);
        range.size -= piece.size();
        if (!piece.empty()) pieces.push_back(piece);
    };
    add(reply.head.view());
    for (const std::string_view piece : reply.payload) add(piece);
    return pieces;
}

void set_body(http::Response& response, video::PlaybackReply reply, Range range) {
    // The pieces point into what `kept` owns.
    const auto kept = std::make_shared<video::PlaybackReply>(std::move(reply));
    auto pieces = std::make_shared<std::vector<std::string_view>>(slice(*kept, range));
    if (range.size <= buffered_size_max) {
        response.body.reserve(range.size);
        for (const std::string_view piece : *pieces) response.body.append(piece);
        return;
    }
    response.producer = [kept, pieces](http::BodyWriter& writer) -> Task<void> {
        return [](std::shared_ptr<video::PlaybackReply>, std::shared_ptr<std::vector<std::string_view>> list,
                  http::BodyWriter* out) -> Task<void> { co_await out->write(*list); }(kept, pieces, &writer);
    };
}

}  // namespace

void PlaybackRoutes::add_to(http::Mux& mux) {
    mux.add_prefix("GET", video::hls_folder, *this);
    mux.add_prefix("OPTIONS", video::hls_folder, *this);
}

Task<http::Response> PlaybackRoutes::handle(http::Request& request) {
    if (request.method() == "OPTIONS") co_return preflight();
    video::PlaybackRequest asked;
    asked.path = request.path();
    asked.query = request.query();
    asked.if_none_match = request.find("if-none-match").value_or("");
    auto reply = co_await playback_.answer(request.core(), asked);
    http::Response response;
    add_common_headers(response.headers);
    if (!reply) {
        response.headers.add("cache-control", "no-cache");
        aws::set_error(response, reply.error(), aws::Envelope::rest_json);
        co_return response;
    }
    response.headers.add("cache-control", reply->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    Range range{.from = 0, .size = reply->size};
    if (reply->immutable) {
        response.headers.add("etag", reply->etag);
        response.headers.add("accept-ranges", "bytes");
        if (reply->not_modified) {
            response.status = 304;
            co_return response;
        }
        switch (read_range(request.find("range"), reply->size, range)) {
            case RangeKind::none:
                break;
            case RangeKind::satisfiable:
                response.status = 206;
                response.headers.add("content-range", fmt::format("bytes {}-{}/{}", range.from,
                                                                  range.from + range.size - 1, reply->size));
                break;
            case RangeKind::unsatisfiable:
                response.status = 416;
                response.headers.add("content-range", fmt::format("bytes */{}", reply->size));
                co_return response;
        }
    }
    response.headers.add("content-type", reply->content_type);
    set_body(response, *std::move(reply), range);
    co_return response;
}

}  // namespace riacho::server
