// Journal: the files that every write goes to first. Handles blocks and positions, not frames.
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

// A filled journal file that is still needed.
struct RetainedFile {
    std::uint64_t generation = 0;
    std::string path;
    std::uint64_t file_size = 0;
    Lsn end;           // the position after its last byte
    Lsn last_command;  // position of its last command, 0 if there is none
};

// start, write, sync and roll belong to the sequencer's thread (recovery before it), recycle to the flusher's,
// prepare_spare to the thread that makes spare files; the other functions are thread-safe.
//
// A spare is a whole file, written once, so that a commit never allocates. It gets its header and its name when the
// journal rolls to it.
class Journal {
public:
    // not_now: no space or no descriptors; may be tried again. failed: the disk has failed.
    enum class Roll : std::uint8_t { done, no_spare, not_now, failed };

    Journal(io::FileSystem& fs, const Options& options);

    // Takes over the files that recovery found. next_generation has never been used.
    void adopt(const StoreUuid& store, std::vector<RetainedFile> files, std::vector<std::string> spares,
               std::uint64_t next_generation);
    // Begins a file at `first`: a spare if there is one, else a small new file, the smaller the less space there is. On
    // a full disk the journal has no file, and no room, until it rolls to a spare.
    io::IoResult<void> start(Lsn first, TimestampMs now);

    // Position and generation of the next write, and the room left in the file.
    [[nodiscard]] Lsn position() const { return Lsn(first_lsn_.value() + offset_ - file_header_size); }
    [[nodiscard]] std::uint64_t generation() const { return generation_; }
    [[nodiscard]] std::size_t room() const { return entering_ ? 0 : static_cast<std::size_t>(file_size_ - offset_); }
    // The room in the current file and all spares.
    [[nodiscard]] std::size_t room_in_all() const;
    // The largest possible write.
    [[nodiscard]] std::size_t room_max() const { return options_.journal_file_bytes - file_header_size; }

    // Writes whole blocks from memory aligned to a block. Durable on return if Durability::sync.
    io::IoResult<void> write(ByteSpan blocks);
    io::IoResult<void> sync();
    // Moves on to a spare, if one is ready. After not_now there may be no room until a later call succeeds.
    Roll roll(TimestampMs now, io::IoError& error);
    // Records the position of the last command in the current file.
    void note_command(Lsn lsn) { last_command_.store(lsn.value(), std::memory_order_relaxed); }
    [[nodiscard]] bool is_direct() const { return direct_.load(std::memory_order_relaxed); }

    // Waits for a spare, or for stop_waiting. True if there is a spare.
    bool wait_for_spare(std::int64_t span_ms);
    void stop_waiting();

    // Recycles the oldest retained files as far as both positions cover them; the newest only if there is a current
    // file, because a store with a checkpoint must have a journal file. Returns true if a file was kept only because of
    // `applied`. After an error another call continues where this one ended.
    io::IoResult<bool> recycle(Lsn checkpoint, Lsn applied);

    // True while more spares are wanted and the pool may grow.
    [[nodiscard]] bool wants_spare() const;
    [[nodiscard]] bool has_spare() const;
    // Deletes every spare but one.
    io::IoResult<void> delete_extra_spares();
    // Waits until wants_spare, at most span_ms. False once stop_waiting was called.
    bool wait_until_wanted(std::int64_t span_ms);
    // Waits until the first file fills up, at most span_ms. False once stop_waiting was called.
    bool wait_until_filling(std::int64_t span_ms);
    // Waits span_ms, or until stop_waiting. False once stop_waiting was called.
    bool pause(std::int64_t span_ms);
    io::IoResult<void> prepare_spare();

    [[nodiscard]] std::size_t file_count() const;
    [[nodiscard]] std::size_t retained_count() const;
    // While half of the pool or more is retained: the end of the oldest file; otherwise Lsn(0). A process that is
    // killed again and again before its first checkpoint leaves one file a start, and a full pool makes no spares.
    [[nodiscard]] Lsn crowded_until() const;

private:
    bool wants_spare_locked() const REQUIRES(mutex_);
    std::string path_of(std::string_view name) const { return directory_ + "/" + std::string(name); }
    struct Block;
    // Writes a whole file of zeros after the header, if one is given; its content is durable, its name is not.
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

    // The current file; null after a start on a full disk.
    std::unique_ptr<io::File> file_;
    std::string path_;
    std::uint64_t generation_ = 0;
    std::uint64_t next_generation_ = 1;
    std::uint64_t file_size_ = 0;
    std::uint64_t offset_ = 0;
    bool is_filling_ = false;  // a quarter of the file is used
    Lsn first_lsn_;
    // A file that was renamed, while the rename is not known to be durable. Until then nothing may be written to the
    // file before it: after a crash, recovery would stop reading that file where this one begins.
    struct Entering {
        std::unique_ptr<io::File> file;
        std::string path;
        std::uint64_t generation = 0;
        std::uint64_t size = 0;
        Lsn first;
    };
    std::optional<Entering> entering_;
    // Used by the flusher's thread only: the new path of the oldest retained file, empty if it was unlinked, while the
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
