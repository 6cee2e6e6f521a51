// RequestBuilder: sets the private fields of a Request.
#pragma once

#include <utility>

#include "http/detail/text.h"
#include "http/message.h"

namespace riacho::http::detail {

// The given views must live as long as the request is used.
class RequestBuilder {
public:
    // Sets the core, the peer address and the TLS flag; once per Request object.
    static void set_origin(Request& r, core::Core& core, std::string_view peer, bool secure) {
        r.core_ = &core;
        r.peer_ = peer;
        r.secure_ = secure;
    }
    // Clears the previous request but keeps its origin and its allocated memory.
    static void clear(Request& r) {
        r.method_ = r.target_ = r.path_ = r.query_ = r.authority_ = r.body_ = {};
        r.stream_ = nullptr;
        r.headers_.clear();
        r.content_length_.reset();
    }
    static void set_version(Request& r, Version version) { r.version_ = version; }
    static void set_method(Request& r, std::string_view method) { r.method_ = method; }
    static void set_authority(Request& r, std::string_view authority) { r.authority_ = authority; }
    static void set_content_length(Request& r, std::uint64_t length) { r.content_length_ = length; }
    static void set_body(Request& r, std::string_view body) { r.body_ = body; }
    static void set_stream(Request& r, BodyReader& reader) { r.stream_ = &reader; }
    static void clear_stream(Request& r) { r.stream_ = nullptr; }
    static void add_header(Request& r, std::string_view name, std::string_view value) {
        r.headers_.push_back({name, value});
    }
    // False if the target has no form that is allowed for the request's method.
    static bool set_target(Request& r, std::string_view target) {
        r.target_ = target;
        if (target == "*") {
            r.path_ = target;
            return r.method_ == "OPTIONS";
        }
        std::string_view rest = target;
        for (const std::string_view scheme : {std::string_view("http://"), std::string_view("https://")}) {
            if (!equal_ignoring_case(rest.substr(0, scheme.size()), scheme)) continue;
            rest.remove_prefix(scheme.size());
            rest.remove_prefix(std::min(rest.find_first_of("/?"), rest.size()));
            if (rest.empty()) rest = "/";
            break;
        }
        if (rest.empty() || (rest.front() != '/' && rest.front() != '?') || (rest.front() == '?' && rest == target)) {
            return false;
        }
        const std::size_t mark = rest.find('?');
        r.path_ = mark == 0 ? std::string_view("/") : rest.substr(0, mark);
        r.query_ = mark == std::string_view::npos ? std::string_view() : rest.substr(mark + 1);
        return true;
    }
};

// Parses a number of at most 18 decimal digits.
inline std::optional<std::uint64_t> parse_length(std::string_view text) {
    if (text.empty() || text.size() > 18) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return value;
}

}  // namespace riacho::http::detail
