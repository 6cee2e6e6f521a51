#include "streams/records.h"

#include <algorithm>

#include "base/sequence_number.h"

namespace riacho::streams {

void fill_records(const log::ReadResult& read, const catalog::ShardState& shard,
                  std::vector<riacho::api::kinesis::Record>& records) {
    records.reserve(read.record_count);
    SequenceNumber number;
    number.created_s = shard.created_s;
    number.shard_index = shard.index;
    for (const log::FrameSlice& slice : read.slices) {
        number.time_s = slice.frame->arrival().value() / 1000;
        for (const log::RecordView& record : slice.records()) {
            number.seq_ix = record.seq.value();
            riacho::api::kinesis::Record& out = records.emplace_back();
            out.sequence_number = format_sequence_number(number).view();
            out.approximate_arrival_timestamp = record.arrival;
            out.data = record.data;
            out.partition_key = record.partition_key;
        }
    }
}

std::int64_t millis_behind(const log::ReadResult& read, TimestampMs now) {
    if (read.at_tip) return 0;
    const TimestampMs position = read.next_arrival     ? *read.next_arrival
                                 : read.slices.empty() ? now
                                                       : read.slices.back().frame->arrival();
    // A millisecond at least: 0 would claim that nothing is left.
    return std::max<std::int64_t>(1, now.value() - position.value());
}

}  // namespace riacho::streams
