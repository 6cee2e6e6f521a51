#include "outbound/s3.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/task.h"
#include "http/client.h"
#include "outbound/s3_xml.h"
#include "wire/http_date.h"
#include "wire/sigv4.h"

namespace riacho::outbound {
namespace {

using ports::StoreError;
using ports::StoreFault;

constexpr std::size_t reply_size_max = std::size_t{64} << 10;
constexpr std::size_t regions_max = 10'000;
constexpr std::size_t slice_size = std::size_t{256} << 10;
constexpr std::int64_t connect_timeout_ms = 5'000;
constexpr std::int64_t idle_timeout_ms = 30'000;
// One for each failure that put() can correct.
constexpr int attempts_max = 4;

// Everything but unreserved characters and slashes as %XX.
std::string percent_encoded(std::string_view text) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool is_plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                              c == '.' || c == '_' || c == '~' || c == '/';
        const auto byte = static_cast<std::uint8_t>(c);
        if (is_plain) {
            out += c;
        } else {
            out += {'%', digits[byte >> 4], digits[byte & 15]};
        }
    }
    return out;
}

// As the name of a host below which TLS certificates are valid: a name with dots is not.
bool is_host_label(std::string_view bucket) {
    const auto legal = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    return bucket.size() >= 3 && bucket.size() <= 63 && std::ranges::all_of(bucket, legal) && bucket.front() != '-' &&
           bucket.back() != '-';
}

std::string_view domain_of(std::string_view region) {
    return region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}

// AWS: the codes of spec 14.2 are S3's with its name in front; its own failure is the one without.
std::string log_code(std::string_view code) {
    return code.empty() || code == "InternalError" ? "InternalError" : fmt::format("S3.{}", code);
}

StoreFault fault_of(int status, std::string_view code) {
    if (code.starts_with("KMS.")) return StoreFault::kms;
    if (status == 412) return StoreFault::exists;
    if (code == "NoSuchBucket" || status == 404) return StoreFault::no_bucket;
    if (code == "SlowDown" || status == 429 || status == 409) return StoreFault::slow_down;
    if (code == "RequestTimeout") return StoreFault::timeout;
    if (status >= 500) return StoreFault::server;
    if (status == 401 || status == 403) return StoreFault::denied;
    return StoreFault::rejected;
}

StoreError to_store_error(const http::SendError& error) {
    StoreError result{.fault = error.sent ? StoreFault::timeout : StoreFault::unreachable,
                      .code = "InternalError",
                      .message = error.message};
    // The destination works.
    if (error.fault == http::SendFault::bad_request) result.fault = StoreFault::rejected;
    return result;
}

std::optional<std::int64_t> retry_after_ms(const http::ClientReply& reply) {
    const auto text = reply.headers.find("retry-after");
    std::int64_t seconds = 0;
    constexpr std::int64_t seconds_max = 86'400;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), seconds).ec != std::errc()) return {};
    return std::clamp<std::int64_t>(seconds, 0, seconds_max) * 1'000;
}

// Sends a body that is not in memory. Ends short when it is lost, which ends the call.
Task<void> produce(http::BodyWriter& out, core::Core& core, std::shared_ptr<const ports::Body> body, bool* lost) {
    std::vector<std::byte> slice(slice_size);
    for (std::uint64_t at = 0; at < body->size();) {
        const auto got = co_await body->read(core, at, slice);
        if (!got || *got == 0) {
            *lost = true;
            co_return;
        }
        if (!co_await out.write(as_text(ByteSpan(slice).first(*got)))) co_return;
        at += *got;
    }
}

void attach(http::ClientRequest& request, core::Core& core, std::shared_ptr<const ports::Body> body, bool* lost) {
    if (const auto pieces = body->pieces()) {
        request.body.assign(pieces->begin(), pieces->end());
        request.body_owner = std::move(body);
        return;
    }
    request.producer_size = body->size();
    request.producer = [&core, body = std::move(body), lost](http::BodyWriter& out) {
        return produce(out, core, body, lost);
    };
}

}  // namespace

S3Store::S3Store(S3Options options, http::Client& client, CredentialChain& credentials, const core::Clock& clock)
    : options_(std::move(options)), client_(client), credentials_(credentials), clock_(clock) {}

S3Store::Place S3Store::place_of(std::string_view bucket, std::string_view key, std::string_view region) const {
    Place place;
    const std::string encoded = percent_encoded(key);
    std::string_view scheme = "https";
    if (options_.endpoint) {
        scheme = options_.endpoint->secure ? "https" : "http";
        place.authority = options_.endpoint->authority();
        std::string_view base = options_.endpoint->target;
        base = base.substr(0, base.find('?'));
        while (base.ends_with('/')) base.remove_suffix(1);
        place.path = fmt::format("{}/{}/{}", base, percent_encoded(bucket), encoded);
    } else if (is_host_label(bucket)) {
        place.authority = fmt::format("{}.s3.{}.{}", bucket, region, domain_of(region));
        place.path = fmt::format("/{}", encoded);
    } else {
        place.authority = fmt::format("s3.{}.{}", region, domain_of(region));
        place.path = fmt::format("/{}/{}", percent_encoded(bucket), encoded);
    }
    place.url = fmt::format("{}://{}{}", scheme, place.authority, place.path);
    return place;
}

std::string S3Store::region_of(std::string_view bucket) const {
    const MutexLock lock(mutex_);
    const auto found = regions_.find(bucket);
    return found == regions_.end() ? options_.region : found->second;
}

std::string S3Store::host_of(std::string_view bucket) const {
    if (options_.endpoint) return options_.endpoint->host_and_port();
    return place_of(bucket, "", region_of(bucket)).authority;
}

bool S3Store::learn_region(std::string_view bucket, std::string region) {
    const auto legal = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    // The region becomes a part of the host's name.
    if (region.empty() || region.size() > 32 || !std::ranges::all_of(region, legal)) return false;
    const MutexLock lock(mutex_);
    std::string& known = regions_.size() < regions_max || regions_.contains(bucket) ? regions_[std::string(bucket)]
                                                                                    : regions_.begin()->second;
    return std::exchange(known, region) != region;
}

// The server's clock, when it differs by more than a minute from the last known difference.
bool S3Store::learn_clock(std::optional<std::string_view> date) {
    const auto told = date ? wire::parse_http_date(*date) : std::nullopt;
    if (!told) return false;
    const std::int64_t ahead_ms = told->value() - clock_.now().value();
    constexpr std::int64_t difference_ms = 60'000;
    const MutexLock lock(mutex_);
    if (std::abs(ahead_ms - ahead_ms_) < difference_ms) return false;
    ahead_ms_ = ahead_ms;
    return true;
}

http::ClientRequest S3Store::make_request(const ports::ObjectName& name, const ports::Body& body,
                                          const ports::PutOptions& options, const AccessKeys& keys) const {
    namespace sigv4 = wire::sigv4;
    std::int64_t ahead_ms = 0;
    bool asks_if_absent = options.if_absent;
    {
        const MutexLock lock(mutex_);
        ahead_ms = ahead_ms_;
        asks_if_absent = asks_if_absent && knows_if_none_match_;
    }
    const std::string region = region_of(name.bucket);
    const Place place = place_of(name.bucket, name.key, region);
    const std::string hash = to_hex(as_text(body.sha256()));
    std::vector<sigv4::Field> headers{{"content-type", options.content_type}};
    if (!options.content_encoding.empty()) headers.push_back({"content-encoding", options.content_encoding});
    if (asks_if_absent) headers.push_back({"if-none-match", "*"});
    if (!options.kms_key_id.empty()) {
        headers.push_back({"x-amz-server-side-encryption", "aws:kms"});
        headers.push_back({"x-amz-server-side-encryption-aws-kms-key-id", options.kms_key_id});
    }
    sigv4::Request to_sign;
    to_sign.method = "PUT";
    to_sign.path = place.path;
    to_sign.authority = place.authority;
    to_sign.headers = headers;
    sigv4::Credentials credentials;
    credentials.access_key = keys.access_key;
    credentials.secret = keys.secret;
    credentials.session_token = keys.session_token;
    sigv4::SignOptions sign;
    sign.now = clock_.now().plus(ahead_ms);
    sign.region = region;
    sign.service = "s3";
    sign.path_rule = sigv4::PathRule::as_is_once;
    sign.payload_hash = hash;

    http::ClientRequest request;
    request.method = "PUT";
    request.url = place.url;
    for (const auto& [header, value] : headers) request.headers.add(header, value);
    for (const auto& [header, value] : sigv4::sign(to_sign, credentials, sign).fields)
        request.headers.add(header, value);
    request.reply_size_max = reply_size_max;
    request.connect_timeout_ms = std::min(connect_timeout_ms, options.timeout_ms);
    request.total_timeout_ms = options.timeout_ms;
    request.idle_timeout_ms = std::min(idle_timeout_ms, options.timeout_ms);
    return request;
}

std::optional<StoreError> S3Store::judge(const ports::ObjectName& name, const ports::PutOptions& options,
                                         const http::ClientReply& reply) {
    S3Error told = parse_s3_error(reply.body.view());
    if (const auto region = reply.headers.find("x-amz-bucket-region")) told.region = *region;
    const bool is_elsewhere =
        reply.status == 301 || reply.status == 307 || (reply.status == 400 && !told.region.empty());
    if (is_elsewhere && learn_region(name.bucket, told.region)) return std::nullopt;
    if (told.code == "RequestTimeTooSkewed" && learn_clock(reply.headers.find("date"))) return std::nullopt;
    if (reply.status == 501 && options.if_absent) {
        const MutexLock lock(mutex_);
        if (std::exchange(knows_if_none_match_, false)) return std::nullopt;
    }
    StoreError error;
    error.fault = fault_of(reply.status, told.code);
    error.code = log_code(told.code);
    error.message = fmt::format("The bucket {} at {} answered with status {}{}{}.", name.bucket, host_of(name.bucket),
                                reply.status, told.code.empty() && told.message.empty() ? "" : ": ",
                                told.message.empty() ? told.code : told.message);
    if (error.message.ends_with("..")) error.message.pop_back();
    error.retry_after_ms = retry_after_ms(reply);
    return error;
}

Task<Expected<void, StoreError>> S3Store::put(core::Core& core, ports::ObjectName name,
                                              std::shared_ptr<const ports::Body> body, ports::PutOptions options) {
    bool has_asked_again_for_keys = false;
    for (int attempt = 1;; ++attempt) {
        const auto keys = co_await credentials_.find(core);
        if (!keys) co_return fail(StoreError{StoreFault::denied, "S3.AccessDenied", keys.error(), {}});
        http::ClientRequest request = make_request(name, *body, options, **keys);
        bool lost = false;
        attach(request, core, body, &lost);
        const auto reply = co_await client_.send(core, std::move(request));
        if (lost)
            co_return fail(StoreError{StoreFault::body_lost, "InternalError", "The object's content is gone.", {}});
        if (!reply) co_return fail(to_store_error(reply.error()));
        if (reply->status / 100 == 2) co_return Expected<void, StoreError>();
        const auto error = judge(name, options, *reply);
        if (!error && attempt < attempts_max) continue;
        if (!error) {
            co_return fail(StoreError{StoreFault::rejected,
                                      "InternalError",
                                      fmt::format("The bucket {} is found nowhere.", name.bucket),
                                      {}});
        }
        if (error->fault == StoreFault::denied) {
            // Keys in files may be changed while the server runs.
            credentials_.forget();
            if (!std::exchange(has_asked_again_for_keys, true) && attempt < attempts_max) {
                const auto now = co_await credentials_.find(core);
                if (now && **now != **keys) continue;
            }
        }
        co_return fail(*error);
    }
}

}  // namespace riacho::outbound
