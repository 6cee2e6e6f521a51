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

bool ends_with_footer(io::File& file, std::uint64_t size) {
    if (size < file_header_size + segment_footer_size) return false;
    Bytes bytes(segment_footer_size);
    const auto got = file.pread(size - segment_footer_size, bytes);
    const auto footer = decode_segment_footer(bytes);
    return got && *got == segment_footer_size && footer && footer->frames_end == size - segment_footer_size;
}

io::IoResult<void> make_parents(io::FileSystem& fs, const std::string& root, const std::string& name) {
    for (std::size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
        TRY_VOID(fs.mkdir(root + "/" + name.substr(0, slash)));
    }
    return {};
}

}  // namespace

HotCopy::HotCopy(std::string from, std::string to, io::FileSystem& fs)
    : from_(std::move(from)), to_(std::move(to)), fs_(fs) {}

Expected<void, OpenError> HotCopy::copy_segments() {
    TRY(const auto names, list_segments());
    for (const std::string& name : names) TRY_VOID(copy_segment(name));
    return {};
}

Expected<bool, OpenError> HotCopy::copy_rest(Lsn applied, const std::function<Lsn()>& applied_now) {
    TRY(const auto identity, read_store_file(fs_, from_));
    if (!identity) return fail(OpenError{OpenFault::configuration, from_ + " holds no riacho store"});
    TRY(const auto checkpoint, small_file(checkpoint_file_name));
    Lsn needed_from = first_journal_lsn;
    bool lacks_commands = false;
    if (checkpoint) {
        const auto decoded = decode_checkpoint(*checkpoint);
        if (!decoded || decoded->store != identity->uuid) {
            return fail(OpenError{OpenFault::damaged, fmt::format("{}/{} is damaged", from_, checkpoint_file_name)});
        }
        needed_from = decoded->lsn;
        lacks_commands = decoded->last_command_lsn > applied;
    }
    TRY(auto segments, list_segments());
    TRY(auto journal, list_journal_files(identity->uuid));
    if (journal.front().header.first_lsn > needed_from) return false;
    if (lacks_commands) {
        // Files before the checkpoint are kept for the commands that the catalog lacks, and for none that it has by
        // now.
        if (applied_now() != applied) return false;
    } else {
        const auto following = std::ranges::find_if(
            journal, [&](const JournalFile& file) { return file.header.first_lsn >= needed_from; });
        if (following - journal.begin() > 1) journal.erase(journal.begin(), following - 1);
    }
    TRY(const Copied journal_copied, copy_journal(journal, identity->uuid));
    if (journal_copied == Copied::gone) return false;
    // References in the journal may name segments that were begun since.
    TRY(const auto later, list_segments());
    const std::set<std::string> known(segments.begin(), segments.end());
    std::ranges::copy_if(later, std::back_inserter(segments),
                         [&](const std::string& name) { return !known.contains(name); });
    for (const std::string& name : segments) {
        TRY(const Copied copied, copy_segment(name));
        if (copied == Copied::gone) return false;
    }
    if (const auto removed = remove_segments_but(segments); !removed) return fail(to_open_error(removed.error()));
    for (const std::string_view name : {checkpoint_file_name, store_file_name}) {
        TRY(const auto content, name == checkpoint_file_name ? checkpoint : small_file(name));
        if (!content) continue;
        const auto written = io::replace_file(fs_, to_, name, *content);
        if (!written) return fail(to_open_error(written.error()));
    }
    if (const auto synced = fs_.syncfs(to_); !synced) return fail(to_open_error(synced.error()));
    return true;
}

Expected<std::optional<std::vector<std::byte>>, OpenError> HotCopy::small_file(std::string_view name) {
    auto content = io::read_file(fs_, fmt::format("{}/{}", from_, name), 1U << 30);
    if (content) return std::optional(*std::move(content));
    if (content.error().is_not_found()) return std::optional<std::vector<std::byte>>();
    return fail(to_open_error(content.error()));
}

// A folder that is not there any more has no segments: its shard was dropped.
Expected<std::vector<std::string>, OpenError> HotCopy::list_segments() {
    std::vector<std::string> names;
    const auto each = [&](const std::string& folder, auto take) -> io::IoResult<void> {
        const auto entries = fs_.list(from_ + "/" + folder);
        if (!entries && !entries.error().is_not_found()) return fail(entries.error());
        if (!entries) return {};
        for (const auto& entry : *entries) TRY_VOID(take(folder + "/" + entry.name, entry));
        return {};
    };
    const auto add = [&](const std::string& name, const io::DirectoryEntry& entry) -> io::IoResult<void> {
        if (parse_segment_file_name(entry.name)) names.push_back(name);
        return {};
    };
    const auto shard = [&](const std::string& name, const io::DirectoryEntry&) { return each(name, add); };
    const auto bucket = [&](const std::string& name, const io::DirectoryEntry&) { return each(name, shard); };
    if (const auto listed = each("data", bucket); !listed) return fail(to_open_error(listed.error()));
    return names;
}

Expected<HotCopy::Copied, OpenError> HotCopy::copy_segment(const std::string& name) {
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
        segments_[name] = ends_with_footer(*target, size);
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
        // A listing misses files that get their names meanwhile, and shows ones that lose them. Two equal ones are
        // whole.
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
            // This one is written while it is read, from its start to its end: what was read first may be older than
            // what was read last, as if something were missing in between. Up to the first byte that a second reading
            // finds changed nothing is.
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
