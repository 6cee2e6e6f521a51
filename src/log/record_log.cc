#include "log/record_log.h"

#include <utility>

#include "core/runtime.h"
#include "core/task.h"

namespace riacho::log {
namespace {

// Static coroutines that own their parameters; the log outlives its callers.
Task<Expected<Appended, LogError>> append_one(RecordLog* log, core::Core* core, ShardUid shard, Batch batch,
                                              ShardClass shard_class) {
    ShardBatch item{.shard = shard, .batch = std::move(batch)};
    AppendRequest request;
    request.batches = std::span(&item, 1);
    request.shard_class = shard_class;
    request.core = core;
    co_await core::suspend([log, &request](core::Wakeup& wakeup) {
        request.wakeup = &wakeup;
        log->enqueue(request);
    });
    co_return item.result;
}

Task<std::vector<Expected<Appended, LogError>>> append_many(RecordLog* log, core::Core* core,
                                                            std::vector<ShardBatch> batches, ShardClass shard_class) {
    AppendRequest request;
    request.batches = batches;
    request.shard_class = shard_class;
    request.core = core;
    if (!batches.empty()) {
        co_await core::suspend([log, &request](core::Wakeup& wakeup) {
            request.wakeup = &wakeup;
            log->enqueue(request);
        });
    }
    std::vector<Expected<Appended, LogError>> results;
    results.reserve(batches.size());
    for (const ShardBatch& batch : batches) results.push_back(batch.result);
    co_return results;
}

}  // namespace

Task<Expected<Appended, LogError>> RecordLog::append(core::Core& core, ShardUid shard, Batch batch,
                                                     ShardClass shard_class) {
    return append_one(this, &core, shard, std::move(batch), shard_class);
}

Task<std::vector<Expected<Appended, LogError>>> RecordLog::append_all(core::Core& core, std::vector<ShardBatch> batches,
                                                                      ShardClass shard_class) {
    return append_many(this, &core, std::move(batches), shard_class);
}

}  // namespace riacho::log
