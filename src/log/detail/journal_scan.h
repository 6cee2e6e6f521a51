// Reading the journal back: walks its files frame by frame and distinguishes a torn end from damage. Used by recovery
// and verify.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/file_system.h"
#include "log/detail/format.h"
#include "log/local_log.h"

namespace riacho::log::detail {

struct JournalFile {
    std::string path;
    JournalHeader header;
};

// What lies in <directory>/journal.
struct JournalListing {
    std::vector<JournalFile> files;  // by generation
    std::vector<std::string> bad;    // paths of files whose header is not to be trusted
    std::vector<std::string> spares;
    std::vector<std::string> leftovers;  // half-made files
    std::uint64_t generation_max = 0;
};
io::IoResult<JournalListing> list_journal(io::FileSystem& fs, const std::string& directory, const StoreUuid& store,
                                          std::size_t spare_size);

// Frames that were durable and cannot be read.
struct LostFrames {
    Lsn from;
    Lsn to;
    std::vector<TrailerEntry> known;  // described by their own header or a trailer; offsets are unset
    bool is_complete = false;         // there were no others
};

class JournalVisitor {
public:
    virtual ~JournalVisitor() = default;
    // A frame whose checksums hold. The body is valid during the call.
    virtual Expected<void, OpenError> on_frame(const JournalFile& file, const FrameHeader& header, ByteSpan bytes) = 0;
    virtual Expected<void, OpenError> on_lost(const JournalFile& file, const LostFrames& lost) = 0;
};

struct JournalEnd {
    Lsn lsn;                            // where the readable journal ends
    std::uint64_t truncated_bytes = 0;  // recognisable bytes after it, none of which was ever acknowledged
    std::uint64_t read_bytes = 0;       // what had to be read to know
};

// Walks from `from`, which is the start of a frame or the end, to the end. resync: makes durable what is read first, so
// that nothing is believed that only the page cache has.
Expected<JournalEnd, OpenError> scan_journal(io::FileSystem& fs, const std::vector<JournalFile>& files, Lsn from,
                                             bool resync, JournalVisitor& visitor);

OpenError to_open_error(const io::IoError& error);

}  // namespace riacho::log::detail
