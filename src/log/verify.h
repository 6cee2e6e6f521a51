// Offline check of a log directory: the implementation of `riacho verify`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "io/fwd.h"

namespace riacho::log {

struct Finding {
    enum class Severity : std::uint8_t {
        note,    // explained by a crash; recovery handles it
        damage,  // data that was durable cannot be read back
    };
    Severity severity;
    std::string path;
    std::uint64_t offset = 0;
    std::string message;
};

struct VerifyReport {
    std::vector<Finding> findings;
    std::size_t journal_files = 0;
    std::size_t segments = 0;
    std::size_t shards = 0;
    std::uint64_t frames = 0;
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    std::uint64_t end = 0;   // position behind the last frame of the journal; 0 if it could not be read
    bool is_in_use = false;  // another process uses the directory; nothing was checked

    [[nodiscard]] bool is_damaged() const;
};

// Reads every byte of a directory that no process uses, and changes nothing. Holds the directory's lock meanwhile; a
// directory that cannot be opened is itself a finding.
VerifyReport verify(const std::string& directory, io::FileSystem& fs);

}  // namespace riacho::log
