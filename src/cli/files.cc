#include "cli/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "base/try.h"
#include "cli/interrupt.h"

namespace riacho::cli {
namespace {

constexpr std::size_t buffer_size = std::size_t{256} << 10;

std::string last_error() { return std::generic_category().message(errno); }

// The target of a symbolic link, so that the target and not the link is replaced.
std::string resolved(const std::string& path) {
    char* found = ::realpath(path.c_str(), nullptr);
    if (found == nullptr) return path;
    std::string result(found);
    std::free(found);
    return result;
}

// A rename is durable after a sync of its directory.
void sync_directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (opened.is_open()) ::fsync(opened.get());
}

}  // namespace

Expected<Descriptor, std::string> open_input(const std::string& path) {
    Descriptor file(path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return fail(fmt::format("cannot open {}: {}", path, last_error()));
    return file;
}

LineReader::Step LineReader::next(std::string& line) {
    line.clear();
    for (;;) {
        const auto end = buffer_.find('\n', at_);
        const bool complete = end != std::string::npos;
        line.append(buffer_, at_, complete ? end - at_ : std::string::npos);
        at_ = complete ? end + 1 : buffer_.size();
        if (line.size() > line_size_max) return Step::too_long;
        if (complete) {
            offset_ += line.size() + 1;
            return Step::line;
        }
        // Waits in poll(), which a signal interrupts; read() would be restarted.
        pollfd wanted{fd_, POLLIN, 0};
        if (::poll(&wanted, 1, -1) < 0 && errno != EINTR) return Step::failed;
        if (interrupted() != 0) return Step::interrupted;
        buffer_.resize(buffer_size);
        const ssize_t size = ::read(fd_, buffer_.data(), buffer_.size());
        const int error = errno;
        buffer_.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        at_ = 0;
        if (size < 0 && error == EINTR) continue;
        if (size < 0) {
            errno = error;
            return Step::failed;
        }
        if (size == 0) {
            offset_ += line.size();
            return line.empty() ? Step::end : Step::last_line;
        }
    }
}

bool LineReader::is_ready() const {
    if (buffer_.find('\n', at_) != std::string::npos) return true;
    pollfd wanted{fd_, POLLIN, 0};
    return ::poll(&wanted, 1, 0) > 0;
}

Expected<Output, std::string> Output::open(const std::string& path, bool keep) {
    struct stat status{};
    const bool exists = path != "-" && ::stat(path.c_str(), &status) == 0;
    if (path == "-" || (exists && !S_ISREG(status.st_mode))) {
        Descriptor file(path == "-" ? ::dup(STDOUT_FILENO) : ::open(path.c_str(), O_WRONLY | O_CLOEXEC));
        if (!file.is_open()) return fail(fmt::format("cannot open {}: {}", path, last_error()));
        return Output(std::move(file), path == "-" ? "standard output" : path, "");
    }
    const std::string target = resolved(path);
    const std::string partial = target + ".partial";
    Descriptor file(::open(partial.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (!file.is_open()) return fail(fmt::format("cannot write {}: {}", partial, last_error()));
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        return fail(fmt::format("another export is writing {}", partial));
    }
    if (exists) ::fchmod(file.get(), status.st_mode & 0777);
    Output output(std::move(file), target, partial);
    output.used_ = keep;
    if (!keep) TRY_VOID(output.cut_to(0));
    return output;
}

Output::~Output() {
    if (file_.is_open() && !partial_.empty() && !used_) ::unlink(partial_.c_str());
}

std::unexpected<std::string> Output::problem() const {
    return fail(fmt::format("cannot write {}: {}", partial_.empty() ? path_ : partial_, last_error()));
}

Expected<void, std::string> Output::write(std::string_view text) {
    buffer_ += text;
    if (buffer_.size() < buffer_size) return {};
    return flush();
}

Expected<void, std::string> Output::flush() {
    std::string_view left = buffer_;
    while (!left.empty()) {
        const ssize_t size = ::write(file_.get(), left.data(), left.size());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) {
            buffer_.clear();
            return problem();
        }
        used_ = true;
        left.remove_prefix(static_cast<std::size_t>(size));
    }
    buffer_.clear();
    return {};
}

Expected<void, std::string> Output::commit() {
    TRY_VOID(flush());
    if (partial_.empty()) return {};
    if (::fsync(file_.get()) != 0 || ::rename(partial_.c_str(), path_.c_str()) != 0) return problem();
    used_ = true;
    sync_directory_of(path_);
    return {};
}

Expected<void, std::string> Output::cut_to(std::uint64_t size) {
    const auto offset = static_cast<off_t>(size);
    if (::ftruncate(file_.get(), offset) != 0 || ::lseek(file_.get(), offset, SEEK_SET) < 0) return problem();
    return {};
}

}  // namespace riacho::cli
