// ShardReader: reads a shard from a position and waits for new records. Operations convert the records to the API's
// shape (records.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "core/task_fwd.h"
#include "log/record_log.h"
#include "streams/record_wait.h"
#include "streams/service.h"

namespace riacho::streams {

// A record of a ShardRead; its views live as long as that.
struct ReadRecord {
    log::SeqIx seq;
    TimestampMs arrival;
    std::string_view partition_key;  // empty: the producer sent none, which only automatic distribution allows
    std::string_view data;           // opened if it was sealed
    bool was_sealed = false;
};

// The records of one read, in the log's frames, which it keeps in memory.
struct ShardRead {
    log::ReadResult log;
    std::vector<std::string> opened;  // opened data of the sealed records, in their order

    // No record is left, and none will follow: the children come next.
    [[nodiscard]] bool is_end_of_shard() const { return log.at_tip && log.closed; }
    // The number of the first record; `next` when there is none.
    [[nodiscard]] log::SeqIx first() const { return log::SeqIx(log.next.value() - log.record_count); }
    // Calls visit(const ReadRecord&) for each record, in order.
    template <class Visit>
    void each_record(Visit visit) const;
};

// The decrypted data of a read's sealed records, in their order. Errors are those a client sees for the stream's key.
Result<std::vector<std::string>> open_sealed(const Service& service, const catalog::StreamState& stream,
                                             const log::ReadResult& read);

// The lag of the position after a read. AWS: 0 when no record is left, else the age of the next record (data-streams
// spec 4.7).
std::int64_t millis_behind(const log::ReadResult& read, TimestampMs now);

// A reader of one shard. Lives on one core; one read or wait at a time.
class ShardReader {
public:
    // shard.stream must not be null. Position 0 is before the first record.
    ShardReader(Service& service, core::Core& core, ShardRef shard, log::SeqIx position)
        : service_(service), core_(core), shard_(std::move(shard)), position_(position), wait_(service.log, core) {}

    // Reads the visible records from the position on. The position moves past expired records, but not past the
    // returned ones. Errors are those a client sees: a damaged or dropped shard, a disk that is not ready, the stream's
    // key.
    Task<Result<ShardRead>> read(log::ReadLimits limits);
    // Moves the position after the records before `next` were processed.
    void move_on(log::SeqIx next) { position_ = next; }
    // Waits until there may be records beyond the position, interrupt() is called, or the timeout is over. Call it
    // after a read that returned no record.
    Task<void> wait(std::int64_t timeout_ms);
    void interrupt() { wait_.interrupt(); }

    // Takes the newest state of the stream, for its retention, keys and children. False when the shard no longer
    // exists.
    bool refresh(StreamRef stream);
    // Whether the last read failed because the node was overloaded at that moment.
    [[nodiscard]] bool was_overloaded() const { return was_overloaded_; }
    [[nodiscard]] log::SeqIx position() const { return position_; }
    [[nodiscard]] const ShardRef& shard() const { return shard_; }
    [[nodiscard]] const catalog::StreamState& stream() const { return *shard_.stream; }

private:
    Service& service_;
    core::Core& core_;
    ShardRef shard_;
    log::SeqIx position_;
    // The last read returned no record although there should be some: a wait for new records would return at once.
    bool is_stuck_ = false;
    bool was_overloaded_ = false;
    RecordWait wait_;
};

template <class Visit>
void ShardRead::each_record(Visit visit) const {
    auto plain = opened.begin();
    for (const log::FrameSlice& slice : log.slices) {
        const bool is_sealed = slice.frame->is_sealed();
        for (const log::RecordView& record : slice.records()) {
            visit(ReadRecord{.seq = record.seq,
                             .arrival = record.arrival,
                             .partition_key = record.partition_key,
                             .data = is_sealed ? std::string_view(*plain++) : record.data,
                             .was_sealed = is_sealed});
        }
    }
}

}  // namespace riacho::streams
