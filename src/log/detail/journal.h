// Journal: the files every write goes to first. Knows blocks and positions, not frames.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "io/file_system.h"
#include "log/detail/format.h"
#include "log/local_log.h"

namespace riacho::log::detail {

// A file the journal has left but still needs.
struct RetainedFile {
    std::uint64_t generation = 0;
    std::string path;
    std::uint64_t file_size = 0;
    Lsn end;           // one after its last position
    Lsn last_command;  // of the last command in it, 0 if there is none
};

// start, write, sync and roll belong to the sequencer's thread (recovery before it), recycle to the flusher's,
// prepare_spare to the thread that makes spare files; the rest is thread-safe.
//
// A spare is a whole file, written once, so that a commit never allocates. It gets its header and its name when the
// journal moves on to it.
class Journal {
public:
    // not_now: no space or no descriptors; may be tried again. failed: the disk has failed.
    enum class Roll : std::uint8_t { done, no_spare, not_now, failed };

    Journal(io::FileSystem& fs, const Options& options);

    // What recovery found. next_generation has never been used.
    void adopt(const StoreUuid& store, std::vector<RetainedFile> files, std::vector<std::string> spares,
               std::uint64_t next_generation);
    // Begins a file at `first`: a spare if there is one, else a small new one, the smaller the less space there is. On
    // a full disk none: then there is no room until there is a spare to roll to.
    io::IoResult<void> start(Lsn first, TimestampMs now);

    // Where the next write goes, in which generation, and how much still fits there.
    [[nodiscard]] Lsn position() const { return Lsn(first_lsn_.value() + offset_ - file_header_size); }
    [[nodiscard]] std::uint64_t generation() const { return generation_; }
    [[nodiscard]] std::size_t room() const { return entering_ ? 0 : static_cast<std::size_t>(file_size_ - offset_); }
    // The same with all spares.
    [[nodiscard]] std::size_t room_in_all() const;
    // The most that can ever be written at once.
    [[nodiscard]] std::size_t room_max() const { return options_.journal_file_bytes - file_header_size; }

    // Writes whole blocks from memory aligned to a block. Durable on return if Durability::sync.
    io::IoResult<void> write(ByteSpan blocks);
    io::IoResult<void> sync();
    // Moves on to a spare, if one is ready. After not_now there may be no room until another attempt has succeeded.
    Roll roll(TimestampMs now, io::IoError& error);
    // The last command in the current file.
    void note_command(Lsn lsn) { last_command_.store(lsn.value(), std::memory_order_relaxed); }
    [[nodiscard]] bool is_direct() const { return direct_.load(std::memory_order_relaxed); }

    // Waits for prepare_spare or stop_waiting. False when the time ran out.
    bool wait_for_spare(std::int64_t span_ms);
    void stop_waiting();

    // Recycles the oldest retained files, as far as both positions cover them; the newest only if there is a current
    // one: a store with a checkpoint has a journal file. Returns true if one had to stay only because of `applied`.
    // After an error another call goes on where this one ended.
    io::IoResult<bool> recycle(Lsn checkpoint, Lsn applied);

    // True while there should be more spares and the pool may grow.
    [[nodiscard]] bool wants_spare() const;
    // Waits until wants_spare, or the time has run out. False once stop_waiting was called.
    bool wait_until_wanted(std::int64_t span_ms);
    // The same, but until the first file fills up.
    bool wait_until_filling(std::int64_t span_ms);
    // Waits in any case.
    bool pause(std::int64_t span_ms);
    io::IoResult<void> prepare_spare();

    [[nodiscard]] std::size_t file_count() const;
    [[nodiscard]] std::size_t retained_count() const;

private:
    bool wants_spare_locked() const REQUIRES(mutex_);
    std::string path_of(std::string_view name) const { return directory_ + "/" + std::string(name); }
    struct Block;
    // A whole file of zeros behind the header, if one is given; durable, but its name is not.
    io::IoResult<void> make_blank(const std::string& path, std::uint64_t size, ByteSpan header);
    void fill_header(std::uint64_t size, Lsn first, TimestampMs now, Block& block) const;
    io::IoResult<void> begin_file(Lsn first, TimestampMs now);
    io::IoResult<void> use_spare(const std::string& spare, Lsn first, TimestampMs now);
    // Renames a file with a durable header to its journal name and makes it the current file.
    io::IoResult<void> enter(const std::string& prepared, std::unique_ptr<io::File> file, std::uint64_t size,
                             Lsn first);
    io::IoResult<void> finish_entering();
    std::optional<std::string> take_spare();
    void give_back(std::string spare);
    io::IoResult<std::unique_ptr<io::File>> open_for_writing(const std::string& path);

    io::FileSystem& fs_;
    const Options& options_;
    const std::string directory_;
    StoreUuid store_{};

    // The current file; none after a start on a full disk.
    std::unique_ptr<io::File> file_;
    std::string path_;
    std::uint64_t generation_ = 0;
    std::uint64_t next_generation_ = 1;
    std::uint64_t file_size_ = 0;
    std::uint64_t offset_ = 0;
    bool is_filling_ = false;  // a quarter of the file is used
    Lsn first_lsn_;
    // A file that has its name, which is not known to be durable yet. From here on nothing may be written to the file
    // before it: a start would stop reading that one where this one begins.
    struct Entering {
        std::unique_ptr<io::File> file;
        std::string path;
        std::uint64_t generation = 0;
        std::uint64_t size = 0;
        Lsn first;
    };
    std::optional<Entering> entering_;
    // The flusher's thread only: the new path of the oldest retained file, empty if it was unlinked, while the
    // directory is not known to be synced.
    std::optional<std::string> released_;
    std::atomic<std::uint64_t> last_command_{0};
    std::atomic<bool> direct_{false};

    mutable Mutex mutex_;
    Condition spare_ready_;
    Condition spare_wanted_;
    Condition stopped_;
    std::vector<RetainedFile> retained_ GUARDED_BY(mutex_);  // oldest first
    std::vector<std::string> spares_ GUARDED_BY(mutex_);
    std::uint64_t next_spare_ GUARDED_BY(mutex_) = 0;
    bool has_file_ GUARDED_BY(mutex_) = false;
    bool is_file_filling_ GUARDED_BY(mutex_) = false;
    bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace riacho::log::detail
