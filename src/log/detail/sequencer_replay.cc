// The sequencer's part in recovery: restores the checkpoint and replays the journal.
#include <algorithm>
#include <utility>

#include "core/log.h"
#include "log/detail/sequencer.h"

namespace riacho::log::detail {

ShardPtr Sequencer::find_shard(ShardUid uid) const {
    const auto at = shards_.find(uid);
    return at == shards_.end() ? nullptr : at->second;
}

void Sequencer::restore_shard(const CheckpointShard& state) {
    auto shard = std::make_shared<Shard>(state.shard, state.next, state.shard_class);
    shard->sequencing = {.next = state.next, .last_arrival = state.last_arrival, .closed = state.closed};
    shard->flushed = state;
    {
        const MutexLock lock(shard->mutex);
        shard->first_available = state.first_available;
        shard->last_arrival = state.last_arrival;
        shard->closed = state.closed;
        shard->damaged_from = state.damaged_from;
    }
    if (state.damaged_from.value() != 0) ++store_.counters.damaged_shards;
    shards_[state.shard] = shard;
    store_.shards.insert(std::move(shard));
}

void Sequencer::restore_commands(std::uint64_t next_command, Lsn last_command, TimestampMs last_now) {
    next_command_ = next_command;
    last_command_ = last_command;
    last_command_now_ = last_now;
}

TimestampMs Sequencer::newest_time() const {
    TimestampMs newest = last_command_now_;
    for (const auto& [uid, shard] : shards_) newest = std::max(newest, shard->sequencing.last_arrival);
    return newest;
}

bool Sequencer::replay_data(FramePtr frame) {
    const ShardPtr shard = find_shard(frame->shard());
    if (shard == nullptr) return false;
    shard->sequencing.next = frame->next();
    shard->sequencing.last_arrival = frame->arrival();
    store_.counters.recovery_replayed_bytes += frame->bytes().size();
    publish_data(shard, std::move(frame));
    return true;
}

void Sequencer::replay_direct(FramePtr frame, const SegmentReference& reference, Lsn lsn) {
    const ShardPtr shard = find_shard(frame->shard());
    if (shard == nullptr) return;
    shard->sequencing.next = frame->next();
    shard->sequencing.last_arrival = frame->arrival();
    store_.counters.recovery_replayed_bytes += frame->bytes().size();
    publish_direct(shard, std::move(frame), reference, lsn);
}

void Sequencer::replay_command(Lsn lsn, const CommandBody& body, bool has_effects) {
    class FactsView final : public SequencerView {
    public:
        explicit FactsView(const std::vector<ShardFact>& facts) : facts_(facts) {}
        SeqIx next_seq(ShardUid shard) const override { return find(shard).next_seq; }
        TimestampMs last_arrival(ShardUid shard) const override { return find(shard).last_arrival; }

    private:
        ShardFact find(ShardUid shard) const {
            const auto at = std::ranges::find(facts_, shard, &ShardFact::shard);
            return at == facts_.end() ? ShardFact{.shard = shard} : *at;
        }
        const std::vector<ShardFact>& facts_;
    };
    store_.applier.on_replay(lsn, body.command, body.now, FactsView(body.facts));
    if (!has_effects) return;
    ++next_command_;
    last_command_ = lsn;
    last_command_now_ = body.now;
    publish_effects(body.effects, apply_locally(body.effects));
}

void Sequencer::replay_trim(ShardUid uid, SeqIx first_available) {
    const ShardPtr shard = find_shard(uid);
    if (shard != nullptr) publish_trim(shard, first_available);
}

void Sequencer::mark_damaged(ShardUid uid, SeqIx from, SeqIx to, const SegmentReference& reference) {
    const ShardPtr shard = find_shard(uid);
    if (shard == nullptr) return;
    shard->sequencing.next = std::max(shard->sequencing.next, to);
    {
        const MutexLock lock(shard->mutex);
        shard->next = std::max(shard->next, to);
        if (shard->damaged_from.value() == 0) {
            shard->damaged_from = from;
            ++store_.counters.damaged_shards;
        }
    }
    core::log_line(core::LogLevel::error, "shard damaged",
                   {{"shard", uid.value()}, {"from", from.value()}, {"to", to.value()}});
    events_.push_back(
        {.kind = FlushEvent::Kind::damage, .shard = shard, .reference = reference, .seq = from, .seq_end = to});
}

void Sequencer::replay_end(Lsn lsn, std::uint64_t generation) {
    FlushEvent end = group_end();
    end.lsn = lsn;
    end.generation = generation;
    events_.push_back(end);
    store_.flush_queue.push(events_, 0);
    durable_lsn_ = lsn;
    store_.counters.durable_lsn = lsn.value();
}

}  // namespace riacho::log::detail
