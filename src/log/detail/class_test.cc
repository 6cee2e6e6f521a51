// Classes of shards: stored on disk, and limits of media in favour of records.
#include "log/detail/test_node.h"
#include "log/verify.h"

namespace riacho::log::detail {
namespace {

class ClassTest : public testing::Test {
protected:
    ClassTest() { EXPECT_TRUE(fs_.mkdir("/")); }

    std::unique_ptr<TestNode> open(Options options = TestNode::small_options()) {
        auto node = std::make_unique<TestNode>(fs_, clock_, applier_, std::move(options));
        EXPECT_TRUE(node->is_open()) << (node->error ? node->error->message : "");
        return node;
    }
    static ShardClass class_of(TestNode& node, std::uint64_t uid) {
        return node.store.shards.find(ShardUid(uid))->shard_class;
    }
    std::string only_segment(std::uint64_t shard) const {
        const std::string directory = "/store/" + shard_directory(ShardUid(shard)) + "/";
        for (const std::string& path : fs_.paths()) {
            if (path.starts_with(directory) && path.ends_with(".rks")) return path;
        }
        return {};
    }

    io::SimulatedFileSystem fs_;
    core::ManualClock clock_{TimestampMs(1'700'000'000'000)};
    TestApplier applier_;
};

// The caller's objects of an append that is not awaited.
struct Waiting {
    Waiting(TestNode& node, std::uint64_t shard, std::size_t size, ShardClass shard_class) {
        batches.push_back({.shard = ShardUid(shard), .batch = make_batch({std::string(size, 'x')})});
        request.batches = batches;
        request.shard_class = shard_class;
        request.wakeup = &wakeup;
        node.sequencer.submit(request);
    }
    [[nodiscard]] const Expected<Appended, LogError>& result() const { return batches.front().result; }
    [[nodiscard]] bool is_done() const { return wakeup.count > 0; }

    std::vector<ShardBatch> batches;
    AppendRequest request;
    NoWakeup wakeup;
};

TEST_F(ClassTest, a_class_survives_in_the_journal_the_checkpoint_and_the_segment) {
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1"));
        ASSERT_TRUE(node->command("create_media 2"));
    }
    {
        const auto node = open();
        EXPECT_EQ(class_of(*node, 1), ShardClass::records);
        EXPECT_EQ(class_of(*node, 2), ShardClass::media);
        for (const std::uint64_t shard : {1U, 2U}) ASSERT_TRUE(node->append(shard, {"a"}));
        ASSERT_TRUE(node->checkpoint());
    }
    const auto node = open();
    EXPECT_EQ(node->store.counters.recovery_replayed_bytes, 0U);
    EXPECT_EQ(class_of(*node, 1), ShardClass::records);
    EXPECT_EQ(class_of(*node, 2), ShardClass::media);
    EXPECT_EQ(decode_segment_header(*fs_.content(only_segment(1)))->shard_class, ShardClass::records);
    EXPECT_EQ(decode_segment_header(*fs_.content(only_segment(2)))->shard_class, ShardClass::media);
}

TEST_F(ClassTest, media_have_larger_segments_which_may_hold_pads) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    ASSERT_TRUE(node->command("create_media 2"));
    for (int i = 0; i < 6; ++i) {
        for (const std::uint64_t shard : {1U, 2U}) ASSERT_TRUE(node->append(shard, {std::string(6000, 'x')}));
    }
    ASSERT_TRUE(node->checkpoint());
    EXPECT_EQ(node->store.shards.find(ShardUid(2))->flushed.active_base, SeqIx(1));
    EXPECT_GT(node->store.shards.find(ShardUid(1))->flushed.active_base, SeqIx(1));
    // A pad between two frames, as left by a write that fills whole blocks.
    const std::string path = only_segment(2);
    Bytes content = *fs_.content(path);
    const auto first = decode_header(ByteSpan(content).subspan(file_header_size));
    FrameHeader pad{.kind = FrameKind::pad, .body_size = 128};
    Bytes bytes(pad.size_on_disk());
    encode_header(pad, bytes.data());
    const std::size_t at = file_header_size + first->size_on_disk();
    content.insert(content.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin(), bytes.end());
    fs_.set_content(path, content);
    const auto file = *fs_.open(path, {});
    SegmentScanner scanner(*file, ShardUid(2), file_header_size, content.size());
    int frames = 0;
    SegmentScanner::Step step{};
    while ((step = scanner.advance()) == SegmentScanner::Step::frame) {
        EXPECT_NE(scanner.load(), nullptr);
        ++frames;
    }
    EXPECT_EQ(step, SegmentScanner::Step::end);
    EXPECT_EQ(frames, 6);
}

TEST_F(ClassTest, media_push_no_records_out_of_the_cache) {
    Options options = TestNode::small_options();
    options.cache_bytes = 80'000;
    const auto node = open(options);
    ASSERT_TRUE(node->command("create 1"));
    ASSERT_TRUE(node->command("create_media 2"));
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(node->append(1, {std::string(9'000, 'r')}));
    for (int round = 0; round < 5; ++round) {
        for (int i = 0; i < 6; ++i) ASSERT_TRUE(node->append(2, {std::string(9'000, 'm')}));
        ASSERT_TRUE(node->checkpoint());
    }
    EXPECT_LE(node->store.counters.cached_media_bytes, options.cache_bytes / 4);
    EXPECT_GT(node->store.counters.cached_media_bytes, 0U);
    EXPECT_LE(node->store.counters.cached_bytes, options.cache_bytes);
    const ShardPtr shard = node->store.shards.find(ShardUid(1));
    EXPECT_TRUE(read_tail(*shard, SeqIx(1), {}, TimestampMs(0)).answer) << "the oldest record is not in memory";
    EXPECT_EQ(node->read_all(2).size(), 30U);
    ASSERT_TRUE(node->command("drop 2"));
    EXPECT_EQ(node->store.counters.cached_media_bytes, 0U);
}

TEST_F(ClassTest, media_leave_room_in_the_queue_for_records_and_both_for_commands) {
    Options options = TestNode::small_options();
    options.first_file_bytes = options.journal_file_bytes = 32 << 20;
    const auto node = open(options);
    ASSERT_TRUE(node->command("create 1"));
    ASSERT_TRUE(node->command("create_media 2"));
    constexpr std::size_t size = 4 << 20;
    std::vector<std::unique_ptr<Waiting>> waiting;
    const auto fill = [&](std::uint64_t shard, ShardClass shard_class) {
        std::size_t accepted = 0;
        for (;; ++accepted) {
            auto item = std::make_unique<Waiting>(*node, shard, size, shard_class);
            if (item->is_done()) {
                EXPECT_EQ(item->result().error(), LogError::overloaded);
                return accepted;
            }
            waiting.push_back(std::move(item));
        }
    };
    EXPECT_EQ(fill(2, ShardClass::media), queue_media_bytes_max / size - 1);
    EXPECT_GE(fill(1, ShardClass::records), 8U);
    EXPECT_EQ(fill(2, ShardClass::media), 0U);
    EXPECT_TRUE(node->command("create 3")) << "a full queue has room for a command";
    for (const auto& item : waiting) EXPECT_TRUE(item->is_done());
    EXPECT_EQ(node->store.counters.queue_bytes, 0U);
    EXPECT_EQ(node->store.counters.queue_media_bytes, 0U);
}

TEST_F(ClassTest, records_do_not_wait_for_the_media_before_them) {
    Options options = TestNode::small_options();
    options.first_file_bytes = options.journal_file_bytes = 64 << 20;
    const auto node = open(options);
    ASSERT_TRUE(node->command("create 1"));
    ASSERT_TRUE(node->command("create_media 2"));
    std::vector<std::unique_ptr<Waiting>> media;
    for (int i = 0; i < 20; ++i) {
        media.push_back(std::make_unique<Waiting>(*node, 2, 1 << 20, ShardClass::media));
    }
    const Waiting record(*node, 1, 100, ShardClass::records);
    ASSERT_TRUE(node->sequencer.step());
    EXPECT_TRUE(record.is_done());
    EXPECT_TRUE(media[0]->is_done());
    EXPECT_TRUE(media[1]->is_done());
    EXPECT_FALSE(media[2]->is_done()) << "a group with records holds 2 MiB of media";
    while (node->sequencer.step()) {
    }
    std::uint64_t expected = 1;
    for (const auto& item : media) EXPECT_EQ(item->result()->first, SeqIx(expected++)) << "in the order of the queue";
}

TEST_F(ClassTest, a_store_of_version_1_is_upgraded_and_a_later_one_refused_with_both_versions) {
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1"));
        ASSERT_TRUE(node->append(1, {"a"}));
        node->shut_down();
    }
    auto identity = *decode_store_file(*fs_.content("/store/STORE"));
    EXPECT_EQ(identity.format, store_format);
    identity.format = 1;
    fs_.set_content("/store/STORE", encode_store_file(identity));
    {
        const auto node = open();
        EXPECT_EQ(node->read_all(1).size(), 1U);
    }
    EXPECT_EQ(decode_store_file(*fs_.content("/store/STORE"))->format, store_format);
    identity.format = store_format + 1;
    fs_.set_content("/store/STORE", encode_store_file(identity));
    const TestNode node(fs_, clock_, applier_);
    ASSERT_FALSE(node.is_open());
    EXPECT_EQ(node.error->fault, OpenFault::configuration);
    EXPECT_NE(node.error->message.find("version 4"), std::string::npos) << node.error->message;
    EXPECT_NE(node.error->message.find("up to 3"), std::string::npos) << node.error->message;
}

}  // namespace
}  // namespace riacho::log::detail
