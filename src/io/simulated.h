// SimulatedFileSystem: a disk in memory that loses unsynced data, tears writes and fails calls, for tests.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "io/file_system.h"

namespace riacho::io {

// The effect of a crash on unsynced writes. Synced bytes and directory entries always survive.
struct CrashPolicy {
    enum class Kind : std::uint8_t {
        lose_all,    // no unsynced write arrived
        keep_all,    // all unsynced writes arrived
        torn_write,  // all arrived, but of the last write only its first `bytes` bytes
        random       // each 512-byte sector and each directory entry by chance; a size may arrive without its data
    };
    Kind kind = Kind::lose_all;
    std::size_t bytes = 0;
    std::uint64_t seed = 0;
};

// Thread-safe. Every call is counted; the crash points of a test refer to the count.
class SimulatedFileSystem final : public FileSystem {
public:
    SimulatedFileSystem();
    ~SimulatedFileSystem() override;

    IoResult<std::unique_ptr<File>> open(const std::string& path, OpenOptions options) override;
    IoResult<void> rename(const std::string& from, const std::string& to) override;
    IoResult<void> unlink(const std::string& path) override;
    IoResult<void> mkdir(const std::string& path) override;
    IoResult<void> rmdir(const std::string& path) override;
    IoResult<std::vector<DirectoryEntry>> list(const std::string& path) override;
    IoResult<void> sync_directory(const std::string& path) override;
    IoResult<void> syncfs(const std::string& path) override;
    IoResult<SpaceInfo> statvfs(const std::string& path) override;
    // Another view of the same disk; renames of `directory` are not followed.
    IoResult<std::unique_ptr<FileSystem>> hold(const std::string& directory) override;
    IoResult<std::unique_ptr<FileLock>> lock(const std::string& path) override;

    // The number of modifying calls so far.
    [[nodiscard]] std::uint64_t change_count() const;
    // The power goes off in the n-th modifying call from now (1 is the next): a write may have reached the disk in
    // part, any other call had no effect, and every call fails until crash().
    void power_off_at_change(std::uint64_t n);
    [[nodiscard]] bool is_off() const;
    // Decides which unsynced data survives and turns the power on again. Open files stay unusable.
    void crash(CrashPolicy policy);
    // The n-th call of this operation from now fails with the error and has no effect; only that call, unless
    // `from_then_on`. "*": the n-th call among the operations that can fail with this error.
    void fail_call(std::string operation, std::uint64_t n, int error, bool from_then_on = false);
    void clear_failures();
    // The first operation that failed through fail_call since the last crash; empty if none did.
    [[nodiscard]] std::string failed_operation() const;
    // Free space for new bytes; writes beyond it fail with ENOSPC.
    void set_bytes_free(std::uint64_t bytes);

    // A deep copy of the durable state, for trying several policies on one state.
    [[nodiscard]] std::unique_ptr<SimulatedFileSystem> clone() const;

    // Direct access for tests: the current content of a file, and a change to it that is durable at once.
    [[nodiscard]] std::optional<std::vector<std::byte>> content(const std::string& path) const;
    void set_content(const std::string& path, std::vector<std::byte> content);
    [[nodiscard]] std::vector<std::string> paths() const;

    struct State;

private:
    explicit SimulatedFileSystem(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace riacho::io
