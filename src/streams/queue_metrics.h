// The CloudWatch metrics of each queue (data-streams spec section 7): visible, in-flight and dead records.
#pragma once

#include "base/time.h"
#include "core/fwd.h"
#include "log/fwd.h"

namespace riacho::catalog {
class Catalog;
}
namespace riacho::core {
class MetricsWriter;
}

namespace riacho::streams {

class Queues;

// Counts on each call. Expired records count until their segment is deleted.
void collect_queues(const catalog::Catalog& catalog, const log::RecordLog& log, Queues& queues, TimestampMs now,
                    core::MetricsWriter& writer);

}  // namespace riacho::streams
