#include "firehose/put.h"

#include <array>

#include "base/base64.h"
#include "base/bytes.h"
#include "catalog/data_keys.h"
#include "core/rng.h"
#include "core/task.h"
#include "log/record_log.h"

namespace riacho::firehose {
namespace {

// Encodes the records straight into the frame for the disk.
log::Batch encode_frame(const Service& service, const StreamRef& stream, std::span<const wire::Blob> records,
                        bool seals) {
    const std::size_t overhead = seals ? catalog::seal_overhead : 0;
    std::size_t size = 0;
    for (const wire::Blob& data : records) size += log::BatchBuilder::record_size(0, false, data.size() + overhead);
    const catalog::KeyOwner owner{stream.object->uid, stream.object->arn, stream.settings->encryption.data_keys};
    log::BatchBuilder builder(size);
    for (const wire::Blob& data : records) {
        const auto room = builder.add({}, nullptr, data.size() + overhead);
        if (seals) {
            service.data_keys.seal(owner, {}, data.to_string(), room);
        } else {
            data.decode_to(reinterpret_cast<char*>(room.data()));
        }
    }
    if (seals) builder.mark_sealed();
    return builder.seal();
}

}  // namespace

Task<Expected<log::Appended, log::LogError>> append_records(Service& service, core::Core& core, StreamRef stream,
                                                            std::span<const wire::Blob> records, bool seals) {
    const log::ShardUid shard(stream.object->shards.front().uid);
    co_return co_await service.log.append(core, shard, encode_frame(service, stream, records, seals));
}

RecordIds::RecordIds(std::uint64_t stream_uid, log::SeqIx first, core::Rng& rng)
    : stream_uid_(stream_uid), seq_(first.value()), salt_(rng.next()) {}

std::string RecordIds::next() {
    std::array<std::byte, 24> bytes{};
    put_le(bytes.data(), stream_uid_);
    put_le(bytes.data() + 8, seq_ ^ salt_);
    put_le(bytes.data() + 16, salt_);
    ++seq_;
    return encode_base64(as_text(ByteSpan(bytes)));
}

std::shared_ptr<Counters> counters_of(Service& service, const StreamRef& stream) {
    const catalog::ObjectState& object = *stream.object;
    return service.metrics.of(object.uid, object.account, object.region, object.name);
}

bool is_backlogged(const Counters& counters) {
    return counters.is_broken.load(std::memory_order_relaxed) ||
           counters.stored_bytes.load(std::memory_order_relaxed) > backlog_bytes_max;
}

void count_accepted(Counters& counters, std::size_t records, std::size_t bytes) {
    add(counters.incoming_put_requests, 1);
    add(counters.incoming_records, records);
    add(counters.incoming_bytes, bytes);
}

}  // namespace riacho::firehose
