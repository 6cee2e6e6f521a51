// The order of the steps is what makes a copy whole. A crash leaves at any time: a checkpoint, segments that may be
// newer, and a journal whose end may be torn (docs/formats/journal.md). So the checkpoint is read first, then the
// journal, then segments: whatever the journal or the checkpoint names was in its segment before, and is copied after.
#include "log/backup.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <utility>

#include "base/try.h"
#include "io/file_system.h"
#include "log/detail/format.h"
#include "log/detail/journal_scan.h"
#include "log/detail/recovery.h"

namespace riacho::log {

using namespace detail;

namespace {

constexpr std::size_t buffer_size = 1 << 20;
constexpr int listings_max = 100;

// Aligned for direct reads.
class Buffer {
public:
    Buffer() : bytes_(static_cast<std::byte*>(std::aligned_alloc(block_size, buffer_size))) {
        if (bytes_ == nullptr) throw std::bad_alloc();
    }
    [[nodiscard]] MutableByteSpan all() const { return {bytes_.get(), buffer_size}; }

private:
    struct Free {
        void operator()(std::byte* bytes) const { std::free(bytes); }
    };
    std::unique_ptr<std::byte, Free> bytes_;
};

// The journal is written past the page cache, and is read so: a cached page of a file under its writes may be an old
// one.
io::IoResult<std::unique_ptr<io::File>> open_journal(io::FileSystem& fs, const std::string& path) {
    auto file = fs.open(path, {.direct = true});
    if (!file && file.error().error == EINVAL) return fs.open(path, {});
    return file;
}

// Copies everything from the start of `from` to its end; returns the number of bytes.
io::IoResult<std::uint64_t> copy_bytes(io::File& from, io::File& to) {
    const Buffer buffer;
    std::uint64_t offset = 0;
    while (true) {
        TRY(const std::size_t got, from.pread(offset, buffer.all()));
        TRY_VOID(to.pwrite(offset, buffer.all().first(got)));
        offset += got;
        if (got < buffer_size) break;
    }
    TRY_VOID(to.ftruncate(offset));
    return offset;
}

// The first place where the two files differ, at most `size`.
io::IoResult<std::uint64_t> first_difference(io::File& one, io::File& other, std::uint64_t size) {
    const Buffer left;
    const Buffer right;
    for (std::uint64_t offset = 0; offset < size; offset += buffer_size) {
        TRY(const std::size_t in_left, one.pread(offset, left.all()));
        TRY(const std::size_t in_right, other.pread(offset, right.all()));
        const std::size_t common = std::min(in_left, in_right);
        const auto [end, unused] = std::mismatch(
            left.all().begin(), left.all().begin() + static_cast<std::ptrdiff_t>(common), right.all().begin());
        const auto equal = static_cast<std::size_t>(end - left.all().begin());
        if (equal < buffer_size) return std::min(size, offset + equal);
    }
    return size;
}

io::IoResult<void> write_zeros(io::File& file, std::uint64_t from, std::uint64_t to) {
    const Buffer buffer;
    std::ranges::fill(buffer.all(), std::byte{0});
    while (from < to) {
        const std::size_t size = std::min<std::uint64_t>(buffer_size, to - from);
        TRY_VOID(file.pwrite(from, buffer.all().first(size)));
        from += size;
    }
    return {};
}

// Whether a segment never changes again, which only a checkpoint can tell. A footer does not: a start goes on with the
// segments that were sealed after its checkpoint, an append may overwrite the footer of a seal that failed, and records
// may look like one.
bool is_final(const std::map<std::string, CheckpointShard>& shards, const std::string& name) {
    const std::size_t slash = name.rfind('/');
    const auto shard = shards.find(name.substr(0, slash));
    const auto base = parse_segment_file_name(std::string_view(name).substr(slash + 1));
    if (shard == shards.end() || !base) return false;
    return *base <= shard->second.last_base && *base != shard->second.active_base;
}

bool is_hexadecimal(std::string_view name) {
    return !name.empty() && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Collects the segments that a journal refers to, as far as it still needs them.
class References final : public JournalVisitor {
public:
    Expected<void, OpenError> on_frame(const JournalFile&, const FrameHeader& header, ByteSpan bytes) override {
        const ByteSpan body = bytes.subspan(frame_header_size, header.body_size);
        if (header.kind == FrameKind::segment_reference) {
            if (const auto reference = decode_reference(body)) {
                std::uint64_t& end = ends_[{ShardUid(header.shard), reference->segment}];
                end = std::max(end, header.base_seq + header.record_count);
            }
        }
        if (header.kind == FrameKind::trim) note_trim(ShardUid(header.shard), SeqIx(header.base_seq));
        if (header.kind == FrameKind::command) {
            const auto command = decode_command_body(body, header.flags);
            if (!command) return {};
            dropped_.insert(command->effects.drop.begin(), command->effects.drop.end());
            for (const auto& trim : command->effects.trim) note_trim(trim.shard, trim.first_available);
        }
        return {};
    }
    Expected<void, OpenError> on_lost(const JournalFile&, const LostFrames&) override { return {}; }

    [[nodiscard]] std::set<std::string> needed() const {
        std::set<std::string> names;
        for (const auto& [place, end] : ends_) {
            const auto& [shard, segment] = place;
            const auto trim = trimmed_.find(shard);
            const bool is_trimmed = trim != trimmed_.end() && end <= trim->second.value();
            if (is_trimmed || dropped_.contains(shard)) continue;
            names.insert(shard_directory(shard) + "/" + segment_file_name(segment));
        }
        return names;
    }

private:
    void note_trim(ShardUid shard, SeqIx first_available) {
        SeqIx& first = trimmed_[shard];
        first = std::max(first, first_available);
    }

    std::map<std::pair<ShardUid, SeqIx>, std::uint64_t> ends_;  // one after the last record in each segment
    std::map<ShardUid, SeqIx> trimmed_;
    std::set<ShardUid> dropped_;
};

io::IoResult<void> make_parents(io::FileSystem& fs, const std::string& root, const std::string& name) {
    for (std::size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
        TRY_VOID(fs.mkdir(root + "/" + name.substr(0, slash)));
    }
    return {};
}

}  // namespace

struct HotCopy::Base {
    StoreUuid store;
    std::optional<Bytes> checkpoint;                // the file
    Lsn lsn;                                        // everything before it is in segments
    Lsn last_command_lsn;                           // 0: none
    std::map<std::string, CheckpointShard> shards;  // by directory
};

HotCopy::HotCopy(std::string from, std::string to, io::FileSystem& fs)
    : from_(std::move(from)), to_(std::move(to)), fs_(fs) {}

Expected<void, OpenError> HotCopy::copy_segments() {
    TRY(const Base base, read_base());
    TRY(const auto names, list_segments());
    for (const std::string& name : names) TRY_VOID(copy_segment(name, base));
    return {};
}

Expected<bool, OpenError> HotCopy::copy_rest(Lsn applied, const std::function<Lsn()>& applied_now) {
    TRY(const Base base, read_base());
    const bool lacks_commands = base.last_command_lsn > applied;
    TRY(auto segments, list_segments());
    TRY(auto journal, list_journal_files(base.store));
    if (journal.front().header.first_lsn > base.lsn) return false;
    if (lacks_commands) {
        // Files before the checkpoint are kept for the commands that the catalog lacks, and for none that it has by
        // now.
        if (applied_now() != applied) return false;
    } else {
        const auto following =
            std::ranges::find_if(journal, [&](const JournalFile& file) { return file.header.first_lsn >= base.lsn; });
        if (following - journal.begin() > 1) journal.erase(journal.begin(), following - 1);
    }
    TRY(const Copied journal_copied, copy_journal(journal, base.store));
    if (journal_copied == Copied::gone) return false;
    // References in the journal may name segments that were begun since.
    TRY(const auto later, list_segments());
    const std::set<std::string> known(segments.begin(), segments.end());
    std::ranges::copy_if(later, std::back_inserter(segments),
                         [&](const std::string& name) { return !known.contains(name); });
    for (const std::string& name : segments) {
        TRY(const Copied copied, copy_segment(name, base));
        if (copied == Copied::gone) return false;
    }
    if (const auto removed = remove_segments_but(segments); !removed) return fail(to_open_error(removed.error()));
    TRY(const bool is_whole, has_referenced(base));
    if (!is_whole) return false;
    for (const std::string_view name : {checkpoint_file_name, store_file_name}) {
        TRY(const auto content, name == checkpoint_file_name ? base.checkpoint : small_file(name));
        if (!content) continue;
        const auto written = io::replace_file(fs_, to_, name, *content);
        if (!written) return fail(to_open_error(written.error()));
    }
    if (const auto synced = fs_.syncfs(to_); !synced) return fail(to_open_error(synced.error()));
    return true;
}

Expected<HotCopy::Base, OpenError> HotCopy::read_base() {
    TRY(const auto identity, read_store_file(fs_, from_));
    if (!identity) return fail(OpenError{OpenFault::configuration, from_ + " holds no riacho store"});
    TRY(auto checkpoint, small_file(checkpoint_file_name));
    Base base{.store = identity->uuid,
              .checkpoint = std::move(checkpoint),
              .lsn = first_journal_lsn,
              .last_command_lsn = Lsn(0),
              .shards = {}};
    if (!base.checkpoint) return base;
    const auto decoded = decode_checkpoint(*base.checkpoint);
    if (!decoded || decoded->store != base.store) {
        return fail(OpenError{OpenFault::damaged, fmt::format("{}/{} is damaged", from_, checkpoint_file_name)});
    }
    base.lsn = decoded->lsn;
    base.last_command_lsn = decoded->last_command_lsn;
    for (const CheckpointShard& shard : decoded->shards) base.shards.emplace(shard_directory(shard.shard), shard);
    return base;
}

Expected<std::optional<std::vector<std::byte>>, OpenError> HotCopy::small_file(std::string_view name) {
    auto content = io::read_file(fs_, fmt::format("{}/{}", from_, name), 1U << 30);
    if (content) return std::optional(*std::move(content));
    if (content.error().is_not_found()) return std::optional<std::vector<std::byte>>();
    return fail(to_open_error(content.error()));
}

// A folder that does not exist any more has no segments: its shard was dropped. Folders with other names than the log
// gives (lost+found) are ignored.
Expected<std::vector<std::string>, OpenError> HotCopy::list_segments() {
    std::vector<std::string> names;
    const auto each = [&](const std::string& folder, auto take) -> io::IoResult<void> {
        const auto entries = fs_.list(from_ + "/" + folder);
        if (!entries && (entries.error().is_not_found() || entries.error().error == ENOTDIR)) return {};
        if (!entries) return fail(entries.error());
        for (const auto& entry : *entries) TRY_VOID(take(folder + "/" + entry.name, entry));
        return {};
    };
    const auto add = [&](const std::string& name, const io::DirectoryEntry& entry) -> io::IoResult<void> {
        if (parse_segment_file_name(entry.name)) names.push_back(name);
        return {};
    };
    const auto shard = [&](const std::string& name, const io::DirectoryEntry& entry) -> io::IoResult<void> {
        if (!is_hexadecimal(entry.name)) return {};
        return each(name, add);
    };
    const auto bucket = [&](const std::string& name, const io::DirectoryEntry& entry) -> io::IoResult<void> {
        if (!is_hexadecimal(entry.name)) return {};
        return each(name, shard);
    };
    if (const auto listed = each("data", bucket); !listed) return fail(to_open_error(listed.error()));
    return names;
}

Expected<HotCopy::Copied, OpenError> HotCopy::copy_segment(const std::string& name, const Base& base) {
    const auto known = segments_.find(name);
    if (known != segments_.end() && known->second) return Copied::yes;
    const auto copy = [&]() -> io::IoResult<Copied> {
        auto source = fs_.open(from_ + "/" + name, {});
        if (!source && source.error().is_not_found()) return Copied::gone;
        if (!source) return fail(source.error());
        TRY_VOID(make_parents(fs_, to_, name));
        TRY(const auto target, fs_.open(to_ + "/" + name, {.mode = io::OpenMode::create}));
        TRY(const std::uint64_t size, copy_bytes(**source, *target));
        bytes_copied_ += size;
        segments_[name] = is_final(base.shards, name);
        return Copied::yes;
    };
    const auto copied = copy();
    if (!copied) return fail(to_open_error(copied.error()));
    return *copied;
}

// At least one file.
Expected<std::vector<JournalFile>, OpenError> HotCopy::list_journal_files(const StoreUuid& store) {
    const auto names = [](const JournalListing& listing) {
        std::vector<std::string> paths;
        for (const JournalFile& file : listing.files) paths.push_back(file.path);
        return paths;
    };
    std::optional<JournalListing> before;
    for (int tries = 0; tries < listings_max; ++tries) {
        auto listing = list_journal(fs_, from_, store, 0);
        if (!listing && !listing.error().is_not_found()) return fail(to_open_error(listing.error()));
        // A listing misses files that are renamed meanwhile. Two equal listings are complete.
        const bool is_whole = listing && listing->bad.empty() && before && names(*before) == names(*listing);
        before = listing ? std::optional(*std::move(listing)) : std::nullopt;
        if (!is_whole) continue;
        if (!before->files.empty()) return std::move(before->files);
    }
    return fail(OpenError{OpenFault::damaged,
                          from_ + "/journal has no files, or headers that cannot be read: see riacho verify"});
}

Expected<HotCopy::Copied, OpenError> HotCopy::copy_journal(const std::vector<JournalFile>& files,
                                                           const StoreUuid& store) {
    const auto copy = [&]() -> io::IoResult<void> {
        TRY_VOID(fs_.mkdir(to_ + "/data"));
        TRY_VOID(fs_.mkdir(to_ + "/journal"));
        TRY(const auto earlier, fs_.list(to_ + "/journal"));
        for (const auto& entry : earlier) TRY_VOID(fs_.unlink(to_ + "/journal/" + entry.name));
        for (const JournalFile& file : files) {
            TRY(const auto source, open_journal(fs_, file.path));
            const std::string path = to_ + file.path.substr(from_.size());
            TRY(const auto target, fs_.open(path, {.mode = io::OpenMode::create}));
            TRY(const std::uint64_t size, copy_bytes(*source, *target));
            bytes_copied_ += size;
            if (&file != &files.back()) continue;
            // This file is written while it is read from start to end: bytes read first may be older than bytes read
            // last, as if some in between were missing. The bytes before the first one that a second reading finds
            // changed are consistent.
            TRY(const std::uint64_t end, first_difference(*source, *target, size));
            TRY_VOID(write_zeros(*target, end, size));
        }
        return {};
    };
    const auto copied = copy();
    if (!copied && copied.error().is_not_found()) return Copied::gone;
    if (!copied) return fail(to_open_error(copied.error()));
    // A file that has lost its name may have been written over while it was copied.
    const auto now = list_journal(fs_, from_, store, 0);
    if (!now && now.error().is_not_found()) return Copied::gone;
    if (!now) return fail(to_open_error(now.error()));
    const bool are_all_there = std::ranges::all_of(files, [&](const JournalFile& file) {
        return std::ranges::any_of(now->files, [&](const JournalFile& other) { return other.path == file.path; });
    });
    return are_all_there ? Copied::yes : Copied::gone;
}

// A segment that was begun after the first listing and deleted before the second is in neither, but the journal may
// refer to it. The next attempt finds the trim or the drop in the journal. A segment that is missing then as well is
// missing in the source.
Expected<bool, OpenError> HotCopy::has_referenced(const Base& base) {
    const auto listing = list_journal(fs_, to_, base.store, 0);
    if (!listing) return fail(to_open_error(listing.error()));
    References references;
    const auto scanned = scan_journal(fs_, listing->files, base.lsn, false, references);
    if (!scanned && scanned.error().fault == OpenFault::io) return fail(scanned.error());
    // Damage of the journal is in the copy as it is in the source, for verify to tell of.
    std::set<std::string> missing = references.needed();
    std::erase_if(missing, [&](const std::string& name) { return segments_.contains(name); });
    const bool is_known = std::ranges::includes(missing_, missing);
    missing_ = std::move(missing);
    return is_known;
}

// Segments that were deleted after they were copied.
io::IoResult<void> HotCopy::remove_segments_but(const std::vector<std::string>& names) {
    const std::set<std::string> kept(names.begin(), names.end());
    for (auto segment = segments_.begin(); segment != segments_.end();) {
        if (kept.contains(segment->first)) {
            ++segment;
            continue;
        }
        TRY_VOID(fs_.unlink(to_ + "/" + segment->first));
        segment = segments_.erase(segment);
    }
    return {};
}

}  // namespace riacho::log
