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

constexpr std::size_t slice_bytes = std::size_t{1} << 20;
// Slices that wait to be compressed. Those that do are compressed in one go: 7 ms of a thread, or 20 with zlib.
constexpr std::size_t slices_max = 2;
constexpr std::size_t piece_bytes = std::size_t{1} << 20;
// A draft takes what is made in smaller pieces, and is waited for when it is behind by so much.
constexpr std::size_t draft_piece_bytes = std::size_t{256} << 10;
constexpr std::size_t compressor_step_bytes = std::size_t{64} << 10;
constexpr std::size_t draft_waiting_bytes = std::size_t{1} << 20;
// Of a file that goes into a draft: what waits for it, and what is made of slices meanwhile.
constexpr std::size_t draft_memory_bytes = draft_waiting_bytes + (slices_max + 1) * slice_bytes;
// Records are compressed so many bytes at a time: a compressor that is called for each small record takes half as long
// again, and ISA-L copies 64 KiB around each call.
constexpr std::size_t joined_bytes = 512U << 10;
// Compressor, its output's last block, joined records, lists.
constexpr std::size_t overhead_bytes = 1152U << 10;
constexpr std::int64_t memory_wait_ms = 10'000;
constexpr std::int64_t memory_step_ms = 500;
// The interval and the duration of retries while a source is overloaded.
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

std::size_t bytes_in(const std::vector<Buffer>& pieces) {
    std::size_t size = 0;
    for (const Buffer& piece : pieces) size += piece.size();
    return size;
}

// The file as it grows: joined, compressed, hashed if it stays in memory as a whole.
class File {
public:
    File(const Plan& plan, std::string entry_name, bool is_draft)
        : plan_(plan),
          piece_bytes_(is_draft ? draft_piece_bytes : piece_bytes),
          piece_capacity_(is_draft ? draft_piece_bytes + compressor_step_bytes : 0),
          compressor_(make_compressor(plan.compression, std::move(entry_name))) {
        if (!is_draft) hasher_.emplace();
    }

    // Adds the records of a slice; runs on a thread of the pool.
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
    // Nothing is added any more.
    void finish() {
        if (bytes > 0 && compressor_) {
            compress_joined();
            compressor_->finish(room());
        }
        hash_new();
    }
    // What is in memory, for a draft: all of it, or whole pieces.
    std::vector<Buffer> take(bool is_all) {
        std::vector<Buffer> taken = std::exchange(pieces_, {});
        if (!is_all && !taken.empty() && taken.back().size() < piece_bytes_) {
            pieces_.push_back(std::move(taken.back()));
            taken.pop_back();
        }
        return taken;
    }
    std::shared_ptr<const ports::Body> body(core::MemoryLease memory) {
        memory.shrink_to(size());
        return std::make_shared<ports::MemoryBody>(std::move(pieces_), hasher_->finish(), std::move(memory));
    }

    // In memory so far.
    [[nodiscard]] std::size_t size() const { return bytes_in(pieces_); }

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
    // The buffer that is being filled.
    Buffer& room() {
        if (pieces_.empty() || pieces_.back().size() >= piece_bytes_) {
            hash_new();
            hashed_ = 0;
            // A piece that grows is copied; those for a draft are small enough to be made in one go.
            pieces_.emplace_back(piece_capacity_);
        }
        return pieces_.back();
    }
    void hash_new() {
        if (!hasher_ || pieces_.empty()) return;
        hasher_->update(pieces_.back().view().substr(hashed_));
        hashed_ = pieces_.back().size();
    }

    const Plan& plan_;
    const std::size_t piece_bytes_;
    const std::size_t piece_capacity_;
    std::unique_ptr<Compressor> compressor_;
    Buffer joined_;  // input that is not compressed yet
    std::vector<Buffer> pieces_;
    std::size_t hashed_ = 0;  // of the last piece
    std::optional<Sha256Hasher> hasher_;
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

bool is_listed(const ports::RecordSource& source, std::uint64_t shard_uid) {
    const auto listing = source.shards();
    return std::ranges::find(listing, shard_uid, &ports::SourceShard::uid) != listing.end();
}

// A file on its way from the log to a body or a draft: while slices are compressed, the next ones are read and what was
// made before them is written. Lives in the frame of make_file(), on its core.
class Making {
public:
    struct What {
        const Needs& needs;
        core::Core& core;
        ports::RecordSource& source;
        const Plan& plan;
        std::vector<Range> ranges;
        std::string entry_name;
        std::function<bool()> is_stopped;
        std::shared_ptr<ports::ObjectDraft> draft;
        core::MemoryLease memory;
    };
    explicit Making(What what)
        : what_(std::move(what)),
          file_(what_.plan, std::move(what_.entry_name), what_.draft != nullptr),
          from_(what_.ranges.empty() ? 0 : what_.ranges.front().first),
          reading_(what_.core),
          writing_(what_.core) {}

    Task<Expected<Made, MakeFault>> run();

private:
    // Read, and not compressed yet.
    struct Input {
        ports::SourceSlice slice;
        std::uint64_t end = 0;  // records from here on are not of the file
    };

    Task<void> read_ahead();
    Task<Expected<ports::SourceSlice, ports::SourceFault>> read_slice(std::uint64_t shard_uid);
    void begin_next_range();
    [[nodiscard]] bool is_read() const { return fault_ || range_ == what_.ranges.size(); }
    Task<Expected<void, MakeFault>> compress();
    Task<Expected<void, MakeFault>> add(std::vector<Input> inputs);
    // Hands over to the draft what there is for it, and waits for it if it is behind.
    Task<void> write(bool is_all);
    Task<void> write_waiting();

    What what_;
    File file_;
    std::size_t range_ = 0;   // that is being read
    std::uint64_t from_ = 0;  // where in it
    std::vector<Input> inputs_;
    std::optional<MakeFault> fault_;  // of reading
    std::vector<Buffer> waiting_;     // for the draft
    std::size_t unwritten_ = 0;       // bytes of it and of what is being written
    bool draft_has_failed_ = false;
    core::TaskGroup reading_;
    core::TaskGroup writing_;
};

void Making::begin_next_range() {
    if (++range_ < what_.ranges.size()) from_ = what_.ranges[range_].first;
}

// A slice of a range; asked for again while the source is only busy: what was made so far is not thrown away for that.
Task<Expected<ports::SourceSlice, ports::SourceFault>> Making::read_slice(std::uint64_t shard_uid) {
    for (std::int64_t waited_ms = 0;; waited_ms += busy_ms) {
        auto slice = co_await what_.source.read(what_.core, shard_uid, from_, slice_bytes);
        const bool is_busy = !slice && slice.error() == ports::SourceFault::overloaded;
        const bool may_wait = waited_ms < busy_ms_max && what_.needs.has_timers && !what_.is_stopped();
        if (!is_busy || !may_wait) co_return slice;
        co_await core::sleep(what_.core, busy_ms);
    }
}

// Until enough slices wait, or everything is read. A range may lie in a shard that is gone: then nothing of it is left.
Task<void> Making::read_ahead() {
    while (!is_read() && inputs_.size() < slices_max) {
        const Range range = what_.ranges[range_];
        if (from_ >= range.next) {
            begin_next_range();
            continue;
        }
        auto slice = co_await read_slice(range.shard_uid);
        if (!slice) {
            const auto fault = slice.error();
            if (fault == ports::SourceFault::gone && !is_listed(what_.source, range.shard_uid)) {
                begin_next_range();
            } else {
                fault_ = to_fault(fault);
            }
            continue;
        }
        const bool is_last = slice->next >= range.next || (slice->records.empty() && slice->at_tip);
        from_ = slice->next;
        inputs_.push_back({*std::move(slice), range.next});
        if (is_last) begin_next_range();
    }
}

Task<Expected<void, MakeFault>> Making::add(std::vector<Input> inputs) {
    const auto work = [&] {
        for (const Input& input : inputs) file_.add(input.slice, input.end);
    };
    if (what_.needs.cpu == nullptr) {
        work();
    } else if (const auto ran = co_await core::run_on(*what_.needs.cpu, what_.core, work); !ran) {
        co_return fail(MakeFault::busy);  // the pool is busy, or stops
    }
    // Delimiters between the parts of aggregates may make a file larger than what it is made of.
    // Whoever has all that there is for files goes on.
    const std::size_t share = what_.needs.memory.share(core::MemoryUse::deliveries);
    if (!what_.memory.grow_to(std::min(file_.size() + unwritten_, share))) co_return fail(MakeFault::busy);
    co_return Expected<void, MakeFault>();
}

Task<void> Making::write_waiting() {
    while (!waiting_.empty()) {
        std::vector<Buffer> pieces = std::exchange(waiting_, {});
        const std::size_t size = bytes_in(pieces);
        draft_has_failed_ = !co_await what_.draft->write(what_.core, std::move(pieces)) || draft_has_failed_;
        unwritten_ -= size;
    }
}

Task<void> Making::write(bool is_all) {
    for (Buffer& piece : file_.take(is_all)) {
        unwritten_ += piece.size();
        waiting_.push_back(std::move(piece));
    }
    if (waiting_.empty()) co_return;
    if (writing_.size() == 0) writing_.spawn([this] { return write_waiting(); });
    if (unwritten_ > draft_waiting_bytes) co_await writing_.join();
}

Task<Expected<void, MakeFault>> Making::compress() {
    while (!draft_has_failed_) {
        if (what_.is_stopped()) co_return fail(MakeFault::busy);
        if (reading_.size() == 0 && !is_read()) reading_.spawn([this] { return read_ahead(); });
        if (inputs_.empty()) co_await reading_.join();
        if (fault_) co_return fail(*fault_);
        if (inputs_.empty()) break;
        std::vector<Input> inputs = std::exchange(inputs_, {});
        if (reading_.size() == 0 && !is_read()) reading_.spawn([this] { return read_ahead(); });
        CO_TRY_VOID(co_await add(std::move(inputs)));
        if (what_.draft != nullptr) co_await write(false);
    }
    co_return Expected<void, MakeFault>();
}

Task<Expected<Made, MakeFault>> Making::run() {
    const auto compressed = co_await compress();
    co_await reading_.join();
    co_await writing_.join();
    if (!compressed) co_return fail(compressed.error());
    file_.finish();
    Made made;
    std::uint64_t expected = 0;
    for (const Range& range : what_.ranges) expected += range.next - range.first;
    made.records = file_.records;
    made.bytes = file_.bytes;
    made.lost = expected - std::min(expected, file_.records);
    if (made.bytes == 0) co_return made;
    if (what_.draft == nullptr) {
        made.body = file_.body(std::move(what_.memory));
        co_return made;
    }
    co_await write(true);
    co_await writing_.join();
    made.draft = std::move(what_.draft);
    co_return made;
}

}  // namespace

Task<Expected<Made, MakeFault>> make_file(const Needs& needs, core::Core& core,
                                          std::shared_ptr<ports::RecordSource> source, std::shared_ptr<const Plan> plan,
                                          std::shared_ptr<ports::ObjectDraft> draft, std::vector<Range> ranges,
                                          std::uint64_t bytes_expected, std::string entry_name,
                                          std::function<bool()> is_stopped) {
    // All of it before the first byte: who holds a part and waits for more holds up the others. A batch that was sealed
    // when the share was larger takes the whole.
    const std::size_t share = needs.memory.share(core::MemoryUse::deliveries);
    std::size_t wanted = static_cast<std::size_t>(bytes_expected);
    if (draft != nullptr) wanted = std::min(wanted, draft_memory_bytes);
    wanted = std::min(wanted + overhead_bytes, share);
    // In steps, so that a stop is seen.
    bool has_memory = false;
    for (std::int64_t waited_ms = 0; !has_memory; waited_ms += memory_step_ms) {
        if (waited_ms >= memory_wait_ms || is_stopped()) co_return fail(MakeFault::busy);
        has_memory = co_await needs.memory.take(core, core::MemoryUse::deliveries, wanted, memory_step_ms);
    }
    Making making({.needs = needs,
                   .core = core,
                   .source = *source,
                   .plan = *plan,
                   .ranges = std::move(ranges),
                   .entry_name = std::move(entry_name),
                   .is_stopped = std::move(is_stopped),
                   .draft = std::move(draft),
                   .memory = core::MemoryLease(needs.memory, core::MemoryUse::deliveries, wanted)});
    co_return co_await making.run();
}

}  // namespace riacho::firehose::detail
