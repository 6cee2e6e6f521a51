#include "streams/reader.h"

#include <algorithm>
#include <utility>

#include "aws/gen/kinesis/errors.gen.h"
#include "base/try.h"
#include "core/clock.h"
#include "core/task.h"
#include "streams/encryption.h"
#include "streams/shards.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

// Interval at which a stuck reader retries, so that it is never a busy loop.
constexpr std::int64_t stuck_ms = 500;

}  // namespace

Result<std::vector<std::string>> open_sealed(const Service& service, const catalog::StreamState& stream,
                                             const log::ReadResult& read) {
    std::vector<std::string> opened;
    for (const log::FrameSlice& slice : read.slices) {
        if (!slice.frame->is_sealed()) continue;
        if (opened.empty()) {
            if (const auto refused = service.data_keys.refusal(stream.key_id, stream, false)) return fail(*refused);
            opened.reserve(read.record_count);
        }
        for (const log::RecordView& record : slice.records()) {
            auto data = service.data_keys.open(stream, record.partition_key, record.data);
            if (!data) return fail(errors::read_unavailable());
            opened.push_back(*std::move(data));
        }
    }
    return opened;
}

std::int64_t millis_behind(const log::ReadResult& read, TimestampMs now) {
    if (read.at_tip) return 0;
    const TimestampMs position = read.next_arrival     ? *read.next_arrival
                                 : read.slices.empty() ? now
                                                       : read.slices.back().frame->arrival();
    // At least one millisecond: 0 means that no record is left.
    return std::max<std::int64_t>(1, now.value() - position.value());
}

Task<Result<ShardRead>> ShardReader::read(log::ReadLimits limits) {
    const TimestampMs horizon = retention_horizon(*shard_.stream, service_.clock);
    auto read = co_await service_.log.read(core_, log::ShardUid(shard_.shard->uid), position_, limits, horizon);
    was_overloaded_ = !read && read.error() == log::LogError::overloaded;
    if (!read) co_return fail(read_error(read.error(), shard_));
    ShardRead result;
    result.log = *std::move(read);
    is_stuck_ = result.log.record_count == 0 && !result.log.at_tip && result.first() <= position_;
    position_ = std::max(position_, result.first());
    CO_TRY(result.opened, open_sealed(service_, *shard_.stream, result.log));
    co_return result;
}

Task<void> ShardReader::wait(std::int64_t timeout_ms) {
    const ShardPosition position{shard_.shard->uid, position_};
    // A stuck reader waits only for the timeout: a wait on the log would return at once.
    const std::span<const ShardPosition> positions(&position, is_stuck_ ? 0 : 1);
    co_await wait_.wait(positions, is_stuck_ ? std::min(timeout_ms, stuck_ms) : timeout_ms);
}

bool ShardReader::refresh(StreamRef stream) {
    const catalog::ShardState* shard = stream->find_shard(shard_.shard->index);
    if (shard == nullptr) return false;
    shard_ = {std::move(stream), shard};
    return true;
}

}  // namespace riacho::streams
