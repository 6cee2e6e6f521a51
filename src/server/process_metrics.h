// Metrics of the process and of the build, under the names that Prometheus' own clients use.
#pragma once

#include "base/time.h"
#include "core/fwd.h"

namespace riacho::server {

// started: when the process started, by the machine's clock.
void collect_process(TimestampMs started, core::MetricsWriter& writer);

}  // namespace riacho::server
