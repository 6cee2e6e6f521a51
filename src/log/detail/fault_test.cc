// Faults of a disk, a clock or an operator, and the extent of their effects.
#include <cerrno>

#include "log/detail/test_node.h"

namespace riacho::log::detail {
namespace {

class FaultTest : public testing::Test {
protected:
    FaultTest() { EXPECT_TRUE(fs_.mkdir("/")); }

    std::unique_ptr<TestNode> open(Options options = TestNode::small_options()) {
        auto node = std::make_unique<TestNode>(fs_, clock_, applier_, std::move(options));
        EXPECT_TRUE(node->is_open()) << (node->error ? node->error->message : "");
        return node;
    }

    io::SimulatedFileSystem fs_;
    core::ManualClock clock_{TimestampMs(1'700'000'000'000)};
    TestApplier applier_;
};

std::vector<std::string> texts_of(const std::vector<TestRecord>& records) {
    std::vector<std::string> data;
    data.reserve(records.size());
    for (const TestRecord& record : records) data.push_back(record.data);
    return data;
}

TEST_F(FaultTest, a_search_by_time_does_not_pass_over_damage) {
    auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    std::vector<std::int64_t> arrivals;
    for (int i = 0; i < 12; ++i) {
        clock_.advance_ms(10);
        arrivals.push_back(node->append(1, {std::string(1000, 'x')})->arrival.value());
    }
    ASSERT_TRUE(node->command("close 1"));
    ASSERT_TRUE(node->checkpoint());
    node->empty_cache();
    const std::string path = "/store/data/0/0000000000000001/0000000000000001.rks";
    Bytes content = *fs_.content(path);
    const std::size_t frame_size = decode_header(ByteSpan(content).subspan(file_header_size))->size_on_disk();
    const ShardPtr shard = node->store.shards.find(ShardUid(1));
    const auto search = [&](std::size_t i) {
        return node->store.segments.find_by_time(*shard, TimestampMs(arrivals[i]), SeqIx(1), SeqIx(13));
    };
    ASSERT_EQ(search(8).value(), SeqIx(9));
    for (const std::size_t byte : {std::size_t{3}, frame_header_size + 20}) {
        Bytes damaged = content;
        damaged[file_header_size + 5 * frame_size + byte] ^= std::byte{1};
        fs_.set_content(path, damaged);
        EXPECT_EQ(search(4).value(), SeqIx(5));
        ASSERT_FALSE(search(8)) << byte;
        EXPECT_EQ(search(8).error().error, LogError::corrupt);
        EXPECT_EQ(search(8).error().path, path);
    }
}

TEST_F(FaultTest, a_segment_that_cannot_be_read_fails_its_readers_only) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1 2"));
    for (const std::uint64_t shard : {1U, 2U}) ASSERT_TRUE(node->append(shard, {"a", "b"}));
    ASSERT_TRUE(node->checkpoint());
    node->empty_cache();
    fs_.fail_call("pread", 1, EIO, true);
    EXPECT_EQ(node->read(1, SeqIx(1)).error(), LogError::corrupt);
    EXPECT_FALSE(node->store.is_poisoned());
    EXPECT_EQ(node->store.counters.damaged_shards, 1U);
    EXPECT_EQ(node->append(2, {"c"})->first, SeqIx(3));
    EXPECT_EQ(texts_of(node->read_all(2, SeqIx(3))), (std::vector<std::string>{"c"}));
    fs_.clear_failures();
    EXPECT_EQ(texts_of(node->read_all(1)), (std::vector<std::string>{"a", "b"}));
}

TEST_F(FaultTest, damage_met_by_reads_is_counted_once_a_shard_and_logged_once_a_place) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1 2"));
    for (const std::uint64_t shard : {1U, 2U}) {
        for (int i = 0; i < 3; ++i) ASSERT_TRUE(node->append(shard, {std::string(9000, 'x')}));
    }
    ASSERT_TRUE(node->command("close 1"));
    ASSERT_TRUE(node->checkpoint());
    node->empty_cache();
    const std::string path = "/store/data/0/0000000000000001/0000000000000002.rks";
    Bytes content = *fs_.content(path);
    content[file_header_size + 100] ^= std::byte{1};
    fs_.set_content(path, content);
    testing::internal::CaptureStderr();
    for (int i = 0; i < 5; ++i) EXPECT_EQ(node->read(1, SeqIx(2)).error(), LogError::corrupt);
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::ranges::count(log, '\n'), 1) << log;
    EXPECT_NE(log.find(path), std::string::npos) << log;
    EXPECT_EQ(node->store.counters.damaged_shards, 1U);
    EXPECT_TRUE(node->find(1)->damaged);
    EXPECT_TRUE(node->read(1, SeqIx(3))) << "what is behind it can be read";
    EXPECT_FALSE(node->find(2)->damaged);
    // The damage is forgotten when the records are trimmed, and when the shard is dropped.
    ASSERT_TRUE(node->command("trim 1=3"));
    EXPECT_EQ(node->store.counters.damaged_shards, 0U);
    fs_.fail_call("pread", 1, EIO, true);
    EXPECT_EQ(node->read(2, SeqIx(1)).error(), LogError::corrupt);
    fs_.clear_failures();
    EXPECT_EQ(node->store.counters.damaged_shards, 1U);
    ASSERT_TRUE(node->command("drop 2"));
    EXPECT_EQ(node->store.counters.damaged_shards, 0U);
}

TEST_F(FaultTest, a_read_without_descriptors_is_no_damage) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    ASSERT_TRUE(node->append(1, {"a"}));
    ASSERT_TRUE(node->command("close 1"));
    ASSERT_TRUE(node->checkpoint());
    node->empty_cache();
    node->store.segments.forget_open_files();
    fs_.fail_call("open", 1, EMFILE, true);
    EXPECT_EQ(node->read(1, SeqIx(1)).error(), LogError::overloaded);
    fs_.clear_failures();
    EXPECT_EQ(node->store.counters.damaged_shards, 0U);
    EXPECT_EQ(node->read_all(1).size(), 1U);
}

TEST_F(FaultTest, a_directory_that_is_gone_is_a_failed_disk) {
    const auto node = open();
    node->flusher.tick();
    ASSERT_TRUE(fs_.unlink("/store/LOCK"));
    clock_.advance_ms(2000);
    node->flusher.tick();
    EXPECT_EQ(node->store.state(), StoreState::failed);
    EXPECT_NE(node->store.failure().find("/store"), std::string::npos);
}

TEST_F(FaultTest, the_only_journal_file_with_a_damaged_header_is_named) {
    std::string path;
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1"));
        ASSERT_TRUE(node->checkpoint());
        path = "/store/journal/" + journal_file_name(node->store.journal.generation());
    }
    Bytes content = *fs_.content(path);
    content[20] ^= std::byte{1};
    for (const std::string& other : fs_.paths()) {
        if (other.starts_with("/store/journal/") && other != path) ASSERT_TRUE(fs_.unlink(other));
    }
    fs_.set_content(path, content);
    const TestNode node(fs_, clock_, applier_);
    ASSERT_FALSE(node.is_open());
    EXPECT_EQ(node.error->message, path + " has a damaged header");
}

TEST_F(FaultTest, a_full_disk_stops_the_flusher_but_loses_nothing) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    node->make_spares();
    fs_.set_bytes_free(0);
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(node->append(1, {std::to_string(i)})) << "the journal needs no new space";
    EXPECT_FALSE(node->flusher.process());
    EXPECT_EQ(node->store.state(), StoreState::disk_full);
    EXPECT_EQ(node->read_all(1).size(), 10U);
    fs_.set_bytes_free(1 << 30);
    ASSERT_TRUE(node->checkpoint());
    EXPECT_EQ(node->store.state(), StoreState::ok);
    node->empty_cache();
    EXPECT_EQ(node->read_all(1).size(), 10U);
}

TEST_F(FaultTest, appends_are_refused_while_space_is_low) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    fs_.set_bytes_free(1 << 20);
    clock_.advance_ms(2000);
    node->flusher.tick();
    EXPECT_EQ(node->store.state(), StoreState::disk_low);
    EXPECT_EQ(node->append(1, {"a"}).error(), LogError::disk_full);
    EXPECT_TRUE(node->command("drop 1")) << "freeing space must stay possible";
    fs_.set_bytes_free(1ULL << 40);
    clock_.advance_ms(2000);
    node->flusher.tick();
    EXPECT_EQ(node->store.state(), StoreState::ok);
}

TEST_F(FaultTest, a_start_on_a_full_disk_serves_reads_and_takes_writes_when_there_is_room) {
    for (const Durability durability : {Durability::sync, Durability::interval}) {
        Options options = TestNode::small_options();
        options.durability = durability;
        options.directory = durability == Durability::sync ? "/one" : "/two";
        applier_ = {};
        {
            const auto node = open(options);
            ASSERT_TRUE(node->command("create 1"));
            ASSERT_TRUE(node->append(1, {"a"}));
        }
        for (const std::string& path : fs_.paths()) {
            if (path.find("/spare-") != std::string::npos) ASSERT_TRUE(fs_.unlink(path));
        }
        fs_.set_bytes_free(0);
        {
            const auto node = open(options);
            EXPECT_EQ(texts_of(node->read_all(1)), (std::vector<std::string>{"a"}));
            EXPECT_EQ(node->append(1, {"b"}).error(), LogError::disk_full);
            node->shut_down();
        }
        {
            const auto node = open(options);
            fs_.set_bytes_free(1ULL << 40);
            node->store.sample_space();
            EXPECT_EQ(node->append(1, {"b"})->first, SeqIx(2));
            EXPECT_TRUE(node->checkpoint());
        }
        const auto node = open(options);
        EXPECT_EQ(texts_of(node->read_all(1)), (std::vector<std::string>{"a", "b"}));
    }
}

TEST_F(FaultTest, too_many_open_files_stop_the_flusher_for_a_while_only) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    for (const std::string call : {"open", "sync_directory"}) {
        for (std::uint64_t n = 1; n <= 3; ++n) {
            ASSERT_TRUE(node->append(1, {std::string(9000, 'x')}));
            fs_.fail_call(call, n, EMFILE, true);
            node->checkpoint();
            EXPECT_FALSE(node->store.is_poisoned()) << call << " " << n;
            fs_.clear_failures();
            ASSERT_TRUE(node->checkpoint()) << call << " " << n;
        }
    }
    node->empty_cache();
    EXPECT_EQ(node->read_all(1).size(), 6U);
}

TEST_F(FaultTest, commands_that_left_the_journal_must_have_been_stored) {
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1"));
        for (int i = 0; i < 30; ++i) ASSERT_TRUE(node->append(1, {std::string(7000, 'x')}));
        ASSERT_TRUE(node->checkpoint());
        ASSERT_TRUE(node->command("create 2"));
    }
    const Lsn stored = std::exchange(applier_.applied, Lsn(0));
    {
        const TestNode node(fs_, clock_, applier_);
        ASSERT_FALSE(node.is_open());
        EXPECT_EQ(node.error->fault, OpenFault::damaged);
    }
    applier_.applied = stored;
    fs_.crash({.kind = io::CrashPolicy::Kind::keep_all});
    EXPECT_TRUE(open()->find(2));
}

}  // namespace
}  // namespace riacho::log::detail
