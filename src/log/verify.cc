#include "log/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/crc32c.h"
#include "base/try.h"
#include "io/file_system.h"
#include "log/detail/format.h"
#include "log/detail/journal_scan.h"
#include "log/detail/recovery.h"
#include "log/detail/segments.h"

namespace riacho::log {
namespace {

using namespace detail;
using Severity = Finding::Severity;

class Verifier final : public JournalVisitor {
public:
    Verifier(const std::string& directory, io::FileSystem& fs, VerifyReport& report)
        : directory_(directory), fs_(fs), report_(report) {}

    void run() {
        const auto identity = read_store_file(fs_, directory_);
        if (!identity) return note(Severity::damage, directory_, 0, identity.error().message);
        if (!*identity) return note(Severity::damage, directory_, 0, "holds no riacho store");
        store_ = (*identity)->uuid;
        auto checkpoint = read_checkpoint(fs_, directory_, store_);
        if (!checkpoint) return note(Severity::damage, directory_, 0, checkpoint.error().message);
        checkpoint_ = checkpoint->value_or(Checkpoint{.store = store_, .lsn = first_journal_lsn});
        for (const CheckpointShard& shard : checkpoint_.shards) {
            next_[shard.shard] = shard.next;
            if (shard.damaged_from.value() != 0) {
                note(Severity::damage, directory_ + "/" + shard_directory(shard.shard), 0,
                     fmt::format("records from {} on were lost earlier", shard.damaged_from.value()));
            }
        }
        // The journal is verified first: it has the trims and drops whose files may be deleted before a checkpoint
        // covers them.
        verify_journal();
        verify_references();
        verify_segments();
        report_.shards = next_.size();
    }

    Expected<void, OpenError> on_frame(const JournalFile& file, const FrameHeader& header, ByteSpan bytes) override {
        const std::uint64_t offset = header.lsn.value() - file.header.first_lsn.value() + file_header_size;
        const bool is_covered = header.lsn < checkpoint_.lsn;
        // Records that a checkpoint covers are counted in their segments.
        count(header, !is_covered);
        if (header.kind == FrameKind::command) {
            const auto body = decode_command_body(bytes.subspan(frame_header_size, header.body_size), header.flags);
            if (!body) {
                note(Severity::damage, file.path, offset, "a command cannot be decoded");
            } else if (!is_covered) {
                for (const auto& create : body->effects.create) next_[create.shard] = create.first;
                for (const ShardUid shard : body->effects.drop) {
                    next_.erase(shard);
                    dropped_.insert(shard);
                }
                for (const auto& trim : body->effects.trim) note_trim(trim.shard, trim.first_available);
            }
        }
        if (header.kind == FrameKind::trim && !is_covered) note_trim(ShardUid(header.shard), SeqIx(header.base_seq));
        if (header.kind == FrameKind::segment_reference) return note_reference(file, header, bytes);
        if (header.kind != FrameKind::data) return {};
        auto memory = Frame::allocate(bytes.size());
        std::ranges::copy(bytes, memory.get());
        if (Frame::from_disk(header, std::move(memory)) == nullptr) {
            note(Severity::damage, file.path, offset, "a record in the frame is damaged");
        }
        if (!is_covered) note_numbers(file, header);
        return {};
    }

    Expected<void, OpenError> on_lost(const JournalFile& file, const LostFrames& lost) override {
        const std::uint64_t offset = lost.from.value() - file.header.first_lsn.value() + file_header_size;
        const std::uint64_t size = lost.to.value() - lost.from.value();
        if (lost.from < checkpoint_.lsn) {
            note(Severity::note, file.path, offset,
                 fmt::format("{} bytes are damaged; segments have what they held", size));
            return {};
        }
        note(Severity::damage, file.path, offset, fmt::format("{} bytes that were durable are damaged", size));
        return {};
    }

private:
    void note(Severity severity, const std::string& path, std::uint64_t offset, std::string message) {
        report_.findings.push_back({severity, path, offset, std::move(message)});
    }

    static std::uint64_t offset_of(const JournalFile& file, const FrameHeader& header) {
        return header.lsn.value() - file.header.first_lsn.value() + file_header_size;
    }

    // The numbers of a shard's records go on without a gap.
    void note_numbers(const JournalFile& file, const FrameHeader& header) {
        const std::uint64_t offset = offset_of(file, header);
        const auto shard = next_.find(ShardUid(header.shard));
        if (shard == next_.end()) {
            return note(Severity::damage, file.path, offset,
                        fmt::format("records of shard {}, which does not exist", header.shard));
        }
        if (header.base_seq != shard->second.value()) {
            note(Severity::damage, file.path, offset,
                 fmt::format("shard {} goes on with record {} instead of {}", header.shard, header.base_seq,
                             shard->second.value()));
        }
        shard->second = SeqIx(header.base_seq + header.record_count);
    }

    Expected<void, OpenError> note_reference(const JournalFile& file, const FrameHeader& header, ByteSpan bytes) {
        const auto reference = decode_reference(bytes.subspan(frame_header_size, header.body_size));
        if (!reference) {
            note(Severity::damage, file.path, offset_of(file, header), "a segment reference cannot be decoded");
        } else if (header.lsn >= checkpoint_.lsn) {
            note_numbers(file, header);
            references_.emplace_back(header, *reference);
        }
        return {};
    }

    // The frames that only the journal knows to be in segments.
    void verify_references() {
        for (const auto& [header, reference] : references_) {
            const ShardUid uid(header.shard);
            // Their files may be deleted.
            if (dropped_.contains(uid)) continue;
            const auto trim = trimmed_.find(uid);
            if (trim != trimmed_.end() && header.base_seq + header.record_count <= trim->second.value()) continue;
            const std::string path =
                directory_ + "/" + shard_directory(uid) + "/" + segment_file_name(reference.segment);
            const auto found = read_referenced(fs_, path, header, reference);
            if (found && found->frame != nullptr) {
                count(found->frame->header(), true);
                continue;
            }
            note(Severity::damage, path, reference.offset,
                 fmt::format("the frame of records {} to {} is damaged or missing", header.base_seq,
                             header.base_seq + header.record_count - 1));
        }
    }

    void note_trim(ShardUid shard, SeqIx first_available) {
        SeqIx& first = trimmed_[shard];
        first = std::max(first, first_available);
    }

    void count(const FrameHeader& header, bool has_new_records) {
        ++report_.frames;
        report_.bytes += header.size_on_disk();
        if (header.kind == FrameKind::data && has_new_records) report_.records += header.record_count;
    }

    void verify_journal() {
        const auto listing = list_journal(fs_, directory_, store_, 0);
        if (!listing) return note(Severity::damage, directory_ + "/journal", 0, listing.error().describe());
        for (const std::string& path : listing->bad) note(Severity::damage, path, 0, "the file's header is damaged");
        if (listing->files.empty())
            return note(Severity::damage, directory_ + "/journal", 0, "there is no journal file");
        report_.journal_files = listing->files.size();
        Lsn from = checkpoint_.lsn;
        const Lsn oldest = listing->files.front().header.first_lsn;
        if (oldest > checkpoint_.lsn) {
            note(Severity::damage, listing->files.front().path, 0, "the journal file before it is missing");
        }
        // Of a copy that was made while the server ran, parts are of different times.
        if (const auto chain = check_chain(*listing, checkpoint_, directory_ + "/journal"); !chain)
            note(Severity::damage, directory_ + "/journal", 0, chain.error().message);
        // Positions before the checkpoint are verified, too; replay may still need their commands.
        from = std::min(from, oldest);
        const auto end = scan_journal(fs_, listing->files, from, false, *this);
        if (!end) return note(Severity::damage, directory_ + "/journal", 0, end.error().message);
        report_.end = std::max(end->lsn, checkpoint_.lsn).value();
        if (end->truncated_bytes > 0) {
            note(Severity::note, listing->files.back().path, end->lsn.value(),
                 fmt::format("{} bytes of an interrupted write; never acknowledged", end->truncated_bytes));
        }
    }

    void verify_segments() {
        std::set<std::string> expected;
        for (const CheckpointShard& shard : checkpoint_.shards) {
            expected.insert(shard_directory(shard.shard));
            if (!dropped_.contains(shard.shard)) verify_shard(shard);
        }
        for (const ShardUid uid : checkpoint_.dropped) expected.insert(shard_directory(uid));
        for (const auto& [header, reference] : references_) expected.insert(shard_directory(ShardUid(header.shard)));
        const auto buckets = fs_.list(directory_ + "/data");
        if (!buckets) return note(Severity::damage, directory_ + "/data", 0, buckets.error().describe());
        for (const auto& bucket : *buckets) {
            const auto shards = fs_.list(directory_ + "/data/" + bucket.name);
            if (!shards) continue;
            for (const auto& shard : *shards) {
                const std::string name = "data/" + bucket.name + "/" + shard.name;
                if (expected.contains(name)) continue;
                note(Severity::note, directory_ + "/" + name, 0,
                     "of a shard that is newer than the last checkpoint, or was deleted");
            }
        }
    }

    void verify_shard(const CheckpointShard& shard) {
        const std::string directory = directory_ + "/" + shard_directory(shard.shard);
        std::vector<SeqIx> bases;
        if (const auto entries = fs_.list(directory)) {
            for (const auto& entry : *entries) {
                const auto base = parse_segment_file_name(entry.name);
                // Segments newer than the checkpoint do not count: the journal has their records, and the next start
                // makes them again.
                if (base && *base <= shard.last_base) bases.push_back(*base);
            }
        } else if (!entries.error().is_not_found()) {
            return note(Severity::damage, directory, 0, entries.error().describe());
        }
        std::ranges::sort(bases);
        const auto trim = trimmed_.find(shard.shard);
        const SeqIx first =
            trim == trimmed_.end() ? shard.first_available : std::max(shard.first_available, trim->second);
        SeqIx next = bases.empty() ? first : bases.front();
        if (next > first) {
            note(Severity::damage, directory, 0,
                 fmt::format("records {} to {} are missing", first.value(), next.value() - 1));
        }
        for (const SeqIx base : bases) {
            if (base != next && shard.damaged_from.value() == 0) {
                note(Severity::damage, directory, 0,
                     fmt::format("record {} is followed by {}", next.value() - 1, base.value()));
            }
            next = verify_segment(shard, base);
        }
        const bool is_complete = bases.empty() ? next >= shard.next : next == shard.next;
        if (!is_complete && shard.damaged_from.value() == 0) {
            note(Severity::damage, directory, 0,
                 fmt::format("the segments end before record {}, not {}", next.value(), shard.next.value()));
        }
    }

    // Returns the number after its last good record.
    SeqIx verify_segment(const CheckpointShard& shard, SeqIx base) {
        ++report_.segments;
        const std::string path = directory_ + "/" + shard_directory(shard.shard) + "/" + segment_file_name(base);
        const auto file = fs_.open(path, {});
        if (!file) {
            note(Severity::damage, path, 0, file.error().describe());
            return base;
        }
        const std::uint64_t size = (*file)->size().value_or(0);
        Bytes head(file_header_size);
        const std::size_t got = (*file)->pread(0, head).value_or(0);
        const auto header = decode_segment_header(ByteSpan(head).first(got));
        if (!header || header->store != store_ || header->shard != shard.shard || header->base != base ||
            header->shard_class != shard.shard_class) {
            note(Severity::damage, path, 0, "the header is damaged or another segment's");
        }
        const bool is_open = base == shard.active_base;
        std::uint64_t end = is_open ? shard.active_frames_end : size;
        std::optional<SegmentFooter> footer;
        if (!is_open) {
            std::array<std::byte, segment_footer_size> tail{};
            if (size >= file_header_size + tail.size()) {
                static_cast<void>((*file)->pread(size - tail.size(), tail));
                footer = decode_segment_footer(tail);
                end = size - tail.size();
            }
            if (!footer || footer->frames_end != end) note(Severity::damage, path, size, "the footer is damaged");
        } else if (size < end) {
            note(Severity::damage, path, size, "the file is shorter than the checkpoint says");
            end = size;
        }
        return verify_frames(**file, path, shard, base, std::max<std::uint64_t>(end, file_header_size), footer);
    }

    SeqIx verify_frames(io::File& file, const std::string& path, const CheckpointShard& shard, SeqIx base,
                        std::uint64_t end, const std::optional<SegmentFooter>& footer) {
        SegmentScanner scanner(file, shard.shard, file_header_size, end);
        SeqIx next = base;
        std::uint32_t headers_crc = 0;
        SegmentScanner::Step step{};
        while ((step = scanner.advance()) == SegmentScanner::Step::frame) {
            const FramePtr frame = scanner.load();
            if (frame == nullptr) {
                note(Severity::damage, path, scanner.position(), "a frame is damaged");
                next = SeqIx(scanner.header().base_seq + scanner.header().record_count);
                continue;
            }
            if (frame->first() != next) {
                note(Severity::damage, path, scanner.position(),
                     fmt::format("record {} is followed by {}", next.value() - 1, frame->first().value()));
            }
            count(scanner.header(), true);
            std::array<std::byte, 4> crc;
            put_le(crc.data(), scanner.header().header_crc);
            headers_crc = crc32c(crc, headers_crc);
            next = frame->next();
        }
        if (step != SegmentScanner::Step::end) note(Severity::damage, path, scanner.position(), "the frames end here");
        if (footer && (footer->next != next || footer->headers_crc != headers_crc)) {
            note(Severity::damage, path, end, "the footer tells of other frames");
        }
        return next;
    }

    const std::string& directory_;
    io::FileSystem& fs_;
    VerifyReport& report_;
    StoreUuid store_{};
    Checkpoint checkpoint_;
    std::map<ShardUid, SeqIx> next_;
    std::vector<std::pair<FrameHeader, SegmentReference>> references_;  // after the checkpoint
    std::map<ShardUid, SeqIx> trimmed_;                                 // by the journal after the checkpoint
    std::set<ShardUid> dropped_;                                        // likewise
};

}  // namespace

bool VerifyReport::is_damaged() const {
    return std::ranges::any_of(findings, [](const Finding& f) { return f.severity == Finding::Severity::damage; });
}

VerifyReport verify(const std::string& directory, io::FileSystem& fs) {
    VerifyReport report;
    const auto lock = fs.lock(directory + "/LOCK");
    if (!lock && lock.error().error == EWOULDBLOCK) {
        report.is_in_use = true;
        return report;
    }
    if (!lock) {
        report.findings.push_back({Severity::damage, directory, 0, lock.error().describe()});
        return report;
    }
    Verifier(directory, fs, report).run();
    return report;
}

}  // namespace riacho::log
