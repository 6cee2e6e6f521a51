// StreamHome: what one stream that is in use has in memory: who writes to it, which numbers are free, and its
// fragments.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "base/time.h"
#include "video/archive.h"
#include "video/arrivals.h"
#include "video/memory_ring.h"
#include "video/service.h"

namespace riacho::video {

class StreamHomes;

// What the numbers, records and indexes of all streams are made with; outlives every home.
struct HomeParts {
    catalog::Catalog& catalog;
    log::RecordLog& log;
    log::CommandLog& commands;
    core::Clock& clock;
    core::Rng& rng;
    core::MemoryBudget& memory;
    PageCache& pages;
    RingBudget& rings;
};

// Why a fragment cannot be begun or kept.
enum class PutFault : std::uint8_t {
    deleted,      // the stream is gone
    not_active,   // it is not what it was when the fragment began
    unavailable,  // the catalog's commands are not taken at the moment
    storage       // the fragment could not be written
};

// One PutMedia call, as the other calls on its stream see it. Made and read on its own core, but for the flags.
struct Writer {
    std::atomic<std::int64_t> last_byte_ns{0};
    std::atomic<bool> must_end{false};  // somebody else needs its place
};

// Thread-safe.
class StreamHome : public std::enable_shared_from_this<StreamHome> {
public:
    StreamHome(const HomeParts& parts, std::uint64_t uid);

    [[nodiscard]] std::uint64_t uid() const { return uid_; }

    // A place for one more writer, or null: there are writers_max, and each has sent something lately. One that was
    // silent for 15 s makes place.
    std::shared_ptr<Writer> join(std::size_t writers_max);
    void leave(const std::shared_ptr<Writer>& writer);

    // Bytes were stored of a fragment that was given up. They lie there until retention ends: who makes many of them is
    // not let in for a while.
    void note_orphans(std::uint64_t bytes);
    [[nodiscard]] bool is_refused() const;

    struct Begun {
        std::uint64_t sequence = 0;
        std::int64_t server_ms = 0;
        std::uint32_t random = 0;
        std::shared_ptr<Archive> archive;  // where it will be kept;
        std::shared_ptr<MemoryRing> ring;  // one of the two
    };
    // A number for a fragment whose first bytes are here. end() has to follow.
    Task<Expected<Begun, PutFault>> begin(core::Core& core);
    void end(std::uint64_t sequence) { arrivals_->end(sequence); }
    // The fragment is complete and is going to be stored. True: live readers have passed it.
    bool begin_to_end(std::uint64_t sequence) { return arrivals_->begin_to_end(sequence); }
    // What went wrong with a write that found no shard.
    [[nodiscard]] PutFault fault_of_missing_shard() const;

    // Where the stream's fragments are, as it is set now. Keeps the home, so that reader and writers share one.
    std::shared_ptr<FragmentSource> source(const StreamRef& stream);
    void configure(const StreamRef& stream);
    // Deleted.
    void finish();
    [[nodiscard]] bool is_finished() const;

    // The archive, if there is one in use.
    [[nodiscard]] std::shared_ptr<Archive> archive() const;
    [[nodiscard]] std::shared_ptr<MemoryRing> ring() const;
    [[nodiscard]] std::size_t writer_count() const;
    // Nobody has used it for so long.
    [[nodiscard]] std::int64_t idle_ms() const;

private:
    struct Place {
        std::shared_ptr<Archive> archive;
        std::shared_ptr<MemoryRing> ring;
    };
    Place place_for(const StreamRef& stream) REQUIRES(mutex_);
    // The stream, if it takes fragments.
    [[nodiscard]] Expected<StreamRef, PutFault> active_stream() const;
    Task<Expected<void, PutFault>> lease_numbers(core::Core& core);

    const HomeParts parts_;
    const std::uint64_t uid_;
    const std::shared_ptr<Arrivals> arrivals_ = std::make_shared<Arrivals>();
    Waiters leasing_waiters_;
    mutable Mutex mutex_;
    bool is_finished_ GUARDED_BY(mutex_) = false;
    std::uint64_t version_ GUARDED_BY(mutex_) = 0;  // of the settings that the places were made for; never goes back
    std::shared_ptr<Archive> archive_ GUARDED_BY(mutex_);
    std::shared_ptr<MemoryRing> ring_ GUARDED_BY(mutex_);
    std::vector<std::shared_ptr<Writer>> writers_ GUARDED_BY(mutex_);
    std::uint64_t orphan_bytes_ GUARDED_BY(mutex_) = 0;  // since
    MonotonicNs orphans_since_ GUARDED_BY(mutex_);
    MonotonicNs refused_until_ GUARDED_BY(mutex_);
    MonotonicNs used_at_ GUARDED_BY(mutex_);
    // Numbers from next_ up to ceiling_ are this process's to give.
    bool is_leasing_ GUARDED_BY(mutex_) = false;
    std::uint64_t next_ GUARDED_BY(mutex_) = 0;
    std::uint64_t ceiling_ GUARDED_BY(mutex_) = 0;
    std::int64_t last_server_ms_ GUARDED_BY(mutex_) = 0;
};

}  // namespace riacho::video
