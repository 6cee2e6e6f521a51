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

constexpr std::size_t slice_size = std::size_t{1} << 20;
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

// The files and folders themselves: blocking calls, on threads of the pool.
class LocalBuckets::Folders {
public:
    Folders(io::FileSystem& file_system, std::string root) : fs_(file_system), root_(std::move(root)) {}

    struct Temporary {
        std::string path;
        std::unique_ptr<io::File> file;
    };
    io::IoResult<Temporary> begin();
    // Makes the file durable and gives it its name; false if_absent found one there. `written` is closed either way.
    io::IoResult<bool> finish(Temporary written, const std::vector<std::string>& names, bool if_absent);
    void discard(Temporary written);

private:
    static constexpr std::size_t known_max = 10'000;

    io::IoResult<void> prepare() REQUIRES(mutex_);
    io::IoResult<void> make_folder(const std::string& path, const std::string& parent) REQUIRES(mutex_);
    io::IoResult<std::string> make_folders(const std::vector<std::string>& names) REQUIRES(mutex_);
    io::IoResult<std::string> place(const std::string& temporary, const std::vector<std::string>& names)
        REQUIRES(mutex_);
    io::IoResult<bool> is_there(const std::string& path);

    io::FileSystem& fs_;
    const std::string root_;
    Mutex mutex_;  // folders are made and names given by one thread at a time
    bool prepared_ GUARDED_BY(mutex_) = false;
    bool emptied_ GUARDED_BY(mutex_) = false;  // once only: later, the folder holds what is being written
    std::uint64_t next_temporary_ GUARDED_BY(mutex_) = 0;
    std::set<std::string> known_ GUARDED_BY(mutex_);  // folders that are there, durably
};

// At the first object of this process: the folders that every other lies in, and what an earlier process left.
io::IoResult<void> LocalBuckets::Folders::prepare() {
    if (prepared_) return {};
    const std::string temporary = fmt::format("{}/{}", root_, temporary_folder);
    TRY_VOID(make_folder(root_, root_.substr(0, root_.rfind('/'))));
    TRY_VOID(make_folder(temporary, root_));
    prepared_ = true;
    if (std::exchange(emptied_, true)) return {};
    auto left = fs_.list(temporary);
    if (!left) {
        prepared_ = emptied_ = false;
        return fail(std::move(left).error());
    }
    for (const io::DirectoryEntry& entry : *left) {
        // What cannot be removed takes space, no more.
        if (!entry.is_directory) static_cast<void>(fs_.unlink(fmt::format("{}/{}", temporary, entry.name)).has_value());
    }
    return {};
}

io::IoResult<LocalBuckets::Folders::Temporary> LocalBuckets::Folders::begin() {
    std::string path;
    {
        const MutexLock lock(mutex_);
        TRY_VOID(prepare());
        path = fmt::format("{}/{}/{}", root_, temporary_folder, next_temporary_++);
    }
    auto file = fs_.open(path, {.mode = io::OpenMode::create});
    if (!file && is_gone(file.error())) {
        // Somebody removed the folders while we ran.
        const MutexLock lock(mutex_);
        prepared_ = false;
        known_.clear();
        TRY_VOID(prepare());
        file = fs_.open(path, {.mode = io::OpenMode::create});
    }
    if (!file) return fail(std::move(file).error());
    return Temporary{std::move(path), *std::move(file)};
}

void LocalBuckets::Folders::discard(Temporary written) {
    written.file.reset();
    // What cannot be removed now is removed at the next start.
    static_cast<void>(fs_.unlink(written.path).has_value());
}

io::IoResult<bool> LocalBuckets::Folders::finish(Temporary written, const std::vector<std::string>& names,
                                                 bool if_absent) {
    std::string folder;
    auto done = [&]() -> io::IoResult<bool> {
        TRY_VOID(written.file->fdatasync());
        written.file.reset();
        const MutexLock lock(mutex_);
        if (if_absent) {
            const std::string path = fmt::format("{}/{}", root_, fmt::join(names, "/"));
            TRY(const bool there, is_there(path));
            folder = path.substr(0, path.rfind('/'));
            if (there) return false;
        }
        TRY(folder, place(written.path, names));
        return true;
    }();
    if (!done || !*done) discard(std::move(written));
    // Others need not wait for the disk meanwhile. What is there already may owe its name to an attempt that got no
    // further than to this point.
    if (done) TRY_VOID(fs_.sync_directory(folder));
    return done;
}

// Whether an object has this path, or lies aside because a folder has it.
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

io::IoResult<void> LocalBuckets::Folders::make_folder(const std::string& path, const std::string& parent) {
    if (known_.contains(path)) return {};
    auto made = fs_.mkdir(path);
    if (!made && made.error().error == EEXIST) {
        TRY_VOID(fs_.rename(path, path + std::string(moved_aside)));
        made = fs_.mkdir(path);
    }
    TRY_VOID(std::move(made));
    TRY_VOID(fs_.sync_directory(parent));
    if (known_.size() >= known_max) known_.clear();
    known_.insert(path);
    return {};
}

// All but the last name; the value is the path of the innermost.
io::IoResult<std::string> LocalBuckets::Folders::make_folders(const std::vector<std::string>& names) {
    std::string path = root_;
    for (std::size_t i = 0; i + 1 < names.size(); ++i) {
        std::string inner = fmt::format("{}/{}", path, names[i]);
        TRY_VOID(make_folder(inner, path));
        path = std::move(inner);
    }
    return path;
}

// Gives the file its name, and returns the folder, which is not synced yet.
io::IoResult<std::string> LocalBuckets::Folders::place(const std::string& temporary,
                                                       const std::vector<std::string>& names) {
    TRY(std::string folder, make_folders(names));
    std::string target = fmt::format("{}/{}", folder, names.back());
    auto renamed = fs_.rename(temporary, target);
    if (!renamed && is_gone(renamed.error())) {
        // A folder that was made earlier has been removed since.
        known_.clear();
        TRY(folder, make_folders(names));
        renamed = fs_.rename(temporary, target);
    }
    if (!renamed && renamed.error().error == EISDIR) renamed = fs_.rename(temporary, target.append(moved_aside));
    TRY_VOID(std::move(renamed));
    return folder;
}

LocalBuckets::LocalBuckets(io::FileSystem& file_system, std::string root, core::WorkPool& pool)
    : folders_(std::make_unique<Folders>(file_system, std::move(root))), pool_(pool) {}

LocalBuckets::~LocalBuckets() = default;

std::string LocalBuckets::host_of(std::string_view /*bucket*/) const { return "local"; }

Task<Expected<void, StoreError>> LocalBuckets::put(core::Core& core, ports::ObjectName name,
                                                   std::shared_ptr<const ports::Body> body, ports::PutOptions options) {
    const auto names = local_names(name.bucket, name.key);
    if (!names) co_return fail(StoreError{StoreFault::rejected, "S3.InvalidRequest", names.error(), {}});
    Folders& folders = *folders_;
    auto begun = co_await core::run_on(pool_, core, [&] { return folders.begin(); });
    if (!begun) co_return fail(to_store_error(begun.error()));
    if (!*begun) co_return fail(to_store_error(begun->error()));
    Folders::Temporary file = **std::move(begun);
    std::optional<StoreError> failed;

    std::vector<std::byte> slice;
    std::vector<ByteSpan> parts;
    const auto pieces = body->pieces();
    for (std::uint64_t at = 0; at < body->size() && !failed;) {
        parts.clear();
        std::uint64_t size = 0;
        if (pieces) {
            for (const std::string_view piece : *pieces) parts.push_back(as_bytes(piece));
            size = body->size();
        } else {
            slice.resize(slice_size);
            const auto got = co_await body->read(core, at, slice);
            if (!got || *got == 0) {
                failed = StoreError{StoreFault::body_lost,
                                    "InternalError",
                                    got ? "The body is shorter than it says." : got.error().message,
                                    {}};
                break;
            }
            parts.push_back(ByteSpan(slice).first(*got));
            size = *got;
        }
        const auto written = co_await core::run_on(pool_, core, [&] { return file.file->pwritev(at, parts); });
        if (!written) {
            failed = to_store_error(written.error());
        } else if (!*written) {
            failed = to_store_error(written->error());
        }
        at += size;
    }
    if (failed) {
        static_cast<void>(co_await core::run_on(pool_, core, [&] { folders.discard(std::move(file)); }));
        co_return fail(*std::move(failed));
    }
    const bool if_absent = options.if_absent;
    const auto done =
        co_await core::run_on(pool_, core, [&] { return folders.finish(std::move(file), *names, if_absent); });
    if (!done) co_return fail(to_store_error(done.error()));
    if (!*done) co_return fail(to_store_error(done->error()));
    if (!**done) {
        co_return fail(StoreError{StoreFault::exists,
                                  "S3.PreconditionFailed",
                                  fmt::format("There is an object {} in {} already.", name.key, name.bucket),
                                  {}});
    }
    co_return Expected<void, StoreError>();
}

}  // namespace riacho::outbound
