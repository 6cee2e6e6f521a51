#include "log/detail/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <utility>

#include "base/try.h"
#include "core/log.h"
#include "core/rng.h"
#include "log/detail/journal_scan.h"

namespace riacho::log::detail {
namespace {

constexpr std::size_t replay_step = 16 << 20;

std::unexpected<OpenError> damaged(std::string message) {
    return fail(OpenError{OpenFault::damaged, std::move(message)});
}

// Replays the journal's frames through the sequencer and the flusher.
class Replay final : public JournalVisitor {
public:
    Replay(Store& store, Sequencer& sequencer, Flusher& flusher, const Checkpoint& checkpoint)
        : store_(store), sequencer_(sequencer), flusher_(flusher), checkpoint_(checkpoint) {}

    Expected<void, OpenError> on_frame(const JournalFile& file, const FrameHeader& header, ByteSpan bytes) override {
        if (store_.options.on_replay) store_.options.on_replay();
        const bool is_covered = header.lsn < checkpoint_.lsn;
        generation_ = file.header.generation;
        switch (header.kind) {
            case FrameKind::data:
                if (!is_covered) TRY_VOID(replay_data(file, header, bytes));
                break;
            case FrameKind::command:
                TRY_VOID(replay_command(file, header, bytes, is_covered));
                break;
            case FrameKind::trim:
                if (!is_covered) sequencer_.replay_trim(ShardUid(header.shard), SeqIx(header.base_seq));
                break;
            case FrameKind::group_trailer:
            case FrameKind::durable_mark:
                // A trailer holds the number of the next command, which reveals a lost command even if it was the last.
                if (!is_covered && header.shard != sequencer_.next_command()) return command_missing(file, header.lsn);
                if (!is_covered) return end_step(header.lsn.plus(header.size_on_disk()));
                break;
            case FrameKind::segment_reference:
                if (!is_covered) TRY_VOID(replay_reference(file, header, bytes));
                break;
            case FrameKind::checkpoint:
            case FrameKind::pad:
                break;
        }
        return {};
    }

    Expected<void, OpenError> on_lost(const JournalFile& file, const LostFrames& lost) override {
        core::log_line(core::LogLevel::error, "journal damaged",
                       {{"path", file.path}, {"from_lsn", lost.from.value()}, {"to_lsn", lost.to.value()}});
        for (const TrailerEntry& entry : lost.known) {
            if (lost.from < checkpoint_.lsn) break;
            if (entry.kind == FrameKind::command) return command_missing(file, lost.from);
            if (entry.kind != FrameKind::data && entry.kind != FrameKind::segment_reference) continue;
            const ShardPtr shard = sequencer_.find_shard(ShardUid(entry.shard));
            if (shard == nullptr || shard->sequencing.next.value() > entry.base_seq) continue;
            sequencer_.mark_damaged(ShardUid(entry.shard), shard->sequencing.next,
                                    SeqIx(entry.base_seq + entry.record_count));
        }
        if (!lost.is_complete && lost.from >= checkpoint_.lsn) suspect_all(lost);
        return {};
    }

    void finish(Lsn end) {
        for (const ShardUid uid : suspects_) {
            const ShardPtr shard = sequencer_.find_shard(uid);
            if (shard == nullptr) continue;
            const SeqIx next = shard->sequencing.next;
            sequencer_.mark_damaged(uid, next, next.plus(lost_records_max_));
        }
        sequencer_.replay_end(end, generation_);
    }
    // The position of the last command in each file, by generation.
    [[nodiscard]] const std::map<std::uint64_t, Lsn>& last_commands() const { return last_commands_; }
    // The size of the frames that were read from segments.
    [[nodiscard]] std::uint64_t referenced_bytes() const { return referenced_bytes_; }
    // The number of the first command that was found, 0 if there was none.
    [[nodiscard]] std::uint64_t first_command() const { return first_command_; }

private:
    // For lost records of unknown shards. A shard that has later records shows a gap in its numbers; any other open
    // shard may have lost as many records as the lost bytes could hold, and those numbers must not be assigned again.
    void suspect_all(const LostFrames& lost) {
        // A reference stands for more records than fit into its place.
        constexpr std::size_t records_max = frame_body_size_max / BatchBuilder::record_size_min;
        const std::uint64_t lost_bytes = lost.to.value() - lost.from.value();
        lost_records_max_ += (lost_bytes / (frame_header_size + reference_body_size) + 1) * records_max;
        suspects_.clear();
        for (const ShardPtr& shard : store_.shards.all()) {
            if (!shard->sequencing.closed) suspects_.insert(shard->uid);
        }
    }

    std::unexpected<OpenError> command_missing(const JournalFile& file, Lsn lsn) {
        return damaged(fmt::format("{} is damaged near position {}: a command that later ones depend on is lost",
                                   file.path, lsn.value()));
    }

    // The shard of records in the journal; their numbers follow what it has, or there is a gap.
    Expected<ShardPtr, OpenError> shard_of(const JournalFile& file, const FrameHeader& header) {
        const ShardUid uid(header.shard);
        ShardPtr shard = sequencer_.find_shard(uid);
        if (shard == nullptr) {
            return damaged(fmt::format("{} holds records of shard {} at position {}, which was never created",
                                       file.path, header.shard, header.lsn.value()));
        }
        suspects_.erase(uid);
        const SeqIx expected = shard->sequencing.next;
        if (header.base_seq < expected.value()) {
            return damaged(fmt::format("{} repeats record {} of shard {} at position {}", file.path, header.base_seq,
                                       header.shard, header.lsn.value()));
        }
        if (header.base_seq > expected.value()) sequencer_.mark_damaged(uid, expected, SeqIx(header.base_seq));
        return shard;
    }

    Expected<void, OpenError> replay_data(const JournalFile& file, const FrameHeader& header, ByteSpan bytes) {
        if ((header.flags & ~frame_flag_sealed) != 0) {
            return fail(
                OpenError{OpenFault::configuration,
                          fmt::format("{} holds compressed records, which this version cannot read", file.path)});
        }
        TRY(const ShardPtr shard, shard_of(file, header));
        auto memory = Frame::allocate(bytes.size());
        std::ranges::copy(bytes, memory.get());
        FramePtr frame = Frame::from_disk(header, std::move(memory));
        if (frame == nullptr) {
            sequencer_.mark_damaged(shard->uid, SeqIx(header.base_seq), SeqIx(header.base_seq + header.record_count));
            return {};
        }
        step_bytes_ += bytes.size();
        sequencer_.replay_data(std::move(frame));
        return {};
    }

    // The frame was durable in its segment before the reference was written: if it cannot be read, it is damaged.
    Expected<void, OpenError> replay_reference(const JournalFile& file, const FrameHeader& header, ByteSpan bytes) {
        const auto reference = decode_reference(bytes.subspan(frame_header_size, header.body_size));
        if (!reference) {
            return damaged(fmt::format("{} holds an invalid reference at position {}", file.path, header.lsn.value()));
        }
        TRY(const ShardPtr shard, shard_of(file, header));
        store_.segments.claim(*shard, reference->segment);
        auto found =
            read_referenced(store_.fs, store_.segments.segment_path(*shard, reference->segment), header, *reference);
        if (!found) return fail(to_open_error(found.error()));
        if (found->frame != nullptr) {
            step_bytes_ += found->frame->bytes().size();
            referenced_bytes_ += found->frame->bytes().size();
            sequencer_.replay_direct(std::move(found->frame), *reference, header.lsn);
            return {};
        }
        sequencer_.mark_damaged(shard->uid, SeqIx(header.base_seq), SeqIx(header.base_seq + header.record_count),
                                found->is_in_place ? *reference : SegmentReference{});
        return {};
    }

    Expected<void, OpenError> replay_command(const JournalFile& file, const FrameHeader& header, ByteSpan bytes,
                                             bool is_covered) {
        const auto body = decode_command_body(bytes.subspan(frame_header_size, header.body_size), header.flags);
        if (!body) return command_missing(file, header.lsn);
        if (is_covered ? (seen_command_ != 0 && header.base_seq != seen_command_ + 1)
                       : header.base_seq != sequencer_.next_command()) {
            return command_missing(file, header.lsn);
        }
        seen_command_ = header.base_seq;
        if (first_command_ == 0) first_command_ = header.base_seq;
        last_commands_[file.header.generation] = header.lsn;
        sequencer_.replay_command(header.lsn, *body, !is_covered);
        return {};
    }

    // Bounds memory: when much was replayed, it is moved to segments and evicted from the cache. Smaller amounts are
    // left to the flusher, to keep the start short.
    Expected<void, OpenError> end_step(Lsn end) {
        if (step_bytes_ < replay_step) return {};
        step_bytes_ = 0;
        sequencer_.replay_end(end, generation_);
        if (store_.counters.dirty_bytes <= store_.options.cache_bytes / 2) return {};
        if (flusher_.process()) flusher_.checkpoint();
        if (store_.is_poisoned()) return fail(OpenError{OpenFault::io, store_.failure()});
        return {};
    }

    Store& store_;
    Sequencer& sequencer_;
    Flusher& flusher_;
    const Checkpoint& checkpoint_;
    std::uint64_t generation_ = checkpoint_.generation;
    std::uint64_t seen_command_ = 0;
    std::uint64_t first_command_ = 0;
    std::size_t step_bytes_ = 0;
    std::uint64_t referenced_bytes_ = 0;
    std::set<ShardUid> suspects_;
    std::uint64_t lost_records_max_ = 0;
    std::map<std::uint64_t, Lsn> last_commands_;
};

io::IoResult<void> write_store_file(Store& store, const StoreFile& identity) {
    return io::replace_file(store.fs, store.options.directory, store_file_name, encode_store_file(identity));
}

io::IoResult<void> make_store(Store& store, core::Rng& rng) {
    StoreFile identity{.created = store.clock.now()};
    rng.fill(identity.uuid);
    TRY_VOID(write_store_file(store, identity));
    store.uuid = identity.uuid;
    return {};
}

// Must run before anything is written that an older version cannot read. Existing files stay readable.
Expected<void, OpenError> upgrade(Store& store) {
    TRY(auto identity, read_store_file(store.fs, store.options.directory));
    if (!identity || identity->format == store_format) return {};
    core::log_line(core::LogLevel::info, "store upgraded",
                   {{"from_version", identity->format}, {"to_version", store_format}});
    identity->format = store_format;
    if (const auto written = write_store_file(store, *identity); !written) return fail(to_open_error(written.error()));
    return {};
}

// Creates the directories and the identity of a store, as far as they are missing.
Expected<void, OpenError> prepare_store(Store& store, core::Rng& rng) {
    const std::string& directory = store.options.directory;
    // The directories are made before the STORE file, whose directory sync covers them. A crash may keep the STORE file
    // alone: then they are made at the next start.
    for (const char* name : {"/journal", "/data"}) {
        if (const auto made = store.fs.mkdir(directory + name); !made) return fail(to_open_error(made.error()));
    }
    TRY(const auto identity, read_store_file(store.fs, directory));
    if (identity) {
        store.uuid = identity->uuid;
        return {};
    }
    if (const auto made = make_store(store, rng); !made) return fail(to_open_error(made.error()));
    return {};
}

// Refuses journal files with a damaged header, unless the checkpoint covers all of such a file.
Expected<void, OpenError> judge_bad_headers(const JournalListing& listing, const Checkpoint& checkpoint) {
    for (const std::string& path : listing.bad) {
        const auto generation = parse_journal_file_name(path.substr(path.rfind('/') + 1));
        const auto next = std::ranges::find_if(
            listing.files, [&](const JournalFile& file) { return file.header.generation > generation.value_or(0); });
        if (next == listing.files.end() || next->header.first_lsn > checkpoint.lsn) {
            return damaged(fmt::format("{} has a damaged header", path));
        }
        core::log_line(core::LogLevel::warn, "damaged journal file ignored, its content is in segments",
                       {{"path", path}});
    }
    return {};
}

// The start of the scan: the checkpoint, or an earlier position if the applier still needs earlier commands.
Lsn scan_start(const JournalListing& listing, const Checkpoint& checkpoint, Lsn applied) {
    if (checkpoint.last_command_lsn <= applied || listing.files.empty()) return checkpoint.lsn;
    return std::min(listing.files.front().header.first_lsn, checkpoint.lsn);
}

// Checks that the applier's store and the journal agree: commands are stored by the applier only after they are durable
// in the journal, and leave the journal only after they are stored.
Expected<void, OpenError> check_applied(const Store& store, std::uint64_t next_command, std::uint64_t first_command,
                                        Lsn end) {
    const Lsn applied = store.applier.applied_lsn();
    const std::string& directory = store.options.directory;
    if (applied.value() != 0 && applied >= end) {
        return damaged(
            fmt::format("the journal in {} ends at position {}, but commands up to {} were stored: one of the "
                        "two comes from elsewhere",
                        directory, end.value(), applied.value()));
    }
    if (applied.value() == 0 && next_command > 1 && first_command != 1) {
        return damaged(
            fmt::format("the journal in {} no longer has the first of its commands, and what was stored of "
                        "them is lost",
                        directory));
    }
    return {};
}

std::vector<RetainedFile> retained_files(const JournalListing& listing, Lsn end,
                                         const std::map<std::uint64_t, Lsn>& commands) {
    std::vector<RetainedFile> files;
    for (std::size_t i = 0; i < listing.files.size(); ++i) {
        const JournalFile& file = listing.files[i];
        const auto command = commands.find(file.header.generation);
        files.push_back({.generation = file.header.generation,
                         .path = file.path,
                         .file_size = file.header.file_size,
                         .end = i + 1 < listing.files.size() ? listing.files[i + 1].header.first_lsn : end,
                         .last_command = command == commands.end() ? Lsn(0) : command->second});
    }
    return files;
}

Expected<Checkpoint, OpenError> load_checkpoint(Store& store, const JournalListing& listing) {
    TRY(auto stored, read_checkpoint(store.fs, store.options.directory, store.uuid));
    if (stored) {
        if (listing.files.empty() && listing.bad.empty()) {
            return damaged(fmt::format("{}/journal holds no journal file", store.options.directory));
        }
        return *std::move(stored);
    }
    if (!listing.files.empty() && listing.files.front().header.first_lsn != first_journal_lsn) {
        return damaged(fmt::format("{}/{} is missing", store.options.directory, checkpoint_file_name));
    }
    return Checkpoint{.store = store.uuid, .lsn = first_journal_lsn};
}

}  // namespace

Expected<void, OpenError> check_chain(const JournalListing& listing, const Checkpoint& checkpoint,
                                      const std::string& journal_directory) {
    if (!listing.files.empty() && listing.files.back().header.generation < checkpoint.generation) {
        return damaged(fmt::format("{}/{}, of which {} tells, is missing", journal_directory,
                                   journal_file_name(checkpoint.generation), checkpoint_file_name));
    }
    for (std::size_t i = 1; i < listing.files.size(); ++i) {
        const JournalHeader& header = listing.files[i].header;
        const std::uint64_t before = listing.files[i - 1].header.generation;
        if (header.prev_generation != before && header.first_lsn > checkpoint.lsn) {
            return damaged(fmt::format("{} follows generation {}, which is missing", listing.files[i].path,
                                       header.prev_generation));
        }
    }
    return {};
}

Expected<std::optional<StoreFile>, OpenError> read_store_file(io::FileSystem& fs, const std::string& directory) {
    const std::string path = directory + "/" + std::string(store_file_name);
    const auto bytes = io::read_file(fs, path, 4096);
    if (!bytes) {
        if (bytes.error().is_not_found()) return std::optional<StoreFile>();
        return fail(to_open_error(bytes.error()));
    }
    auto identity = decode_store_file(*bytes);
    if (!identity || identity->format == 0) return damaged(fmt::format("{} is damaged", path));
    if (identity->format > store_format) {
        return fail(OpenError{OpenFault::configuration,
                              fmt::format("{} is of a store of version {}; this riacho reads versions up to {}", path,
                                          identity->format, store_format)});
    }
    return identity;
}

Expected<std::optional<Checkpoint>, OpenError> read_checkpoint(io::FileSystem& fs, const std::string& directory,
                                                               const StoreUuid& store) {
    const std::string path = directory + "/" + std::string(checkpoint_file_name);
    const auto bytes = io::read_file(fs, path, 1U << 30);
    if (!bytes) {
        if (bytes.error().is_not_found()) return std::optional<Checkpoint>();
        return fail(to_open_error(bytes.error()));
    }
    auto checkpoint = decode_checkpoint(*bytes);
    if (!checkpoint || checkpoint->store != store) return damaged(fmt::format("{} is damaged", path));
    return checkpoint;
}

Expected<void, OpenError> recover(Store& store, Sequencer& sequencer, Flusher& flusher, core::Rng& rng) {
    const std::int64_t start = store.clock.monotonic().value();
    TRY_VOID(prepare_store(store, rng));
    store.segments.set_store(store.uuid);
    const auto& options = store.options;
    const auto listing = list_journal(store.fs, options.directory, store.uuid, options.journal_file_bytes);
    if (!listing) return fail(to_open_error(listing.error()));
    TRY(const Checkpoint checkpoint, load_checkpoint(store, *listing));
    TRY_VOID(judge_bad_headers(*listing, checkpoint));
    TRY_VOID(check_chain(*listing, checkpoint, options.directory + "/journal"));
    TRY_VOID(upgrade(store));
    for (const CheckpointShard& shard : checkpoint.shards) sequencer.restore_shard(shard);
    sequencer.restore_commands(checkpoint.next_command, checkpoint.last_command_lsn, checkpoint.last_command_now);
    flusher.restore(checkpoint);

    Replay replay(store, sequencer, flusher, checkpoint);
    const Lsn from = scan_start(*listing, checkpoint, store.applier.applied_lsn());
    TRY(const JournalEnd end, scan_journal(store.fs, listing->files, from, true, replay));
    const Lsn position = std::max(end.lsn, checkpoint.lsn);
    TRY_VOID(check_applied(store, sequencer.next_command(), replay.first_command(), position));
    replay.finish(position);
    store.recovered_time = sequencer.newest_time();
    store.counters.recovery_truncated_bytes = end.truncated_bytes;

    for (const std::string& path : listing->leftovers) {
        if (const auto gone = store.fs.unlink(path); !gone) return fail(to_open_error(gone.error()));
    }
    store.journal.adopt(store.uuid, retained_files(*listing, position, replay.last_commands()), listing->spares,
                        listing->generation_max + 1);
    // A new file, never the rest of an earlier process's file: bytes after that file's end are invalid by their
    // generation.
    if (const auto started = store.journal.start(position, store.clock.now()); !started) {
        return fail(to_open_error(started.error()));
    }
    store.sample_space();
    store.counters.recovery_us = (store.clock.monotonic().value() - start) / 1000;
    if (store.counters.recovery_replayed_bytes > 0 || end.truncated_bytes > 0) {
        core::log_line(core::LogLevel::info, "journal replayed",
                       {{"bytes", store.counters.recovery_replayed_bytes.load()},
                        {"truncated_bytes", end.truncated_bytes},
                        {"read_bytes", end.read_bytes + replay.referenced_bytes()},
                        {"ms", store.counters.recovery_us.load() / 1000}});
    }
    return {};
}

}  // namespace riacho::log::detail
