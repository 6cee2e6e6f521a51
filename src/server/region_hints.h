// RegionHints: a log line when a caller asks for a stream, or another resource, that exists in another region or
// account: most likely the client is configured for a wrong region.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/time.h"
#include "catalog/fwd.h"
#include "core/fwd.h"

namespace riacho::server {

// Thread-safe.
class RegionHints {
public:
    // Both outlive this.
    RegionHints(const catalog::Catalog& catalog, core::Clock& clock) : catalog_(catalog), clock_(clock) {}

    // The caller asked for the name, and there is none in its region. Looks through the catalog at most once a second,
    // and says the same thing once.
    void on_not_found(std::string_view account, std::string_view region, std::string_view name);

private:
    const catalog::Catalog& catalog_;
    core::Clock& clock_;
    Mutex mutex_;
    MonotonicNs looked_at_ GUARDED_BY(mutex_);
    std::set<std::string, std::less<>> told_ GUARDED_BY(mutex_);  // "region/name"
};

}  // namespace riacho::server
