// StreamHomes: the homes of all streams in use.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "core/alarm.h"
#include "core/gate.h"
#include "core/task_group.h"
#include "video/stream_home.h"

namespace riacho::video {

// Thread-safe. Owned by the node's module, outlives every call.
class StreamHomes {
public:
    // The number of index pages of all streams in memory, 36 KiB each.
    static constexpr std::size_t pages_max = 448;

    StreamHomes(catalog::Catalog& catalog, log::RecordLog& log, log::CommandLog& commands, core::Clock& clock,
                core::Rng& rng, core::MemoryBudget& memory)
        : pages_(pages_max), rings_(memory), parts_{catalog, log, commands, clock, rng, memory, pages_, rings_} {}

    std::shared_ptr<StreamHome> of(const StreamRef& stream);
    // The source of the stream's fragments for readers.
    std::shared_ptr<FragmentSource> source(const StreamRef& stream) { return of(stream)->source(stream); }
    // The stream's settings have changed.
    void configure(const StreamRef& stream);
    // There is no memory for media: the largest ring drops its oldest fragment. False: all rings are empty.
    bool shrink_rings();
    // The stream was deleted.
    void end(std::uint64_t uid);

    // Starts the upkeep, one coroutine on that core: it writes missing index entries and drops expired fragments and
    // unused homes.
    void start(core::Core& core);
    // Writes missing index entries and ends the upkeep. Blocks; not to be called on its core. Idempotent.
    void stop();

    struct Stats {
        std::size_t homes = 0;
        std::size_t writers = 0;
        std::size_t ring_bytes = 0;
        std::size_t page_bytes = 0;
    };
    [[nodiscard]] Stats stats() const;

    // open PutMedia calls
    std::atomic<std::size_t> sessions{0};

private:
    [[nodiscard]] std::vector<std::shared_ptr<StreamHome>> all() const;
    Task<void> upkeep(core::Gate::Pass pass);
    // opening: for work that has to read an index first, which may take long.
    Task<void> look_after(Archive::Effort effort, core::TaskGroup* opening);

    PageCache pages_;
    RingBudget rings_;
    const HomeParts parts_;
    mutable Mutex mutex_;
    std::map<std::uint64_t, std::shared_ptr<StreamHome>> homes_ GUARDED_BY(mutex_);  // by uid
    core::Core* core_ = nullptr;
    core::Gate gate_;  // a pass of the upkeep
    std::shared_ptr<core::Alarm> alarm_;
    std::atomic<bool> is_stopping_{false};
};

}  // namespace riacho::video
