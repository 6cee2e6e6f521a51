// Archive: the fragments of a stream with retention, in the log: a media shard with the fragments, and an index shard
// that is derived from it.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/mutex.h"
#include "base/time.h"
#include "log/fwd.h"
#include "log/types.h"
#include "video/arrivals.h"
#include "video/fragment_index.h"
#include "video/fragment_source.h"
#include "video/page_cache.h"
#include "video/pieces.h"
#include "video/stream.h"

namespace riacho::video {

// The error of a reader for a failed read of the log.
ReadError to_read_error(log::LogError error);

// Thread-safe. Made for one pair of shards; all arguments outlive it. The index is read when the first reader needs it
// or the first page is written; appends do not need it.
class Archive final : public FragmentSource, public std::enable_shared_from_this<Archive> {
public:
    Archive(log::RecordLog& log, core::Clock& clock, PageCache& pages, std::shared_ptr<Arrivals> arrivals,
            const StreamRef& stream);

    [[nodiscard]] log::ShardUid media_shard() const { return media_; }
    // Retention may have changed.
    void configure(const StreamRef& stream);
    // The stream was deleted, or has no retention any more: waiting readers end.
    void end();
    // The server stops: a read of the index in progress is given up.
    void stop_reading() { is_stopping_ = true; }
    // Whether the index is in memory.
    [[nodiscard]] bool is_open() const;

    // Appends a part of a fragment that is larger than one record; durable when it returns the record's number.
    Task<Expected<std::uint64_t, log::LogError>> append_chunk(core::Core& core, std::uint64_t sequence,
                                                              std::uint16_t index, const Pieces& part);
    // Appends the closing record of a fragment with its last part. When it returns, the fragment is durable and visible
    // to every lookup.
    Task<Expected<void, log::LogError>> append_closing(core::Core& core, Closing closing, const Pieces& part);

    enum class Effort : std::uint8_t {
        if_open,  // entries of a full record, if the index is in memory
        usual,    // entries of a full record
        all       // all entries
    };
    // Writes missing entries to the index shard. After a failure the next call writes them.
    Task<void> write_index(core::Core& core, Effort effort);
    // Whether entries are missing in the index shard, and the oldest of them has waited long enough.
    [[nodiscard]] bool wants_index(Effort effort) const;

    Task<Found> newest(core::Core& core) override;
    Task<Found> at(core::Core& core, std::uint64_t sequence) override;
    Task<Found> after(core::Core& core, std::uint64_t sequence) override;
    Task<Found> first_from_server(core::Core& core, std::int64_t server_ms) override;
    Task<Found> containing(core::Core& core, TimeAxis axis, std::int64_t ms) override;
    Task<Result<ScanPage>> scan(core::Core& core, ScanQuery query) override;
    Task<Found> next(core::Core& core, std::uint64_t after_sequence, std::int64_t wait_ms) override;
    Task<Result<std::shared_ptr<const Fragment>>> load(core::Core& core, FragmentEntry entry) override;

private:
    struct Recent {
        FragmentEntry entry;
        MonotonicNs since;     // visible since
        bool pending = false;  // not in the index shard yet
    };
    // A snapshot of the index: blocks 0 .. pages->size() - 1 are pages, the last one is `recent`.
    struct View {
        std::shared_ptr<const std::vector<PageSummary>> pages;
        std::shared_ptr<const Page> recent;
        std::int64_t floor_ms = 0;
        std::uint64_t generation = 0;
        [[nodiscard]] std::size_t block_count() const { return pages->size() + 1; }
    };
    // Increments in the index shard with entries that are in no page.
    struct Increment {
        std::uint64_t position = 0;
        std::uint64_t last_sequence = 0;
    };
    Task<Result<View>> view(core::Core& core);
    Task<Result<std::shared_ptr<const Page>>> block(core::Core& core, View view, std::size_t index);
    Task<Found> first_of(core::Core& core, View view, std::uint64_t after_sequence, std::int64_t server_ms);
    Task<Found> containing_server(core::Core& core, View view, std::int64_t ms);
    Task<Found> containing_producer(core::Core& core, View view, std::int64_t ms);
    Task<Result<void>> open(core::Core& core);
    Task<Result<void>> read_index(core::Core& core);
    Task<Result<void>> read_records(core::Core& core, std::uint64_t from, std::uint64_t end);
    Task<Result<void>> read_directories(core::Core& core, IndexRecord root);
    // The index shard is damaged: clears the index in memory and reads the media shard from its beginning.
    void forget_index() REQUIRES(mutex_);
    Task<Result<void>> read_media(core::Core& core, std::uint64_t from);
    void take_index_record(const IndexRecord& record, std::uint64_t position) REQUIRES(mutex_);
    void insert(const FragmentEntry& entry, MonotonicNs since, bool pending) REQUIRES(mutex_);
    Task<bool> write_increment(core::Core& core);
    Task<bool> write_page(core::Core& core);
    Task<bool> write_directory(core::Core& core);
    Task<bool> write_root(core::Core& core, std::uint64_t first_increment);
    Task<Expected<std::uint64_t, log::LogError>> append_index(core::Core& core, IndexRecord record);
    [[nodiscard]] std::uint64_t safe_through() const REQUIRES(mutex_);
    [[nodiscard]] std::int64_t floor_ms() const;

    log::RecordLog& log_;
    core::Clock& clock_;
    PageCache& cache_;
    const std::shared_ptr<Arrivals> arrivals_;
    const log::ShardUid media_;
    const log::ShardUid index_;
    std::atomic<std::int64_t> retention_ms_;
    std::atomic<std::int64_t> least_ms_;
    std::atomic<bool> ended_{false};
    std::atomic<bool> is_stopping_{false};
    Waiters opening_;

    enum class State : std::uint8_t { closed, opening, open };
    mutable Mutex mutex_;
    State state_ GUARDED_BY(mutex_) = State::closed;
    bool writing_ GUARDED_BY(mutex_) = false;                    // one write_index at a time
    std::map<std::uint64_t, Recent> recent_ GUARDED_BY(mutex_);  // entries in no page, by sequence
    std::size_t pending_ GUARDED_BY(mutex_) = 0;    // number of entries of recent_ that the index shard lacks
    MonotonicNs pending_since_ GUARDED_BY(mutex_);  // since when the oldest of them waits
    std::shared_ptr<const Page> recent_copy_ GUARDED_BY(mutex_);  // copy of recent_, until that changes
    std::uint64_t generation_ GUARDED_BY(mutex_) = 0;             // number of calls of forget_index()
    bool is_distrusted_ GUARDED_BY(mutex_) = false;               // the index shard is damaged
    std::shared_ptr<const std::vector<PageSummary>> pages_ GUARDED_BY(mutex_);
    std::vector<PageSummary> directories_ GUARDED_BY(mutex_);  // 512 pages each
    std::size_t in_directories_ GUARDED_BY(mutex_) = 0;  // number of pages_ from the beginning that are in directories
    std::deque<Increment> increments_ GUARDED_BY(mutex_);
    std::uint64_t root_ GUARDED_BY(mutex_) = 0;
    std::uint64_t through_ GUARDED_BY(mutex_) = 0;       // media_through of the last index record
    std::uint64_t max_position_ GUARDED_BY(mutex_) = 0;  // the greatest position of an inserted entry
    // for each append in progress, max_position_ at its start
    std::multiset<std::uint64_t> closing_ GUARDED_BY(mutex_);
    std::uint64_t pages_through_ GUARDED_BY(mutex_) = 0;  // the last sequence in a page
};

}  // namespace riacho::video
