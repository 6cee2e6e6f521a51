#include "wire/sigv4.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>

#include "base/try.h"
#include "wire/detail/sigv4_text.h"

namespace riacho::wire::sigv4 {
namespace {

using namespace detail;

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view terminator = "aws4_request";
constexpr std::string_view streaming_payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
constexpr std::size_t signed_headers_max = 50;
constexpr std::int64_t expires_s_max = 604'800;

constexpr std::string_view mismatch =
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and "
    "signing method. Consult the service documentation for details.";

std::unexpected<Fault> incomplete(std::string text) {
    return fail(Fault{FaultKind::incomplete_signature, std::move(text)});
}
std::unexpected<Fault> invalid(std::string text) { return fail(Fault{FaultKind::invalid_signature, std::move(text)}); }

std::optional<std::string_view> find_header(const Request& request, std::string_view name) {
    for (const Field& field : request.headers) {
        if (equal_ignoring_case(field.name, name)) return field.value;
    }
    return std::nullopt;
}

// Calls part(text) for each non-empty part between separators.
template <class Function>
void for_each_part(std::string_view text, std::string_view separators, Function part) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(separators), text.size());
        if (end != 0) part(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

// Splits "name=value".
std::pair<std::string_view, std::string_view> split_pair(std::string_view pair) {
    const std::size_t equals = std::min(pair.find('='), pair.size());
    return {pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size()))};
}

bool is_region(std::string_view text) {
    constexpr std::size_t size_max = 64;
    const auto legal = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    return text.size() <= size_max && std::ranges::all_of(text, legal);
}

Expected<void, Fault> split_credential(std::string_view credential, Authorization& authorization) {
    std::array<std::string_view, 5> parts;
    std::size_t count = 0;
    for (std::size_t at = 0; at <= credential.size(); ++count) {
        const std::size_t end = std::min(credential.find('/', at), credential.size());
        if (count < parts.size()) parts[count] = credential.substr(at, end - at);
        at = end + 1;
    }
    if (count != parts.size()) {
        return incomplete(
            fmt::format("Credential must have exactly 5 slash-delimited elements, e.g. "
                        "keyid/date/region/service/term, got '{}'",
                        shown(credential)));
    }
    // The region becomes part of names and ARNs. An empty region is allowed: the server substitutes its own.
    if (!is_region(parts[2])) return invalid("Credential should be scoped to a valid region. ");
    authorization.access_key = parts[0];
    authorization.scope = {.date = parts[1], .region = parts[2], .service = parts[3], .terminator = parts[4]};
    return {};
}

Expected<TimestampMs, Fault> parse_date(std::string_view amz_date, std::string_view http_date) {
    const auto time = amz_date.empty() ? parse_http_date(http_date) : parse_iso_basic(amz_date);
    if (time) return *time;
    if (amz_date.empty()) {
        if (const auto basic = parse_iso_basic(http_date)) return *basic;
    }
    return incomplete(
        fmt::format("Date must be in ISO-8601 'basic format'. Got '{}'. See http://en.wikipedia.org/wiki/ISO_8601",
                    shown(amz_date.empty() ? http_date : amz_date)));
}

Expected<Authorization, Fault> parse_header(const Request& request, std::string_view header) {
    Authorization authorization;
    std::string_view credential;
    std::string_view named_algorithm;
    for_each_part(header, ", ", [&](std::string_view part) {
        if (named_algorithm.empty()) {
            named_algorithm = part;
            return;
        }
        const auto [name, value] = split_pair(part);
        if (name == "Credential") credential = value;
        if (name == "Signature") authorization.signature = value;
        if (name == "SignedHeaders") authorization.signed_headers = value;
    });
    const std::string_view amz_date = find_header(request, "x-amz-date").value_or("");
    const std::string_view http_date = find_header(request, "date").value_or("");
    // AWS: spec 1.10: only the missing parameters, in this order, each followed by a space.
    std::string text;
    const auto require = [&](std::string_view value, std::string_view name) {
        if (value.empty()) text += fmt::format("Authorization header requires '{}' parameter. ", name);
    };
    require(credential, "Credential");
    require(authorization.signature, "Signature");
    require(authorization.signed_headers, "SignedHeaders");
    if (amz_date.empty() && http_date.empty()) {
        text += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
    }
    if (!text.empty()) return incomplete(text + "Authorization=" + shown(header));
    if (named_algorithm != algorithm) {
        return incomplete(fmt::format("Unsupported AWS 'algorithm': '{}'.", shown(named_algorithm)));
    }
    TRY_VOID(split_credential(credential, authorization));
    TRY(authorization.signed_at, parse_date(amz_date, http_date));
    authorization.session_token = find_header(request, "x-amz-security-token").value_or("");
    return authorization;
}

struct QueryParameters {
    std::string_view algorithm, credential, signature, signed_headers, date, expires, token;
    bool repeated = false;
};

// Decodes the X-Amz-* parameters into `decoded`; the result's views point into it.
QueryParameters read_query(std::string_view query, std::vector<std::string>& decoded) {
    QueryParameters parameters;
    decoded.reserve(7);  // views of short strings do not survive a reallocation
    const auto take = [&](std::string_view& slot, std::string_view value) {
        if (slot.data() != nullptr) {
            parameters.repeated = true;
            return;
        }
        slot = decoded.emplace_back(percent_decoded(value));
    };
    for_each_part(query, "&", [&](std::string_view pair) {
        const auto [name, value] = split_pair(pair);
        if (name == "X-Amz-Algorithm") take(parameters.algorithm, value);
        if (name == "X-Amz-Credential") take(parameters.credential, value);
        if (name == "X-Amz-Signature") take(parameters.signature, value);
        if (name == "X-Amz-SignedHeaders") take(parameters.signed_headers, value);
        if (name == "X-Amz-Date") take(parameters.date, value);
        if (name == "X-Amz-Expires") take(parameters.expires, value);
        if (name == "X-Amz-Security-Token") take(parameters.token, value);
    });
    return parameters;
}

Expected<std::int64_t, Fault> parse_expires(std::string_view text) {
    if (text.data() == nullptr) return 0;
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size() || seconds < 1 || seconds > expires_s_max) {
        return incomplete(fmt::format("X-Amz-Expires must be between 1 and {} seconds.", expires_s_max));
    }
    return seconds;
}

Expected<Authorization, Fault> parse_query(const Request& request) {
    Authorization authorization;
    authorization.presigned = true;
    const QueryParameters parameters = read_query(request.query, authorization.decoded);
    std::string text;
    const auto require = [&](std::string_view value, std::string_view name) {
        if (value.empty()) text += fmt::format("AWS query-string parameters must include '{}'. ", name);
    };
    require(parameters.algorithm, "X-Amz-Algorithm");
    require(parameters.credential, "X-Amz-Credential");
    require(parameters.signature, "X-Amz-Signature");
    require(parameters.signed_headers, "X-Amz-SignedHeaders");
    require(parameters.date, "X-Amz-Date");
    if (!text.empty()) return incomplete(text + "Re-examine the query-string parameters.");
    if (parameters.repeated) return incomplete("AWS query-string parameters must not be repeated.");
    if (parameters.algorithm != algorithm) {
        return incomplete(fmt::format("Unsupported AWS 'algorithm': '{}'.", shown(parameters.algorithm)));
    }
    TRY_VOID(split_credential(parameters.credential, authorization));
    TRY(authorization.signed_at, parse_date(parameters.date, {}));
    TRY(authorization.expires_s, parse_expires(parameters.expires));
    authorization.signature = parameters.signature;
    authorization.signed_headers = parameters.signed_headers;
    authorization.session_token = parameters.token;
    return authorization;
}

bool has_query_algorithm(std::string_view query) {
    bool found = false;
    for_each_part(query, "&", [&](std::string_view pair) { found |= split_pair(pair).first == "X-Amz-Algorithm"; });
    return found;
}

Expected<void, Fault> check_scope(const Authorization& authorization, const VerifyOptions& options) {
    const Scope& scope = authorization.scope;
    std::string text;
    if (!options.region.empty() && scope.region != options.region) {
        text += "Credential should be scoped to a valid region. ";
    }
    if (scope.service != options.service) {
        text += fmt::format("Credential should be scoped to correct service: '{}'. ", options.service);
    }
    if (scope.terminator != terminator) {
        text += fmt::format("Credential should be scoped with a valid terminator: '{}', not '{}'. ", terminator,
                            shown(scope.terminator));
    }
    const std::string date = iso_basic(authorization.signed_at);
    if (scope.date != std::string_view(date).substr(0, 8)) {
        text += fmt::format(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', "
            "from "
            "'{}'.",
            shown(scope.date), date.substr(0, 8), date);
    }
    if (!text.empty()) return invalid(std::move(text));
    return {};
}

// "5 min.", or "90 s." for presigned requests whose span is not whole minutes.
std::string span_text(std::int64_t ms) {
    return ms % 60'000 == 0 ? fmt::format("{} min.", ms / 60'000) : fmt::format("{} s.", ms / 1000);
}

Expected<void, Fault> check_time(const Authorization& authorization, const VerifyOptions& options) {
    const std::int64_t now = options.now.value();
    const std::int64_t past = authorization.expires_s != 0 ? authorization.expires_s * 1000 : options.window_ms;
    const std::int64_t signed_at = authorization.signed_at.value();
    if (signed_at < now - past) {
        return invalid(fmt::format("Signature expired: {} is now earlier than {} ({} - {})",
                                   iso_basic(authorization.signed_at), iso_basic(TimestampMs(now - past)),
                                   iso_basic(options.now), span_text(past)));
    }
    if (signed_at > now + options.window_ms) {
        return invalid(fmt::format("Signature not yet current: {} is still later than {} ({} + {})",
                                   iso_basic(authorization.signed_at), iso_basic(TimestampMs(now + options.window_ms)),
                                   iso_basic(options.now), span_text(options.window_ms)));
    }
    return {};
}

// AWS: the C and Java producers of Kinesis Video sign the host without its port, whatever the port (video spec 1.5).
std::string_view without_port(std::string_view authority) {
    const std::size_t colon = authority.rfind(':');
    const bool is_port = colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
    return is_port ? authority.substr(0, colon) : authority;
}

bool has_upper_case(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool is_authority(std::string_view name) { return name == "host" || name == ":authority"; }

// Names of x-amz- headers that may be unsigned.
using Exempt = std::span<const std::string_view>;

// Checks that the signed header names are sorted, unique and in lower case, include the host, and include every
// received x-amz- header that is not exempt.
Expected<void, Fault> check_signed_headers(const Request& request, const Authorization& authorization, Exempt exempt) {
    std::vector<std::string_view> names;
    for_each_part(authorization.signed_headers, ";", [&](std::string_view name) { names.push_back(name); });
    if (names.size() > signed_headers_max) return invalid(std::string(mismatch));
    if (std::ranges::none_of(names, is_authority)) {
        return invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (has_upper_case(names[i]) || (i != 0 && names[i - 1] >= names[i])) return invalid(std::string(mismatch));
        // A signed header must be present: an absent header is not an empty one.
        const bool present = is_authority(names[i]) ? !request.authority.empty() || find_header(request, "host")
                                                    : find_header(request, names[i]).has_value();
        if (!present) return invalid(std::string(mismatch));
    }
    constexpr std::string_view prefix = "x-amz-";
    for (const Field& field : request.headers) {
        if (!equal_ignoring_case(field.name.substr(0, prefix.size()), prefix)) continue;
        const std::string name = lower(field.name);
        if (std::ranges::find(exempt, name) != exempt.end()) continue;
        if (!std::ranges::binary_search(names, std::string_view(name))) {
            return invalid("There were headers present in the request which were not signed: " + shown(name));
        }
    }
    return {};
}

// Adds the hop-by-hop headers that HTTP/2 removed from the signed request; false if none is missing.
bool add_hop_headers(const Request& request, std::string_view signed_headers, std::vector<Field>& headers) {
    static constexpr Field removed[] = {{"connection", "keep-alive"}, {"transfer-encoding", "chunked"}};
    bool added = false;
    for (const Field& field : removed) {
        bool is_signed = false;
        for_each_part(signed_headers, ";", [&](std::string_view name) { is_signed |= name == field.name; });
        if (!is_signed || find_header(request, field.name)) continue;
        if (headers.empty()) headers.assign(request.headers.begin(), request.headers.end());
        headers.push_back(field);
        added = true;
    }
    return added;
}

// The payload hash: the last line of the canonical request.
Expected<std::string, Fault> payload_hash(const Request& request, const VerifyOptions& options) {
    const auto told = find_header(request, "x-amz-content-sha256");
    if (told == unsigned_payload && options.secure) return std::string(unsigned_payload);
    std::string hash = to_hex(as_text(sha256(options.body)));
    if (told && lower(*told) != hash) return invalid(std::string(mismatch));
    return hash;
}

void append_header_line(std::string& out, const Request& request, std::string_view name) {
    out += name;
    out.push_back(':');
    bool first = true;
    for (const Field& field : request.headers) {
        if (!equal_ignoring_case(field.name, name)) continue;
        if (!first) out.push_back(',');
        first = false;
        append_canonical_value(out, field.value);
    }
    if (first && is_authority(name)) append_canonical_value(out, request.authority);
    out.push_back('\n');
}

// Headers that clients and proxies change in transit.
bool is_unsignable(std::string_view name) {
    static constexpr std::string_view names[] = {"authorization",     "connection", "expect",
                                                 "transfer-encoding", "user-agent", "x-amzn-trace-id"};
    return std::ranges::find(names, name) != std::end(names);
}

std::string signature_of(const Sha256& key, std::string_view to_sign) {
    return to_hex(as_text(hmac_sha256(as_text(key), to_sign)));
}

}  // namespace

Expected<Authorization, Fault> parse(const Request& request) {
    const auto header = find_header(request, "authorization");
    const bool in_query = has_query_algorithm(request.query);
    if (header && in_query) {
        return invalid("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.");
    }
    if (header) return parse_header(request, *header);
    if (in_query) return parse_query(request);
    return fail(Fault{FaultKind::missing_token, "Missing Authentication Token"});
}

Expected<void, Fault> verify(const Request& received, const Authorization& authorization, const Sha256& key,
                             const VerifyOptions& options) {
    Request request = received;
    std::vector<Field> with_hop_headers;
    if (options.http2 && add_hop_headers(received, authorization.signed_headers, with_hop_headers)) {
        request.headers = with_hop_headers;
    }
    TRY_VOID(check_scope(authorization, options));
    TRY_VOID(check_time(authorization, options));
    TRY_VOID(check_signed_headers(request, authorization, {}));
    TRY(const std::string hash, payload_hash(request, options));
    const std::string canonical = canonical_request(request, authorization.signed_headers, hash);
    const std::string to_sign = string_to_sign(authorization.signed_at, authorization.scope, canonical);
    const auto given = from_hex(authorization.signature);
    if (given && equal_constant_time(*given, as_text(hmac_sha256(as_text(key), to_sign)))) return {};
    return invalid(
        fmt::format("{}\n\nThe Canonical String for this request should have been\n'{}'\n\nThe String-to-Sign "
                    "should have been\n'{}'\n",
                    mismatch, shown(canonical), shown(to_sign)));
}

Expected<std::string, Fault> verify_upload(const Request& received, const Authorization& authorization,
                                           const Sha256& key, const VerifyOptions& options) {
    static constexpr std::string_view unsigned_names[] = {"x-amz-content-sha256", "x-amz-security-token"};
    std::vector<Field> headers(received.headers.begin(), received.headers.end());
    Request request = received;
    if (options.http2 && add_hop_headers(received, authorization.signed_headers, headers)) request.headers = headers;
    TRY_VOID(check_scope(authorization, options));
    TRY_VOID(check_time(authorization, options));
    TRY_VOID(check_signed_headers(request, authorization, unsigned_names));
    const auto given = from_hex(authorization.signature);
    const auto told = find_header(request, "x-amz-content-sha256");
    const std::string nothing = to_hex(as_text(sha256("")));
    std::vector<std::string> candidates{nothing, std::string(unsigned_payload), std::string(streaming_payload)};
    if (told && told->size() == nothing.size() && from_hex(*told)) candidates.push_back(lower(*told));
    const auto try_all = [&]() -> std::optional<std::string> {
        for (const std::string& hash : candidates) {
            const std::string canonical = canonical_request(request, authorization.signed_headers, hash);
            const std::string to_sign = string_to_sign(authorization.signed_at, authorization.scope, canonical);
            if (given && equal_constant_time(*given, as_text(hmac_sha256(as_text(key), to_sign)))) return hash;
        }
        return std::nullopt;
    };
    auto found = try_all();
    if (!found) {
        request.authority = without_port(request.authority);
        for (Field& field : headers) {
            if (equal_ignoring_case(field.name, "host")) field.value = without_port(field.value);
        }
        request.headers = headers;
        found = try_all();
    }
    if (!found) return invalid(std::string(mismatch));
    const bool content_is_signed = told && *found == lower(*told) && *found != nothing;
    return content_is_signed ? *found : std::string();
}

Sha256 signing_key(std::string_view secret, std::string_view date, std::string_view region, std::string_view service) {
    Sha256 key = hmac_sha256("AWS4" + std::string(secret), date);
    for (const std::string_view part : {region, service, terminator}) key = hmac_sha256(as_text(key), part);
    return key;
}

std::string canonical_request(const Request& request, std::string_view signed_headers, std::string_view payload_hash,
                              PathRule path_rule) {
    std::string result;
    result.reserve(1024);
    result += request.method;
    result.push_back('\n');
    result += path_rule == PathRule::as_is_once ? canonical_s3_path(request.path) : canonical_path(request.path);
    result.push_back('\n');
    result += canonical_query(request.query);
    result.push_back('\n');
    for_each_part(signed_headers, ";", [&](std::string_view name) { append_header_line(result, request, name); });
    result.push_back('\n');
    result += signed_headers;
    result.push_back('\n');
    result += payload_hash;
    return result;
}

std::string string_to_sign(TimestampMs signed_at, const Scope& scope, std::string_view canonical) {
    return fmt::format("{}\n{}\n{}/{}/{}/{}\n{}", algorithm, iso_basic(signed_at), scope.date, scope.region,
                       scope.service, scope.terminator, to_hex(as_text(sha256(canonical))));
}

SignedFields sign(const Request& request, const Credentials& credentials, const SignOptions& options) {
    const std::string date = iso_basic(options.now);
    const Scope scope{.date = std::string_view(date).substr(0, 8),
                      .region = options.region,
                      .service = options.service,
                      .terminator = terminator};
    SignedFields result;
    result.fields.emplace_back("x-amz-date", date);
    if (!credentials.session_token.empty()) {
        result.fields.emplace_back("x-amz-security-token", credentials.session_token);
    }
    if (!options.payload_hash.empty()) result.fields.emplace_back("x-amz-content-sha256", options.payload_hash);
    std::vector<Field> headers(request.headers.begin(), request.headers.end());
    for (const auto& [name, value] : result.fields) headers.push_back({name, value});
    std::vector<std::string> names{std::string(options.authority_name)};
    for (const Field& field : headers) {
        std::string name = lower(field.name);
        if (!is_unsignable(name)) names.push_back(std::move(name));
    }
    std::ranges::sort(names);
    names.erase(std::ranges::unique(names).begin(), names.end());
    const std::string signed_headers = fmt::format("{}", fmt::join(names, ";"));
    Request extended = request;
    extended.headers = headers;
    const auto told = find_header(extended, "x-amz-content-sha256");
    const std::string hash = told ? std::string(*told) : to_hex(as_text(sha256(options.body)));
    const std::string to_sign =
        string_to_sign(options.now, scope, canonical_request(extended, signed_headers, hash, options.path_rule));
    const Sha256 key = signing_key(credentials.secret, scope.date, scope.region, scope.service);
    result.fields.emplace_back(
        "authorization",
        fmt::format("{} Credential={}/{}/{}/{}/{}, SignedHeaders={}, Signature={}", algorithm, credentials.access_key,
                    scope.date, scope.region, scope.service, terminator, signed_headers, signature_of(key, to_sign)));
    return result;
}

std::string presign(const Request& request, const Credentials& credentials, const SignOptions& options,
                    std::int64_t expires_s) {
    const std::string date = iso_basic(options.now);
    const Scope scope{.date = std::string_view(date).substr(0, 8),
                      .region = options.region,
                      .service = options.service,
                      .terminator = terminator};
    std::string query(request.query);
    const auto add = [&](std::string_view name, std::string_view value) {
        if (!query.empty()) query.push_back('&');
        query += name;
        query.push_back('=');
        append_percent_encoded(query, value, false);
    };
    add("X-Amz-Algorithm", algorithm);
    add("X-Amz-Credential",
        fmt::format("{}/{}/{}/{}/{}", credentials.access_key, scope.date, scope.region, scope.service, terminator));
    add("X-Amz-Date", date);
    add("X-Amz-Expires", std::to_string(expires_s));
    add("X-Amz-SignedHeaders", options.authority_name);
    if (!credentials.session_token.empty()) add("X-Amz-Security-Token", credentials.session_token);
    Request extended = request;
    extended.query = query;
    const std::string hash =
        options.payload_hash.empty() ? to_hex(as_text(sha256(options.body))) : std::string(options.payload_hash);
    const std::string to_sign = string_to_sign(
        options.now, scope, canonical_request(extended, options.authority_name, hash, options.path_rule));
    const Sha256 key = signing_key(credentials.secret, scope.date, scope.region, scope.service);
    add("X-Amz-Signature", signature_of(key, to_sign));
    return query;
}

}  // namespace riacho::wire::sigv4
