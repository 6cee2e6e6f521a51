#include "http/detail/chunk_decoder.h"

#include <algorithm>

namespace riacho::http::detail {
namespace {

constexpr std::size_t digits_max = 16;

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_text(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\t' || (byte >= 0x20 && byte != 0x7F);
}

bool is_token(char c) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return alphanumeric || (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

}  // namespace

ChunkDecoder::Fed ChunkDecoder::feed(std::string_view received, Buffer& body) {
    Fed fed;
    while (fed.used < received.size() && state_ != State::done) {
        if (state_ == State::data) {
            const std::string_view piece = received.substr(fed.used, chunk_size_);
            body.append(piece);
            fed.used += piece.size();
            chunk_size_ -= piece.size();
            if (chunk_size_ == 0) state_ = State::data_cr;
            continue;
        }
        fed.refused = take(received[fed.used], body);
        if (fed.refused != 0) return fed;
        ++fed.used;
    }
    fed.done = state_ == State::done;
    return fed;
}

int ChunkDecoder::take(char c, const Buffer& body) {
    const auto expect = [&](char wanted, State next) {
        state_ = next;
        return c == wanted ? 0 : 400;
    };
    switch (state_) {
        case State::size:
            return take_size(c, body);
        case State::extension:
            if (c == '\r') return expect('\r', State::size_end);
            return is_text(c) && ++extension_size_ <= options_.chunk_extension_size_max ? 0 : 400;
        case State::size_end:
            return expect('\n', chunk_size_ == 0 ? State::line : State::data);
        case State::data_cr:
            return expect('\r', State::data_lf);
        case State::data_lf:
            chunk_size_ = digits_ = extension_size_ = 0;
            return expect('\n', State::size);
        case State::last_lf:
            return expect('\n', State::done);
        case State::line:
        case State::name:
        case State::value:
        case State::value_end:
            return take_trailer(c);
        case State::data:
        case State::done:
            break;
    }
    return 400;
}

int ChunkDecoder::take_size(char c, const Buffer& body) {
    if (const int digit = hex_value(c); digit >= 0) {
        if (++digits_ > digits_max) return 400;
        chunk_size_ = chunk_size_ * 16 + static_cast<std::uint64_t>(digit);
        return 0;
    }
    if (digits_ == 0 || (c != ';' && c != '\r')) return 400;
    // Refused by the announced size, before the bytes arrive.
    if (chunk_size_ > body_size_max_ - std::min(body.size(), body_size_max_)) return 413;
    state_ = c == ';' ? State::extension : State::size_end;
    extension_size_ = 1;
    return 0;
}

int ChunkDecoder::take_trailer(char c) {
    if (++trailer_size_ > options_.header_block_size_max) return 431;
    switch (state_) {
        case State::line:
            if (c == '\r') {
                state_ = State::last_lf;
                return 0;
            }
            if (++trailer_count_ > options_.header_count_max) return 431;
            state_ = State::name;
            return is_token(c) ? 0 : 400;  // a blank here would fold the line before it
        case State::name:
            if (c == ':') state_ = State::value;
            return c == ':' || is_token(c) ? 0 : 400;
        case State::value:
            if (c == '\r') state_ = State::value_end;
            return c == '\r' || is_text(c) ? 0 : 400;
        default:
            state_ = State::line;
            return c == '\n' ? 0 : 400;
    }
}

}  // namespace riacho::http::detail
