#include "streams/records.h"

#include "base/sequence_number.h"

namespace riacho::streams {

void fill_records(const catalog::ShardState& shard, const ShardRead& read, std::vector<api::Record>& records) {
    records.reserve(records.size() + read.log.record_count);
    SequenceNumber number;
    number.created_s = shard.created_s;
    number.shard_index = shard.index;
    read.each_record([&](const ReadRecord& record) {
        number.time_s = record.arrival.value() / 1000;
        number.seq_ix = record.seq.value();
        api::Record& out = records.emplace_back();
        out.sequence_number = format_sequence_number(number).view();
        out.approximate_arrival_timestamp = record.arrival;
        out.data = record.data;
        if (!record.partition_key.empty()) out.partition_key = record.partition_key;
        if (record.was_sealed) out.encryption_type = api::EncryptionType::kms;
    });
}

std::size_t encoded_size(const log::ReadResult& read) {
    constexpr std::size_t around_record = 256;  // size of names, sequence number, time, punctuation
    constexpr std::size_t around_reply = 1024;
    return read.payload_bytes / 3 * 4 + read.record_count * around_record + around_reply;
}

}  // namespace riacho::streams
