// StreamHome: the state of a stream in use: its writers, its next number, and its fragments.
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

// The objects that all homes share; they outlive every home.
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

// The reason why a fragment cannot be begun or stored.
enum class PutFault : std::uint8_t {
    deleted,      // the stream was deleted
    not_active,   // the stream was changed after the fragment began
    unavailable,  // the catalog accepts no commands at the moment
    storage       // the fragment could not be written
};

// One PutMedia call, for the other calls on its stream. Used on its own core, but for the atomic flags.
struct Writer {
    std::atomic<std::int64_t> last_byte_ns{0};
    std::atomic<bool> must_end{false};  // another call takes its place
};

// Thread-safe.
class StreamHome : public std::enable_shared_from_this<StreamHome> {
public:
    StreamHome(const HomeParts& parts, std::uint64_t uid);

    [[nodiscard]] std::uint64_t uid() const { return uid_; }

    // Registers a writer; null if there are writers_max that have all sent bytes within 15 s. A silent writer loses its
    // place.
    std::shared_ptr<Writer> join(std::size_t writers_max);
    void leave(const std::shared_ptr<Writer>& writer);

    // Counts stored bytes of fragments that were given up. They take space until retention ends: a stream with many of
    // them admits no new fragments for a while.
    void note_orphans(std::uint64_t bytes);
    [[nodiscard]] bool is_refused() const;

    struct Begun {
        std::uint64_t sequence = 0;
        std::int64_t server_ms = 0;
        std::uint32_t random = 0;
        std::shared_ptr<Archive> archive;  // the store of the fragment
        std::shared_ptr<MemoryRing> ring;  // one of the two is null
    };
    // The number of a fragment whose first bytes have arrived. end() has to follow.
    Task<Expected<Begun, PutFault>> begin(core::Core& core);
    void end(std::uint64_t sequence) { arrivals_->end(sequence); }
    // The fragment is complete and will be stored. True: live readers have passed its number.
    bool begin_to_end(std::uint64_t sequence) { return arrivals_->begin_to_end(sequence); }
    // The reason why a shard was missing at a write.
    [[nodiscard]] PutFault fault_of_missing_shard() const;

    // The source of the stream's fragments for its present settings. It keeps the home, so that readers and writers
    // share one.
    std::shared_ptr<FragmentSource> source(const StreamRef& stream);
    void configure(const StreamRef& stream);
    // Deleted.
    void finish();
    [[nodiscard]] bool is_finished() const;

    // The archive, if there is one in use.
    [[nodiscard]] std::shared_ptr<Archive> archive() const;
    [[nodiscard]] std::shared_ptr<MemoryRing> ring() const;
    [[nodiscard]] std::size_t writer_count() const;
    // The time since the home was last used.
    [[nodiscard]] std::int64_t idle_ms() const;

private:
    struct Place {
        std::shared_ptr<Archive> archive;
        std::shared_ptr<MemoryRing> ring;
    };
    Place place_for(const StreamRef& stream) REQUIRES(mutex_);
    // The stream, if it is ACTIVE.
    [[nodiscard]] Expected<StreamRef, PutFault> active_stream() const;
    Task<Expected<void, PutFault>> lease_numbers(core::Core& core);

    const HomeParts parts_;
    const std::uint64_t uid_;
    const std::shared_ptr<Arrivals> arrivals_ = std::make_shared<Arrivals>();
    Waiters leasing_waiters_;
    mutable Mutex mutex_;
    bool is_finished_ GUARDED_BY(mutex_) = false;
    std::uint64_t version_ GUARDED_BY(mutex_) = 0;  // of the settings of archive and ring; never goes back
    std::shared_ptr<Archive> archive_ GUARDED_BY(mutex_);
    std::shared_ptr<MemoryRing> ring_ GUARDED_BY(mutex_);
    std::vector<std::shared_ptr<Writer>> writers_ GUARDED_BY(mutex_);
    std::uint64_t orphan_bytes_ GUARDED_BY(mutex_) = 0;  // since orphans_since_
    MonotonicNs orphans_since_ GUARDED_BY(mutex_);
    MonotonicNs refused_until_ GUARDED_BY(mutex_);
    MonotonicNs used_at_ GUARDED_BY(mutex_);
    // Numbers from next_ up to ceiling_ are leased to this process.
    bool is_leasing_ GUARDED_BY(mutex_) = false;
    std::uint64_t next_ GUARDED_BY(mutex_) = 0;
    std::uint64_t ceiling_ GUARDED_BY(mutex_) = 0;
    std::int64_t last_server_ms_ GUARDED_BY(mutex_) = 0;
};

}  // namespace riacho::video
