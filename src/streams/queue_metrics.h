// What CloudWatch would show for each queue (data-streams spec section 7): how many records wait, and for whom.
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

// Counted when it is asked for. Records whose retention is over count until their segment is deleted.
void collect_queues(const catalog::Catalog& catalog, const log::RecordLog& log, Queues& queues, TimestampMs now,
                    core::MetricsWriter& writer);

}  // namespace riacho::streams
