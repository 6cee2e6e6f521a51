#include "firehose/own_source.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"
#include "catalog/data_keys.h"
#include "catalog/snapshot.h"
#include "core/clock.h"
#include "core/task.h"
#include "firehose/settings.h"
#include "log/record_log.h"
#include "log/shard_source.h"

namespace riacho::firehose {
namespace {

using ports::SourceFault;

// Owns the records to which the views of a slice point.
struct Kept {
    log::ReadResult read;
    std::vector<std::string> opened;
};

class OwnSource final : public log::ShardSource {
public:
    OwnSource(log::RecordLog& log, core::Clock& clock, const catalog::DataKeys& keys, SnapshotSource snapshot,
              std::uint64_t stream_uid)
        : ShardSource(log), clock_(clock), keys_(keys), snapshot_(std::move(snapshot)), stream_uid_(stream_uid) {}

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

    Task<Expected<ports::SourceSlice, SourceFault>> read(core::Core& core, std::uint64_t shard_uid, std::uint64_t from,
                                                         std::size_t bytes_max) override {
        auto read = co_await read_shard(core, shard_uid, from, bytes_max, clock_.ago(own_retention_ms));
        if (!read) co_return fail(read.error());
        auto kept = std::make_shared<Kept>();
        kept->read = *std::move(read);
        if (!open(*kept)) co_return fail(SourceFault::key);
        co_return slice_of(std::move(kept), from);
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
        TRY(ports::SourceSlice slice, begin_slice(read, from));
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
