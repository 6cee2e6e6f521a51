#include "aws/authenticator.h"

#include <span>
#include <unordered_map>

#include "aws/call_log.h"
#include "aws/gen/common/errors.gen.h"
#include "base/try.h"
#include "core/clock.h"
#include "core/rng.h"
#include "http/message.h"
#include "wire/sigv4.h"

namespace riacho::aws {

namespace errors = api::common::errors;
namespace sigv4 = wire::sigv4;

namespace {

ApiError to_api(const sigv4::Fault& fault) {
    switch (fault.kind) {
        case sigv4::FaultKind::missing_token:
            return errors::missing_authentication_token();
        case sigv4::FaultKind::incomplete_signature:
            return errors::incomplete_signature(fault.text);
        case sigv4::FaultKind::invalid_signature:
            return errors::invalid_signature(fault.text);
    }
    return errors::internal_failure();
}

sigv4::Request signed_parts(const http::Request& request, std::vector<sigv4::Field>& fields) {
    fields.reserve(request.headers().size());
    for (const http::HeaderField& field : request.headers()) fields.push_back({field.name, field.value});
    return {request.method(), request.path(), request.query(), request.authority(), fields};
}

// Four of the five HMACs of a verification depend only on the key, the day and the region.
const Sha256& cached_signing_key(const Credential& credential, std::string_view access_key, const sigv4::Scope& scope) {
    constexpr std::size_t entries_max = 1'000;
    thread_local std::unordered_map<std::string, Sha256> cache;
    std::string name = std::to_string(credential.generation);
    for (const std::string_view part : {access_key, scope.date, scope.region, scope.service}) {
        name += '/';
        name += part;
    }
    if (const auto found = cache.find(name); found != cache.end()) return found->second;
    if (cache.size() >= entries_max) cache.clear();
    const Sha256 key = sigv4::signing_key(credential.secret, scope.date, scope.region, scope.service);
    return cache.emplace(std::move(name), key).first->second;
}

}  // namespace

Authenticator::Authenticator(AuthenticatorOptions options, const CredentialStore& credentials, core::Clock& clock,
                             core::Rng& rng)
    : options_(std::move(options)), credentials_(credentials), clock_(clock) {
    rng.fill(std::as_writable_bytes(std::span(decoy_key_)));
}

Result<Authenticated> Authenticator::authenticate(const http::Request& request, const Expectation& expected) const {
    return judge(request, expected, Part::whole);
}

Result<Authenticated> Authenticator::authenticate_head(const http::Request& request,
                                                       const Expectation& expected) const {
    return judge(request, expected, Part::head);
}

Result<Authenticated> Authenticator::judge(const http::Request& request, const Expectation& expected, Part part) const {
    // Reused between calls, to save allocations: this function does not suspend.
    thread_local std::vector<sigv4::Field> fields;
    fields.clear();
    const sigv4::Request parts = signed_parts(request, fields);
    auto authorization = sigv4::parse(parts);
    if (!authorization) {
        log_refused_signature(request, {}, authorization.error().text);
        return fail(to_api(authorization.error()));
    }

    Authenticated result;
    const std::string_view region = authorization->scope.region;
    result.region = region.empty() ? options_.region : region;
    if (!options_.verify) {
        result.account = options_.account;
        return result;
    }
    const auto credential = credentials_.find(authorization->access_key);
    sigv4::VerifyOptions options;
    options.now = clock_.now();
    options.service = expected.service;
    options.window_ms = expected.window_ms;
    options.body = request.body();
    options.secure = request.secure();
    options.http2 = request.version() == http::Version::http_2;
    // A scope of another service or without a date is refused below, whatever the key: it takes no place in the cache,
    // where its text could be of any length.
    constexpr std::size_t date_size = 8;
    const sigv4::Scope& scope = authorization->scope;
    const bool is_plausible = scope.service == expected.service && scope.date.size() == date_size;
    const Sha256& key =
        credential && is_plausible ? cached_signing_key(*credential, authorization->access_key, scope) : decoy_key_;
    Expected<void, sigv4::Fault> verified;
    if (part == Part::whole) {
        verified = sigv4::verify(parts, *authorization, key, options);
    } else if (auto hash = sigv4::verify_upload(parts, *authorization, key, options)) {
        result.body_sha256 = *std::move(hash);
    } else {
        verified = fail(std::move(hash).error());
    }
    if (!credential) {
        log_refused_signature(request, authorization->access_key, "there is no such access key");
        return fail(errors::unrecognized_client());
    }
    if (!verified) {
        log_refused_signature(request, authorization->access_key, verified.error().text);
        return fail(to_api(verified.error()));
    }
    // A request must have a session token exactly if its key has one.
    if (!equal_constant_time(authorization->session_token, credential->session_token)) {
        log_refused_signature(request, authorization->access_key, "the session token is not the access key's");
        return fail(errors::unrecognized_client());
    }
    result.account = credential->account;
    result.user = credential->user;
    return result;
}

}  // namespace riacho::aws
