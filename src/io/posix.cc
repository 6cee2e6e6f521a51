// The machine's file system: thin wrappers of system calls that retry EINTR and continue short transfers.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "base/try.h"
#include "io/file_system.h"

namespace riacho::io {
namespace {

std::unexpected<IoError> error(const char* operation, const std::string& path) {
    return fail(IoError{operation, path, errno});
}

template <class Call>
auto retry_interrupted(Call call) {
    for (;;) {
        const auto result = call();
        if (result >= 0 || errno != EINTR) return result;
    }
}

class PosixFile final : public File {
public:
    PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
    // Durable data was synced before: an error of close() needs no handling.
    ~PosixFile() override { ::close(fd_); }

    IoResult<std::size_t> pread(std::uint64_t offset, MutableByteSpan out) override {
        std::size_t done = 0;
        while (done < out.size()) {
            const ssize_t n = retry_interrupted(
                [&] { return ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done)); });
            if (n < 0) return error("pread", path_);
            if (n == 0) break;
            done += static_cast<std::size_t>(n);
        }
        return done;
    }

    IoResult<void> pwritev(std::uint64_t offset, std::span<const ByteSpan> parts) override {
        static constexpr std::size_t batch_max = 256;
        std::array<iovec, batch_max> vectors;
        std::size_t part = 0;
        std::size_t skip = 0;  // bytes of parts[part] already written
        while (part < parts.size()) {
            std::size_t count = 0;
            for (std::size_t i = part; i < parts.size() && count < batch_max; ++i) {
                const ByteSpan rest = i == part ? parts[i].subspan(skip) : parts[i];
                if (!rest.empty()) vectors[count++] = {const_cast<std::byte*>(rest.data()), rest.size()};
            }
            if (count == 0) break;
            const ssize_t n = retry_interrupted(
                [&] { return ::pwritev(fd_, vectors.data(), static_cast<int>(count), static_cast<off_t>(offset)); });
            if (n < 0) return error("pwritev", path_);
            if (n == 0) {
                errno = ENOSPC;
                return error("pwritev", path_);
            }
            offset += static_cast<std::uint64_t>(n);
            for (auto left = static_cast<std::size_t>(n); part < parts.size();) {
                const std::size_t here = parts[part].size() - skip;
                if (left < here) {
                    skip += left;
                    break;
                }
                left -= here;
                skip = 0;
                ++part;
            }
        }
        return {};
    }

    IoResult<void> fdatasync() override {
        if (retry_interrupted([&] { return ::fdatasync(fd_); }) != 0) return error("fdatasync", path_);
        return {};
    }

    IoResult<void> ftruncate(std::uint64_t size) override {
        if (retry_interrupted([&] { return ::ftruncate(fd_, static_cast<off_t>(size)); }) != 0) {
            return error("ftruncate", path_);
        }
        return {};
    }

    IoResult<std::uint64_t> size() override {
        struct stat info{};
        if (::fstat(fd_, &info) != 0) return error("fstat", path_);
        return static_cast<std::uint64_t>(info.st_size);
    }

    void drop_cache() override { ::posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED); }
    void start_write_back(std::uint64_t offset, std::uint64_t size) override {
        // An error of the disk is kept for the sync.
        static_cast<void>(
            ::sync_file_range(fd_, static_cast<off_t>(offset), static_cast<off_t>(size), SYNC_FILE_RANGE_WRITE));
    }

private:
    int fd_;
    std::string path_;
};

class PosixLock final : public FileLock {
public:
    PosixLock(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
    ~PosixLock() override { ::close(fd_); }

    bool is_in_place() override {
        struct stat held{};
        struct stat named{};
        if (::fstat(fd_, &held) != 0) return true;
        if (::stat(path_.c_str(), &named) != 0) return errno != ENOENT && errno != ENOTDIR;
        return held.st_dev == named.st_dev && held.st_ino == named.st_ino;
    }

private:
    int fd_;
    std::string path_;
};

// A directory or file opened for one sync.
class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int fd() const { return fd_; }

private:
    int fd_;
};

// The whole file system, or, with `root`, paths below it resolved through its descriptor.
class PosixFileSystem final : public FileSystem {
public:
    PosixFileSystem() = default;
    PosixFileSystem(std::string root, int root_fd) : root_(std::move(root)), root_fd_(root_fd) {
        while (root_.ends_with('/')) root_.pop_back();
    }
    ~PosixFileSystem() override {
        if (root_fd_ >= 0) ::close(root_fd_);
    }
    PosixFileSystem(const PosixFileSystem&) = delete;
    PosixFileSystem& operator=(const PosixFileSystem&) = delete;

    IoResult<std::unique_ptr<FileSystem>> hold(const std::string& directory) override {
        const int fd = open_at(directory, O_RDONLY | O_DIRECTORY);
        if (fd < 0) return error("open", directory);
        return std::make_unique<PosixFileSystem>(directory, fd);
    }

    IoResult<std::unique_ptr<File>> open(const std::string& path, OpenOptions options) override {
        int flags = 0;
        switch (options.mode) {
            case OpenMode::read:
                flags |= O_RDONLY;
                break;
            case OpenMode::read_write:
                flags |= O_RDWR;
                break;
            case OpenMode::create:
                flags |= O_RDWR | O_CREAT;
                break;
        }
        if (options.direct) flags |= O_DIRECT;
        if (options.dsync) flags |= O_DSYNC;
        const int fd = open_at(path, flags);
        if (fd < 0) return error("open", path);
        return std::make_unique<PosixFile>(fd, path);
    }

    IoResult<void> rename(const std::string& from, const std::string& to) override {
        const Place source = place(from);
        const Place target = place(to);
        if (::renameat(source.directory, source.name, target.directory, target.name) != 0) return error("rename", from);
        return {};
    }

    IoResult<void> unlink(const std::string& path) override {
        const Place at = place(path);
        if (::unlinkat(at.directory, at.name, 0) != 0) return error("unlink", path);
        return {};
    }

    IoResult<void> mkdir(const std::string& path) override {
        const Place at = place(path);
        if (::mkdirat(at.directory, at.name, 0700) == 0) return {};
        if (errno != EEXIST) return error("mkdir", path);
        struct stat info{};
        const bool is_directory = ::fstatat(at.directory, at.name, &info, 0) == 0 && S_ISDIR(info.st_mode);
        errno = EEXIST;
        return is_directory ? IoResult<void>() : error("mkdir", path);
    }

    IoResult<void> rmdir(const std::string& path) override {
        const Place at = place(path);
        if (::unlinkat(at.directory, at.name, AT_REMOVEDIR) != 0) return error("rmdir", path);
        return {};
    }

    IoResult<std::vector<DirectoryEntry>> list(const std::string& path) override {
        const int fd = open_at(path, O_RDONLY | O_DIRECTORY);
        if (fd < 0) return error("opendir", path);
        const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(fd), &::closedir);
        if (directory == nullptr) {
            ::close(fd);
            return error("opendir", path);
        }
        std::vector<DirectoryEntry> entries;
        for (;;) {
            errno = 0;
            const dirent* entry = ::readdir(directory.get());
            if (entry == nullptr) break;
            const std::string_view name = entry->d_name;
            if (name == "." || name == "..") continue;
            bool is_directory = entry->d_type == DT_DIR;
            if (entry->d_type == DT_UNKNOWN) {
                struct stat info{};
                is_directory = ::fstatat(fd, entry->d_name, &info, 0) == 0 && S_ISDIR(info.st_mode);
            }
            entries.push_back({std::string(name), is_directory});
        }
        if (errno != 0) return error("readdir", path);
        return entries;
    }

    IoResult<void> sync_directory(const std::string& path) override {
        const Descriptor directory(open_at(path, O_RDONLY | O_DIRECTORY));
        if (directory.fd() < 0) return error("open", path);
        if (retry_interrupted([&] { return ::fsync(directory.fd()); }) != 0) return error("fsync", path);
        return {};
    }

    IoResult<void> syncfs(const std::string& path) override {
        const Descriptor directory(open_at(path, O_RDONLY));
        if (directory.fd() < 0) return error("open", path);
        if (retry_interrupted([&] { return ::syncfs(directory.fd()); }) != 0) return error("syncfs", path);
        return {};
    }

    IoResult<SpaceInfo> statvfs(const std::string& path) override {
        struct statvfs info{};
        const bool is_root = root_fd_ >= 0 && path == root_;
        if ((is_root ? ::fstatvfs(root_fd_, &info) : ::statvfs(path.c_str(), &info)) != 0)
            return error("statvfs", path);
        return SpaceInfo{.bytes_total = info.f_blocks * info.f_frsize, .bytes_free = info.f_bavail * info.f_frsize};
    }

    IoResult<std::unique_ptr<FileLock>> lock(const std::string& path) override {
        const int fd = open_at(path, O_RDWR | O_CREAT);
        if (fd < 0) return error("open", path);
        auto held = std::make_unique<PosixLock>(fd, path);
        if (retry_interrupted([&] { return ::flock(fd, LOCK_EX | LOCK_NB); }) != 0) return error("flock", path);
        const std::string pid = std::to_string(::getpid()) + "\n";
        // The process id is for people only; the lock does not depend on it, and a full disk may have no room for it.
        if (::ftruncate(fd, 0) != 0) return error("ftruncate", path);
        static_cast<void>(::pwrite(fd, pid.data(), pid.size(), 0) == 0);
        return held;
    }

private:
    struct Place {
        int directory;
        const char* name;
    };
    [[nodiscard]] Place place(const std::string& path) const {
        if (root_fd_ < 0 || !path.starts_with(root_)) return {AT_FDCWD, path.c_str()};
        if (path.size() == root_.size()) return {root_fd_, "."};
        if (path[root_.size()] != '/') return {AT_FDCWD, path.c_str()};
        // An absolute rest would resolve outside the directory.
        const char* rest = path.c_str() + root_.size();
        while (*rest == '/') ++rest;
        return {root_fd_, *rest == '\0' ? "." : rest};
    }
    [[nodiscard]] int open_at(const std::string& path, int flags) const {
        const Place at = place(path);
        // Readable by the owner alone: files hold records and secrets.
        return retry_interrupted([&] { return ::openat(at.directory, at.name, flags | O_CLOEXEC, 0600); });
    }

    std::string root_;
    int root_fd_ = -1;
};

}  // namespace

FileSystem& posix_file_system() {
    static PosixFileSystem instance;
    return instance;
}

}  // namespace riacho::io
