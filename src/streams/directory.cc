#include "streams/directory.h"

#include <algorithm>
#include <map>
#include <utility>

#include "aws/arn.h"
#include "aws/policy.h"
#include "base/check.h"
#include "base/hash_key.h"
#include "base/mutex.h"
#include "base/try.h"
#include "core/clock.h"
#include "core/task.h"
#include "core/timer.h"
#include "log/record_log.h"
#include "log/shard_source.h"
#include "ports/record_sink.h"
#include "ports/record_source.h"
#include "streams/encryption.h"
#include "streams/limits.h"
#include "streams/reader.h"
#include "streams/shards.h"
#include "streams/writer.h"

namespace riacho::streams {
namespace {

using catalog::StreamStatus;
using ports::SinkFault;
using ports::SourceFault;
using ports::StreamAccess;
using ports::StreamFault;

std::string_view action_of(StreamAccess access) {
    return access == StreamAccess::read ? "kinesis:GetRecords" : "kinesis:PutRecords";
}

// Whether the user may access the stream: it belongs to the user's account, or its resource policy allows the access.
bool may(const catalog::StreamState& stream, const ports::StreamUser& user, StreamAccess access) {
    if (stream.account == user.account) return true;
    if (stream.policy.empty()) return false;
    const auto policy = aws::Policy::parse(stream.policy);
    return policy && policy->ask({user.account, user.user, action_of(access), stream.arn}) == aws::PolicyAnswer::allow;
}

SinkFault to_fault(AppendError error) {
    switch (error) {
        case AppendError::throttled:
            return SinkFault::throttled;
        case AppendError::overloaded:
            return SinkFault::overloaded;
        case AppendError::unavailable:
        case AppendError::corrupt:
            return SinkFault::unavailable;
        case AppendError::gone:
            return SinkFault::gone;
    }
    RIACHO_CHECK(false, "an unknown AppendError");
}

// The stream; null when it does not exist, or is CREATING or DELETING.
StreamRef find_living(const Service& service, std::uint64_t uid) {
    StreamRef stream = service.catalog.snapshot()->find_by_uid(uid);
    if (stream == nullptr) return nullptr;
    const StreamStatus status = stream->status(service.clock.now());
    return status == StreamStatus::creating || status == StreamStatus::deleting ? nullptr : stream;
}

class Source final : public log::ShardSource {
public:
    Source(Service& service, std::uint64_t stream_uid, ports::StreamUser user)
        : ShardSource(service.log), service_(service), stream_uid_(stream_uid), user_(std::move(user)) {}

    [[nodiscard]] std::vector<ports::SourceShard> shards() const override {
        std::vector<ports::SourceShard> listing;
        const StreamRef stream = find_living(service_, stream_uid_);
        if (stream == nullptr) return listing;
        for (const catalog::ShardState& shard : stream->shards) {
            if (is_expired(*stream, shard, service_.clock)) continue;
            listing.push_back({.uid = shard.uid,
                               .index = shard.index,
                               .parent = shard.parent,
                               .adjacent_parent = shard.adjacent_parent,
                               .created_s = shard.created_s,
                               .is_closed = shard.closed_at.has_value()});
        }
        return listing;
    }

    Task<Expected<ports::SourceSlice, SourceFault>> read(core::Core& core, std::uint64_t shard_uid, std::uint64_t from,
                                                         std::size_t bytes_max) override {
        const StreamRef stream = find_living(service_, stream_uid_);
        if (stream == nullptr) co_return fail(SourceFault::gone);
        if (!may(*stream, user_, StreamAccess::read)) co_return fail(SourceFault::denied);
        // AWS: readers of one stream share the limits of its shards (firehose spec 7.1), with --limits=aws. Records
        // that are read again are not charged again.
        Limits& limits = service_.limits;
        const bool is_limited = limits.enforced() && is_first_time(shard_uid, from);
        if (is_limited && !limits.begin_read(shard_uid, service_.clock.monotonic())) {
            co_return fail(SourceFault::overloaded);
        }
        auto read = co_await read_shard(core, shard_uid, from, bytes_max, retention_horizon(*stream, service_.clock));
        if (!read) co_return fail(read.error());
        if (is_limited) {
            limits.charge_read(shard_uid, read->payload_bytes, service_.clock.monotonic());
            note_read(shard_uid, read->next.value());
        }
        auto shard_read = std::make_shared<ShardRead>();
        shard_read->log = *std::move(read);
        auto opened = open_sealed(service_, *stream, shard_read->log);
        if (!opened) co_return fail(SourceFault::key);
        shard_read->opened = *std::move(opened);
        co_return slice_of(std::move(shard_read), from);
    }

    [[nodiscard]] std::int64_t retention_ms() const override {
        const StreamRef stream = find_living(service_, stream_uid_);
        return stream == nullptr ? 0 : stream->retention_ms();
    }

private:
    // `from`: the requested number.
    static Expected<ports::SourceSlice, SourceFault> slice_of(std::shared_ptr<const ShardRead> read,
                                                              std::uint64_t from) {
        TRY(ports::SourceSlice slice, begin_slice(read->log, from));
        read->each_record([&](const ReadRecord& record) {
            slice.records.push_back({record.seq.value(), record.arrival, record.partition_key, record.data});
            slice.bytes += record.data.size();
        });
        slice.keeps = std::move(read);
        return slice;
    }

    [[nodiscard]] bool is_first_time(std::uint64_t shard_uid, std::uint64_t from) const {
        const MutexLock lock(mutex_);
        const auto known = read_up_to_.find(shard_uid);
        return known == read_up_to_.end() || from >= known->second;
    }
    void note_read(std::uint64_t shard_uid, std::uint64_t next) {
        const MutexLock lock(mutex_);
        std::uint64_t& known = read_up_to_[shard_uid];
        known = std::max(known, next);
    }

    Service& service_;
    const std::uint64_t stream_uid_;
    const ports::StreamUser user_;
    mutable Mutex mutex_;
    std::map<std::uint64_t, std::uint64_t> read_up_to_ GUARDED_BY(mutex_);  // by shard; with limits alone
};

class Sink final : public ports::RecordSink {
public:
    Sink(Service& service, std::uint64_t stream_uid, ports::StreamUser user)
        : service_(service), stream_uid_(stream_uid), user_(std::move(user)) {}

    Task<std::vector<Expected<ports::SentRecord, SinkFault>>> append(
        core::Core& core, std::span<const ports::RecordToSend> records) override {
        using Results = std::vector<Expected<ports::SentRecord, SinkFault>>;
        const auto all = [&](SinkFault fault) {
            return Results(records.size(), Expected<ports::SentRecord, SinkFault>(fail(fault)));
        };
        if (records.empty()) co_return Results();
        StreamRef stream = find_living(service_, stream_uid_);
        if (stream == nullptr) co_return all(SinkFault::gone);
        if (!may(*stream, user_, StreamAccess::write)) co_return all(SinkFault::denied);
        Results results = all(SinkFault::too_large);
        std::vector<wire::Blob> data;
        data.reserve(records.size());
        std::vector<RecordToAppend> wanted;
        wanted.reserve(records.size());
        std::vector<std::size_t> places;
        places.reserve(records.size());
        for (std::size_t i = 0; i < records.size(); ++i) {
            const ports::RecordToSend& record = records[i];
            data.emplace_back(record.data);
            if (!check_record_size(*stream, record.partition_key, data.back())) continue;
            wanted.push_back({record.partition_key, key_of(*stream, record), &data.back()});
            places.push_back(i);
            // Connections of the core get their turn between parts of the size of a PutRecords.
            if (i % 500 == 499) co_await core::yield(core);
        }
        if (wanted.empty()) co_return results;
        const auto written = co_await write_records({service_, core, {}, true}, stream, wanted);
        if (!written) co_return all(SinkFault::key);
        for (std::size_t i = 0; i < places.size(); ++i) {
            const AppendResult& result = (*written)[i];
            if (!result) {
                results[places[i]] = fail(to_fault(result.error()));
                continue;
            }
            results[places[i]] = ports::SentRecord{result->shard_index, result->seq};
        }
        co_return results;
    }

private:
    [[nodiscard]] RoutingKey key_of(const catalog::StreamState& stream, const ports::RecordToSend& record) const {
        if (stream.distribution == catalog::Distribution::automatic) return any_shard(service_.rng);
        return {record.hash_key ? *record.hash_key : hash_key_of(record.partition_key), false};
    }

    Service& service_;
    const std::uint64_t stream_uid_;
    const ports::StreamUser user_;
};

}  // namespace

Expected<ports::FoundStream, StreamFault> Directory::find(std::string_view arn, const ports::StreamUser& user,
                                                          StreamAccess access) const {
    const auto parsed = aws::parse_arn(arn);
    const auto name = parsed ? aws::stream_of_resource(parsed->resource) : std::nullopt;
    if (!name || parsed->service != "kinesis") return fail(StreamFault::not_an_arn);
    const StreamRef stream = service_.catalog.snapshot()->find(parsed->account, parsed->region, *name);
    const StreamStatus status = stream == nullptr ? StreamStatus::deleting : stream->status(service_.clock.now());
    if (parsed->account != user.account) {
        // For another account's stream the error does not depend on its existence.
        if (stream == nullptr || !may(*stream, user, access)) return fail(StreamFault::denied);
    }
    if (status == StreamStatus::deleting) return fail(StreamFault::missing);
    if (status == StreamStatus::creating) return fail(StreamFault::not_ready);
    return ports::FoundStream{stream->uid, stream->name, stream->arn, stream->account, stream->created_at};
}

std::shared_ptr<ports::RecordSource> Directory::source(std::uint64_t stream_uid, const ports::StreamUser& user) {
    return std::make_shared<Source>(service_, stream_uid, user);
}

std::shared_ptr<ports::RecordSink> Directory::sink(std::uint64_t stream_uid, const ports::StreamUser& user) {
    return std::make_shared<Sink>(service_, stream_uid, user);
}

}  // namespace riacho::streams
