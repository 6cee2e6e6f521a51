// The seam through which the log touches a disk: a handful of blocking calls, with a posix implementation and a
// simulated one (io/simulated.h) that loses what was not synced.
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

// What failed, on which path, and errno.
struct IoError {
    const char* operation = "";
    std::string path;
    int error = 0;

    // "pwritev /data/journal/j-1.rkj: No space left on device"
    [[nodiscard]] std::string describe() const;
    // The volume or a quota is full: a normal state, not a failing disk.
    [[nodiscard]] bool is_out_of_space() const;
    [[nodiscard]] bool is_not_found() const;
    // The process or the system has too many files open: it passes, and nothing was done.
    [[nodiscard]] bool is_out_of_descriptors() const;
    // Either of the two: the call may be tried again later.
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
    // Reads until out is full or the file ends; returns how many bytes were read.
    virtual IoResult<std::size_t> pread(std::uint64_t offset, MutableByteSpan out) = 0;
    // Writes all the parts, one after the other from offset, in as few calls as the system allows. After an error any
    // part of it may be on disk.
    virtual IoResult<void> pwritev(std::uint64_t offset, std::span<const ByteSpan> parts) = 0;
    // Makes the file's bytes and its size durable. A failure is final: the bytes are in an unknown state and another
    // sync would report success without having written them.
    virtual IoResult<void> fdatasync() = 0;
    virtual IoResult<void> ftruncate(std::uint64_t size) = 0;
    virtual IoResult<std::uint64_t> size() = 0;
    // Forgets cached clean pages, so that the next read sees the disk. Advisory.
    virtual void drop_cache() = 0;

    IoResult<void> pwrite(std::uint64_t offset, ByteSpan bytes) { return pwritev(offset, std::span(&bytes, 1)); }
};

// Holds a lock file until destroyed.
class FileLock {
public:
    virtual ~FileLock() = default;
    // False when its path is known to lead to no file or to another one. Thread-safe.
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
    // Succeeds when the directory is there already.
    virtual IoResult<void> mkdir(const std::string& path) = 0;
    virtual IoResult<void> rmdir(const std::string& path) = 0;
    // In no particular order, without "." and "..".
    virtual IoResult<std::vector<DirectoryEntry>> list(const std::string& path) = 0;
    virtual IoResult<void> sync_directory(const std::string& path) = 0;
    // Makes everything on the file system that holds path durable, and reports earlier write-back errors.
    virtual IoResult<void> syncfs(const std::string& path) = 0;
    virtual IoResult<SpaceInfo> statvfs(const std::string& path) = 0;
    // A file system on which paths below `directory` lead into the directory that has this name now, whatever happens
    // to the name later. Other paths are found as before.
    virtual IoResult<std::unique_ptr<FileSystem>> hold(const std::string& directory) = 0;
    // Takes an exclusive lock on a file, made when missing, and writes the process id into it. EWOULDBLOCK when another
    // process holds it.
    virtual IoResult<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
};

// The machine's file system.
FileSystem& posix_file_system();

// Writes a small file so that after a crash its path holds either the old content or the new one: temporary file in
// the same directory, sync, rename, sync of the directory.
IoResult<void> replace_file(FileSystem& fs, const std::string& directory, std::string_view name, ByteSpan content);

// The whole content of a file of at most bytes_max bytes; EFBIG when it is longer.
IoResult<std::vector<std::byte>> read_file(FileSystem& fs, const std::string& path, std::size_t bytes_max);

}  // namespace riacho::io
