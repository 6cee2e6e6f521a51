// Directory: a data directory that is created when missing, held by descriptor and locked for this process.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "io/fwd.h"

namespace riacho::log {

enum class OpenFault : std::uint8_t {
    locked,         // another process uses the directory; exit 2
    damaged,        // exit 65
    io,             // exit 74
    configuration,  // not a riacho directory, not writable, an unknown format; exit 78
};

struct OpenError {
    OpenFault fault;
    std::string message;  // one sentence for the operator, with the path
};

// Opened before any file in the directory and closed after them. Immutable.
class Directory {
public:
    // neighbours: prefixes of file names owned by other modules. A directory without a store that holds other files is
    // refused.
    static Expected<std::unique_ptr<Directory>, OpenError> open(const std::string& path,
                                                                std::span<const std::string> neighbours,
                                                                io::FileSystem& fs);
    ~Directory();
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }
    // Paths below path() lead into this directory, even if another directory has its name now.
    [[nodiscard]] io::FileSystem& fs() const { return *fs_; }
    // False when the directory or its lock file was removed or replaced: anything written into it is lost.
    [[nodiscard]] bool is_in_place() const;

private:
    Directory(std::string path, std::unique_ptr<io::FileSystem> fs, std::unique_ptr<io::FileLock> lock);

    const std::string path_;
    const std::unique_ptr<io::FileSystem> fs_;
    const std::unique_ptr<io::FileLock> lock_;
};

}  // namespace riacho::log
