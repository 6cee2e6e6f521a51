#include "firehose/detail/maker.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "base/buffer.h"
#include "base/hasher.h"
#include "base/try.h"
#include "core/memory_budget.h"
#include "core/run_on.h"
#include "core/task.h"
#include "core/task_group.h"
#include "core/timer.h"
#include "firehose/plan.h"
#include "formats/gzip.h"
#include "formats/kpl.h"
#include "formats/snappy.h"
#include "formats/zip.h"
#include "ports/object_store.h"

namespace riacho::firehose::detail {
namespace {

// What is read and compressed in one go: less than 25 ms of a thread.
constexpr std::size_t slice_bytes = std::size_t{1} << 20;
constexpr std::size_t piece_bytes = std::size_t{1} << 20;
// Records are compressed so many bytes at a time: a compressor that is called for each small record takes half as long
// again.
constexpr std::size_t joined_bytes = 128U << 10;
// Compressor, its output's last block, joined records, lists.
constexpr std::size_t overhead_bytes = 768U << 10;
constexpr std::int64_t memory_wait_ms = 10'000;
constexpr std::int64_t memory_step_ms = 500;
// A source that is busy is asked again so often, and so long.
constexpr std::int64_t busy_ms = 200;
constexpr std::int64_t busy_ms_max = 10'000;

class Compressor {
public:
    virtual ~Compressor() = default;
    virtual void write(std::string_view data, Buffer& out) = 0;
    virtual void finish(Buffer& out) = 0;
};

template <class Format>
class CompressorOf final : public Compressor {
public:
    template <class... Arguments>
    explicit CompressorOf(Arguments&&... arguments) : format_(std::forward<Arguments>(arguments)...) {}
    void write(std::string_view data, Buffer& out) override { format_.write(data, out); }
    void finish(Buffer& out) override { format_.finish(out); }

private:
    Format format_;
};

// Null: files are not compressed.
std::unique_ptr<Compressor> make_compressor(api::CompressionFormat format, std::string entry_name) {
    constexpr auto effort = formats::GzipEffort::fast;
    switch (format) {
        case api::CompressionFormat::uncompressed:
            return nullptr;
        case api::CompressionFormat::gzip:
            return std::make_unique<CompressorOf<formats::GzipCompressor>>(effort);
        case api::CompressionFormat::zip:
            return std::make_unique<CompressorOf<formats::ZipCompressor>>(effort, std::move(entry_name));
        case api::CompressionFormat::snappy:
            return std::make_unique<CompressorOf<formats::SnappyCompressor>>(formats::SnappyFraming::java);
        case api::CompressionFormat::hadoop_snappy:
            return std::make_unique<CompressorOf<formats::SnappyCompressor>>(formats::SnappyFraming::hadoop);
    }
    return nullptr;
}

// The file as it grows: joined, compressed, hashed.
class File {
public:
    File(const Plan& plan, std::string entry_name)
        : plan_(plan), compressor_(make_compressor(plan.compression, std::move(entry_name))) {}

    // Runs on a thread of its own: the records of a slice.
    void add(const ports::SourceSlice& slice, std::uint64_t end) {
        for (const ports::SourceRecord& record : slice.records) {
            if (record.seq >= end) break;
            ++records;
            const auto parts = plan_.splits_aggregates ? formats::parse_kpl(record.data) : std::nullopt;
            if (!parts) {
                write_record(record.data);
                continue;
            }
            for (const formats::KplRecord& part : *parts) write_record(part.data);
        }
        hash_new();
    }

    std::shared_ptr<const ports::Body> finish(core::MemoryLease memory) {
        if (bytes == 0) return nullptr;
        if (compressor_) {
            compress_joined();
            compressor_->finish(room());
        }
        hash_new();
        memory.shrink_to(size());
        return std::make_shared<ports::MemoryBody>(std::move(pieces_), hasher_.finish(), std::move(memory));
    }

    // In memory so far.
    [[nodiscard]] std::size_t size() const {
        std::size_t size = 0;
        for (const Buffer& piece : pieces_) size += piece.size();
        return size;
    }

    std::uint64_t records = 0;
    std::uint64_t bytes = 0;

private:
    void write_record(std::string_view data) {
        write(data);
        write(plan_.delimiter);
    }
    void write(std::string_view data) {
        if (data.empty()) return;
        bytes += data.size();
        if (!compressor_) {
            room().append(data);
            return;
        }
        if (joined_.size() + data.size() > joined_bytes) compress_joined();
        if (data.size() >= joined_bytes / 2) {
            compressor_->write(data, room());
        } else {
            joined_.append(data);
        }
    }
    void compress_joined() {
        if (joined_.empty()) return;
        compressor_->write(joined_.view(), room());
        joined_.clear();
    }
    // The piece that is being filled.
    Buffer& room() {
        if (pieces_.empty() || pieces_.back().size() >= piece_bytes) {
            hash_new();
            hashed_ = 0;
            pieces_.emplace_back();
        }
        return pieces_.back();
    }
    void hash_new() {
        if (pieces_.empty()) return;
        hasher_.update(pieces_.back().view().substr(hashed_));
        hashed_ = pieces_.back().size();
    }

    const Plan& plan_;
    std::unique_ptr<Compressor> compressor_;
    Buffer joined_;  // what was not compressed yet
    std::vector<Buffer> pieces_;
    std::size_t hashed_ = 0;  // of the last piece
    Sha256Hasher hasher_;
};

MakeFault to_fault(ports::SourceFault fault) {
    switch (fault) {
        case ports::SourceFault::key:
            return MakeFault::key;
        case ports::SourceFault::denied:
            return MakeFault::denied;
        case ports::SourceFault::damaged:
            return MakeFault::unreadable;
        case ports::SourceFault::gone:
        case ports::SourceFault::overloaded:
            break;
    }
    return MakeFault::busy;
}

// What a file is made of, beside its ranges.
struct Making {
    const Needs& needs;
    core::Core& core;
    ports::RecordSource& source;
    std::function<bool()> is_stopped;
    core::MemoryLease memory;
    File file;
};

bool is_listed(const ports::RecordSource& source, std::uint64_t shard_uid) {
    const auto listing = source.shards();
    return std::ranges::find(listing, shard_uid, &ports::SourceShard::uid) != listing.end();
}

// A slice of a range; asked for again while the source is only busy: what was made so far is not thrown away for that.
Task<Expected<ports::SourceSlice, ports::SourceFault>> read_slice(Making& making, std::uint64_t shard_uid,
                                                                  std::uint64_t from) {
    for (std::int64_t waited_ms = 0;; waited_ms += busy_ms) {
        auto slice = co_await making.source.read(making.core, shard_uid, from, slice_bytes);
        const bool is_busy = !slice && slice.error() == ports::SourceFault::overloaded;
        const bool may_wait = waited_ms < busy_ms_max && making.needs.has_timers && !making.is_stopped();
        if (!is_busy || !may_wait) co_return slice;
        co_await core::sleep(making.core, busy_ms);
    }
}

using Slice = Expected<ports::SourceSlice, ports::SourceFault>;

Task<void> read_into(std::optional<Slice>& slice, Making& making, std::uint64_t shard_uid, std::uint64_t from) {
    slice = co_await read_slice(making, shard_uid, from);
}

// Adds the records of a slice before `end` to the file.
Task<Expected<void, MakeFault>> add_slice(Making& making, const ports::SourceSlice& slice, std::uint64_t end) {
    const auto work = [&] { making.file.add(slice, end); };
    if (making.needs.cpu == nullptr) {
        work();
    } else if (const auto ran = co_await core::run_on(*making.needs.cpu, making.core, work); !ran) {
        co_return fail(MakeFault::busy);  // the pool is busy, or stops
    }
    // Delimiters between the parts of aggregates may make a file larger than what it is made of.
    // Whoever has all that there is for files goes on.
    const std::size_t share = making.needs.memory.share(core::MemoryUse::deliveries);
    if (!making.memory.grow_to(std::min(making.file.size(), share))) co_return fail(MakeFault::busy);
    co_return Expected<void, MakeFault>();
}

// The next slice is read while one is compressed. A range may lie in a shard that is gone: then nothing of it is left.
Task<Expected<void, MakeFault>> add_range(Making& making, Range range) {
    core::TaskGroup reading(making.core);
    std::optional<Slice> next;
    if (range.first < range.next) next = co_await read_slice(making, range.shard_uid, range.first);
    while (next) {
        if (making.is_stopped()) co_return fail(MakeFault::busy);
        if (!*next) {
            const auto fault = next->error();
            const bool is_gone = fault == ports::SourceFault::gone && !is_listed(making.source, range.shard_uid);
            if (is_gone) co_return Expected<void, MakeFault>();
            co_return fail(to_fault(fault));
        }
        const Slice slice = *std::move(next);
        next.reset();
        const bool is_last = slice->next >= range.next || (slice->records.empty() && slice->at_tip);
        if (!is_last) {
            reading.spawn([&] { return read_into(next, making, range.shard_uid, slice->next); });
        }
        const auto added = co_await add_slice(making, *slice, range.next);
        co_await reading.join();
        if (!added) co_return fail(added.error());
    }
    co_return Expected<void, MakeFault>();
}

}  // namespace

Task<Expected<Made, MakeFault>> make_file(const Needs& needs, core::Core& core,
                                          std::shared_ptr<ports::RecordSource> source, std::shared_ptr<const Plan> plan,
                                          std::vector<Range> ranges, std::uint64_t bytes_expected,
                                          std::string entry_name, std::function<bool()> is_stopped) {
    // All of it before the first byte: who holds a part and waits for more holds up the others. A batch that was sealed
    // when the share was larger takes the whole.
    const std::size_t share = needs.memory.share(core::MemoryUse::deliveries);
    const std::size_t wanted = std::min(static_cast<std::size_t>(bytes_expected) + overhead_bytes, share);
    // In steps, so that a stop is seen.
    bool has_memory = false;
    for (std::int64_t waited_ms = 0; !has_memory; waited_ms += memory_step_ms) {
        if (waited_ms >= memory_wait_ms || is_stopped()) co_return fail(MakeFault::busy);
        has_memory = co_await needs.memory.take(core, core::MemoryUse::deliveries, wanted, memory_step_ms);
    }
    Making making{.needs = needs,
                  .core = core,
                  .source = *source,
                  .is_stopped = std::move(is_stopped),
                  .memory = core::MemoryLease(needs.memory, core::MemoryUse::deliveries, wanted),
                  .file = File(*plan, std::move(entry_name))};
    File& file = making.file;
    Made made;
    std::uint64_t expected = 0;
    for (const Range& range : ranges) {
        expected += range.next - range.first;
        CO_TRY_VOID(co_await add_range(making, range));
    }
    made.records = file.records;
    made.bytes = file.bytes;
    made.lost = expected - std::min(expected, file.records);
    made.body = file.finish(std::move(making.memory));
    co_return made;
}

}  // namespace riacho::firehose::detail
