#include "outbound/local_buckets.h"

#include <fmt/format.h>

#include <cerrno>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/try.h"
#include "core/run_on.h"
#include "io/file_system.h"
#include "outbound/local_name.h"

namespace riacho::outbound {
namespace {

using ports::StoreError;
using ports::StoreFault;

constexpr std::size_t file_slice_size = std::size_t{1} << 20;
// The disk is given so much at a time while a file is still written.
constexpr std::uint64_t write_back_size = std::uint64_t{2} << 20;
// The name of no bucket: those do not begin with '.'.
constexpr std::string_view temporary_folder = ".riacho-tmp";

// A full or failing disk here is trouble of the destination, and passes; the node's own files are not touched.
StoreError to_store_error(const io::IoError& error) {
    StoreError result{.fault = StoreFault::server, .code = "InternalError", .message = error.describe()};
    if (error.is_shortage()) {
        result.fault = StoreFault::full;
    } else if (error.error == EACCES || error.error == EPERM || error.error == EROFS) {
        result.fault = StoreFault::denied;
        result.code = "S3.AccessDenied";
    } else if (error.error == ENAMETOOLONG) {
        result.fault = StoreFault::rejected;
        result.code = "S3.KeyTooLongError";
    }
    return result;
}

StoreError to_store_error(core::PoolError error) {
    const bool is_full = error == core::PoolError::full;
    return {.fault = is_full ? StoreFault::slow_down : StoreFault::unreachable,
            .code = "InternalError",
            .message = is_full ? "Too many files wait to be written." : "The node is stopping."};
}

bool is_gone(const io::IoError& error) { return error.error == ENOENT || error.error == ENOTDIR; }

}  // namespace

// The files and folders themselves: blocking calls, on threads of the pool. Syncs, which wait for the disk, are made
// without the lock, so that threads wait side by side.
class LocalBuckets::Folders {
public:
    Folders(io::FileSystem& file_system, std::string root) : fs_(file_system), root_(std::move(root)) {}

    struct Temporary {
        std::string path;
        std::unique_ptr<io::File> file;
    };
    // A file without a name, and the folders that its name will need.
    io::IoResult<Temporary> begin(const std::vector<std::string>& names);
    // Makes the file durable and gives it its name; false if_absent found one there, which then is durable, too.
    // `written` is closed either way.
    io::IoResult<bool> finish(Temporary written, const std::vector<std::string>& names, bool if_absent);
    void discard(Temporary written);
    // Gives up the file without blocking, when the pool has no room: the next begin() removes it.
    void discard_later(Temporary written);

private:
    static constexpr std::size_t known_max = 10'000;

    struct Target {
        std::vector<std::string> folders;  // each in the one before it
        std::string path;
    };
    [[nodiscard]] Target target_of(const std::vector<std::string>& names) const;
    io::IoResult<void> prepare(const Target& target);
    io::IoResult<void> make_folders(const std::vector<std::string>& paths);
    io::IoResult<void> make_folder(const std::string& path) REQUIRES(mutex_);
    [[nodiscard]] bool knows(const std::vector<std::string>& paths);
    void forget_folders();
    void remove_left();
    io::IoResult<bool> place(const std::string& temporary, const std::string& target, bool if_absent);
    io::IoResult<bool> is_there(const std::string& path);

    io::FileSystem& fs_;
    const std::string root_;
    Mutex mutex_;  // held while folders are made and files renamed
    bool emptied_ GUARDED_BY(mutex_) = false;
    Mutex left_mutex_;  // never held during a call to the disk
    std::vector<std::string> left_ GUARDED_BY(left_mutex_);
    std::uint64_t next_temporary_ GUARDED_BY(mutex_) = 0;
    std::set<std::string> known_ GUARDED_BY(mutex_);  // folders that exist durably
};

bool LocalBuckets::Folders::knows(const std::vector<std::string>& paths) {
    const MutexLock lock(mutex_);
    for (const std::string& path : paths) {
        if (!known_.contains(path)) return false;
    }
    return true;
}

void LocalBuckets::Folders::forget_folders() {
    const MutexLock lock(mutex_);
    known_.clear();
}

io::IoResult<void> LocalBuckets::Folders::make_folder(const std::string& path) {
    auto made = fs_.mkdir(path);
    if (!made && made.error().error == EEXIST) {
        TRY_VOID(fs_.rename(path, path + std::string(moved_aside)));
        made = fs_.mkdir(path);
    }
    return made;
}

// Makes folders, each inside the one before it, the first inside an existing one. They are durable when it returns.
io::IoResult<void> LocalBuckets::Folders::make_folders(const std::vector<std::string>& paths) {
    if (knows(paths)) return {};
    std::vector<std::string> changed;  // folders with an entry that may not be durable
    {
        const MutexLock lock(mutex_);
        for (const std::string& path : paths) {
            if (known_.contains(path)) continue;
            TRY_VOID(make_folder(path));
            changed.push_back(path.substr(0, path.rfind('/')));
        }
    }
    for (const std::string& path : changed) TRY_VOID(fs_.sync_directory(path));
    const MutexLock lock(mutex_);
    if (known_.size() >= known_max) known_.clear();
    known_.insert(paths.begin(), paths.end());
    return {};
}

LocalBuckets::Folders::Target LocalBuckets::Folders::target_of(const std::vector<std::string>& names) const {
    Target target;
    for (std::string path = root_; const std::string& name : names) target.folders.push_back(path += '/' + name);
    target.path = std::move(target.folders.back());
    target.folders.pop_back();
    return target;
}

// The folder of temporary files; at the first object of this process, without what an earlier one left in it. Those of
// the object are made while there is time: each is a sync.
io::IoResult<void> LocalBuckets::Folders::prepare(const Target& target) {
    const std::string temporary = fmt::format("{}/{}", root_, temporary_folder);
    TRY_VOID(make_folders({root_, temporary}));
    TRY_VOID(make_folders(target.folders));
    const MutexLock lock(mutex_);
    if (emptied_) return {};
    TRY(const auto left, fs_.list(temporary));
    emptied_ = true;
    for (const io::DirectoryEntry& entry : left) {
        // A file that cannot be removed only takes space.
        if (!entry.is_directory) static_cast<void>(fs_.unlink(fmt::format("{}/{}", temporary, entry.name)).has_value());
    }
    return {};
}

io::IoResult<LocalBuckets::Folders::Temporary> LocalBuckets::Folders::begin(const std::vector<std::string>& names) {
    const Target target = target_of(names);
    TRY_VOID(prepare(target));
    remove_left();
    std::string path;
    {
        const MutexLock lock(mutex_);
        path = fmt::format("{}/{}/{}", root_, temporary_folder, next_temporary_++);
    }
    auto file = fs_.open(path, {.mode = io::OpenMode::create});
    if (!file && is_gone(file.error())) {
        // The folders were removed while the server runs.
        forget_folders();
        TRY_VOID(prepare(target));
        file = fs_.open(path, {.mode = io::OpenMode::create});
    }
    if (!file) return fail(std::move(file).error());
    return Temporary{std::move(path), *std::move(file)};
}

void LocalBuckets::Folders::discard(Temporary written) {
    written.file.reset();
    // A file that cannot be removed now is removed at the next start.
    static_cast<void>(fs_.unlink(written.path).has_value());
}

void LocalBuckets::Folders::discard_later(Temporary written) {
    const MutexLock lock(left_mutex_);
    left_.push_back(std::move(written.path));
}

void LocalBuckets::Folders::remove_left() {
    std::vector<std::string> paths;
    {
        const MutexLock lock(left_mutex_);
        paths.swap(left_);
    }
    for (const std::string& path : paths) static_cast<void>(fs_.unlink(path).has_value());
}

io::IoResult<bool> LocalBuckets::Folders::finish(Temporary written, const std::vector<std::string>& names,
                                                 bool if_absent) {
    const Target target = target_of(names);
    auto done = [&]() -> io::IoResult<bool> {
        TRY_VOID(written.file->fdatasync());
        written.file.reset();
        TRY_VOID(make_folders(target.folders));
        auto placed = place(written.path, target.path, if_absent);
        if (placed || !is_gone(placed.error())) return placed;
        // A folder that was made earlier was removed meanwhile.
        forget_folders();
        TRY_VOID(make_folders(target.folders));
        return place(written.path, target.path, if_absent);
    }();
    if (!done || !*done) discard(std::move(written));
    // What is there already may owe its name to an attempt that got no further than to this point.
    if (done) TRY_VOID(fs_.sync_directory(target.folders.back()));
    return done;
}

// Whether the path is that of an object, also of one that was moved aside for a folder.
io::IoResult<bool> LocalBuckets::Folders::is_there(const std::string& path) {
    for (const std::string& candidate : {path, path + std::string(moved_aside)}) {
        auto file = fs_.open(candidate, {.mode = io::OpenMode::read});
        std::byte first;
        io::IoResult<std::size_t> got = std::size_t{0};
        if (file) got = (*file)->pread(0, {&first, 1});
        const io::IoError* error = !file ? &file.error() : !got ? &got.error() : nullptr;
        if (error == nullptr) return true;
        if (error->error != EISDIR && !is_gone(*error)) return fail(*error);
    }
    return false;
}

// Renames the file to its name, which is not durable yet; false if if_absent was set and the name exists.
io::IoResult<bool> LocalBuckets::Folders::place(const std::string& temporary, const std::string& target,
                                                bool if_absent) {
    const MutexLock lock(mutex_);
    if (if_absent) {
        TRY(const bool there, is_there(target));
        if (there) return false;
    }
    auto renamed = fs_.rename(temporary, target);
    if (!renamed && renamed.error().error == EISDIR) {
        renamed = fs_.rename(temporary, target + std::string(moved_aside));
    }
    TRY_VOID(std::move(renamed));
    return true;
}

// Each call takes a thread of the pool once. After a failure the temporary file is removed at once: a disk that is full
// has room again.
class LocalBuckets::Draft final : public ports::ObjectDraft {
public:
    Draft(Folders& folders, core::WorkPool& pool, ports::ObjectName name)
        : folders_(folders), pool_(pool), name_(std::move(name)) {
        auto names = local_names(name_.bucket, name_.key);
        if (names) {
            names_ = *std::move(names);
        } else {
            failed_ = StoreError{StoreFault::rejected, "S3.InvalidRequest", names.error(), {}};
        }
    }
    ~Draft() override {
        if (file_) folders_.discard_later(*std::move(file_));
    }
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;

    Task<bool> write(core::Core& core, std::vector<Buffer> pieces) override {
        std::vector<ByteSpan> parts;
        parts.reserve(pieces.size());
        for (const Buffer& piece : pieces) parts.push_back(as_bytes(piece.view()));
        co_return co_await write_parts(core, parts);
    }
    // The parts stay valid until it returns.
    Task<bool> write_parts(core::Core& core, std::span<const ByteSpan> parts);
    Task<Expected<void, StoreError>> finish(core::Core& core, ports::PutOptions options) override;
    // Nothing is stored; finish() tells this.
    Task<void> give_up(core::Core& core, StoreError error);

private:
    io::IoResult<void> append(std::span<const ByteSpan> parts);

    Folders& folders_;
    core::WorkPool& pool_;
    const ports::ObjectName name_;
    std::vector<std::string> names_;          // of folders and file
    std::optional<Folders::Temporary> file_;  // from the first write on
    std::uint64_t size_ = 0;
    std::uint64_t on_its_way_ = 0;  // to the disk: up to here
    std::optional<StoreError> failed_;
};

// On a thread of the pool.
io::IoResult<void> LocalBuckets::Draft::append(std::span<const ByteSpan> parts) {
    if (!file_) {
        TRY(file_, folders_.begin(names_));
    }
    TRY_VOID(file_->file->pwritev(size_, parts));
    for (const ByteSpan part : parts) size_ += part.size();
    if (size_ - on_its_way_ < write_back_size) return {};
    file_->file->start_write_back(on_its_way_, size_ - on_its_way_);
    on_its_way_ = size_;
    return {};
}

Task<bool> LocalBuckets::Draft::write_parts(core::Core& core, std::span<const ByteSpan> parts) {
    if (failed_) co_return false;
    const auto written = co_await core::run_on(pool_, core, [&]() -> io::IoResult<void> {
        auto appended = append(parts);
        if (!appended && file_) folders_.discard(*std::exchange(file_, std::nullopt));
        return appended;
    });
    if (!written) {
        co_await give_up(core, to_store_error(written.error()));
    } else if (!*written) {
        failed_ = to_store_error(written->error());
    }
    co_return !failed_;
}

Task<void> LocalBuckets::Draft::give_up(core::Core& core, StoreError error) {
    failed_ = std::move(error);
    if (!file_) co_return;
    Folders::Temporary file = *std::exchange(file_, std::nullopt);
    const auto discarded = co_await core::run_on(pool_, core, [&] { folders_.discard(std::move(file)); });
    if (!discarded) folders_.discard_later(std::move(file));
}

Task<Expected<void, StoreError>> LocalBuckets::Draft::finish(core::Core& core, ports::PutOptions options) {
    if (!failed_ && !file_) co_await write_parts(core, {});  // an empty object
    if (failed_) co_return fail(*failed_);
    Folders::Temporary file = *std::exchange(file_, std::nullopt);
    const bool if_absent = options.if_absent;
    const auto done =
        co_await core::run_on(pool_, core, [&] { return folders_.finish(std::move(file), names_, if_absent); });
    if (!done) {
        folders_.discard_later(std::move(file));
        co_return fail(to_store_error(done.error()));
    }
    if (!*done) co_return fail(to_store_error(done->error()));
    if (!**done) {
        co_return fail(StoreError{StoreFault::exists,
                                  "S3.PreconditionFailed",
                                  fmt::format("There is an object {} in {} already.", name_.key, name_.bucket),
                                  {}});
    }
    co_return Expected<void, StoreError>();
}

LocalBuckets::LocalBuckets(io::FileSystem& file_system, std::string root, core::WorkPool& pool)
    : folders_(std::make_unique<Folders>(file_system, std::move(root))), pool_(pool) {}

LocalBuckets::~LocalBuckets() = default;

std::string LocalBuckets::host_of(std::string_view /*bucket*/) const { return "local"; }

std::unique_ptr<ports::ObjectDraft> LocalBuckets::make_draft(const ports::ObjectName& name) {
    return std::make_unique<Draft>(*folders_, pool_, name);
}

Task<Expected<void, StoreError>> LocalBuckets::put(core::Core& core, ports::ObjectName name,
                                                   std::shared_ptr<const ports::Body> body, ports::PutOptions options) {
    Draft draft(*folders_, pool_, std::move(name));
    // A body that has to be read is not, unless there is a file for it.
    bool goes_on = co_await draft.write_parts(core, {});
    std::vector<ByteSpan> parts;
    if (const auto pieces = body->pieces()) {
        for (const std::string_view piece : *pieces) parts.push_back(as_bytes(piece));
        if (goes_on) co_await draft.write_parts(core, parts);
        co_return co_await draft.finish(core, std::move(options));
    }
    std::vector<std::byte> slice(file_slice_size);
    for (std::uint64_t at = 0; at < body->size() && goes_on;) {
        const auto got = co_await body->read(core, at, slice);
        if (!got || *got == 0) {
            const std::string message = got ? "The body is shorter than it says." : got.error().message;
            StoreError lost{StoreFault::body_lost, "InternalError", message, {}};
            co_await draft.give_up(core, std::move(lost));
            break;
        }
        parts.assign(1, ByteSpan(slice).first(*got));
        goes_on = co_await draft.write_parts(core, parts);
        at += *got;
    }
    co_return co_await draft.finish(core, std::move(options));
}

}  // namespace riacho::outbound
