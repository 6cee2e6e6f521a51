// ForeignCalls: calls of services that are not served here, such as those of clients whose AWS_ENDPOINT_URL names this
// server for every service. The error lists the served services, and the operator gets a log line.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/time.h"
#include "core/throttle.h"
#include "http/fwd.h"
#include "http/message.h"

namespace riacho::aws {

// Thread-safe once the served services are known.
class ForeignCalls {
public:
    // The signing name of a service of the gateway; runs: false if the operator has switched it off.
    void add_served(std::string_view signing_name, bool runs);

    // The service that the request was signed for, if it is not one of the gateway's; else empty.
    [[nodiscard]] std::string service_of(const http::Request& request) const;
    // The reply, in the form that the service's clients read, and at most a log line a minute for each service.
    [[nodiscard]] http::Response refuse(const http::Request& request, std::string_view service, MonotonicNs now);

private:
    [[nodiscard]] std::string served() const;

    std::vector<std::string> known_;  // signing names, also of services that do not run
    std::vector<std::string> running_;
    Mutex mutex_;
    std::map<std::string, core::LogThrottle, std::less<>> told_ GUARDED_BY(mutex_);
};

}  // namespace riacho::aws
