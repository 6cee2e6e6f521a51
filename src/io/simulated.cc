#include "io/simulated.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/try.h"

namespace riacho::io {
namespace {

constexpr std::size_t sector = 512;

using Bytes = std::vector<std::byte>;

void write_at(Bytes& content, std::uint64_t offset, ByteSpan data) {
    if (data.empty()) return;
    if (content.size() < offset + data.size()) content.resize(offset + data.size());
    std::memcpy(content.data() + offset, data.data(), data.size());
}

// A change to a file that no sync covers yet.
struct FileChange {
    bool is_truncate = false;
    std::uint64_t offset = 0;  // or the new size
    Bytes data;

    void apply(Bytes& content) const {
        if (is_truncate) {
            content.resize(offset);
        } else {
            write_at(content, offset, data);
        }
    }
};

struct Inode {
    bool is_directory = false;
    Bytes current;
    Bytes durable;
    std::vector<FileChange> pending;

    void sync() {
        for (const FileChange& change : pending) change.apply(durable);
        pending.clear();
    }
};
using InodePtr = std::shared_ptr<Inode>;

// A change to a directory that no sync covers yet: `remove` disappears, `add` appears, both at once for a rename.
struct DirectoryChange {
    std::string remove;
    std::string add;
    InodePtr inode;

    void apply(std::map<std::string, InodePtr>& entries) const {
        if (!remove.empty()) entries.erase(remove);
        if (!add.empty()) entries[add] = inode;
    }
};

std::string parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

bool can_fail_with(std::string_view operation, int error) {
    const auto is_one_of = [operation](std::initializer_list<std::string_view> names) {
        return std::ranges::find(names, operation) != names.end();
    };
    switch (error) {
        case EMFILE:
        case ENFILE:
            return is_one_of({"open", "list", "sync_directory", "syncfs", "lock"});
        case ENOSPC:
        case EDQUOT:
            return is_one_of({"open", "pwritev", "rename", "mkdir", "fdatasync", "sync_directory", "syncfs"});
        default:
            return true;
    }
}

class Chance {
public:
    explicit Chance(std::uint64_t seed) : state_(seed * 2 + 1) {}
    bool toss() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return ((state_ * 0x2545F4914F6CDD1DULL) >> 63) != 0;
    }

private:
    std::uint64_t state_;
};

}  // namespace

struct SimulatedFileSystem::State {
    struct PlannedFailure {
        std::string operation;
        std::uint64_t calls_left;
        int error;
        bool from_then_on;
    };

    mutable std::mutex mutex;
    std::map<std::string, InodePtr> current;
    std::map<std::string, InodePtr> durable;
    std::vector<DirectoryChange> pending;
    std::vector<PlannedFailure> failures;
    std::string failed_operation;
    std::set<std::string> locked;
    std::uint64_t epoch = 0;
    std::uint64_t changes = 0;
    std::uint64_t power_off_at = 0;  // a value of `changes`; 0: never
    bool off = false;
    std::uint64_t bytes_free = 1ULL << 40;
    std::weak_ptr<Inode> last_written;

    // The errno this call fails with, or 0.
    int planned_error(std::string_view operation) {
        if (off) return EIO;
        for (auto at = failures.begin(); at != failures.end(); ++at) {
            if (at->operation != operation && !(at->operation == "*" && can_fail_with(operation, at->error))) continue;
            if (at->calls_left > 1) {
                --at->calls_left;
                continue;
            }
            const int error = at->error;
            if (failed_operation.empty()) failed_operation = operation;
            if (!at->from_then_on) failures.erase(at);
            return error;
        }
        return 0;
    }

    // Counts a change; true if the power goes off in it.
    bool count_change() {
        ++changes;
        if (power_off_at == 0 || changes < power_off_at) return false;
        off = true;
        return true;
    }

    InodePtr find(const std::string& path) const {
        const auto at = current.find(path);
        return at == current.end() ? nullptr : at->second;
    }

    void change_directory(DirectoryChange change) {
        change.apply(current);
        pending.push_back(std::move(change));
    }

    void sync_directory(const std::string& path) {
        std::erase_if(pending, [&](const DirectoryChange& change) {
            if (parent_of(change.add.empty() ? change.remove : change.add) != path) return false;
            change.apply(durable);
            return true;
        });
    }

    std::set<InodePtr> all_inodes() const {
        std::set<InodePtr> inodes;
        for (const auto& [path, inode] : current) inodes.insert(inode);
        for (const auto& [path, inode] : durable) inodes.insert(inode);
        for (const auto& change : pending) {
            if (change.inode != nullptr) inodes.insert(change.inode);
        }
        return inodes;
    }

    void settle_file(Inode& inode, CrashPolicy policy, Chance& chance, bool was_written_last) const;
    void settle_directories(CrashPolicy policy, Chance& chance);
};

void SimulatedFileSystem::State::settle_file(Inode& inode, CrashPolicy policy, Chance& chance,
                                             bool was_written_last) const {
    for (std::size_t i = 0; i < inode.pending.size(); ++i) {
        FileChange& change = inode.pending[i];
        const bool is_last = was_written_last && i + 1 == inode.pending.size();
        switch (policy.kind) {
            case CrashPolicy::Kind::lose_all:
                break;
            case CrashPolicy::Kind::keep_all:
                change.apply(inode.durable);
                break;
            case CrashPolicy::Kind::torn_write:
                if (is_last && !change.is_truncate) change.data.resize(std::min(change.data.size(), policy.bytes));
                change.apply(inode.durable);
                break;
            case CrashPolicy::Kind::random:
                if (change.is_truncate) {
                    if (chance.toss()) change.apply(inode.durable);
                    break;
                }
                if (chance.toss() && inode.durable.size() < change.offset + change.data.size()) {
                    inode.durable.resize(change.offset + change.data.size());
                }
                for (std::size_t at = 0; at < change.data.size(); at += sector) {
                    const auto part = ByteSpan(change.data).subspan(at, std::min(sector, change.data.size() - at));
                    if (chance.toss()) write_at(inode.durable, change.offset + at, part);
                }
                break;
        }
    }
    inode.pending.clear();
    inode.current = inode.durable;
}

void SimulatedFileSystem::State::settle_directories(CrashPolicy policy, Chance& chance) {
    for (const DirectoryChange& change : pending) {
        const bool arrives =
            policy.kind == CrashPolicy::Kind::random ? chance.toss() : policy.kind != CrashPolicy::Kind::lose_all;
        if (arrives) change.apply(durable);
    }
    pending.clear();
    // Entries of a directory that did not survive are lost with it; parents sort before their children.
    std::erase_if(durable, [kept = std::set<std::string>{"/"}](const auto& entry) mutable {
        if (entry.first != "/" && !kept.contains(parent_of(entry.first))) return true;
        if (entry.second->is_directory) kept.insert(entry.first);
        return false;
    });
    current = durable;
}

namespace {

class SimulatedFile final : public File {
public:
    using State = SimulatedFileSystem::State;
    SimulatedFile(std::shared_ptr<State> state, InodePtr inode, std::string path, OpenOptions options)
        : state_(std::move(state)), inode_(std::move(inode)), path_(std::move(path)), options_(options) {
        epoch_ = state_->epoch;
    }

    IoResult<std::size_t> pread(std::uint64_t offset, MutableByteSpan out) override {
        const std::lock_guard lock(state_->mutex);
        if (const int code = fault("pread")) return fail(IoError{"pread", path_, code});
        if (offset >= inode_->current.size()) return std::size_t{0};
        const std::size_t n = std::min<std::size_t>(out.size(), inode_->current.size() - offset);
        std::memcpy(out.data(), inode_->current.data() + offset, n);
        return n;
    }

    IoResult<void> pwritev(std::uint64_t offset, std::span<const ByteSpan> parts) override {
        const std::lock_guard lock(state_->mutex);
        RIACHO_CHECK(options_.mode != OpenMode::read);
        if (const int code = fault("pwritev")) return fail(IoError{"pwritev", path_, code});
        FileChange change{.offset = offset};
        for (const ByteSpan part : parts) change.data.insert(change.data.end(), part.begin(), part.end());
        RIACHO_CHECK(!options_.direct || (offset % 4096 == 0 && change.data.size() % 4096 == 0));
        for (const ByteSpan part : parts) {
            RIACHO_CHECK(!options_.direct || reinterpret_cast<std::uintptr_t>(part.data()) % 4096 == 0);
        }
        const std::uint64_t end = offset + change.data.size();
        const std::uint64_t growth = end > inode_->current.size() ? end - inode_->current.size() : 0;
        if (growth > state_->bytes_free) return fail(IoError{"pwritev", path_, ENOSPC});
        const bool dies = state_->count_change();
        state_->bytes_free -= growth;
        change.apply(inode_->current);
        state_->last_written = inode_;
        if (options_.dsync && !dies) {
            change.apply(inode_->durable);
        } else {
            inode_->pending.push_back(std::move(change));
        }
        if (dies) return fail(IoError{"pwritev", path_, EIO});
        return {};
    }

    IoResult<void> fdatasync() override {
        const std::lock_guard lock(state_->mutex);
        if (const int code = fault("fdatasync")) {
            // As Linux does: pages that could not be written are marked clean, and only memory still holds their data.
            if (!state_->off) inode_->pending.clear();
            return fail(IoError{"fdatasync", path_, code});
        }
        if (state_->count_change()) return fail(IoError{"fdatasync", path_, EIO});
        inode_->sync();
        return {};
    }

    IoResult<void> ftruncate(std::uint64_t size) override {
        const std::lock_guard lock(state_->mutex);
        if (const int code = fault("ftruncate")) return fail(IoError{"ftruncate", path_, code});
        if (state_->count_change()) return fail(IoError{"ftruncate", path_, EIO});
        FileChange change{.is_truncate = true, .offset = size};
        if (size < inode_->current.size()) state_->bytes_free += inode_->current.size() - size;
        change.apply(inode_->current);
        inode_->pending.push_back(std::move(change));
        return {};
    }

    IoResult<std::uint64_t> size() override {
        const std::lock_guard lock(state_->mutex);
        if (const int code = fault("fstat")) return fail(IoError{"fstat", path_, code});
        return std::uint64_t{inode_->current.size()};
    }

    void drop_cache() override {
        const std::lock_guard lock(state_->mutex);
        // Drops clean pages: data that a failed sync did not write is no longer readable.
        if (epoch_ == state_->epoch && inode_->pending.empty()) inode_->current = inode_->durable;
    }

private:
    int fault(std::string_view operation) {
        if (epoch_ != state_->epoch) return EIO;
        return state_->planned_error(operation);
    }

    std::shared_ptr<State> state_;
    InodePtr inode_;
    std::string path_;
    OpenOptions options_;
    std::uint64_t epoch_;
};

class SimulatedLock final : public FileLock {
public:
    SimulatedLock(std::shared_ptr<SimulatedFileSystem::State> state, std::string path)
        : state_(std::move(state)), path_(std::move(path)), epoch_(state_->epoch), inode_(state_->find(path_)) {}
    bool is_in_place() override {
        const std::lock_guard lock(state_->mutex);
        return state_->find(path_) == inode_;
    }
    ~SimulatedLock() override {
        const std::lock_guard lock(state_->mutex);
        if (state_->epoch == epoch_) state_->locked.erase(path_);
    }

private:
    std::shared_ptr<SimulatedFileSystem::State> state_;
    std::string path_;
    std::uint64_t epoch_;
    InodePtr inode_;
};

}  // namespace

SimulatedFileSystem::SimulatedFileSystem() : state_(std::make_shared<State>()) {}
SimulatedFileSystem::SimulatedFileSystem(std::shared_ptr<State> state) : state_(std::move(state)) {}
SimulatedFileSystem::~SimulatedFileSystem() = default;

IoResult<std::unique_ptr<File>> SimulatedFileSystem::open(const std::string& path, OpenOptions options) {
    const std::lock_guard lock(state_->mutex);
    if (const int code = state_->planned_error("open")) return fail(IoError{"open", path, code});
    InodePtr inode = state_->find(path);
    if (inode == nullptr) {
        if (options.mode != OpenMode::create) return fail(IoError{"open", path, ENOENT});
        const InodePtr parent = state_->find(parent_of(path));
        if (parent == nullptr || !parent->is_directory) return fail(IoError{"open", path, ENOENT});
        if (state_->count_change()) return fail(IoError{"open", path, EIO});
        inode = std::make_shared<Inode>();
        state_->change_directory({.add = path, .inode = inode});
    }
    if (inode->is_directory) return fail(IoError{"open", path, EISDIR});
    return std::make_unique<SimulatedFile>(state_, std::move(inode), path, options);
}

IoResult<void> SimulatedFileSystem::rename(const std::string& from, const std::string& to) {
    const std::lock_guard lock(state_->mutex);
    if (const int code = state_->planned_error("rename")) return fail(IoError{"rename", from, code});
    const InodePtr inode = state_->find(from);
    if (inode == nullptr) return fail(IoError{"rename", from, ENOENT});
    const InodePtr folder = state_->find(parent_of(to));
    if (parent_of(to) != "/" && folder == nullptr) return fail(IoError{"rename", from, ENOENT});
    if (folder != nullptr && !folder->is_directory) return fail(IoError{"rename", from, ENOTDIR});
    const InodePtr there = state_->find(to);
    if (there != nullptr && there->is_directory && !inode->is_directory) return fail(IoError{"rename", from, EISDIR});
    RIACHO_CHECK(!inode->is_directory, "the simulation does not move what lies below a directory");
    if (state_->count_change()) return fail(IoError{"rename", from, EIO});
    if (there != nullptr && there != inode) state_->bytes_free += there->current.size();
    state_->change_directory({.remove = from, .add = to, .inode = inode});
    return {};
}

IoResult<void> SimulatedFileSystem::unlink(const std::string& path) {
    const std::lock_guard lock(state_->mutex);
    if (const int code = state_->planned_error("unlink")) return fail(IoError{"unlink", path, code});
    const InodePtr inode = state_->find(path);
    if (inode == nullptr) return fail(IoError{"unlink", path, ENOENT});
    if (state_->count_change()) return fail(IoError{"unlink", path, EIO});
    state_->bytes_free += inode->current.size();
    state_->change_directory({.remove = path});
    return {};
}

IoResult<void> SimulatedFileSystem::mkdir(const std::string& path) {
    const std::lock_guard lock(state_->mutex);
    if (const int code = state_->planned_error("mkdir")) return fail(IoError{"mkdir", path, code});
    if (const InodePtr there = state_->find(path); there != nullptr) {
        if (there->is_directory) return {};
        return fail(IoError{"mkdir", path, EEXIST});
    }
    if (parent_of(path) != "/" && state_->find(parent_of(path)) == nullptr) return fail(IoError{"mkdir", path, ENOENT});
    if (state_->count_change()) return fail(IoError{"mkdir", path, EIO});
    auto inode = std::make_shared<Inode>();
    inode->is_directory = true;
    state_->change_directory({.add = path, .inode = std::move(inode)});
    return {};
}

IoResult<void> SimulatedFileSystem::rmdir(const std::string& path) {
    const std::lock_guard lock(state_->mutex);
    if (const int code = state_->planned_error("rmdir")) return fail(IoError{"rmdir", path, code});
    if (state_->find(path) == nullptr) return fail(IoError{"rmdir", path, ENOENT});
    const auto below = state_->current.lower_bound(path + "/");
    if (below != state_->current.end() && below->first.starts_with(path + "/")) {
        return fail(IoError{"rmdir", path, ENOTEMPTY});
    }
    if (state_->count_change()) return fail(IoError{"rmdir", path, EIO});
    state_->change_directory({.remove = path});
    return {};
}

IoResult<std::vector<DirectoryEntry>> SimulatedFileSystem::list(const std::string& path) {
    const std::lock_guard lock(state_->mutex);
    if (const int code = state_->planned_error("list")) return fail(IoError{"list", path, code});
    const InodePtr inode = state_->find(path);
    if (inode == nullptr || !inode->is_directory) return fail(IoError{"list", path, ENOENT});
    std::vector<DirectoryEntry> entries;
    for (auto at = state_->current.lower_bound(path + "/");
         at != state_->current.end() && at->first.starts_with(path + "/"); ++at) {
        std::string name = at->first.substr(path.size() + 1);
        if (name.find('/') == std::string::npos) entries.push_back({std::move(name), at->second->is_directory});
    }
    return entries;
}

IoResult<void> SimulatedFileSystem::sync_directory(const std::string& path) {
    const std::lock_guard lock(state_->mutex);
    if (const int code = state_->planned_error("sync_directory")) return fail(IoError{"sync_directory", path, code});
    if (state_->count_change()) return fail(IoError{"sync_directory", path, EIO});
    state_->sync_directory(path);
    return {};
}

IoResult<void> SimulatedFileSystem::syncfs(const std::string& path) {
    const std::lock_guard lock(state_->mutex);
    if (const int code = state_->planned_error("syncfs")) return fail(IoError{"syncfs", path, code});
    if (state_->count_change()) return fail(IoError{"syncfs", path, EIO});
    for (const InodePtr& inode : state_->all_inodes()) inode->sync();
    for (const DirectoryChange& change : state_->pending) change.apply(state_->durable);
    state_->pending.clear();
    return {};
}

IoResult<SpaceInfo> SimulatedFileSystem::statvfs(const std::string& path) {
    const std::lock_guard lock(state_->mutex);
    if (const int code = state_->planned_error("statvfs")) return fail(IoError{"statvfs", path, code});
    return SpaceInfo{.bytes_total = 1ULL << 40, .bytes_free = state_->bytes_free};
}

IoResult<std::unique_ptr<FileSystem>> SimulatedFileSystem::hold(const std::string& directory) {
    const std::lock_guard lock(state_->mutex);
    if (const int code = state_->planned_error("open")) return fail(IoError{"open", directory, code});
    return std::unique_ptr<FileSystem>(new SimulatedFileSystem(state_));
}

IoResult<std::unique_ptr<FileLock>> SimulatedFileSystem::lock(const std::string& path) {
    const std::lock_guard lock(state_->mutex);
    if (const int code = state_->planned_error("lock")) return fail(IoError{"lock", path, code});
    if (state_->find(parent_of(path)) == nullptr) return fail(IoError{"lock", path, ENOENT});
    if (!state_->locked.insert(path).second) return fail(IoError{"flock", path, EWOULDBLOCK});
    if (state_->find(path) == nullptr) state_->change_directory({.add = path, .inode = std::make_shared<Inode>()});
    return std::make_unique<SimulatedLock>(state_, path);
}

std::uint64_t SimulatedFileSystem::change_count() const {
    const std::lock_guard lock(state_->mutex);
    return state_->changes;
}

void SimulatedFileSystem::power_off_at_change(std::uint64_t n) {
    const std::lock_guard lock(state_->mutex);
    state_->power_off_at = state_->changes + n;
}

bool SimulatedFileSystem::is_off() const {
    const std::lock_guard lock(state_->mutex);
    return state_->off;
}

void SimulatedFileSystem::crash(CrashPolicy policy) {
    const std::lock_guard lock(state_->mutex);
    Chance chance(policy.seed);
    const InodePtr last = state_->last_written.lock();
    // Ordered by path, so that the same seed gives the same outcome.
    std::set<InodePtr> done;
    const auto settle = [&](const InodePtr& inode) {
        if (inode != nullptr && done.insert(inode).second) {
            state_->settle_file(*inode, policy, chance, inode == last);
        }
    };
    for (const auto& [path, inode] : state_->current) settle(inode);
    for (const auto& [path, inode] : state_->durable) settle(inode);
    for (const auto& change : state_->pending) settle(change.inode);
    state_->settle_directories(policy, chance);
    state_->locked.clear();
    ++state_->epoch;
    state_->off = false;
    state_->power_off_at = 0;
    state_->failures.clear();
    state_->failed_operation.clear();
}

std::string SimulatedFileSystem::failed_operation() const {
    const std::lock_guard lock(state_->mutex);
    return state_->failed_operation;
}

void SimulatedFileSystem::fail_call(std::string operation, std::uint64_t n, int error, bool from_then_on) {
    const std::lock_guard lock(state_->mutex);
    state_->failures.push_back({std::move(operation), n, error, from_then_on});
}

void SimulatedFileSystem::clear_failures() {
    const std::lock_guard lock(state_->mutex);
    state_->failures.clear();
}

void SimulatedFileSystem::set_bytes_free(std::uint64_t bytes) {
    const std::lock_guard lock(state_->mutex);
    state_->bytes_free = bytes;
}

std::unique_ptr<SimulatedFileSystem> SimulatedFileSystem::clone() const {
    const std::lock_guard lock(state_->mutex);
    auto copy = std::make_unique<SimulatedFileSystem>();
    State& to = *copy->state_;
    std::map<InodePtr, InodePtr> copies;
    const auto translate = [&](const InodePtr& inode) -> InodePtr {
        if (inode == nullptr) return nullptr;
        InodePtr& there = copies[inode];
        if (there == nullptr) there = std::make_shared<Inode>(*inode);
        return there;
    };
    for (const auto& [path, inode] : state_->current) to.current[path] = translate(inode);
    for (const auto& [path, inode] : state_->durable) to.durable[path] = translate(inode);
    for (const auto& change : state_->pending)
        to.pending.push_back({change.remove, change.add, translate(change.inode)});
    to.last_written = translate(state_->last_written.lock());
    to.changes = state_->changes;
    to.off = state_->off;
    to.bytes_free = state_->bytes_free;
    to.epoch = state_->epoch + 1;
    return copy;
}

std::optional<std::vector<std::byte>> SimulatedFileSystem::content(const std::string& path) const {
    const std::lock_guard lock(state_->mutex);
    const InodePtr inode = state_->find(path);
    if (inode == nullptr) return std::nullopt;
    return inode->current;
}

void SimulatedFileSystem::set_content(const std::string& path, std::vector<std::byte> content) {
    const std::lock_guard lock(state_->mutex);
    InodePtr inode = state_->find(path);
    if (inode == nullptr) inode = std::make_shared<Inode>();
    inode->pending.clear();
    inode->current = content;
    inode->durable = std::move(content);
    state_->current[path] = inode;
    state_->durable[path] = inode;
}

std::vector<std::string> SimulatedFileSystem::paths() const {
    const std::lock_guard lock(state_->mutex);
    std::vector<std::string> paths;
    for (const auto& [path, inode] : state_->current) {
        if (!inode->is_directory) paths.push_back(path);
    }
    return paths;
}

}  // namespace riacho::io
