#include "log/shard_source.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "core/task.h"
#include "log/record_log.h"
#include "log/shard_watch.h"

namespace riacho::log {
namespace {

using ports::SourceFault;

SourceFault to_source_fault(LogError error) {
    switch (error) {
        case LogError::unknown_shard:
        case LogError::sealed:
            return SourceFault::gone;
        case LogError::overloaded:
        case LogError::disk_full:
        case LogError::shutting_down:
            return SourceFault::overloaded;
        case LogError::poisoned:
        case LogError::corrupt:
            return SourceFault::damaged;
    }
    RIACHO_CHECK(false, "an unknown LogError");
}

// The number of the oldest record is 1.
SeqIx first_of(std::uint64_t from) { return SeqIx(std::max<std::uint64_t>(from, 1)); }

class Watch final : public ports::SourceWatch {
public:
    explicit Watch(std::unique_ptr<ShardWatch> watch) : watch_(std::move(watch)) {}

private:
    std::unique_ptr<ShardWatch> watch_;
};

}  // namespace

Task<Expected<std::uint64_t, SourceFault>> ShardSource::tip(core::Core& core, std::uint64_t shard_uid) {
    const auto state = co_await log_.state(core, ShardUid(shard_uid));
    if (!state) co_return fail(to_source_fault(state.error()));
    co_return state->next.value();
}

std::unique_ptr<ports::SourceWatch> ShardSource::watch(core::Core& core, std::uint64_t shard_uid, std::uint64_t seen,
                                                       std::function<void()> ready) {
    auto watch = ShardWatch::arm(log_, core, ShardUid(shard_uid), first_of(seen), std::move(ready));
    return watch == nullptr ? nullptr : std::make_unique<Watch>(std::move(watch));
}

Task<Expected<ReadResult, SourceFault>> ShardSource::read_shard(core::Core& core, std::uint64_t shard_uid,
                                                                std::uint64_t from, std::size_t bytes_max,
                                                                TimestampMs horizon) {
    ReadLimits limits;
    limits.bytes_max = bytes_max;
    auto read = co_await log_.read(core, ShardUid(shard_uid), first_of(from), limits, horizon);
    if (!read) co_return fail(to_source_fault(read.error()));
    co_return *std::move(read);
}

Expected<ports::SourceSlice, SourceFault> ShardSource::begin_slice(const ReadResult& read, std::uint64_t from) {
    from = first_of(from).value();
    ports::SourceSlice slice;
    slice.first = std::max(read.next.value() - read.record_count, from);
    slice.next = std::max(read.next.value(), from);
    slice.at_tip = read.at_tip;
    slice.has_ended = read.at_tip && read.closed;
    slice.next_arrival = read.next_arrival;
    if (read.record_count == 0 && !slice.at_tip && slice.next == from) return fail(SourceFault::overloaded);
    slice.records.reserve(read.record_count);
    return slice;
}

}  // namespace riacho::log
