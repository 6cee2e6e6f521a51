// A log and a catalog in memory, for one thread. They keep everything that was acknowledged when a simulated process
// ends.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "catalog/apply.h"
#include "catalog/catalog.h"
#include "catalog/command.h"
#include "core/clock.h"
#include "core/runtime.h"
#include "core/task.h"
#include "core/timer.h"
#include "firehose/row.h"
#include "log/command_log.h"
#include "log/record_log.h"

namespace riacho::firehose {

// The end of a process: at its n-th call to log or destination (1 is the first), before or after the call takes effect;
// the answer is lost either way.
struct CrashPoint {
    std::uint64_t call = 0;  // 0: never
    bool has_effect = false;
};

// Counts the calls of one process.
class Life {
public:
    void begin(CrashPoint point) {
        point_ = point;
        calls_ = 0;
        is_over_ = false;
        last_.clear();
    }
    // The outcome of one call.
    struct Call {
        bool has_effect = true;
        bool is_answered = true;
    };
    // `name` describes the call: "append", "store", or the change of a command.
    Call next(std::string name) {
        if (is_over_) return {false, false};
        ++calls_;
        last_ = std::move(name);
        if (calls_ != point_.call) return {};
        is_over_ = true;
        return {point_.has_effect, false};
    }
    [[nodiscard]] std::uint64_t calls() const { return calls_; }
    [[nodiscard]] bool is_over() const { return is_over_; }
    // The name of the latest call, or of the call at which the process ended.
    [[nodiscard]] const std::string& last() const { return last_; }

private:
    CrashPoint point_;
    std::uint64_t calls_ = 0;
    bool is_over_ = false;
    std::string last_;
};

// The log and the catalog's state machine. Acknowledged calls are visible in all later lives.
class TestLog final : public log::RecordLog, public log::CommandLog {
public:
    TestLog(core::Clock& clock, Life& life) : clock_(clock), life_(life) {}

    std::function<void(const catalog::Feed&)> on_publish;
    // If set, every append and command fails with it.
    std::optional<log::LogError> records_fault;
    std::optional<log::LogError> commands_fault;

    [[nodiscard]] std::shared_ptr<const catalog::Snapshot> snapshot() const { return state_.snapshot; }
    [[nodiscard]] std::uint64_t first_available(std::uint64_t shard) const { return shards_.at(shard).first; }
    [[nodiscard]] bool has_shard(std::uint64_t shard) const { return shards_.contains(shard); }

    void enqueue(log::AppendRequest& request) override {
        const Life::Call call = life_.next("append");
        for (log::ShardBatch& batch : request.batches) batch.result = append_batch(batch, call);
        request.core->wake(*request.wakeup);
    }

    Task<Expected<log::CommandResult, log::LogError>> submit(core::Core& core, std::string command) override {
        co_await core::yield(core);
        if (commands_fault) co_return fail(*commands_fault);
        co_return submit_and_wait(std::move(command));
    }
    Expected<log::CommandResult, log::LogError> submit_and_wait(std::string command) override {
        const Life::Call call = life_.next(name_of(command));
        if (!call.has_effect) return fail(log::LogError::shutting_down);
        log::CommandResult result = apply(command);
        if (!call.is_answered) return fail(log::LogError::shutting_down);
        return result;
    }

    Task<Expected<log::ReadResult, log::LogError>> read(core::Core&, log::ShardUid uid, log::SeqIx from,
                                                        log::ReadLimits limits, TimestampMs horizon) override {
        const auto found = shards_.find(uid.value());
        if (life_.is_over()) co_return fail(log::LogError::shutting_down);
        if (found == shards_.end()) co_return fail(log::LogError::unknown_shard);
        co_return read(found->second, from.value(), limits, horizon);
    }
    Task<Expected<log::SeqIx, log::LogError>> find_by_time(core::Core&, log::ShardUid, TimestampMs) override {
        co_return fail(log::LogError::unknown_shard);
    }
    Task<Expected<log::ShardState, log::LogError>> state(core::Core&, log::ShardUid uid) override {
        const auto found = shards_.find(uid.value());
        if (found == shards_.end()) co_return fail(log::LogError::unknown_shard);
        log::ShardState state;
        state.next = log::SeqIx(found->second.next);
        co_return state;
    }
    Task<Expected<std::uint64_t, log::LogError>> stored_bytes(core::Core&, log::ShardUid) override { co_return 0; }
    [[nodiscard]] std::optional<log::ShardState> last_known(log::ShardUid) const override { return std::nullopt; }
    void set_retention(log::ShardUid uid, std::int64_t retention_ms) override { retention[uid.value()] = retention_ms; }

    bool arm(log::ShardUid uid, log::SeqIx seen, log::Waiter& waiter) override {
        const auto found = shards_.find(uid.value());
        if (found == shards_.end() || found->second.next > seen.value()) return false;
        found->second.waiters.push_back(&waiter);
        return true;
    }
    bool disarm(log::Waiter& waiter) override {
        for (auto& [uid, shard] : shards_) {
            if (std::erase(shard.waiters, &waiter) > 0) return true;
        }
        return false;
    }

    std::map<std::uint64_t, std::int64_t> retention;

private:
    struct Shard {
        std::vector<std::shared_ptr<const log::Frame>> frames;
        std::uint64_t first = 1;
        std::uint64_t next = 1;
        std::vector<log::Waiter*> waiters;
    };

    Expected<log::Appended, log::LogError> append_batch(log::ShardBatch& batch, Life::Call call) {
        if (records_fault) return fail(*records_fault);
        const auto found = shards_.find(batch.shard.value());
        if (found == shards_.end()) return fail(log::LogError::unknown_shard);
        if (!call.has_effect) return fail(log::LogError::shutting_down);
        Shard& shard = found->second;
        log::FrameHeader header;
        header.shard = batch.shard.value();
        header.base_seq = shard.next;
        const std::uint32_t count = batch.batch.record_count();
        const TimestampMs now = clock_.now();
        shard.frames.push_back(std::move(batch.batch).place(header, now));
        const log::Appended appended{log::SeqIx(shard.next), count, now};
        shard.next += count;
        for (log::Waiter* waiter : std::exchange(shard.waiters, {})) waiter->core->wake(*waiter->wakeup);
        if (!call.is_answered) return fail(log::LogError::shutting_down);
        return appended;
    }

    // "create", "update", "delete" and "purge" of the delivery stream; of moves of its progress all of "seal" (a
    // batch), "plan" (again, under other settings), "complete" (a batch behind another that is not delivered), "floor"
    // (of delivered batches) and "trim", joined by '+'.
    static std::string name_of(std::string_view bytes) {
        const auto command = catalog::decode_command(bytes);
        if (!command) return "damaged";
        if (std::holds_alternative<catalog::CreateObject>(*command)) return "create";
        if (std::holds_alternative<catalog::ReplaceObjects>(*command)) return "update";
        if (std::holds_alternative<catalog::DeleteObject>(*command)) return "delete";
        if (std::holds_alternative<catalog::PurgeObject>(*command)) return "purge";
        const auto* moves = std::get_if<catalog::MoveProgress>(&*command);
        if (moves == nullptr) return "other";
        std::set<std::string> names;
        for (const auto& owner : moves->owners) {
            if (!owner.trims.empty()) names.insert("trim");
            for (const auto& move : owner.moves) {
                const auto key = decode_row_key(move.key);
                if (!key) continue;
                const auto row = decode_batch_row(move.value.value_or(""));
                if (key->kind == RowKey::Kind::cursor) {
                    names.insert("floor");
                } else if (row && row->state == BatchRow::State::done) {
                    names.insert("complete");
                } else if (row) {
                    names.insert(move.expected && move.expected->empty() ? "seal" : "plan");
                }
            }
        }
        return fmt::format("{}", fmt::join(names, "+"));
    }

    log::CommandResult apply(std::string_view bytes) {
        const auto command = catalog::decode_command(bytes);
        EXPECT_TRUE(command);
        const catalog::Outcome outcome = catalog::apply(state_, *command, clock_.now());
        for (const catalog::OwnedShard& shard : outcome.effects.create) shards_[shard.uid];
        for (const catalog::ShardFloor& floor : outcome.effects.trim) {
            Shard& shard = shards_.at(floor.shard_uid);
            shard.first = std::max(shard.first, floor.first_seq);
        }
        for (const std::uint64_t uid : outcome.effects.drop) shards_.erase(uid);
        if (outcome.accepted && on_publish) on_publish({outcome.changes.streams, outcome.changes.objects});
        return {outcome.accepted, log::Lsn(1), catalog::encode(outcome.verdict)};
    }

    static log::ReadResult read(const Shard& shard, std::uint64_t from, log::ReadLimits limits, TimestampMs horizon) {
        log::ReadResult result;
        from = std::max(from, shard.first);
        result.next = log::SeqIx(from);
        for (const auto& frame : shard.frames) {
            if (frame->next().value() <= from) continue;
            // Frames beyond the horizon are skipped.
            if (frame->arrival() < horizon) {
                if (result.record_count == 0) result.next = frame->next();
                continue;
            }
            log::FrameSlice slice;
            for (auto at = frame->records().begin(); at != frame->records().end(); ++at) {
                const log::RecordView record = *at;
                if (record.seq < result.next) continue;
                const std::size_t bytes = record.data.size() + record.partition_key.size();
                const bool is_full = result.record_count >= limits.records_max ||
                                     (result.record_count > 0 && result.payload_bytes + bytes > limits.bytes_max);
                if (is_full) {
                    if (slice.count > 0) result.slices.push_back(slice);
                    return result;
                }
                if (slice.count == 0) slice = {frame, at.position(), record.seq, 0};
                ++slice.count;
                ++result.record_count;
                result.payload_bytes += bytes;
                result.next = record.seq.plus(1);
            }
            if (slice.count > 0) result.slices.push_back(slice);
        }
        result.at_tip = result.next.value() >= shard.next;
        return result;
    }

    core::Clock& clock_;
    Life& life_;
    catalog::State state_;
    std::map<std::uint64_t, Shard> shards_;
};

}  // namespace riacho::firehose
