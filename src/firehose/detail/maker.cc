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
// Compressor, its output's last block, lists.
constexpr std::size_t overhead_bytes = 512U << 10;
constexpr std::int64_t memory_wait_ms = 10'000;

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
        if (compressor_) compressor_->finish(room());
        hash_new();
        std::size_t size = 0;
        for (const Buffer& piece : pieces_) size += piece.size();
        memory.shrink_to(size);
        return std::make_shared<ports::MemoryBody>(std::move(pieces_), hasher_.finish(), std::move(memory));
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
        if (compressor_) {
            compressor_->write(data, room());
        } else {
            room().append(data);
        }
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
    std::vector<Buffer> pieces_;
    std::size_t hashed_ = 0;  // of the last piece
    Sha256Hasher hasher_;
};

MakeFault to_fault(ports::SourceFault fault) {
    return fault == ports::SourceFault::key ? MakeFault::key : MakeFault::source;
}

// A range may lie in a shard that is gone: then nothing of it is left.
Task<Expected<void, MakeFault>> add_range(const Needs& needs, core::Core& core, ports::RecordSource& source,
                                          Range range, File& file) {
    for (std::uint64_t at = range.first; at < range.next;) {
        const auto slice = co_await source.read(core, range.shard_uid, at, slice_bytes);
        if (!slice) {
            if (slice.error() == ports::SourceFault::gone) co_return Expected<void, MakeFault>();
            co_return fail(to_fault(slice.error()));
        }
        const auto work = [&] { file.add(*slice, range.next); };
        if (needs.cpu == nullptr) {
            work();
        } else if (const auto ran = co_await core::run_on(*needs.cpu, core, work); !ran) {
            co_return fail(MakeFault::no_memory);  // the pool is busy, or stops
        }
        if (slice->records.empty() && slice->at_tip) break;
        at = slice->next;
    }
    co_return Expected<void, MakeFault>();
}

}  // namespace

Task<Expected<Made, MakeFault>> make_file(const Needs& needs, core::Core& core,
                                          std::shared_ptr<ports::RecordSource> source, std::shared_ptr<const Plan> plan,
                                          std::vector<Range> ranges, std::uint64_t bytes_expected,
                                          std::string entry_name) {
    // All of it before the first byte: who holds a part and waits for more holds up the others. A batch that was sealed
    // when the share was larger takes the whole.
    const std::size_t share = needs.memory.share(core::MemoryUse::deliveries);
    const std::size_t wanted = std::min(static_cast<std::size_t>(bytes_expected) + overhead_bytes, share);
    if (!co_await needs.memory.take(core, core::MemoryUse::deliveries, wanted, memory_wait_ms)) {
        co_return fail(MakeFault::no_memory);
    }
    core::MemoryLease memory(needs.memory, core::MemoryUse::deliveries, wanted);
    File file(*plan, std::move(entry_name));
    Made made;
    std::uint64_t expected = 0;
    for (const Range& range : ranges) {
        expected += range.next - range.first;
        CO_TRY_VOID(co_await add_range(needs, core, *source, range, file));
    }
    made.records = file.records;
    made.bytes = file.bytes;
    made.lost = expected - std::min(expected, file.records);
    made.body = file.finish(std::move(memory));
    co_return made;
}

}  // namespace riacho::firehose::detail
