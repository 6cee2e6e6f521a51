// Delivery over a disk that loses power at every change that anything makes to it: the log, the catalog's commands and
// the folders that files go to are the real ones, on one simulated disk. (In memory and in virtual time, with every
// call as a crash point: firehose/deliveries_test.cc.)
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/data_keys.h"
#include "catalog/keyring.h"
#include "core/clock.h"
#include "core/memory_budget.h"
#include "core/rng.h"
#include "core/runtime.h"
#include "core/task.h"
#include "core/work_pool.h"
#include "firehose/deliveries.h"
#include "firehose/metrics.h"
#include "firehose/needs.h"
#include "firehose/plan.h"
#include "firehose/settings.h"
#include "io/file_system.h"
#include "io/simulated.h"
#include "log/directory.h"
#include "log/frame.h"
#include "log/local_log.h"
#include "outbound/local_buckets.h"
#include "ports/stream_directory.h"
#include "server/catalog_applier.h"

namespace riacho::server {
namespace {

namespace fs = std::filesystem;
using firehose::FlushFault;
using firehose::FlushReport;

class NoStreams final : public ports::StreamDirectory {
public:
    [[nodiscard]] Expected<ports::FoundStream, ports::StreamFault> find(std::string_view, const ports::StreamUser&,
                                                                        ports::StreamAccess) const override {
        return fail(ports::StreamFault::missing);
    }
    [[nodiscard]] std::shared_ptr<ports::RecordSource> source(std::uint64_t, const ports::StreamUser&) override {
        return nullptr;
    }
    [[nodiscard]] std::shared_ptr<ports::RecordSink> sink(std::uint64_t, const ports::StreamUser&) override {
        return nullptr;
    }
};

firehose::Settings test_settings() {
    firehose::Settings settings;
    settings.s3.role_arn = "arn:aws:iam::111111111111:role/r";
    settings.s3.bucket_arn = "arn:aws:s3:::b";
    settings.s3.prefix = "day=!{timestamp:yyyy-MM-dd}/";
    settings.s3.error_output_prefix = "e/!{firehose:error-output-type}/";
    settings.s3.buffering_hints.size_in_m_bs = 1;
    settings.s3.buffering_hints.interval_in_seconds = 900;
    settings.s3.compression_format = api::firehose::CompressionFormat::uncompressed;
    settings.s3.encryption_configuration.no_encryption_config = api::firehose::NoEncryptionConfig::no_encryption;
    return settings;
}

// The components of one process, in the order of construction.
struct Process {
    Process(io::SimulatedFileSystem& disk, const std::string& catalog_directory, core::Runtime& runtime)
        : pool({.name = "files", .threads_max = 1, .queue_max = 16}) {
        auto opened = log::Directory::open("/data", {}, disk);
        if (!opened) return;
        directory = *std::move(opened);
        catalog = catalog::Catalog::open(catalog_directory, [](std::string_view) {}).value();
        applier = std::make_unique<CatalogApplier>(*catalog);
        keyring = std::make_unique<catalog::Keyring>(
            catalog::Keyring::open(catalog_directory + "/keyring", true, rng).value());
        data_keys = std::make_unique<catalog::DataKeys>(*keyring, rng);
        log::Options options;
        options.journal_file_bytes = 1 << 20;
        options.first_file_bytes = 1 << 20;
        options.cache_bytes = 1 << 20;
        auto opened_log = log::LocalLog::open(options, *directory, clock, rng, *applier);
        if (!opened_log) return;
        log = *std::move(opened_log);
        applier->own_retention(*log);
        buckets = std::make_unique<outbound::LocalBuckets>(directory->fs(), "/data/buckets", pool);
        deliveries = std::make_unique<firehose::Deliveries>(
            firehose::Needs{.snapshot = [this] { return catalog->snapshot(); },
                            .log = *log,
                            .commands = *log,
                            .clock = clock,
                            .rng = rng,
                            .data_keys = *data_keys,
                            .streams = streams,
                            .store = *buckets,
                            .memory = memory,
                            .cpu = nullptr,
                            .metrics = metrics,
                            .errors = [](const firehose::Plan&, const firehose::ErrorLine&) {},
                            .cores = {&runtime.core(0)}});
        catalog->on_publish([this](const catalog::Feed& feed) { deliveries->on_publish(feed); });
        deliveries->start();
    }
    ~Process() {
        if (deliveries != nullptr) deliveries->stop();
        if (catalog != nullptr) catalog->on_publish({});
        if (log != nullptr) log->close();
        if (catalog != nullptr) catalog->close();
        pool.stop();
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    core::SystemClock clock;
    core::SystemRng rng;
    core::MemoryBudget memory{core::MemoryBudget::unlimited()};
    firehose::Metrics metrics;
    NoStreams streams;
    core::WorkPool pool;
    std::unique_ptr<log::Directory> directory;
    std::unique_ptr<catalog::Catalog> catalog;
    std::unique_ptr<CatalogApplier> applier;
    std::unique_ptr<catalog::Keyring> keyring;
    std::unique_ptr<catalog::DataKeys> data_keys;
    std::unique_ptr<log::LocalLog> log;
    std::unique_ptr<outbound::LocalBuckets> buckets;
    std::unique_ptr<firehose::Deliveries> deliveries;
};

class DeliveryCrash : public testing::Test {
protected:
    DeliveryCrash() { runtime_.start(); }
    ~DeliveryCrash() override {
        runtime_.stop();
        fs::remove_all(home_);
    }

    // A disk, and the catalog's database, whose content is always durable in the journal on that disk.
    struct State {
        std::unique_ptr<io::SimulatedFileSystem> disk;
        std::string catalog_directory;
    };
    State make_state() {
        State state{std::make_unique<io::SimulatedFileSystem>(), new_directory()};
        EXPECT_TRUE(state.disk->mkdir("/data"));
        EXPECT_TRUE(state.disk->sync_directory("/"));
        return state;
    }
    State copy_of(const State& from) {
        State state{from.disk->clone(), new_directory()};
        fs::copy(from.catalog_directory, state.catalog_directory, fs::copy_options::recursive);
        return state;
    }

    static std::shared_ptr<const catalog::ObjectState> find(const Process& process) {
        return process.catalog->snapshot()->find_object(catalog::ObjectState::Kind::delivery_stream, "111111111111",
                                                        "us-east-1", "stream");
    }
    static void create(Process& process) {
        catalog::CreateObject command;
        command.object.kind = catalog::ObjectState::Kind::delivery_stream;
        command.object.account = "111111111111";
        command.object.region = "us-east-1";
        command.object.name = "stream";
        command.object.arn = "arn:aws:firehose:us-east-1:111111111111:deliverystream/stream";
        command.object.settings = encode(test_settings());
        command.shards = {catalog::ShardClass::records};
        static_cast<void>(
            process.log->submit_and_wait(catalog::encode(catalog::Command(std::move(command)))).has_value());
    }
    // True if the records were acknowledged.
    bool put(Process& process, const std::vector<std::string>& records) {
        const auto object = find(process);
        if (object == nullptr) return false;
        std::promise<bool> done;
        core::spawn(runtime_.core(0), [&]() -> Task<void> {
            log::BatchBuilder builder(0);
            for (const std::string& data : records) {
                const auto room = builder.add({}, nullptr, data.size());
                std::ranges::copy(as_bytes(data), room.begin());
            }
            const log::ShardUid shard(object->shards.front().uid);
            const auto appended = co_await process.log->append(runtime_.core(0), shard, builder.seal());
            done.set_value(appended.has_value());
        });
        return done.get_future().get();
    }
    // Runs until all accepted records are delivered, or the power is off.
    void deliver(Process& process, const io::SimulatedFileSystem& disk) {
        const auto object = find(process);
        if (object == nullptr) return;
        std::promise<void> done;
        auto finished = done.get_future();
        core::spawn(runtime_.core(0), [&]() -> Task<void> {
            for (int i = 0; i < 20 && !disk.is_off(); ++i) {
                const auto report = co_await process.deliveries->flush(runtime_.core(0), object->uid, 500);
                if (report && report->undelivered == 0) break;
            }
            done.set_value();
        });
        while (finished.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
            if (disk.is_off()) process.deliveries->begin_stop();
        }
    }

    static std::string record(int i) { return "record-" + std::to_string(100 + i) + ";"; }
    // Puts and delivers records, in two rounds. Returns the acknowledged records.
    std::vector<std::string> run(const State& state) {
        std::vector<std::string> acknowledged;
        Process process(*state.disk, state.catalog_directory, runtime_);
        if (process.deliveries == nullptr) return acknowledged;
        create(process);
        for (int round = 0; round < 2; ++round) {
            std::vector<std::string> records;
            for (int i = 0; i < 5; ++i) records.push_back(record(round * 5 + i));
            if (put(process, records)) acknowledged.insert(acknowledged.end(), records.begin(), records.end());
            deliver(process, *state.disk);
        }
        return acknowledged;
    }
    void recover(const State& state, std::uint64_t power_off_at = 0) {
        if (power_off_at != 0) state.disk->power_off_at_change(power_off_at);
        Process process(*state.disk, state.catalog_directory, runtime_);
        if (process.deliveries != nullptr) deliver(process, *state.disk);
    }
    static std::map<std::string, std::string> objects(const io::SimulatedFileSystem& disk) {
        std::map<std::string, std::string> found;
        for (const std::string& path : disk.paths()) {
            const auto content = disk.content(path);
            if (!path.starts_with("/data/buckets/b/") || !content || path.ends_with("/")) continue;
            if (!content->empty()) found[path] = as_text(*content);
        }
        return found;
    }
    // Each acknowledged record must be in exactly one file, any other record in at most one, and nothing else in any
    // file.
    static void check(const State& state, const std::vector<std::string>& acknowledged, const std::string& where) {
        std::string all;
        for (const auto& [path, body] : objects(*state.disk)) all += body;
        std::size_t known = 0;
        for (int i = 0; i < 10; ++i) {
            std::size_t count = 0;
            for (auto at = all.find(record(i)); at != std::string::npos; at = all.find(record(i), at + 1)) ++count;
            const bool was_acknowledged = std::ranges::find(acknowledged, record(i)) != acknowledged.end();
            EXPECT_TRUE(count == 1 || (count == 0 && !was_acknowledged)) << where << ' ' << record(i) << ' ' << count;
            known += count * record(i).size();
        }
        EXPECT_EQ(known, all.size()) << where;
    }

    core::Runtime runtime_{1};

private:
    std::string new_directory() {
        const std::string path = home_ + "/" + std::to_string(next_directory_++);
        fs::create_directory(path);
        return path;
    }
    std::string home_ = [] {
        char name[] = "/tmp/riacho-delivery-XXXXXX";
        return std::string(mkdtemp(name));
    }();
    int next_directory_ = 0;
};

TEST_F(DeliveryCrash, power_that_fails_at_any_change_loses_no_record_and_repeats_none) {
    const std::uint64_t seed_count = 2;
    for (std::uint64_t change = 1;; ++change) {
        const State state = make_state();
        state.disk->power_off_at_change(change);
        const std::vector<std::string> acknowledged = run(state);
        if (!state.disk->is_off()) {
            EXPECT_EQ(acknowledged.size(), 10U);
            check(state, acknowledged, "whole");
            EXPECT_GT(change, 40U) << "there is less to lose than there was";
            return;
        }
        std::vector<io::CrashPolicy> policies{{.kind = io::CrashPolicy::Kind::lose_all},
                                              {.kind = io::CrashPolicy::Kind::keep_all}};
        for (std::uint64_t seed = 0; seed < seed_count; ++seed) {
            policies.push_back({.kind = io::CrashPolicy::Kind::random, .seed = change * seed_count + seed});
        }
        for (std::size_t i = 0; i < policies.size(); ++i) {
            const std::string where = "change " + std::to_string(change) + " policy " + std::to_string(i);
            const State after = copy_of(state);
            after.disk->crash(policies[i]);
            // In every third case the power fails again during the recovery.
            if ((change + i) % 3 == 0) {
                recover(after, 1 + change % 17);
                after.disk->crash({.kind = io::CrashPolicy::Kind::random, .seed = change});
            }
            recover(after);
            check(after, acknowledged, where);
            if (HasFailure()) return;
        }
        ASSERT_LT(change, 1'000U);
    }
}

}  // namespace
}  // namespace riacho::server
