#include "video/retention.h"

#include "log/record_log.h"

namespace riacho::video {

void set_log_retention(log::RecordLog& log, const StreamRef& stream) {
    if (stream.settings.retention_hours == 0 || stream.media_shard().value() == 0) return;
    // Visibility depends on FragmentEntry::server_ms exactly; the records of a fragment may be up to a minute later.
    constexpr std::int64_t slack_ms = 600'000;
    const std::int64_t kept_ms = stream.settings.retention_ms() + slack_ms;
    log.set_retention(stream.media_shard(), kept_ms);
    log.set_retention(stream.index_shard(), kept_ms);
}

}  // namespace riacho::video
