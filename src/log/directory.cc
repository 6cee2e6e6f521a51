#include "log/directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/try.h"
#include "io/file_system.h"
#include "log/detail/journal_scan.h"

namespace riacho::log {
namespace {

bool is_foreign(const std::vector<io::DirectoryEntry>& entries, std::span<const std::string> neighbours) {
    if (std::ranges::any_of(entries, [](const auto& entry) { return entry.name == detail::store_file_name; })) {
        return false;
    }
    return std::ranges::any_of(entries, [&](const io::DirectoryEntry& entry) {
        // Left by an interrupted first start.
        if (entry.name == "journal" || entry.name == "data" || entry.name == "STORE.tmp") return false;
        return std::ranges::none_of(neighbours,
                                    [&](const std::string& prefix) { return entry.name.starts_with(prefix); });
    });
}

// Creates the directory and its parents, as far as they are missing.
io::IoResult<void> make_directories(io::FileSystem& fs, const std::string& path) {
    if (fs.list(path)) return {};
    const std::size_t slash = path.rfind('/');
    const std::string parent = slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
    if (parent != "." && parent != "/" && !path.empty()) TRY_VOID(make_directories(fs, parent));
    TRY_VOID(fs.mkdir(path));
    return fs.sync_directory(parent);
}

}  // namespace

Directory::Directory(std::string path, std::unique_ptr<io::FileSystem> fs, std::unique_ptr<io::FileLock> lock)
    : path_(std::move(path)), fs_(std::move(fs)), lock_(std::move(lock)) {}
Directory::~Directory() = default;

Expected<std::unique_ptr<Directory>, OpenError> Directory::open(const std::string& path,
                                                                std::span<const std::string> neighbours,
                                                                io::FileSystem& fs) {
    if (const auto made = make_directories(fs, path); !made) return fail(detail::to_open_error(made.error()));
    auto held = fs.hold(path);
    if (!held) return fail(detail::to_open_error(held.error()));
    const auto entries = (*held)->list(path);
    if (!entries) return fail(detail::to_open_error(entries.error()));
    if (is_foreign(*entries, neighbours)) {
        return fail(
            OpenError{OpenFault::configuration, fmt::format("{} is not empty and holds no riacho store", path)});
    }
    auto lock = (*held)->lock(path + "/LOCK");
    if (!lock) {
        if (lock.error().error != EWOULDBLOCK) return fail(detail::to_open_error(lock.error()));
        return fail(OpenError{OpenFault::locked, fmt::format("{} is in use by another process", path)});
    }
    return std::unique_ptr<Directory>(new Directory(path, *std::move(held), *std::move(lock)));
}

bool Directory::is_in_place() const { return lock_->is_in_place(); }

}  // namespace riacho::log
