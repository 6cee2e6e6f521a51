#include "http/detail/resolver.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "core/runtime.h"

namespace riacho::http::detail {
namespace {

namespace ip = boost::asio::ip;

ip::address address_of(const sockaddr* raw) {
    if (raw->sa_family == AF_INET) {
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(raw);
        return ip::address_v4(ntohl(v4->sin_addr.s_addr));
    }
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(raw);
    ip::address_v6::bytes_type bytes;
    std::memcpy(bytes.data(), &v6->sin6_addr, bytes.size());
    return ip::address_v6(bytes, v6->sin6_scope_id);
}

}  // namespace

// One look-up in progress. The thread stores the result and posts it to the core, which alone accesses `call`.
struct Resolver::Lookup {
    std::string host;
    Call* call = nullptr;  // null once the call has stopped waiting
    bool done = false;
    Addresses addresses;
    std::string failure;

    void run() {
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_flags = AI_ADDRCONFIG;
        addrinfo* found = nullptr;
        const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
        for (const addrinfo* at = found; at != nullptr && addresses.size() < addresses_max; at = at->ai_next) {
            if (at->ai_family != AF_INET && at->ai_family != AF_INET6) continue;
            const ip::address address = address_of(at->ai_addr);
            if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
        }
        if (found != nullptr) ::freeaddrinfo(found);
        if (addresses.empty()) {
            failure = fmt::format("the address of {} cannot be found: {}", host,
                                  code == 0 ? "there is none" : ::gai_strerror(code));
        }
    }
};

Task<Expected<Addresses, std::string>> Resolver::resolve(Call* call, std::string host) {
    boost::system::error_code ec;
    const ip::address literal = ip::make_address(host, ec);
    if (!ec) co_return Addresses(1, literal);
    // RFC 6761 6.3: localhost names are never sent to a name server.
    if (host == "localhost" || host.ends_with(".localhost")) {
        Addresses loopback;
        loopback.emplace_back(ip::address_v4::loopback());
        loopback.emplace_back(ip::address_v6::loopback());
        co_return loopback;
    }
    if (auto known = find(host)) co_return *std::move(known);
    if (!begin_lookup()) co_return fail(fmt::format("the address of {} cannot be found: too many look-ups wait", host));
    auto lookup = std::make_shared<Lookup>();
    lookup->host = host;
    lookup->call = call;
    const auto submitted = pool_.submit([this, lookup, &core = call->core()] {
        lookup->run();
        end_lookup();
        core::post(core, [lookup] {
            lookup->done = true;
            if (lookup->call != nullptr) lookup->call->wake();
        });
    });
    if (!submitted) {
        end_lookup();
        co_return fail(fmt::format("the address of {} cannot be found: too many look-ups wait", host));
    }
    while (!lookup->done && call->ended() == Call::End::none) co_await call->pause();
    lookup->call = nullptr;
    if (!lookup->done) co_return fail(fmt::format("the address of {} was not found in time", host));
    if (lookup->addresses.empty()) co_return fail(lookup->failure);
    keep(host, lookup->addresses);
    co_return lookup->addresses;
}

std::optional<Addresses> Resolver::find(const std::string& host) const {
    const MutexLock lock(mutex_);
    const auto found = known_.find(host);
    if (found == known_.end()) return std::nullopt;
    const std::int64_t age_ns = clock_.monotonic().value() - found->second.known_at.value();
    return age_ns < ttl_ms_ * 1'000'000 ? std::optional(found->second.addresses) : std::nullopt;
}

void Resolver::keep(const std::string& host, const Addresses& addresses) {
    const MutexLock lock(mutex_);
    if (known_.size() >= names_max) known_.clear();
    known_[host] = Known{.addresses = addresses, .known_at = clock_.monotonic()};
}

bool Resolver::begin_lookup() {
    const MutexLock lock(mutex_);
    if (lookups_ >= lookups_max) return false;
    ++lookups_;
    return true;
}

void Resolver::end_lookup() {
    const MutexLock lock(mutex_);
    --lookups_;
}

}  // namespace riacho::http::detail
