// ShardSource: the parts that implementations of ports::RecordSource over shards of the log have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "base/time.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "log/fwd.h"
#include "ports/record_source.h"

namespace riacho::log {

class ShardSource : public ports::RecordSource {
public:
    Task<Expected<std::uint64_t, ports::SourceFault>> tip(core::Core& core, std::uint64_t shard_uid) final;
    std::unique_ptr<ports::SourceWatch> watch(core::Core& core, std::uint64_t shard_uid, std::uint64_t seen,
                                              std::function<void()> ready) final;

protected:
    // The log outlives the source.
    explicit ShardSource(RecordLog& log) : log_(log) {}

    // Reads as RecordSource::read() does, records with an arrival time of at least `horizon`; sealed data stays sealed.
    Task<Expected<ReadResult, ports::SourceFault>> read_shard(core::Core& core, std::uint64_t shard_uid,
                                                              std::uint64_t from, std::size_t bytes_max,
                                                              TimestampMs horizon);
    // A slice without records yet, for a read that began at `from`. SourceFault::overloaded for an empty read that is
    // not at the tip: the disk is not ready.
    static Expected<ports::SourceSlice, ports::SourceFault> begin_slice(const ReadResult& read, std::uint64_t from);

private:
    RecordLog& log_;
};

}  // namespace riacho::log
