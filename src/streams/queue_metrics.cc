#include "streams/queue_metrics.h"

#include <algorithm>
#include <array>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/queue_progress.h"
#include "core/metrics.h"
#include "log/record_log.h"
#include "streams/queues.h"

namespace riacho::streams {
namespace {

constexpr std::uint64_t visible_max = 1'000'000;  // AWS: the metric's maximum

struct QueueFigures {
    QueueRef queue;
    std::uint64_t in_flight = 0;
    std::uint64_t visible = 0;
    std::uint64_t visible_dead = 0;
};

// The number of records of one shard that are neither acknowledged nor buried.
std::uint64_t open_records(const log::RecordLog& log, const catalog::ShardState& shard,
                           const catalog::QueueShardView& view) {
    const auto state = log.last_known(log::ShardUid(shard.uid));
    if (!state) return 0;
    const std::uint64_t from = std::max(view.floor(), state->first_available.value());
    const std::uint64_t end = state->next.value();
    const std::uint64_t open = end > from ? end - from - view.done_between(from, end) : 0;
    return open + view.restored_count();
}

QueueFigures figures_of(const catalog::Snapshot& snapshot, const log::RecordLog& log, Queues& queues, QueueRef queue,
                        TimestampMs now) {
    QueueFigures figures;
    const auto work = queues.of(queue->arn);
    figures.in_flight = work->records.in_flight(now);
    if (const auto stream = snapshot.find_by_uid(queue->stream_uid)) {
        for (const catalog::ShardState& shard : stream->shards) {
            const catalog::QueueShardView view(snapshot.progress(), queue->uid, shard.uid);
            figures.visible += open_records(log, shard, view);
            figures.visible_dead += view.dead_count();
        }
    }
    // Records in flight are included in the open records; the two are read at different moments, hence the min().
    figures.visible = std::min(figures.visible - std::min(figures.visible, figures.in_flight), visible_max);
    figures.visible_dead -= std::min<std::uint64_t>(figures.visible_dead, work->dead.in_flight(now));
    figures.queue = std::move(queue);
    return figures;
}

struct QueueFamily {
    std::string_view name;
    std::uint64_t QueueFigures::* figure;
};
constexpr std::array families = {
    QueueFamily{"InFlightQueueRecords", &QueueFigures::in_flight},
    QueueFamily{"VisibleQueueRecords", &QueueFigures::visible},
    QueueFamily{"VisibleDeadLetterQueueRecords", &QueueFigures::visible_dead},
};

}  // namespace

void collect_queues(const catalog::Catalog& catalog, const log::RecordLog& log, Queues& queues, TimestampMs now,
                    core::MetricsWriter& writer) {
    const auto snapshot = catalog.snapshot();
    std::vector<QueueFigures> all;
    for (auto& resource : snapshot->objects()) {
        // The state of a queue in DELETING is forgotten; Queues::of() would create it again.
        const bool is_shown = resource->kind == catalog::ObjectState::Kind::queue && !resource->is_gone(now) &&
                              resource->status(now) != catalog::StreamStatus::deleting;
        if (is_shown) all.push_back(figures_of(*snapshot, log, queues, std::move(resource), now));
    }
    for (const QueueFamily& family : families) {
        writer.family("riacho_kinesis_" + std::string(family.name), core::MetricsWriter::Kind::gauge,
                      "CloudWatch AWS/Kinesis " + std::string(family.name));
        for (const QueueFigures& figures : all) {
            writer.sample({{"account", figures.queue->account},
                           {"region", figures.queue->region},
                           {"queue", figures.queue->name}},
                          figures.*family.figure);
        }
    }
}

}  // namespace riacho::streams
