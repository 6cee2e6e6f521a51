#include "server/admin.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include "base/base64.h"
#include "base/digest.h"
#include "catalog/catalog.h"
#include "catalog/keyring.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/node_clock.h"
#include "core/rng.h"
#include "core/task.h"
#include "http/message.h"
#include "log/command_log.h"
#include "server/local_call.h"

namespace riacho::server {
namespace {

http::Response refuse(int status, std::string_view problem) {
    return json_reply(status, fmt::format(R"({{"error":"{}"}})", problem));
}

bool is_user_name(std::string_view name) {
    const auto legal = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("+=,.@_-").contains(c);
    };
    return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, legal);
}

bool is_account(std::string_view account) {
    return account.size() == 12 && std::ranges::all_of(account, [](char c) { return c >= '0' && c <= '9'; });
}

template <std::size_t size>
std::string random_bytes(core::Rng& rng) {
    std::array<char, size> bytes{};
    rng.fill(std::as_writable_bytes(std::span(bytes)));
    return {bytes.data(), bytes.size()};
}

// AKIA and 16 characters of the base32 alphabet, the form of AWS's access keys.
std::string make_access_key(core::Rng& rng) {
    static constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    std::string key = "AKIA";
    for (const char c : random_bytes<16>(rng)) key += alphabet[static_cast<unsigned char>(c) % alphabet.size()];
    return key;
}

}  // namespace

Admin::Admin(log::CommandLog& log, catalog::Catalog& catalog, const catalog::Keyring& keyring, core::Rng& rng,
             core::NodeClock& clock, core::TestClock* test_clock)
    : log_(log),
      catalog_(catalog),
      keyring_(keyring),
      rng_(rng),
      clock_(clock),
      test_clock_(test_clock),
      token_(to_hex(random_bytes<32>(rng))) {}

Task<http::Response> Admin::handle(core::Core& core, std::string_view path, std::string_view body) {
    std::string name = field(body, "name");
    if (path == "users/list") co_return list_users();
    if (path == "clock/advance" || path == "clock/step") co_return move_clock(path, field(body, "ms"));
    if (path == "clock/accept") co_return accept_clock();
    if (path != "users/add" && path != "users/rotate" && path != "users/remove")
        co_return refuse(404, "no such administrative call");
    if (!is_user_name(name)) co_return refuse(400, "a user name is 1 to 64 of [a-zA-Z0-9+=,.@_-]");
    if (path == "users/remove") co_return co_await remove_user(core, std::move(name));
    std::string account = field(body, "account");
    if (path == "users/add" && !is_account(account)) co_return refuse(400, "an account id has 12 digits");
    co_return co_await put_user(core, std::move(name), std::move(account), path == "users/rotate");
}

Task<http::Response> Admin::put_user(core::Core& core, std::string name, std::string account, bool replace) {
    catalog::PutCredential command;
    command.replace = replace;
    const std::string access_key = make_access_key(rng_);
    const std::string secret = encode_base64(random_bytes<30>(rng_));
    command.credential.access_key = access_key;
    command.credential.account = std::move(account);
    command.credential.user = name;
    command.credential.sealed_secret = keyring_.seal_secret(access_key, secret, rng_);
    const auto result = co_await log_.submit(core, catalog::encode(catalog::Command(std::move(command))));
    if (!result) co_return refuse(503, to_string(result.error()));
    switch (catalog::decode_verdict(result->reply).code) {
        case catalog::Verdict::Code::user_exists:
            co_return refuse(409, "there is a user of that name");
        case catalog::Verdict::Code::user_missing:
            co_return refuse(404, "there is no user of that name");
        default:
            break;
    }
    const auto stored = catalog_.snapshot()->find_credential(access_key);
    co_return json_reply(
        200, fmt::format(R"({{"user":"{}","account":"{}","access_key_id":"{}","secret_access_key":"{}"}})", name,
                         stored == nullptr ? "" : stored->account, access_key, secret));
}

Task<http::Response> Admin::remove_user(core::Core& core, std::string name) {
    const auto result = co_await log_.submit(core, catalog::encode(catalog::Command(catalog::RemoveUser{name})));
    if (!result) co_return refuse(503, to_string(result.error()));
    if (catalog::decode_verdict(result->reply).code == catalog::Verdict::Code::user_missing) {
        co_return refuse(404, "there is no user of that name");
    }
    co_return json_reply(200, fmt::format(R"({{"removed":"{}"}})", name));
}

http::Response Admin::list_users() const {
    auto users = catalog_.snapshot()->credentials();
    std::ranges::sort(users, {}, [](const auto& credential) -> const std::string& { return credential->user; });
    std::string json;
    for (const auto& user : users) {
        json += fmt::format(R"({}{{"user":"{}","account":"{}","access_key_id":"{}"}})", json.empty() ? "" : ",",
                            user->user, user->account, user->access_key);
    }
    return json_reply(200, "[" + json + "]");
}

http::Response Admin::move_clock(std::string_view path, std::string_view by_ms) const {
    constexpr std::int64_t span_ms_max = 366LL * 24 * 3'600'000;
    const bool is_step = path == "clock/step";
    if (test_clock_ == nullptr) return refuse(409, "the server was not started with --test-clock");
    std::int64_t span_ms = 0;
    const auto [end, fault] = std::from_chars(by_ms.data(), by_ms.data() + by_ms.size(), span_ms);
    const bool is_number = fault == std::errc() && end == by_ms.data() + by_ms.size();
    if (!is_number || span_ms < (is_step ? -span_ms_max : 0) || span_ms > span_ms_max) {
        return refuse(400, "the span is not a number of milliseconds, at most a year");
    }
    if (is_step) {
        test_clock_->step_ms(span_ms);
    } else {
        test_clock_->advance_ms(span_ms);
    }
    return json_reply(200, fmt::format(R"({{"now_ms":{}}})", clock_.now().value()));
}

http::Response Admin::accept_clock() const {
    const std::int64_t accepted_ms = clock_.accept_gaps();
    core::log_line(core::LogLevel::info, "retention goes on: the clock was accepted", {{"ms", accepted_ms}});
    return json_reply(200, fmt::format(R"({{"accepted_ms":{}}})", accepted_ms));
}

}  // namespace riacho::server
