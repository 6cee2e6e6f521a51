// Atomic replacement of a node's own small files: the path holds the old content or the new content, never a mixture.
// (The log writes through io::FileSystem, on which tests simulate crashes.)
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace riacho::core {

struct FileError {
    std::string operation;  // "open", "write", "fsync", "rename"
    std::string path;
    int error = 0;  // errno

    // "write /data/keyring.tmp: No space left on device"
    [[nodiscard]] std::string describe() const;
};

struct ReplaceOptions {
    unsigned mode = 0600;    // of the file, as in open(2)
    bool is_durable = true;  // false for files that matter only while this process runs: no sync
};

// Temporary file beside it (path + ".tmp"), sync, rename, sync of the directory: durable when it returns. After an
// error the old content is still there (unless only the last sync failed), and no temporary file is left behind.
// Blocking; not for cores.
Expected<void, FileError> replace_file(const std::string& path, std::string_view content, ReplaceOptions options = {});

}  // namespace riacho::core
