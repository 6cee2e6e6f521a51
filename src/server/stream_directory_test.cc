// streams::Directory, the interface of Data Streams to other services, with the catalog and the log of a node.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <future>

#include "aws/token_sealer.h"
#include "catalog/catalog.h"
#include "catalog/keyring.h"
#include "core/clock.h"
#include "core/memory_budget.h"
#include "core/rng.h"
#include "core/runtime.h"
#include "core/task.h"
#include "io/file_system.h"
#include "log/directory.h"
#include "log/local_log.h"
#include "ports/record_sink.h"
#include "ports/record_source.h"
#include "server/catalog_applier.h"
#include "streams/directory.h"
#include "streams/encryption.h"
#include "streams/faults.h"
#include "streams/limits.h"
#include "streams/metrics.h"
#include "streams/queues.h"
#include "streams/subscriptions.h"

namespace riacho::server {
namespace {

using ports::SourceFault;
using ports::StreamAccess;
using ports::StreamFault;

class StreamDirectoryTest : public testing::Test {
protected:
    explicit StreamDirectoryTest(bool enforces_limits = false) : limits_(enforces_limits) {
        lock_ = *log::Directory::open(directory_, neighbours_, io::posix_file_system());
        catalog_ = *catalog::Catalog::open(directory_, [](std::string_view reason) { FAIL() << reason; });
        applier_ = std::make_unique<CatalogApplier>(*catalog_);
        log_ = *log::LocalLog::open({}, *lock_, clock_, rng_, *applier_);
        catalog_->publish();
        applier_->own_retention(*log_);
        keyring_.emplace(*catalog::Keyring::open(directory_ + "/keyring", true, rng_));
        tokens_.emplace(keyring_->derive("tokens"), rng_);
        keys_.emplace(*keyring_, rng_, streams::KeyFaults{{"broken", streams::KeyFault::disabled}});
        service_.emplace(streams::Service{*catalog_, *log_, *log_, clock_, rng_, *tokens_, metrics_, subscriptions_,
                                          *keys_, limits_, queues_, faults_, 0, 20, memory_});
        streams_.emplace(*service_);
        runtime_.start();
        catalog::CreateStream create;
        create.key = key_;
        create.arn = arn_;
        submit(create);
        uid_ = catalog_->snapshot()->find(key_.account, key_.region, key_.name)->uid;
    }
    ~StreamDirectoryTest() override {
        log_->close();
        catalog_->close();
        runtime_.stop();
        std::filesystem::remove_all(directory_);
    }

    void submit(catalog::Command command) {
        const auto result = log_->submit_and_wait(catalog::encode(command));
        ASSERT_TRUE(result && result->accepted);
    }
    // Runs a coroutine on the core and waits for it.
    template <class Make>
    void run(Make make) {
        std::promise<void> done;
        core::spawn(runtime_.core(0), [&]() -> Task<void> {
            co_await make(runtime_.core(0));
            done.set_value();
        });
        done.get_future().get();
    }
    void put(const std::vector<std::pair<std::string, std::string>>& records) {
        run([&](core::Core& core) -> Task<void> {
            std::vector<ports::RecordToSend> sent;
            for (const auto& [key, data] : records) sent.push_back({key, data});
            const auto results = co_await streams_->sink(uid_, owner_)->append(core, sent);
            for (const auto& result : results) EXPECT_TRUE(result);
        });
    }
    std::vector<std::string> read(std::uint64_t shard, std::uint64_t from) {
        std::vector<std::string> data;
        run([&](core::Core& core) -> Task<void> {
            const auto slice = co_await streams_->source(uid_, owner_)->read(core, shard, from, 1 << 20);
            EXPECT_TRUE(slice);
            if (!slice) co_return;
            for (const ports::SourceRecord& record : slice->records) data.emplace_back(record.data);
            EXPECT_TRUE(slice->at_tip);
        });
        return data;
    }

    const catalog::StreamKey key_{"111111111111", "us-east-1", "orders"};
    const std::string arn_ = "arn:aws:kinesis:us-east-1:111111111111:stream/orders";
    const ports::StreamUser owner_{"111111111111", ""};
    const ports::StreamUser stranger_{"222222222222", "bob"};
    std::string directory_ = [] {
        char name[] = "/tmp/riacho-streams-XXXXXX";
        return std::string(mkdtemp(name));
    }();
    const std::vector<std::string> neighbours_ = {"LOCK", "catalog"};
    std::unique_ptr<log::Directory> lock_;
    core::SystemClock clock_;
    core::SystemRng rng_;
    core::MemoryBudget memory_{core::MemoryBudget::unlimited()};
    std::unique_ptr<catalog::Catalog> catalog_;
    std::unique_ptr<CatalogApplier> applier_;
    std::unique_ptr<log::LocalLog> log_;
    std::optional<catalog::Keyring> keyring_;
    std::optional<aws::TokenSealer> tokens_;
    streams::StreamMetrics metrics_;
    streams::Subscriptions subscriptions_{1 << 20};
    std::optional<streams::DataKeys> keys_;
    streams::Limits limits_;
    streams::Queues queues_{nullptr};
    streams::FaultOptions faults_;
    std::optional<streams::Service> service_;
    std::optional<streams::Directory> streams_;
    core::Runtime runtime_{1};
    std::uint64_t uid_ = 0;
};

TEST_F(StreamDirectoryTest, what_was_sent_is_read_in_order_from_any_number_on) {
    put({{"k", "one"}, {"k", "two"}, {"k", "three"}});
    const auto source = streams_->source(uid_, owner_);
    const auto shards = source->shards();
    ASSERT_EQ(shards.size(), 1U);
    EXPECT_EQ(read(shards[0].uid, 1), (std::vector<std::string>{"one", "two", "three"}));
    EXPECT_EQ(read(shards[0].uid, 3), (std::vector<std::string>{"three"}));
    run([&](core::Core& core) -> Task<void> {
        const auto tip = co_await source->tip(core, shards[0].uid);
        EXPECT_EQ(tip.value(), 4U);
        const auto none = co_await source->read(core, shards[0].uid, 4, 1);
        EXPECT_TRUE(none->at_tip && none->records.empty() && none->next == 4 && !none->has_ended);
        const auto one = co_await source->read(core, shards[0].uid, 1, 1);
        EXPECT_EQ(one->records.size(), 1U) << "the first one whatever its size";
        EXPECT_EQ(one->next, 2U);
        EXPECT_FALSE(one->at_tip);
    });
}

TEST_F(StreamDirectoryTest, a_watch_tells_once_and_can_be_taken_back) {
    const auto source = streams_->source(uid_, owner_);
    const std::uint64_t shard = source->shards()[0].uid;
    std::promise<void> told;
    std::unique_ptr<ports::SourceWatch> waiting;
    std::unique_ptr<ports::SourceWatch> leaving;
    run([&](core::Core& core) -> Task<void> {
        waiting = source->watch(core, shard, 1, [&] { told.set_value(); });
        leaving = source->watch(core, shard, 1, [] { FAIL() << "it was taken back"; });
        EXPECT_TRUE(waiting != nullptr && leaving != nullptr);
        leaving.reset();
        co_return;
    });
    put({{"k", "x"}});
    told.get_future().get();
    run([&](core::Core& core) -> Task<void> {
        waiting.reset();
        EXPECT_EQ(source->watch(core, shard, 1, [] { FAIL(); }), nullptr) << "there is something already";
        co_return;
    });
}

TEST_F(StreamDirectoryTest, a_split_shard_ends_and_its_children_are_listed) {
    put({{"k", "before"}});
    const std::uint64_t parent = streams_->source(uid_, owner_)->shards()[0].uid;
    catalog::Reshard split;
    split.key = key_;
    split.plan.new_starting_hash_key = U128{1} << 127;
    submit(split);
    submit(catalog::ContinueReshard{uid_});
    put({{"k", "after"}});
    const auto source = streams_->source(uid_, owner_);
    const auto shards = source->shards();
    ASSERT_EQ(shards.size(), 3U);
    EXPECT_TRUE(shards[0].is_closed);
    EXPECT_EQ(shards[1].parent, 0);
    run([&](core::Core& core) -> Task<void> {
        const auto slice = co_await source->read(core, parent, 1, 1 << 20);
        EXPECT_TRUE(slice->has_ended);
        EXPECT_EQ(slice->records.size(), 1U);
        std::size_t found = 0;
        for (const std::size_t child : {1U, 2U}) {
            const auto of_child = co_await source->read(core, shards[child].uid, 0, 1 << 20);
            found += of_child->records.size();
            EXPECT_FALSE(of_child->has_ended);
        }
        EXPECT_EQ(found, 1U);
    });
}

TEST_F(StreamDirectoryTest, sealed_records_are_opened_and_a_key_that_fails_is_told) {
    catalog::ConfigureStream encrypt;
    encrypt.key = key_;
    encrypt.key_id = "alias/a";
    encrypt.new_data_key = keys_->make(arn_);
    submit(encrypt);
    put({{"k", "secret"}});
    const std::uint64_t shard = streams_->source(uid_, owner_)->shards()[0].uid;
    EXPECT_EQ(read(shard, 1), (std::vector<std::string>{"secret"}));
    encrypt.key_id = "broken";
    submit(encrypt);
    run([&](core::Core& core) -> Task<void> {
        const auto slice = co_await streams_->source(uid_, owner_)->read(core, shard, 1, 1 << 20);
        EXPECT_EQ(slice.error(), SourceFault::key);
        const std::vector<ports::RecordToSend> records = {{"k", "x"}};
        const auto sent = co_await streams_->sink(uid_, owner_)->append(core, records);
        EXPECT_EQ(sent[0].error(), ports::SinkFault::key);
    });
}

TEST_F(StreamDirectoryTest, other_accounts_need_a_policy_and_learn_nothing_without_one) {
    EXPECT_EQ(streams_->find(arn_, owner_, StreamAccess::read)->uid, uid_);
    EXPECT_EQ(streams_->find(arn_, stranger_, StreamAccess::read).error(), StreamFault::denied);
    EXPECT_EQ(streams_->find(arn_ + "x", stranger_, StreamAccess::read).error(), StreamFault::denied);
    EXPECT_EQ(streams_->find(arn_ + "x", owner_, StreamAccess::read).error(), StreamFault::missing);
    EXPECT_EQ(streams_->find("orders", owner_, StreamAccess::read).error(), StreamFault::not_an_arn);
    put({{"k", "shared"}});
    catalog::ConfigureStream share;
    share.key = key_;
    share.policy = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"222222222222"},)"
                   R"("Action":"kinesis:GetRecords","Resource":")" +
                   arn_ + R"("}]})";
    submit(share);
    EXPECT_TRUE(streams_->find(arn_, stranger_, StreamAccess::read));
    EXPECT_EQ(streams_->find(arn_, stranger_, StreamAccess::write).error(), StreamFault::denied);
    const auto source = streams_->source(uid_, stranger_);
    const std::uint64_t shard = source->shards()[0].uid;
    run([&](core::Core& core) -> Task<void> {
        const auto slice = co_await source->read(core, shard, 1, 1 << 20);
        EXPECT_TRUE(slice);
    });
    share.policy = "";
    submit(share);
    run([&](core::Core& core) -> Task<void> {
        const auto slice = co_await source->read(core, shard, 1, 1 << 20);
        EXPECT_EQ(slice.error(), SourceFault::denied) << "rights that were taken away end";
    });
}

TEST_F(StreamDirectoryTest, a_deleted_stream_is_gone_also_when_its_name_comes_back) {
    const auto source = streams_->source(uid_, owner_);
    const std::uint64_t shard = source->shards()[0].uid;
    submit(catalog::DeleteStream{key_, 0, true});
    submit(catalog::PurgeStream{uid_});
    catalog::CreateStream create;
    create.key = key_;
    create.arn = arn_;
    submit(create);
    EXPECT_TRUE(source->shards().empty());
    EXPECT_NE(streams_->find(arn_, owner_, StreamAccess::read)->uid, uid_);
    run([&](core::Core& core) -> Task<void> {
        const auto slice = co_await source->read(core, shard, 1, 1 << 20);
        EXPECT_EQ(slice.error(), SourceFault::gone);
        const std::vector<ports::RecordToSend> records = {{"k", "x"}};
        const auto sent = co_await streams_->sink(uid_, owner_)->append(core, records);
        EXPECT_EQ(sent[0].error(), ports::SinkFault::gone);
    });
}

class LimitedStreamDirectoryTest : public StreamDirectoryTest {
protected:
    LimitedStreamDirectoryTest() : StreamDirectoryTest(true) {}
};

TEST_F(LimitedStreamDirectoryTest, a_record_that_is_throttled_is_not_overtaken) {
    const std::string large(700'000, 'x');
    run([&](core::Core& core) -> Task<void> {
        const std::vector<ports::RecordToSend> records = {{"k", large}, {"k", "1"}, {"k", large}, {"k", "3"}};
        const auto sent = co_await streams_->sink(uid_, owner_)->append(core, records);
        EXPECT_TRUE(sent[0]);
        EXPECT_TRUE(sent[1]);
        EXPECT_EQ(sent[2].error(), ports::SinkFault::throttled);
        EXPECT_EQ(sent[3].error(), ports::SinkFault::throttled) << "there is room for it, but not before the one above";
    });
}

TEST_F(StreamDirectoryTest, a_record_that_is_too_large_fails_alone) {
    const std::string large(2 << 20, 'x');
    run([&](core::Core& core) -> Task<void> {
        const std::vector<ports::RecordToSend> records = {{"k", "a"}, {"k", large}, {"k", "b"}};
        const auto sent = co_await streams_->sink(uid_, owner_)->append(core, records);
        EXPECT_TRUE(sent[0]);
        EXPECT_EQ(sent[1].error(), ports::SinkFault::too_large);
        EXPECT_TRUE(sent[2]);
        EXPECT_GT(sent[2]->seq, sent[0]->seq);
    });
}

}  // namespace
}  // namespace riacho::server
