#include "log/detail/direct_lane.h"

#include <array>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/try.h"
#include "log/detail/bulk_writer.h"

namespace riacho::log::detail {
namespace {

// A pad frame of `size` bytes, at least a header.
Bytes make_pad(std::size_t size) {
    Bytes pad(size);
    FrameHeader header;
    header.kind = FrameKind::pad;
    header.body_size = static_cast<std::uint32_t>(size - frame_header_size);
    encode_header(header, pad.data());
    return pad;
}

}  // namespace

void DirectLane::use_threads() {
    threads_.emplace(
        core::WorkPool::Options{.name = "direct", .threads_max = direct_threads_max, .queue_max = job_shards_max});
}

void DirectLane::begin(DirectJob job) {
    RIACHO_CHECK(!is_busy_ && !job.runs.empty());
    is_busy_ = true;
    job_ = std::move(job);
    const std::size_t runs = job_.runs.size();
    {
        const MutexLock lock(mutex_);
        runs_left_ = runs;
        is_done_ = false;
    }
    for (std::size_t i = 0; i < runs; ++i) {
        const auto work = [this, i] {
            perform(job_.runs[i]);
            note_performed();
        };
        if (!threads_ || !threads_->submit(work)) work();
    }
}

DirectJob DirectLane::take() {
    RIACHO_CHECK(is_busy_);
    {
        const MutexLock lock(mutex_);
        while (!is_done_) done_.wait(mutex_);
    }
    is_busy_ = false;
    return std::exchange(job_, {});
}

void DirectLane::note_performed() {
    {
        const MutexLock lock(mutex_);
        if (--runs_left_ > 0) return;
    }
    finish(job_);
    {
        const MutexLock lock(mutex_);
        is_done_ = true;
        done_.notify_one();
    }
    on_done_();
}

void DirectLane::perform(DirectRun& run) {
    if (store_.is_poisoned()) return;  // the thread that takes the job finds the same
    const auto file = write(run);
    if (!file) {
        run.error = file.error();
        return;
    }
    const auto synced = (*file)->fdatasync();
    if (synced) return;
    run.error = synced.error();
    run.is_final = true;
}

void DirectLane::finish(DirectJob& job) {
    for (const DirectRun& run : job.runs) {
        if (!run.error) continue;
        if (run.is_final || !run.error->is_shortage()) return store_.poison(run.error->describe());
        job.error = run.error;
    }
    if (!job.error && !store_.is_poisoned()) {
        if (const auto synced = sync_directories(job); !synced) {
            // Without a descriptor there was no sync, and it may be tried again.
            if (!synced.error().is_out_of_descriptors()) return store_.poison(synced.error().describe());
            job.error = synced.error();
        }
    }
    for (DirectRun& run : job.runs) {
        if (job.error) {
            undo(run);
        } else {
            store_.segments.note_bytes(run.end - run.start);
        }
    }
}

io::IoResult<void> DirectLane::sync_directories(const DirectJob& job) {
    std::set<std::string> directories;
    for (const DirectRun& run : job.runs) {
        if (!run.is_new) continue;
        for (std::string& directory : store_.segments.directories_of(run.shard->uid)) {
            directories.insert(std::move(directory));
        }
    }
    for (const std::string& directory : directories) TRY_VOID(store_.fs.sync_directory(directory));
    return {};
}

io::IoResult<std::unique_ptr<io::File>> DirectLane::write(DirectRun& run) {
    SegmentStore& segments = store_.segments;
    const std::string path = segments.segment_path(*run.shard, run.base);
    TRY_VOID(segments.prepare_direct(*run.shard, run.is_new));
    TRY(auto file, store_.fs.open(path, {.mode = run.is_new ? io::OpenMode::create : io::OpenMode::read_write}));
    std::vector<ByteSpan> parts;
    std::array<std::byte, file_header_size> head;
    std::uint64_t at = run.start;
    if (run.is_new) {
        // A file of this name is of a write of which nothing counts.
        TRY_VOID(file->ftruncate(0));
        encode_segment_header({.store = segments.store(),
                               .shard = run.shard->uid,
                               .base = run.base,
                               .created = run.created,
                               .shard_class = run.shard->shard_class},
                              head);
        parts.emplace_back(head);
        at = 0;
    }
    std::uint64_t end = run.start;
    for (DirectFrame& direct : run.frames) {
        FrameHeader header;
        header.shard = run.shard->uid.value();
        header.base_seq = direct.first.value();
        direct.frame = std::move(direct.batch->batch).place(header, direct.arrival);
        direct.reference.header_crc = direct.frame->header().header_crc;
        RIACHO_CHECK(direct.reference.offset == end);
        parts.push_back(direct.frame->bytes());
        end += direct.frame->bytes().size();
    }
    Bytes pad;
    if (end < run.end) {
        pad = make_pad(run.end - end);
        parts.emplace_back(pad);
    }
    BulkWriter writer(store_.fs, store_.options.segment_direct_bytes_min);
    TRY_VOID(writer.write(*file, path, at, parts));
    return file;
}

void DirectLane::undo(DirectRun& run) {
    if (run.is_new) return discard(run);
    // Bytes behind the end do not count; they take space until the next write or the seal.
    const auto file =
        store_.fs.open(store_.segments.segment_path(*run.shard, run.base), {.mode = io::OpenMode::read_write});
    if (file) static_cast<void>((*file)->ftruncate(run.start));
}

void DirectLane::discard(DirectRun& run) {
    if (!run.is_new) return;
    const auto gone = store_.fs.unlink(store_.segments.segment_path(*run.shard, run.base));
    if (gone || gone.error().is_not_found()) return;
    run.has_leftover = true;
    if (!gone.error().is_shortage()) store_.poison(gone.error().describe());
}

}  // namespace riacho::log::detail
