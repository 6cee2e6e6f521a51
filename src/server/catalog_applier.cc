#include "server/catalog_applier.h"

#include "catalog/catalog.h"

namespace riacho::server {
namespace {

log::ShardEffects to_log(const catalog::LogEffects& effects) {
    log::ShardEffects out;
    for (const std::uint64_t uid : effects.create) out.create.push_back({log::ShardUid(uid), log::SeqIx(1)});
    for (const std::uint64_t uid : effects.close) out.close.push_back(log::ShardUid(uid));
    for (const std::uint64_t uid : effects.drop) out.drop.push_back(log::ShardUid(uid));
    for (const catalog::SetRetention::Floor& floor : effects.trim) {
        out.trim.push_back({log::ShardUid(floor.shard_uid), log::SeqIx(floor.first_seq)});
    }
    return out;
}

}  // namespace

std::size_t CatalogApplier::effects_max(std::string_view command) const { return catalog_.effects_max(command); }

log::CommandOutcome CatalogApplier::on_sequenced(log::Lsn lsn, std::string_view command, TimestampMs now,
                                                 const log::SequencerView&) {
    const catalog::Outcome outcome = catalog_.apply(lsn.value(), command, now);
    return {outcome.accepted, to_log(outcome.effects), catalog::encode(outcome.verdict)};
}

void CatalogApplier::on_durable(log::Lsn) { catalog_.publish(); }

void CatalogApplier::on_replay(log::Lsn lsn, std::string_view command, TimestampMs now, const log::SequencerView&) {
    if (!catalog_.replay(lsn.value(), command, now)) unreadable_ = true;
}

log::Lsn CatalogApplier::applied_lsn() const { return log::Lsn(catalog_.applied_lsn()); }

void CatalogApplier::request_materialise() { catalog_.request_materialise(); }

}  // namespace riacho::server
