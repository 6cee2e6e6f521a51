// FileSystem: the interface through which the log accesses a disk: a few blocking calls, with a POSIX implementation
// and a simulated one (io/simulated.h) that loses unsynced data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace riacho::io {

// The operation that failed, its path, and errno.
struct IoError {
    const char* operation = "";
    std::string path;
    int error = 0;

    // "pwritev /data/journal/j-1.rkj: No space left on device"
    [[nodiscard]] std::string describe() const;
    // ENOSPC or EDQUOT: a normal state, not a failing disk.
    [[nodiscard]] bool is_out_of_space() const;
    [[nodiscard]] bool is_not_found() const;
    // EMFILE or ENFILE: a passing state; the call had no effect.
    [[nodiscard]] bool is_out_of_descriptors() const;
    // Out of space or out of descriptors: the call may be tried again later.
    [[nodiscard]] bool is_shortage() const { return is_out_of_space() || is_out_of_descriptors(); }
};

template <class T>
using IoResult = Expected<T, IoError>;

enum class OpenMode : std::uint8_t {
    read,        // must exist
    read_write,  // must exist
    create       // read and write; made when missing, its content kept when not
};

struct OpenOptions {
    OpenMode mode = OpenMode::read;
    // Bypass the page cache (O_DIRECT): offsets, sizes and memory must be multiples of 4096.
    bool direct = false;
    // A write returns when it is durable (O_DSYNC).
    bool dsync = false;
};

// An open file. Closed by the destructor. Calls are thread-safe as far as the kernel's are.
class File {
public:
    virtual ~File() = default;
    // Reads until out is full or the file ends; returns the number of bytes read.
    virtual IoResult<std::size_t> pread(std::uint64_t offset, MutableByteSpan out) = 0;
    // Writes all parts, one after the other from offset, in as few calls as the system allows. After an error any part
    // of the bytes may be on disk.
    virtual IoResult<void> pwritev(std::uint64_t offset, std::span<const ByteSpan> parts) = 0;
    // Makes the file's bytes and its size durable. A failure is final: the bytes are in an unknown state and another
    // sync would report success without having written them.
    virtual IoResult<void> fdatasync() = 0;
    virtual IoResult<void> ftruncate(std::uint64_t size) = 0;
    virtual IoResult<std::uint64_t> size() = 0;
    // Drops clean pages of the file from the page cache, so that the next read reads the disk. Advisory.
    virtual void drop_cache() = 0;
    // Begins to write these bytes to the disk, so that a later fdatasync() waits for less. Advisory: makes nothing
    // durable, and reports nothing.
    virtual void start_write_back(std::uint64_t /*offset*/, std::uint64_t /*size*/) {}

    IoResult<void> pwrite(std::uint64_t offset, ByteSpan bytes) { return pwritev(offset, std::span(&bytes, 1)); }
};

// Holds a lock file until destroyed.
class FileLock {
public:
    virtual ~FileLock() = default;
    // False when the lock file's path is known to lead to no file or to another file. Thread-safe.
    virtual bool is_in_place() = 0;
};

struct DirectoryEntry {
    std::string name;
    bool is_directory = false;
};

struct SpaceInfo {
    std::uint64_t bytes_total = 0;
    std::uint64_t bytes_free = 0;  // for unprivileged users
};

// Thread-safe. Changes to a directory (files made, renamed, unlinked) are durable after sync_directory only.
class FileSystem {
public:
    virtual ~FileSystem() = default;
    virtual IoResult<std::unique_ptr<File>> open(const std::string& path, OpenOptions options) = 0;
    virtual IoResult<void> rename(const std::string& from, const std::string& to) = 0;
    virtual IoResult<void> unlink(const std::string& path) = 0;
    // Succeeds when the directory exists already.
    virtual IoResult<void> mkdir(const std::string& path) = 0;
    virtual IoResult<void> rmdir(const std::string& path) = 0;
    // In no particular order, without "." and "..".
    virtual IoResult<std::vector<DirectoryEntry>> list(const std::string& path) = 0;
    virtual IoResult<void> sync_directory(const std::string& path) = 0;
    // Makes everything on the file system that holds path durable, and reports earlier write-back errors.
    virtual IoResult<void> syncfs(const std::string& path) = 0;
    virtual IoResult<SpaceInfo> statvfs(const std::string& path) = 0;
    // A view in which paths below `directory` lead into the directory that has this name now, even if it is renamed or
    // replaced later. Other paths resolve as before.
    virtual IoResult<std::unique_ptr<FileSystem>> hold(const std::string& directory) = 0;
    // Takes an exclusive lock on a file, created when missing, and writes the process id into it. EWOULDBLOCK when
    // another process holds the lock.
    virtual IoResult<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
};

// The machine's file system.
FileSystem& posix_file_system();

// Writes a small file so that after a crash its path holds either the old content or the new one: temporary file in
// the same directory, sync, rename, sync of the directory.
IoResult<void> replace_file(FileSystem& fs, const std::string& directory, std::string_view name, ByteSpan content);

// The whole content of a file of at most bytes_max bytes; EFBIG when the file is longer.
IoResult<std::vector<std::byte>> read_file(FileSystem& fs, const std::string& path, std::size_t bytes_max);

}  // namespace riacho::io
