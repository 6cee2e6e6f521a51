#include "streams/records.h"

#include <cstdint>

#include "base/sequence_number.h"

namespace riacho::streams {
namespace {

// A read of many megabytes is not in the caches, and records are too far apart for the CPU to foresee the next one's
// head. Records of about equal size are foreseen here; elsewhere the hint costs nothing and does nothing.
void prefetch_beyond(const char* data, const char*& previous) {
    constexpr std::uintptr_t records_ahead = 8;
    const auto at = reinterpret_cast<std::uintptr_t>(data);
    const std::uintptr_t stride = at - reinterpret_cast<std::uintptr_t>(previous);
    previous = data;
    const std::uintptr_t ahead = at + records_ahead * stride;
    // The line of the data's first byte, and the one before: the record's head and its key.
    __builtin_prefetch(reinterpret_cast<const void*>(ahead));
    __builtin_prefetch(reinterpret_cast<const void*>(ahead - 64));
}

}  // namespace

void fill_records(const catalog::ShardState& shard, const ShardRead& read, std::vector<api::Record>& records) {
    records.reserve(records.size() + read.log.record_count);
    SequenceNumber number;
    number.created_s = shard.created_s;
    number.shard_index = shard.index;
    const char* previous = nullptr;
    read.each_record([&](const ReadRecord& record) {
        prefetch_beyond(record.data.data(), previous);
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
