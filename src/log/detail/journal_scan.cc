#include "log/detail/journal_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <new>
#include <utility>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/try.h"

namespace riacho::log::detail {
namespace {

constexpr std::size_t load_step = 4 << 20;

std::unexpected<OpenError> damaged(const JournalFile& file, Lsn lsn, std::string_view what) {
    const std::uint64_t offset = lsn.value() - file.header.first_lsn.value() + file_header_size;
    return fail(OpenError{OpenFault::damaged, fmt::format("{} is damaged at offset {}: {}", file.path, offset, what)});
}

// Aligned, for O_DIRECT.
Frame::Memory allocate_blocks(std::uint64_t size) {
    auto* memory = static_cast<std::byte*>(std::aligned_alloc(block_size, static_cast<std::size_t>(size)));
    if (memory == nullptr) throw std::bad_alloc();
    return Frame::Memory(memory);
}

// One journal file in memory from the block of `from` on, read from disk on demand.
class Image {
public:
    Image(std::unique_ptr<io::File> file, const JournalFile& info, std::uint64_t size, Lsn from)
        : file_(std::move(file)), info_(info), size_(size), memory_(allocate_blocks(size)) {
        first_ = loaded_ = std::min(offset_of(from), size) / block_size * block_size;
    }

    [[nodiscard]] Lsn end() const { return Lsn(info_.header.first_lsn.value() + size_ - file_header_size); }

    // At most `size` bytes at a position, which is not before `from`.
    io::IoResult<ByteSpan> bytes(Lsn lsn, std::size_t size) {
        const std::uint64_t at = offset_of(lsn);
        RIACHO_CHECK(at >= first_, "a journal is read forwards");
        // The next file's header determines where this file should end; the file may have been cut short.
        if (at >= size_) return ByteSpan();
        const std::uint64_t until = std::min<std::uint64_t>(at + size, size_);
        while (loaded_ < until) {
            const std::size_t step = static_cast<std::size_t>(std::min<std::uint64_t>(load_step, size_ - loaded_));
            TRY(const std::size_t got, file_->pread(loaded_, {memory_.get() + loaded_, step}));
            if (got != step) return fail(io::IoError{"pread", info_.path, EIO});
            loaded_ += step;
        }
        return ByteSpan(memory_.get() + at, static_cast<std::size_t>(until - at));
    }

    // The header of a frame of this file's generation at this position; nothing if there is none.
    io::IoResult<std::optional<FrameHeader>> header_at(Lsn lsn) {
        TRY(const ByteSpan found, bytes(lsn, frame_header_size));
        auto header = decode_header(found);
        if (header && (header->generation != info_.header.generation || header->lsn != lsn)) header.reset();
        if (header && header->size_on_disk() > end().value() - lsn.value()) header.reset();
        return header;
    }

    // The whole frame, if its body's checksum holds.
    io::IoResult<std::optional<ByteSpan>> frame_at(Lsn lsn, const FrameHeader& header) {
        TRY(const ByteSpan found, bytes(lsn, header.size_on_disk()));
        if (crc32c(found.subspan(frame_header_size, header.body_size)) != header.body_crc)
            return std::optional<ByteSpan>();
        return std::optional(found);
    }

    // The first frame header in [from, until).
    io::IoResult<std::optional<FrameHeader>> find_header(Lsn from, Lsn until) {
        for (Lsn at = from; at < until;) {
            TRY(const ByteSpan found, bytes(at, load_step));
            // decode_header checks the magic first; this loop skips nearly all positions before calling it.
            std::size_t i = 0;
            while (i + 4 <= found.size() && (found[i] != std::byte{'R'} || found[i + 3] != std::byte{'1'})) {
                i += frame_alignment;
            }
            at = at.plus(i);
            if (i + 4 > found.size()) {
                if (found.size() < load_step) break;
                continue;
            }
            if (at >= until) break;
            TRY(const auto header, header_at(at));
            if (header) return header;
            at = at.plus(frame_alignment);
        }
        return std::optional<FrameHeader>();
    }

    [[nodiscard]] bool is_whole() const { return size_ == info_.header.file_size; }
    [[nodiscard]] const JournalFile& info() const { return info_; }
    [[nodiscard]] std::uint64_t read_bytes() const { return loaded_ - first_; }

private:
    [[nodiscard]] std::uint64_t offset_of(Lsn lsn) const {
        return lsn.value() - info_.header.first_lsn.value() + file_header_size;
    }

    std::unique_ptr<io::File> file_;
    const JournalFile& info_;
    std::uint64_t size_;
    std::uint64_t first_;
    std::uint64_t loaded_;
    Frame::Memory memory_;
};

io::IoResult<Image> load_image(io::FileSystem& fs, const JournalFile& file, Lsn from, bool resync) {
    const io::OpenMode mode = resync ? io::OpenMode::read_write : io::OpenMode::read;
    // Bypasses the page cache: it may hold pages of a failed write-back that are not on the disk. Direct reads also
    // save a copy.
    auto opened = fs.open(file.path, {.mode = mode, .direct = true});
    if (!opened && opened.error().error == EINVAL) opened = fs.open(file.path, {.mode = mode});
    TRY(auto handle, std::move(opened));
    if (resync) TRY_VOID(handle->fdatasync());
    handle->drop_cache();
    TRY(const std::uint64_t size, handle->size());
    // Whole blocks only: a file that was cut within a block has lost the rest of that block.
    const std::uint64_t usable = std::clamp(size, std::uint64_t{file_header_size}, file.header.file_size);
    return Image(std::move(handle), file, usable / block_size * block_size, from);
}

// Collects the known descriptions of the frames in [from, to).
class LossReport {
public:
    LossReport(Lsn from, Lsn to) : lost_{.from = from, .to = to, .known = {}} {}

    void add_header(const FrameHeader& header) {
        lost_.known.push_back({.body_size = header.body_size,
                               .shard = header.shard,
                               .base_seq = header.base_seq,
                               .record_count = header.record_count,
                               .kind = header.kind});
        told_.push_back({header.lsn, header.lsn.plus(header.size_on_disk())});
    }
    // A trailer describes its own group and, if it had room, the group before.
    void add_trailer(const FrameHeader& header, const Trailer& trailer) {
        const Lsn group(header.base_seq);
        add(group, trailer.entries, header.lsn.plus(header.size_on_disk()));
        if (!trailer.previous.empty()) add(trailer.previous_group, trailer.previous, group);
    }
    LostFrames take() {
        std::ranges::sort(told_);
        Lsn at = lost_.from;
        for (const auto& [start, end] : told_) {
            if (start <= at) at = std::max(at, end);
        }
        lost_.is_complete = at >= lost_.to;
        return std::move(lost_);
    }

private:
    void add(Lsn group, const std::vector<TrailerEntry>& entries, Lsn end) {
        for (const TrailerEntry& entry : entries) {
            const Lsn at = group.plus(entry.offset);
            if (at >= lost_.from && at < lost_.to) lost_.known.push_back(entry);
        }
        told_.push_back({group, end});
    }

    LostFrames lost_;
    std::vector<std::pair<Lsn, Lsn>> told_;  // ranges that trailers describe
};

io::IoResult<void> add_trailers(Image& image, Lsn from, LossReport& report) {
    int trailers = 0;
    for (Lsn at = from; at < image.end() && trailers < 2;) {
        TRY(const auto header, image.find_header(at, image.end()));
        if (!header) break;
        TRY(const auto bytes, image.frame_at(header->lsn, *header));
        if (!bytes) {
            at = header->lsn.plus(frame_alignment);
            continue;
        }
        at = header->lsn.plus(header->size_on_disk());
        if (header->kind != FrameKind::group_trailer && header->kind != FrameKind::durable_mark) continue;
        ++trailers;
        const auto trailer = decode_trailer(bytes->subspan(frame_header_size, header->body_size));
        if (trailer) report.add_trailer(*header, *trailer);
    }
    return {};
}

struct Tail {
    bool is_damage = false;  // a later frame proves that the unreadable bytes were durable
    std::uint64_t recognisable_bytes = 0;
};

// Decides whether the unreadable end of the last file is a torn write or damage.
io::IoResult<Tail> judge_tail(Image& image, Lsn from) {
    Tail tail;
    for (Lsn at = from; at < image.end();) {
        TRY(const auto header, image.find_header(at, image.end()));
        if (!header) break;
        if (header->lsn > from && header->durable_lsn > from) tail.is_damage = true;
        tail.recognisable_bytes += header->size_on_disk();
        TRY(const auto bytes, image.frame_at(header->lsn, *header));
        at = header->lsn.plus(bytes ? header->size_on_disk() : frame_alignment);
    }
    return tail;
}

class FileScan {
public:
    // following: the next file, if there is one.
    FileScan(io::FileSystem& fs, Image& image, const JournalFile* following, JournalVisitor& visitor)
        : fs_(fs), image_(image), following_(following), visitor_(visitor) {
        if (following != nullptr) limit_ = following->header.first_lsn;
    }

    Expected<JournalEnd, OpenError> run(Lsn from) {
        Lsn at = from;
        const Lsn bound = limit_.value_or(image_.end());
        bool is_clean_end = false;
        while (at < bound) {
            const auto header = image_.header_at(at);
            if (!header) return fail(to_open_error(header.error()));
            std::optional<ByteSpan> bytes;
            if (*header) {
                auto frame = image_.frame_at(at, **header);
                if (!frame) return fail(to_open_error(frame.error()));
                bytes = *frame;
            }
            if (bytes) {
                TRY_VOID(visitor_.on_frame(image_.info(), **header, *bytes));
                is_clean_end =
                    (*header)->kind == FrameKind::durable_mark && ((*header)->flags & flag_clean_shutdown) != 0;
                at = at.plus((*header)->size_on_disk());
                continue;
            }
            TRY_VOID(refuse_unsupported(at));
            // After a clean shutdown its file has no further frames.
            if (is_clean_end && !limit_) return JournalEnd{.lsn = at};
            TRY(const std::optional<JournalEnd> end, pass_bad_place(at, bound));
            if (end) return *end;
        }
        if (at > bound) return damaged(image_.info(), at, "a frame reaches into the next file's positions");
        if (!limit_) TRY_VOID(expect_whole(at));
        return JournalEnd{.lsn = at};
    }

private:
    Expected<void, OpenError> refuse_unsupported(Lsn at) {
        const auto bytes = image_.bytes(at, frame_header_size);
        if (!bytes) return fail(to_open_error(bytes.error()));
        const auto reason = unsupported_reason(*bytes);
        // Stale bytes of an older generation do not count; only a frame of this file's generation is refused.
        if (!reason || get_le<std::uint64_t>(bytes->data() + 16) != image_.info().header.generation) return {};
        return fail(OpenError{OpenFault::configuration, fmt::format("{} holds {}", image_.info().path, *reason)});
    }

    // A journal file has its full size before it gets its name: a shorter file has lost its end.
    Expected<void, OpenError> expect_whole(Lsn at) const {
        if (image_.is_whole()) return {};
        return damaged(image_.info(), at, "the file is shorter than its header says");
    }

    // Reports the lost frames and moves `at` to the next readable one, or returns the end of the journal.
    Expected<std::optional<JournalEnd>, OpenError> pass_bad_place(Lsn& at, Lsn bound) {
        // The frames before a following file were durable, because a file is begun only after they are.
        if (!limit_) {
            const auto tail = judge_tail(image_, at);
            if (!tail) return fail(to_open_error(tail.error()));
            if (!tail->is_damage) {
                TRY_VOID(expect_whole(at));
                return JournalEnd{.lsn = at, .truncated_bytes = tail->recognisable_bytes};
            }
        }
        const auto next = find_frame(at.plus(frame_alignment), bound);
        if (!next) return fail(to_open_error(next.error()));
        const auto lost = describe_loss(at, *next);
        if (!lost) return fail(to_open_error(lost.error()));
        TRY_VOID(visitor_.on_lost(image_.info(), *lost));
        at = *next;
        return std::optional<JournalEnd>();
    }

    // Uses the header at `from`, if it survived, and trailers after the place; if the rest of this file has none, those
    // of the next file.
    io::IoResult<LostFrames> describe_loss(Lsn from, Lsn to) {
        LossReport report(from, to);
        TRY(const auto first, image_.header_at(from));
        if (first) report.add_header(*first);
        TRY_VOID(add_trailers(image_, to, report));
        if (following_ != nullptr && to == limit_) {
            TRY(Image next, load_image(fs_, *following_, to, false));
            TRY_VOID(add_trailers(next, to, report));
        }
        return report.take();
    }

    io::IoResult<Lsn> find_frame(Lsn from, Lsn until) {
        for (Lsn at = from; at < until;) {
            TRY(const auto header, image_.find_header(at, until));
            if (!header) break;
            TRY(const auto bytes, image_.frame_at(header->lsn, *header));
            if (bytes) return header->lsn;
            at = header->lsn.plus(frame_alignment);
        }
        return until;
    }

    io::FileSystem& fs_;
    Image& image_;
    const JournalFile* following_;
    std::optional<Lsn> limit_;
    JournalVisitor& visitor_;
};

}  // namespace

OpenError to_open_error(const io::IoError& error) {
    switch (error.error) {
        case EACCES:
        case EPERM:
        case EROFS:
        case ENOTDIR:
        case ENOENT:
            return {OpenFault::configuration, error.describe()};
        default:
            return {OpenFault::io, error.describe()};
    }
}

io::IoResult<JournalListing> list_journal(io::FileSystem& fs, const std::string& directory, const StoreUuid& store,
                                          std::size_t spare_size) {
    JournalListing listing;
    const std::string parent = directory + "/journal";
    TRY(const auto entries, fs.list(parent));
    for (const auto& entry : entries) {
        const std::string path = parent + "/" + entry.name;
        const auto generation = parse_journal_file_name(entry.name);
        const bool is_spare = entry.name.starts_with("spare-") && entry.name.ends_with(".rkj");
        if (!generation && !is_spare) {
            if (entry.name.ends_with(".tmp") || entry.name == "first.rkj") listing.leftovers.push_back(path);
            continue;
        }
        TRY(const auto file, fs.open(path, {.mode = io::OpenMode::read}));
        Bytes head(file_header_size);
        TRY(const std::size_t got, file->pread(0, head));
        const auto header = decode_journal_header(ByteSpan(head).first(got));
        // A spare that was about to be used has a header already; its generation must not be reused.
        if (header) listing.generation_max = std::max(listing.generation_max, header->generation);
        if (is_spare) {
            TRY(const std::uint64_t size, file->size());
            (size == spare_size ? listing.spares : listing.leftovers).push_back(path);
            continue;
        }
        listing.generation_max = std::max(listing.generation_max, *generation);
        if (header && header->store == store && header->generation == *generation) {
            listing.files.push_back({path, *header});
        } else {
            listing.bad.push_back(path);
        }
    }
    std::ranges::sort(listing.files, {}, [](const JournalFile& file) { return file.header.generation; });
    std::ranges::sort(listing.bad);
    return listing;
}

Expected<JournalEnd, OpenError> scan_journal(io::FileSystem& fs, const std::vector<JournalFile>& files, Lsn from,
                                             bool resync, JournalVisitor& visitor) {
    JournalEnd end{.lsn = from};
    for (std::size_t i = 0; i < files.size(); ++i) {
        const JournalFile* following = i + 1 < files.size() ? &files[i + 1] : nullptr;
        if (following != nullptr && following->header.first_lsn <= from) continue;
        if (files[i].header.first_lsn > end.lsn) {
            return damaged(files[i], files[i].header.first_lsn, "the journal file before it is missing");
        }
        const Lsn start = std::max(from, files[i].header.first_lsn);
        auto image = load_image(fs, files[i], start, resync);
        if (!image) return fail(to_open_error(image.error()));
        FileScan scan(fs, *image, following, visitor);
        const std::uint64_t read_before = end.read_bytes;
        TRY(end, scan.run(start));
        end.read_bytes = read_before + image->read_bytes();
    }
    return end;
}

}  // namespace riacho::log::detail
