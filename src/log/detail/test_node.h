// A log without threads on a simulated disk, driven step by step by one test.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/crc32c.h"
#include "core/clock.h"
#include "core/rng.h"
#include "core/runtime.h"
#include "io/simulated.h"
#include "log/detail/flusher.h"
#include "log/detail/reader.h"
#include "log/detail/recovery.h"
#include "log/detail/sequencer.h"
#include "log/detail/store.h"
#include "log/detail/test_applier.h"

namespace riacho::log::detail {

// A written or read record.
struct TestRecord {
    std::uint64_t seq = 0;
    std::int64_t arrival = 0;
    std::string key;
    std::string data;
    friend bool operator==(const TestRecord&, const TestRecord&) = default;
};

inline Batch make_batch(const std::vector<std::string>& data, std::string_view key = "key") {
    BatchBuilder builder(0);
    for (const std::string& text : data) {
        const auto out = builder.add(key, nullptr, text.size());
        std::ranges::copy(as_bytes(text), out.begin());
    }
    return builder.seal();
}

struct NoWakeup final : core::Wakeup {
    void run() noexcept override { ++count; }
    int count = 0;
};

// The lifetime of one process. The disk, the clock and the applier outlive it.
class TestNode {
public:
    static Options small_options() {
        Options options;
        options.directory = "/store";
        options.journal_file_bytes = 64 << 10;
        options.first_file_bytes = 32 << 10;
        options.segment_direct_bytes_min = 0;
        options.segment_bytes = 16 << 10;
        options.checkpoint_bytes = 1 << 20;
        options.cache_bytes = 1 << 20;
        options.large_bytes_min = SIZE_MAX;  // large_batch_test.cc and others set it
        return options;
    }

    TestNode(io::FileSystem& fs, core::Clock& clock, TestApplier& applier, Options options = small_options())
        : store(std::move(options), fs, clock, applier), sequencer(store), flusher(store, sequencer) {
        static const std::vector<std::string> neighbours = {"LOCK", "catalog"};
        core::SeededRng rng(7);
        auto held = Directory::open(store.options.directory, neighbours, fs);
        if (!held) {
            error = held.error();
            return;
        }
        directory = *std::move(held);
        store.directory = directory.get();
        if (const auto recovered = recover(store, sequencer, flusher, rng); !recovered) error = recovered.error();
    }

    [[nodiscard]] bool is_open() const { return !error; }

    // The batches are written and durable when it returns.
    std::vector<Expected<Appended, LogError>> append_all(std::vector<ShardBatch> batches) {
        AppendRequest request;
        NoWakeup wakeup;
        request.batches = batches;
        request.wakeup = &wakeup;
        make_spares();
        sequencer.submit(request);
        while (sequencer.step()) {
        }
        EXPECT_EQ(wakeup.count, 1);
        std::vector<Expected<Appended, LogError>> results;
        results.reserve(batches.size());
        for (ShardBatch& batch : batches) results.push_back(batch.result);
        return results;
    }
    Expected<Appended, LogError> append(std::uint64_t shard, const std::vector<std::string>& data) {
        std::vector<ShardBatch> batches;
        batches.push_back({.shard = ShardUid(shard), .batch = make_batch(data)});
        return append_all(std::move(batches)).front();
    }
    Expected<CommandResult, LogError> command(std::string text) {
        CommandRequest request;
        NoWakeup wakeup;
        request.command = std::move(text);
        request.wakeup = &wakeup;
        make_spares();
        sequencer.submit(request);
        while (sequencer.step()) {
        }
        EXPECT_EQ(wakeup.count, 1);
        return std::move(request.result);
    }
    bool checkpoint() { return flusher.process() && flusher.checkpoint(); }
    void make_spares() {
        while (store.wants_spare() && store.journal.prepare_spare()) {
        }
    }
    void shut_down() {
        checkpoint();
        sequencer.write_mark(flag_clean_shutdown);
    }

    std::optional<ShardState> find(std::uint64_t uid) {
        const ShardPtr shard = store.shards.find(ShardUid(uid));
        if (shard == nullptr) return std::nullopt;
        const MutexLock guard(shard->mutex);
        return ShardState{.first_available = shard->first_available,
                          .next = shard->next,
                          .last_arrival = shard->last_arrival,
                          .closed = shard->closed,
                          .damaged = shard->damaged_from.value() != 0};
    }

    Expected<ReadResult, LogError> read(std::uint64_t uid, SeqIx from, ReadLimits limits = {},
                                        TimestampMs horizon = TimestampMs(0)) {
        const ShardPtr shard = store.shards.find(ShardUid(uid));
        if (shard == nullptr) return fail(LogError::unknown_shard);
        for (int attempt = 0; attempt < 100; ++attempt) {
            TailRead tail = read_tail(*shard, from, limits, horizon);
            if (tail.answer) return *std::move(tail.answer);
            auto cold = read_cold(store, *shard, tail, limits, horizon);
            if (!cold || cold->record_count > 0 || cold->at_tip) return cold;
            from = cold->next;
        }
        ADD_FAILURE() << "shard " << uid << ": a read makes no progress at " << from.value();
        return fail(LogError::overloaded);
    }

    // All visible records from `from` on, up to the tip or to an error.
    std::vector<TestRecord> read_all(std::uint64_t uid, SeqIx from = SeqIx(1), ReadLimits limits = {},
                                     std::optional<LogError>* stopped_by = nullptr) {
        std::vector<TestRecord> records;
        for (;;) {
            const auto result = read(uid, from, limits);
            if (!result) {
                if (stopped_by != nullptr) *stopped_by = result.error();
                return records;
            }
            for (const FrameSlice& slice : result->slices) {
                for (const RecordView& r : slice.records()) {
                    records.push_back(
                        {r.seq.value(), r.arrival.value(), std::string(r.partition_key), std::string(r.data)});
                }
            }
            if (result->at_tip) return records;
            EXPECT_GT(result->next, from) << "a read made no progress";
            if (result->next <= from) return records;
            from = result->next;
        }
    }

    // Evicts all evictable frames: the next read comes from segments.
    void empty_cache() {
        for (const ShardPtr& shard : store.shards.all()) {
            const MutexLock guard(shard->mutex);
            shard->tail.clear();
        }
    }

    static std::string describe(const TestRecord& r) {
        return fmt::format("  {} {} {} {} {:x}\n", r.seq, r.arrival, r.key, r.data.substr(0, 12),
                           crc32c(as_bytes(r.data)));
    }

    // All state that a reader can see, as one text.
    std::string describe() {
        std::string text;
        std::map<std::uint64_t, ShardPtr> sorted;
        for (const ShardPtr& shard : store.shards.all()) sorted[shard->uid.value()] = shard;
        for (const auto& [uid, shard] : sorted) {
            const auto state = *find(uid);
            text += fmt::format("shard {} first {} next {} closed {} damaged {}\n", uid, state.first_available.value(),
                                state.next.value(), state.closed, state.damaged);
            for (const TestRecord& r : read_all(uid)) text += describe(r);
        }
        return text;
    }

    Store store;
    Sequencer sequencer;
    Flusher flusher;
    std::unique_ptr<Directory> directory;
    std::optional<OpenError> error;
};

}  // namespace riacho::log::detail
