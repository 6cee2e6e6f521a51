#include "streams/records.h"

#include <algorithm>

#include "aws/gen/kinesis/errors.gen.h"
#include "base/sequence_number.h"
#include "base/try.h"
#include "streams/encryption.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

// Replaces the sealed data of the records from `first` on by what was sealed.
Result<void> open_records(const Service& service, const catalog::StreamState& stream, std::size_t first,
                          std::vector<api::Record>& records, OpenedData& opened) {
    if (const auto refused = service.data_keys.refusal(stream.key_id, stream, false)) return fail(*refused);
    for (std::size_t i = first; i < records.size(); ++i) {
        api::Record& record = records[i];
        auto data = service.data_keys.open(stream, record.partition_key.value_or(""), record.data);
        if (!data) return fail(errors::read_unavailable());
        record.data = opened.emplace_back(*std::move(data));
        record.encryption_type = api::EncryptionType::kms;
    }
    return {};
}

}  // namespace

Result<std::shared_ptr<const OpenedData>> fill_records(const Service& service, const catalog::StreamState& stream,
                                                       const catalog::ShardState& shard, const log::ReadResult& read,
                                                       std::vector<api::Record>& records) {
    std::shared_ptr<OpenedData> opened;
    records.reserve(read.record_count);
    SequenceNumber number;
    number.created_s = shard.created_s;
    number.shard_index = shard.index;
    for (const log::FrameSlice& slice : read.slices) {
        number.time_s = slice.frame->arrival().value() / 1000;
        const std::size_t first = records.size();
        for (const log::RecordView& record : slice.records()) {
            number.seq_ix = record.seq.value();
            api::Record& out = records.emplace_back();
            out.sequence_number = format_sequence_number(number).view();
            out.approximate_arrival_timestamp = record.arrival;
            out.data = record.data;
            // Empty: none was given, which only automatic distribution allows.
            if (!record.partition_key.empty()) out.partition_key = record.partition_key;
        }
        if (!slice.frame->is_sealed()) continue;
        if (opened == nullptr) {
            opened = std::make_shared<OpenedData>();
            opened->reserve(read.record_count);
        }
        TRY_VOID(open_records(service, stream, first, records, *opened));
    }
    return opened;
}

std::size_t encoded_size(const log::ReadResult& read) {
    constexpr std::size_t around_record = 256;  // names, sequence number, time, punctuation
    constexpr std::size_t around_reply = 1024;
    return read.payload_bytes / 3 * 4 + read.record_count * around_record + around_reply;
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
