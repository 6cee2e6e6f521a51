#include "server/catalog_applier.h"

#include <utility>

#include "log/record_log.h"

namespace riacho::server {
namespace {

log::ShardClass to_log(catalog::ShardClass shard_class) {
    switch (shard_class) {
        case catalog::ShardClass::records:
            return log::ShardClass::records;
        case catalog::ShardClass::media:
            return log::ShardClass::media;
    }
    return log::ShardClass::records;
}

log::ShardEffects to_log(const catalog::LogEffects& effects) {
    log::ShardEffects out;
    for (const catalog::OwnedShard& shard : effects.create) {
        out.create.push_back({log::ShardUid(shard.uid), log::SeqIx(1), to_log(shard.shard_class)});
    }
    for (const std::uint64_t uid : effects.close) out.close.push_back(log::ShardUid(uid));
    for (const std::uint64_t uid : effects.drop) out.drop.push_back(log::ShardUid(uid));
    for (const catalog::ShardFloor& floor : effects.trim) {
        out.trim.push_back({log::ShardUid(floor.shard_uid), log::SeqIx(floor.first_seq)});
    }
    return out;
}

}  // namespace

// Decodes each command once. The bound is computed again each time, because commands in between may have changed it.
const catalog::Prepared& CatalogApplier::prepare(std::string_view command) const {
    if (!prepared_.command || prepared_bytes_ != command) {
        prepared_ = catalog_.prepare(command);
        prepared_bytes_ = command;
    } else {
        catalog_.prepare_again(prepared_);
    }
    return prepared_;
}

std::size_t CatalogApplier::effects_max(std::string_view command) const { return prepare(command).effects_max; }

bool CatalogApplier::may_end_shards(std::string_view command) const { return prepare(command).may_end_shards; }

log::CommandOutcome CatalogApplier::on_sequenced(log::Lsn lsn, std::string_view command, TimestampMs now,
                                                 const log::SequencerView&) {
    const catalog::Outcome outcome = catalog_.apply(lsn.value(), prepare(command), now);
    if (outcome.accepted) {
        changed_streams_.insert(changed_streams_.end(), outcome.changes.streams.begin(), outcome.changes.streams.end());
    }
    return {outcome.accepted, to_log(outcome.effects), catalog::encode(outcome.verdict)};
}

void CatalogApplier::on_durable(log::Lsn) {
    catalog_.publish();
    for (const std::uint64_t uid : std::exchange(changed_streams_, {})) tell_retention(uid);
}

void CatalogApplier::own_retention(log::RecordLog& log) {
    log_ = &log;
    for (const auto& stream : catalog_.snapshot()->all_streams()) tell_retention(stream->uid);
}

void CatalogApplier::tell_retention(std::uint64_t stream_uid) {
    const auto stream = catalog_.snapshot()->find_by_uid(stream_uid);
    if (stream == nullptr) {
        told_.erase(stream_uid);
        return;
    }
    Told& told = told_[stream_uid];
    const bool is_same = told.hours == stream->retention_hours;
    for (const catalog::ShardState& shard : stream->shards) {
        if (is_same && shard.uid <= told.last_shard_uid) continue;
        log_->set_retention(log::ShardUid(shard.uid), std::int64_t{stream->retention_hours} * 3'600'000);
    }
    told = {stream->retention_hours, stream->shards.empty() ? 0 : stream->shards.back().uid};
}

void CatalogApplier::on_replay(log::Lsn lsn, std::string_view command, TimestampMs now, const log::SequencerView&) {
    if (!catalog_.replay(lsn.value(), command, now)) unreadable_ = true;
}

log::Lsn CatalogApplier::applied_lsn() const { return log::Lsn(catalog_.applied_lsn()); }

void CatalogApplier::request_materialise() { catalog_.request_materialise(); }

}  // namespace riacho::server
