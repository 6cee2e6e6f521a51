// Resolver: resolves host names on threads of a pool, because getaddrinfo() blocks, for seconds when a name server does
// not answer.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/time.h"
#include "core/clock.h"
#include "core/task.h"
#include "core/work_pool.h"
#include "http/detail/client_call.h"

namespace riacho::http::detail {

using Addresses = std::vector<boost::asio::ip::address>;

// Thread-safe. Caches at most names_max names; at most lookups_max look-ups wait for a thread.
class Resolver {
public:
    static constexpr std::size_t addresses_max = 8;
    static constexpr std::size_t names_max = 1'024;
    static constexpr std::size_t lookups_max = 256;

    // The pool is stopped before the resolver is destroyed.
    Resolver(core::WorkPool& pool, const core::Clock& clock, std::int64_t ttl_ms)
        : pool_(pool), clock_(clock), ttl_ms_(ttl_ms) {}

    // Returns between one and addresses_max addresses. The error is a sentence. Ends early, with an error, when the
    // call has ended.
    Task<Expected<Addresses, std::string>> resolve(Call* call, std::string host);

private:
    struct Known {
        Addresses addresses;
        MonotonicNs known_at;
    };
    struct Lookup;

    [[nodiscard]] std::optional<Addresses> find(const std::string& host) const;
    void keep(const std::string& host, const Addresses& addresses);
    bool begin_lookup();
    void end_lookup();

    core::WorkPool& pool_;
    const core::Clock& clock_;
    const std::int64_t ttl_ms_;
    mutable Mutex mutex_;
    std::map<std::string, Known> known_ GUARDED_BY(mutex_);
    std::size_t lookups_ GUARDED_BY(mutex_) = 0;
};

}  // namespace riacho::http::detail
