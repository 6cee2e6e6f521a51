// Reads the journal back: walks its files frame by frame and distinguishes a torn end from damage. Used by recovery and
// verify.
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

// The files of <directory>/journal.
struct JournalListing {
    std::vector<JournalFile> files;  // by generation
    std::vector<std::string> bad;    // paths of files with an invalid header
    std::vector<std::string> spares;
    std::vector<std::string> leftovers;  // incomplete files
    std::uint64_t generation_max = 0;
};
io::IoResult<JournalListing> list_journal(io::FileSystem& fs, const std::string& directory, const StoreUuid& store,
                                          std::size_t spare_size);

// Durable frames that cannot be read.
struct LostFrames {
    Lsn from;
    Lsn to;
    std::vector<TrailerEntry> known;  // frames described by their own header or a trailer; offsets are unset
    bool is_complete = false;         // no other frame was lost
};

class JournalVisitor {
public:
    virtual ~JournalVisitor() = default;
    // Called for each frame with valid checksums. bytes are valid during the call.
    virtual Expected<void, OpenError> on_frame(const JournalFile& file, const FrameHeader& header, ByteSpan bytes) = 0;
    virtual Expected<void, OpenError> on_lost(const JournalFile& file, const LostFrames& lost) = 0;
};

struct JournalEnd {
    Lsn lsn;                            // end of the readable journal
    std::uint64_t truncated_bytes = 0;  // bytes of recognisable frames after it, none of which was ever acknowledged
    std::uint64_t read_bytes = 0;       // bytes read from disk by the scan
};

// Walks from `from`, which is the start of a frame or the end, to the end. resync: makes the files durable before they
// are read, so that no frame is trusted that only the page cache has.
Expected<JournalEnd, OpenError> scan_journal(io::FileSystem& fs, const std::vector<JournalFile>& files, Lsn from,
                                             bool resync, JournalVisitor& visitor);

OpenError to_open_error(const io::IoError& error);

}  // namespace riacho::log::detail
