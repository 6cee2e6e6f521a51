#include "core/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/try.h"

namespace riacho::core {
namespace {

std::unexpected<FileError> failure(const char* operation, const std::string& path) {
    return fail(FileError{operation, path, errno});
}

Expected<void, FileError> write_all(int fd, const std::string& path, std::string_view content) {
    while (!content.empty()) {
        const ssize_t n = ::write(fd, content.data(), content.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failure("write", path);
        content.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Expected<void, FileError> write_new(const std::string& path, std::string_view content, ReplaceOptions options) {
    // A temporary file that an earlier attempt left may have another mode, or be open in another process.
    ::unlink(path.c_str());
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, options.mode);
    if (fd < 0) return failure("open", path);
    auto written = write_all(fd, path, content);
    if (written && options.is_durable && ::fsync(fd) != 0) written = failure("fsync", path);
    ::close(fd);
    return written;
}

Expected<void, FileError> sync_directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return failure("open", directory);
    const bool is_synced = ::fsync(fd) == 0;
    const auto result = is_synced ? Expected<void, FileError>() : failure("fsync", directory);
    ::close(fd);
    return result;
}

}  // namespace

std::string FileError::describe() const {
    return operation + " " + path + ": " + std::generic_category().message(error);
}

Expected<void, FileError> replace_file(const std::string& path, std::string_view content, ReplaceOptions options) {
    const std::string temporary = path + ".tmp";
    auto done = write_new(temporary, content, options);
    if (done && ::rename(temporary.c_str(), path.c_str()) != 0) done = failure("rename", path);
    if (!done) {
        ::unlink(temporary.c_str());
        return done;
    }
    return options.is_durable ? sync_directory_of(path) : Expected<void, FileError>();
}

}  // namespace riacho::core
