// The state of an engine as chunks (docs/formats/analytics.md): deltas since the last collect, then images of the
// partitions of groups that were written longest ago (design 6.2).
#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/codec.h"
#include "base/crc32c.h"
#include "base/try.h"
#include "sql/exec/engine_impl.h"
#include "sql/exec/tumble.h"

namespace riacho::sql {
namespace {

constexpr std::uint32_t magic = 0x4C51'5352;  // "RSQL"
constexpr std::uint8_t format_version = 1;
constexpr std::size_t chunk_size_max = 1'000'000;
constexpr std::size_t section_size = 64 * 1024;  // groups are cut into sections of about so much
constexpr std::uint8_t flag_last = 1;            // the collect ends with this chunk

enum class Section : std::uint8_t { engine = 1, tumble = 2, groups = 3, merge = 4 };

// Identifies operators of a program; equivalent ones are distinguished by their order.
class OperatorIds {
public:
    std::uint64_t next(std::uint64_t fingerprint) { return fingerprint + seen_[fingerprint]++; }

private:
    std::map<std::uint64_t, std::uint64_t> seen_;
};

class ChunkWriter {
public:
    ChunkWriter(ChunkSink& sink, std::uint64_t& number, Fingerprint program)
        : sink_(sink), number_(number), program_(program) {}

    void section(Section kind, std::uint64_t id, const std::string& body) {
        if (sections_ > 0 && out_.bytes().size() + body.size() > chunk_size_max) flush(false);
        if (sections_++ == 0) begin();
        out_.number(static_cast<std::uint8_t>(kind));
        out_.number(id);
        out_.text(body);
        written_ += body.size();
    }
    // The chunk that a section of this size will go into.
    [[nodiscard]] std::uint64_t number_of_next(std::size_t size) const {
        return sections_ > 0 && out_.bytes().size() + size > chunk_size_max ? number_ + 1 : number_;
    }
    void finish() { flush(true); }
    [[nodiscard]] std::size_t written() const { return written_; }

private:
    void begin() {
        out_.number(magic);
        out_.number(format_version);
        out_.number(number_);
        out_.number(program_.value);
    }
    void flush(bool last) {
        out_.number(std::uint8_t{0});  // no section
        out_.number(last ? flag_last : std::uint8_t{0});
        out_.number(crc32c(as_bytes(out_.bytes())));
        sink_.chunk(out_.take());
        out_ = Encoder();
        sections_ = 0;
        ++number_;
    }

    ChunkSink& sink_;
    std::uint64_t& number_;
    Fingerprint program_;
    Encoder out_;
    std::size_t sections_ = 0;
    std::size_t written_ = 0;
};

struct Groups {
    const exec::Tumble& tumble;
    std::uint64_t id;
};

// Writes the groups of `list`, those from `new_from` on with their keys. `placed(group, chunk)` is called with the
// chunk of each.
template <class F>
void write_groups(ChunkWriter& writer, const Groups& groups, std::span<const std::uint32_t> list,
                  std::uint32_t new_from, F placed) {
    std::size_t at = 0;
    while (at < list.size()) {
        Encoder body;
        const std::size_t begin = at;
        for (; at < list.size() && body.bytes().size() < section_size; ++at) {
            body.varint(list[at]);
            body.number(static_cast<std::uint8_t>(list[at] >= new_from));
            groups.tumble.encode_group(list[at], list[at] >= new_from, body);
        }
        Encoder section;
        section.varint(groups.tumble.epoch());
        section.varint(at - begin);
        std::string bytes = section.take() + body.take();
        const std::uint64_t chunk = writer.number_of_next(bytes.size());
        for (std::size_t i = begin; i < at; ++i) placed(list[i], chunk);
        writer.section(Section::groups, groups.id, bytes);
    }
}

std::vector<std::uint32_t> numbers(std::uint32_t from, std::uint32_t to) {
    std::vector<std::uint32_t> list;
    for (std::uint32_t i = from; i < to; ++i) list.push_back(i);
    return list;
}

}  // namespace

Collected Engine::Impl::collect(ChunkSink& sink, const CollectBudget& budget) {
    RIACHO_CHECK(idle() && emitted.empty(), "collect() is for between turns: rows in queues are in no chunk");
    Collected result;
    result.first = next_chunk;
    ChunkWriter writer(sink, next_chunk, program->fingerprint());
    const std::vector<exec::Tumble*> all = tumbles();
    OperatorIds ids;
    std::vector<std::uint64_t> tumble_ids;
    for (const exec::Tumble* tumble : all) tumble_ids.push_back(ids.next(tumble->node()->fingerprint.value));

    for (std::size_t i = 0; i < all.size(); ++i) {
        PartitionLog& log = partitions[i];
        if (log.epoch != all[i]->epoch() || all[i]->groups() == 0) log = {all[i]->epoch(), {}, 0};
        const auto dirty = all[i]->take_dirty();
        write_groups(writer, {*all[i], tumble_ids[i]}, dirty, log.groups,
                     [&](std::uint32_t group, std::uint64_t chunk) {
                         const std::size_t partition = group / exec::Tumble::partition_groups;
                         if (partition >= log.base.size()) log.base.resize(partition + 1, chunk);
                     });
        log.groups = all[i]->groups();
    }

    // Candidates for images, the oldest first.
    struct Candidate {
        std::uint64_t base;
        std::size_t tumble;
        std::uint32_t partition;
    };
    std::vector<Candidate> candidates;
    for (std::size_t i = 0; i < all.size(); ++i) {
        for (std::uint32_t p = 0; p < partitions[i].base.size(); ++p) {
            if (partitions[i].base[p] < result.first) candidates.push_back({partitions[i].base[p], i, p});
        }
    }
    std::ranges::sort(candidates, [](const Candidate& a, const Candidate& b) {
        return std::tie(a.base, a.tumble, a.partition) < std::tie(b.base, b.tumble, b.partition);
    });
    const std::size_t deltas = writer.written();
    const std::size_t image_size = std::clamp(deltas, budget.size_min, std::max(budget.size_min, budget.size_max));
    for (const Candidate& next : candidates) {
        if (writer.written() - deltas >= image_size) break;
        const std::uint32_t from = next.partition * exec::Tumble::partition_groups;
        const auto list = numbers(from, std::min(from + exec::Tumble::partition_groups, all[next.tumble]->groups()));
        std::uint64_t first = 0;
        write_groups(writer, {*all[next.tumble], tumble_ids[next.tumble]}, list, 0,
                     [&](std::uint32_t, std::uint64_t chunk) {
                         if (first == 0) first = chunk;
                     });
        partitions[next.tumble].base[next.partition] = first;
    }

    for (std::size_t i = 0; i < all.size(); ++i) {
        Encoder body;
        all[i]->encode_scalars(body);
        writer.section(Section::tumble, tumble_ids[i], body.take());
    }
    OperatorIds merge_ids;
    for (const auto& next : operators) {
        const exec::MergeBuffer* merge = next->as_merge();
        if (merge == nullptr) continue;
        Encoder body;
        merge->encode(body);
        writer.section(Section::merge, merge_ids.next(next->node()->fingerprint.value), body.take());
    }
    Encoder body;
    body.time(context.times.started_at);
    body.time(context.times.wall_now);
    body.varint(streams.size());
    for (std::size_t i = 0; i < streams.size(); ++i) {
        body.text(program->plan().streams[i].name);
        body.varint(streams[i].next_ordinal);
        body.time(streams[i].bound);
        body.time(streams[i].last_row);
        Encoder merge;
        if (streams[i].merge) streams[i].merge->encode(merge);
        body.text(merge.bytes());
    }
    body.varint(inserts.size());
    for (const exec::Insert* insert : inserts) {
        body.number(insert->plan_pump().fingerprint.value);
        body.time(insert->last_written());
    }
    context.errors.encode(body);
    writer.section(Section::engine, 0, body.take());
    result.last = next_chunk;
    writer.finish();

    result.first_needed = result.first;
    for (const PartitionLog& log : partitions) {
        for (const std::uint64_t base : log.base) result.first_needed = std::min(result.first_needed, base);
    }
    return result;
}

namespace {

struct Chunk {
    std::uint64_t number = 0;
    std::uint64_t program = 0;
    bool last = false;
    struct Part {
        std::uint8_t kind;
        std::uint64_t id;
        std::string_view body;
    };
    std::vector<Part> parts;
};

Expected<Chunk, RestoreError> parse_chunk(std::string_view bytes) {
    if (bytes.size() < 4 + 1 + 8 + 8 + 2 + 4) return fail(RestoreError::damaged);
    Decoder tail(bytes.substr(bytes.size() - 4));
    if (crc32c(as_bytes(bytes.substr(0, bytes.size() - 4))) != tail.number<std::uint32_t>())
        return fail(RestoreError::damaged);
    Decoder in(bytes.substr(0, bytes.size() - 4));
    if (in.number<std::uint32_t>() != magic) return fail(RestoreError::damaged);
    if (in.number<std::uint8_t>() != format_version) return fail(RestoreError::other_version);
    Chunk chunk;
    chunk.number = in.number<std::uint64_t>();
    chunk.program = in.number<std::uint64_t>();
    while (true) {
        Chunk::Part part{};
        part.kind = in.number<std::uint8_t>();
        if (part.kind == 0) break;
        part.id = in.number<std::uint64_t>();
        part.body = in.text();
        if (!in.ok()) return fail(RestoreError::damaged);
        chunk.parts.push_back(part);
    }
    chunk.last = (in.number<std::uint8_t>() & flag_last) != 0;
    if (!in.ok() || in.left() != 0) return fail(RestoreError::damaged);
    return chunk;
}

// Adds the groups of a section to their Tumble; groups of an earlier window are skipped.
bool apply_groups(exec::Tumble& tumble, std::string_view body) {
    Decoder in(body);
    const std::uint64_t epoch = in.varint();
    const std::size_t count = in.count();
    if (!in.ok()) return false;
    if (epoch < tumble.epoch()) return true;
    tumble.begin_epoch(epoch);
    for (std::size_t i = 0; i < count && in.ok(); ++i) {
        const std::uint64_t group = in.varint();
        const auto with_key = in.number<std::uint8_t>();
        constexpr std::uint64_t groups_max = std::uint64_t{1} << 28;
        if (group >= groups_max || with_key > 1) return false;
        tumble.decode_group(static_cast<std::uint32_t>(group), with_key == 1, in);
    }
    return in.ok() && in.left() == 0;
}

}  // namespace

Expected<void, RestoreError> Engine::Impl::restore(ChunkSource& source) {
    const std::vector<exec::Tumble*> all = tumbles();
    std::map<std::uint64_t, exec::Tumble*> by_id;
    OperatorIds ids;
    for (exec::Tumble* tumble : all) by_id[ids.next(tumble->node()->fingerprint.value)] = tumble;
    std::map<std::uint64_t, exec::MergeBuffer*> merges;
    OperatorIds merge_ids;
    for (const auto& next : operators) {
        if (exec::MergeBuffer* merge = next->as_merge())
            merges[merge_ids.next(next->node()->fingerprint.value)] = merge;
    }

    std::uint64_t first_chunk = 0;
    std::uint64_t last_chunk = 0;
    bool complete = false;
    bool any_state = false;
    bool any_known = false;
    bool same_program = true;
    // The sections of the last collect, with all operators that existed then: operators without one were removed from
    // the program, and their groups in older chunks must not return.
    std::map<std::pair<std::uint8_t, std::uint64_t>, std::string> scalars;
    while (const auto bytes = source.next()) {
        TRY(const Chunk chunk, parse_chunk(*bytes));
        if (first_chunk == 0) {
            first_chunk = chunk.number;
        } else if (chunk.number != last_chunk + 1) {
            return fail(RestoreError::damaged);
        }
        last_chunk = chunk.number;
        if (complete) scalars.clear();
        complete = chunk.last;
        same_program = chunk.program == program->fingerprint().value;
        for (const Chunk::Part& part : chunk.parts) {
            if (part.kind != static_cast<std::uint8_t>(Section::groups)) {
                scalars[{part.kind, part.id}] = part.body;
                continue;
            }
            any_state = true;
            const auto known = by_id.find(part.id);
            if (known == by_id.end()) continue;
            any_known = true;
            if (!apply_groups(*known->second, part.body)) return fail(RestoreError::damaged);
        }
        if (!complete) continue;
        for (const auto& [id, tumble] : by_id) {
            if (!scalars.contains({static_cast<std::uint8_t>(Section::tumble), id})) tumble->forget();
        }
    }
    if (first_chunk == 0 || !complete) return fail(RestoreError::damaged);
    if (any_state && !any_known && !same_program) return fail(RestoreError::other_program);

    // The times come first: windows depend on them.
    const auto engine = scalars.find({static_cast<std::uint8_t>(Section::engine), 0});
    if (engine == scalars.end()) return fail(RestoreError::damaged);
    Decoder in(engine->second);
    context.times.started_at = in.time();
    context.times.wall_now = std::max(context.times.wall_now, in.time());
    for (auto& [id, tumble] : by_id) {
        const auto found = scalars.find({static_cast<std::uint8_t>(Section::tumble), id});
        if (found == scalars.end()) continue;
        Decoder window(found->second);
        tumble->decode_scalars(window);
        if (!window.ok()) return fail(RestoreError::damaged);
    }
    for (auto& [id, merge] : merges) {
        const auto found = scalars.find({static_cast<std::uint8_t>(Section::merge), id});
        if (found == scalars.end()) continue;
        Decoder held(found->second);
        merge->decode(held);
        if (!held.ok()) return fail(RestoreError::damaged);
    }
    const std::size_t stream_count = in.count();
    for (std::size_t i = 0; i < stream_count && in.ok(); ++i) {
        const auto stream = program->find_stream(in.text());
        const std::uint64_t ordinal = in.varint();
        const RowTime bound = in.time();
        const RowTime last_row = in.time();
        const std::string_view merge = in.text();
        if (!stream) continue;
        exec::StreamNode& node = streams[stream->value()];
        node.next_ordinal = ordinal;
        // The times of streams: of inputs always, of others only if the program is the same.
        if (!same_program && !program->streams()[stream->value()].is_input) continue;
        node.bound = bound;
        node.last_row = last_row;
        if (!same_program || !node.merge) continue;
        Decoder held(merge);
        node.merge->decode(held);
        if (!held.ok()) return fail(RestoreError::damaged);
    }
    const std::size_t insert_count = in.count();
    for (std::size_t i = 0; i < insert_count && in.ok(); ++i) {
        const auto fingerprint = in.number<std::uint64_t>();
        const RowTime written = in.time();
        for (exec::Insert* insert : inserts) {
            if (insert->plan_pump().fingerprint.value == fingerprint) insert->set_last_written(written);
        }
    }
    context.errors.decode(in);
    if (!in.ok()) return fail(RestoreError::damaged);

    // All chunks read are needed until there are newer images.
    for (std::size_t i = 0; i < all.size(); ++i) {
        const std::uint32_t groups = all[i]->groups();
        const std::size_t count = (groups + exec::Tumble::partition_groups - 1) / exec::Tumble::partition_groups;
        partitions[i] = {all[i]->epoch(), std::vector<std::uint64_t>(count, first_chunk), groups};
    }
    next_chunk = last_chunk + 1;
    return {};
}

}  // namespace riacho::sql
