#include "firehose/own_source.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "catalog/data_keys.h"
#include "catalog/snapshot.h"
#include "core/clock.h"
#include "core/task.h"
#include "firehose/settings.h"
#include "log/record_log.h"
#include "log/shard_watch.h"

namespace riacho::firehose {
namespace {

using ports::SourceFault;

SourceFault to_source_fault(log::LogError error) {
    switch (error) {
        case log::LogError::unknown_shard:
        case log::LogError::sealed:
            return SourceFault::gone;
        case log::LogError::overloaded:
        case log::LogError::disk_full:
        case log::LogError::shutting_down:
            return SourceFault::overloaded;
        case log::LogError::poisoned:
        case log::LogError::corrupt:
            return SourceFault::damaged;
    }
    RIACHO_CHECK(false, "an unknown LogError");
}

// What the views of a slice point into.
struct Kept {
    log::ReadResult read;
    std::vector<std::string> opened;
};

class Watch final : public ports::SourceWatch {
public:
    explicit Watch(std::unique_ptr<log::ShardWatch> watch) : watch_(std::move(watch)) {}

private:
    std::unique_ptr<log::ShardWatch> watch_;
};

class OwnSource final : public ports::RecordSource {
public:
    OwnSource(log::RecordLog& log, core::Clock& clock, const catalog::DataKeys& keys, SnapshotSource snapshot,
              std::uint64_t stream_uid)
        : log_(log), clock_(clock), keys_(keys), snapshot_(std::move(snapshot)), stream_uid_(stream_uid) {}

    [[nodiscard]] std::vector<ports::SourceShard> shards() const override {
        std::vector<ports::SourceShard> listing;
        const auto object = snapshot_()->find_object(stream_uid_);
        if (object == nullptr) return listing;
        for (const catalog::OwnedShard& shard : object->shards) {
            const auto index = static_cast<std::int32_t>(listing.size());
            listing.push_back({.uid = shard.uid, .index = index, .parent = {}, .adjacent_parent = {}});
        }
        return listing;
    }

    Task<Expected<std::uint64_t, SourceFault>> tip(core::Core& core, std::uint64_t shard_uid) override {
        const auto state = co_await log_.state(core, log::ShardUid(shard_uid));
        if (!state) co_return fail(to_source_fault(state.error()));
        co_return state->next.value();
    }

    Task<Expected<ports::SourceSlice, SourceFault>> read(core::Core& core, std::uint64_t shard_uid, std::uint64_t from,
                                                         std::size_t bytes_max) override {
        from = std::max<std::uint64_t>(from, 1);
        log::ReadLimits limits;
        limits.bytes_max = bytes_max;
        auto read =
            co_await log_.read(core, log::ShardUid(shard_uid), log::SeqIx(from), limits, clock_.ago(own_retention_ms));
        if (!read) co_return fail(to_source_fault(read.error()));
        auto kept = std::make_shared<Kept>();
        kept->read = *std::move(read);
        if (!open(*kept)) co_return fail(SourceFault::key);
        co_return slice_of(std::move(kept), from);
    }

    std::unique_ptr<ports::SourceWatch> watch(core::Core& core, std::uint64_t shard_uid, std::uint64_t seen,
                                              std::function<void()> ready) override {
        auto watch = log::ShardWatch::arm(log_, core, log::ShardUid(shard_uid),
                                          log::SeqIx(std::max<std::uint64_t>(seen, 1)), std::move(ready));
        return watch == nullptr ? nullptr : std::make_unique<Watch>(std::move(watch));
    }

    [[nodiscard]] std::int64_t retention_ms() const override { return own_retention_ms; }

private:
    [[nodiscard]] bool open(Kept& kept) const {
        std::shared_ptr<const catalog::ObjectState> object;
        std::optional<Settings> settings;
        for (const log::FrameSlice& slice : kept.read.slices) {
            if (!slice.frame->is_sealed()) continue;
            if (!settings) {
                object = snapshot_()->find_object(stream_uid_);
                if (object == nullptr) return false;
                settings = decode_settings(object->settings);
                if (!settings) return false;
            }
            const catalog::KeyOwner owner{object->uid, object->arn, settings->encryption.data_keys};
            for (const log::RecordView& record : slice.records()) {
                auto data = keys_.open(owner, {}, record.data);
                if (!data) return false;
                kept.opened.push_back(*std::move(data));
            }
        }
        return true;
    }

    static Expected<ports::SourceSlice, SourceFault> slice_of(std::shared_ptr<const Kept> kept, std::uint64_t from) {
        const log::ReadResult& read = kept->read;
        ports::SourceSlice slice;
        slice.first = std::max(read.next.value() - read.record_count, from);
        slice.next = std::max(read.next.value(), from);
        slice.at_tip = read.at_tip;
        slice.has_ended = read.at_tip && read.closed;
        slice.next_arrival = read.next_arrival;
        // Nothing was found although there should be something: the disk is not ready.
        if (read.record_count == 0 && !slice.at_tip && slice.next == from) return fail(SourceFault::overloaded);
        slice.records.reserve(read.record_count);
        auto opened = kept->opened.begin();
        for (const log::FrameSlice& part : read.slices) {
            const bool is_sealed = part.frame->is_sealed();
            for (const log::RecordView& record : part.records()) {
                const std::string_view data = is_sealed ? std::string_view(*opened++) : record.data;
                slice.records.push_back({record.seq.value(), record.arrival, record.partition_key, data});
                slice.bytes += data.size();
            }
        }
        slice.keeps = std::move(kept);
        return slice;
    }

    log::RecordLog& log_;
    core::Clock& clock_;
    const catalog::DataKeys& keys_;
    const SnapshotSource snapshot_;
    const std::uint64_t stream_uid_;
};

}  // namespace

std::shared_ptr<ports::RecordSource> make_own_source(log::RecordLog& log, core::Clock& clock,
                                                     const catalog::DataKeys& keys, SnapshotSource snapshot,
                                                     std::uint64_t stream_uid) {
    return std::make_shared<OwnSource>(log, clock, keys, std::move(snapshot), stream_uid);
}

}  // namespace riacho::firehose
