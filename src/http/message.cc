#include "http/message.h"

#include "base/check.h"
#include "core/task.h"
#include "http/detail/text.h"

namespace riacho::http {

std::optional<std::string_view> Request::find(std::string_view name) const {
    for (const HeaderField& field : headers_) {
        if (equal_ignoring_case(field.name, name)) return field.value;
    }
    return std::nullopt;
}

void HeaderList::add(std::string_view name, std::string_view value) {
    RIACHO_CHECK(!name.empty());
    char* at = text_.extend(name.size() + value.size() + 4);
    at = std::copy(name.begin(), name.end(), at);
    *at++ = ':';
    *at++ = ' ';
    for (const char c : value) *at++ = static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
    *at++ = '\r';
    *at = '\n';
}

std::optional<std::string_view> HeaderList::find(std::string_view name) const {
    std::string_view rest = text_.view();
    while (!rest.empty()) {
        const HeaderField field = detail::take_header_line(rest);
        if (field.name == name) return field.value;
    }
    return std::nullopt;
}

Task<BodyPiece> BodyReader::read() { return read(0); }

Task<bool> BodyWriter::write(std::span<const std::string_view> pieces) {
    if (pieces.empty()) co_return co_await write(std::string_view());
    bool written = true;
    for (std::size_t i = 0; written && i < pieces.size(); ++i) written = co_await write(pieces[i]);
    co_return written;
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 100:
            return "Continue";
        case 101:
            return "Switching Protocols";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 206:
            return "Partial Content";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 304:
            return "Not Modified";
        case 307:
            return "Temporary Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 411:
            return "Length Required";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 417:
            return "Expectation Failed";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        default:
            return "";
    }
}

}  // namespace riacho::http
