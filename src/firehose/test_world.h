// A whole Firehose on one thread and in memory. Its process can end at any call, and another one start.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "aws/gen/firehose/types_describe_delivery_stream.gen.h"
#include "catalog/command.h"
#include "catalog/data_keys.h"
#include "catalog/keyring.h"
#include "core/clock.h"
#include "core/memory_budget.h"
#include "core/poll.h"
#include "core/rng.h"
#include "core/runtime.h"
#include "core/task.h"
#include "firehose/deliveries.h"
#include "firehose/metrics.h"
#include "firehose/needs.h"
#include "firehose/plan.h"
#include "firehose/row.h"
#include "firehose/settings.h"
#include "firehose/test_ends.h"
#include "firehose/test_log.h"

namespace riacho::firehose {

inline constexpr std::int64_t minute_ms = 60'000;
inline constexpr std::int64_t hour_ms = 3'600'000;

// Lines of this size, all different.
inline std::string record(int i, std::size_t size = 10) {
    std::string text = std::to_string(i);
    text.resize(size - 1, '.');
    return text + '\n';
}

// Settings of a new delivery stream.
inline Settings test_settings(std::int32_t size_mb = 1, std::int32_t interval_s = 60) {
    Settings settings;
    settings.s3.role_arn = "arn:aws:iam::111111111111:role/r";
    settings.s3.bucket_arn = "arn:aws:s3:::bucket";
    settings.s3.buffering_hints.size_in_m_bs = size_mb;
    settings.s3.buffering_hints.interval_in_seconds = interval_s;
    settings.s3.compression_format = api::CompressionFormat::uncompressed;
    settings.s3.encryption_configuration.no_encryption_config = api::NoEncryptionConfig::no_encryption;
    return settings;
}

// A stream of Data Streams as the source.
inline Settings source_settings() {
    Settings settings = test_settings();
    KinesisSource& source = settings.source.emplace();
    source.stream_arn = "arn:aws:kinesis:us-east-1:111111111111:stream/s";
    return settings;
}

// Positions at the tips of open shards, as CreateDeliveryStream makes them.
inline std::vector<std::pair<std::string, std::string>> rows_at_tips(const TestSource& source) {
    std::vector<std::pair<std::string, std::string>> rows;
    for (const auto& [uid, shard] : source.by_uid) {
        if (shard.shown.is_closed) continue;
        CursorRow row;
        row.ordinal = static_cast<std::uint32_t>(rows.size() % lane_shards_max);
        row.index = shard.shown.index;
        row.floor = shard.first + shard.records.size();
        RowKey key;
        key.lane = static_cast<std::uint32_t>(rows.size() / lane_shards_max);
        key.number = uid;
        rows.emplace_back(encode(key), encode(row));
    }
    return rows;
}

class World {
public:
    // The share of memory for files is small: one of more than 2.875 MiB does not fit.
    explicit World(std::size_t share = std::size_t{4} << 20)
        : memory(shares_with(share)),
          keyring_(*catalog::Keyring::open(directory_ + "/keyring", true, rng)),
          data_keys(keyring_, rng) {}
    ~World() {
        stop();
        std::filesystem::remove_all(directory_);
    }

    // Starts a process.
    void start(CrashPoint point = {}) {
        life.begin(point);
        deliveries_ = std::make_unique<Deliveries>(
            Needs{.snapshot = [this] { return log.snapshot(); },
                  .log = log,
                  .commands = log,
                  .clock = clock,
                  .rng = rng,
                  .data_keys = data_keys,
                  .streams = streams,
                  .store = store,
                  .memory = memory,
                  .cpu = nullptr,
                  .metrics = metrics,
                  .errors = [this](const Plan&, const ErrorLine& line) { errors.emplace_back(line.code); },
                  .cores = {&core},
                  .has_timers = false});
        log.on_publish = [this](const catalog::Feed& feed) { deliveries_->on_publish(feed); };
        deliveries_->start();
        settle();
    }
    // Ends it; nothing is flushed.
    void stop() {
        if (deliveries_ == nullptr) return;
        deliveries_->begin_stop();
        settle();
        deliveries_->stop();
        log.on_publish = {};
        deliveries_.reset();
        life.begin({});
    }
    void restart(CrashPoint point = {}) {
        stop();
        start(point);
    }
    // Runs everything that can run at the present time.
    void settle() {
        while (core::poll(core) > 0) {
        }
    }
    // Moves the time in steps and runs what is due.
    void advance(std::int64_t ms, std::int64_t step_ms = 1'000) {
        for (; ms > 0; ms -= step_ms) {
            clock.advance_ms(std::min(ms, step_ms));
            if (deliveries_ != nullptr) deliveries_->run_due();
            settle();
        }
    }

    // Commands of a process that has ended are refused.
    void submit(catalog::Command command) {
        const auto result = log.submit_and_wait(catalog::encode(command));
        if (!life.is_over()) ASSERT_TRUE(result && result->accepted);
        settle();
    }
    std::uint64_t create(const Settings& settings, std::vector<std::pair<std::string, std::string>> rows = {}) {
        catalog::CreateObject command;
        command.object.kind = catalog::ObjectState::Kind::delivery_stream;
        command.object.account = "111111111111";
        command.object.region = "us-east-1";
        command.object.name = "stream";
        command.object.arn = "arn:aws:firehose:us-east-1:111111111111:deliverystream/stream";
        command.object.settings = encode(settings);
        command.progress = std::move(rows);
        if (!settings.source) command.shards = {catalog::ShardClass::records};
        submit(std::move(command));
        return object() == nullptr ? 0 : object()->uid;
    }
    [[nodiscard]] std::shared_ptr<const catalog::ObjectState> object() const {
        return log.snapshot()->find_object(catalog::ObjectState::Kind::delivery_stream, "111111111111", "us-east-1",
                                           "stream");
    }
    // Like UpdateDestination.
    void update(const std::function<void(Settings&)>& change) {
        if (object() == nullptr) return;
        Settings settings = settings_of(*object());
        change(settings);
        ++settings.version;
        catalog::ReplaceObjects command;
        auto& replacement = command.replacements.emplace_back();
        replacement.object.uid = object()->uid;
        replacement.version = object()->version;
        replacement.settings = encode(settings);
        submit(std::move(command));
    }
    // Like PutRecordBatch. True: acknowledged.
    bool put(const std::vector<std::string>& records) {
        if (object() == nullptr) return false;
        log::BatchBuilder builder(0);
        for (const std::string& data : records) {
            const auto room = builder.add({}, nullptr, data.size());
            std::ranges::copy(as_bytes(data), room.begin());
        }
        bool is_acknowledged = false;
        core::spawn(core, [&]() -> Task<void> {
            const log::ShardUid shard(object()->shards.front().uid);
            const auto appended = co_await log.append(core, shard, builder.seal());
            is_acknowledged = appended.has_value();
        });
        settle();
        return is_acknowledged;
    }
    // The number of the delivery stream's rows in the catalog.
    [[nodiscard]] std::size_t row_count(RowKey::Kind kind) const {
        std::size_t count = 0;
        log.snapshot()->progress().for_each([&](const catalog::ProgressKey& key, const catalog::ProgressValue&) {
            const auto row = decode_row_key(key.key);
            count += row && row->kind == kind ? 1 : 0;
            return true;
        });
        return count;
    }
    // The bodies of all objects, in the order of their names.
    [[nodiscard]] std::string delivered() const {
        std::string all;
        for (const auto& [name, body] : store.objects) all += body;
        return all;
    }
    [[nodiscard]] std::shared_ptr<Counters> counters() { return metrics.of(object()->uid, "", "", ""); }

private:
    static core::MemoryBudget::Shares shares_with(std::size_t share) {
        core::MemoryBudget::Shares shares = core::MemoryBudget::unlimited();
        shares[static_cast<std::size_t>(core::MemoryUse::deliveries)] = share;
        return shares;
    }
    std::string directory_ = [] {
        char name[] = "/tmp/riacho-firehose-XXXXXX";
        return std::string(mkdtemp(name));
    }();

public:
    core::ManualClock clock{TimestampMs(1'790'000'000'000)};
    core::SeededRng rng{7};
    Life life;
    TestLog log{clock, life};
    TestStore store{life};
    TestDirectory streams;
    core::MemoryBudget memory;
    Metrics metrics;
    std::vector<std::string> errors;  // codes
    core::Core core{0};

private:
    catalog::Keyring keyring_;

public:
    catalog::DataKeys data_keys;

private:
    std::unique_ptr<Deliveries> deliveries_;
};

}  // namespace riacho::firehose
