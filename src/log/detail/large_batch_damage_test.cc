// Large batches: frames, references and segment files that are damaged, lost, or of writes that do not count.
#include <cerrno>

#include "log/detail/test_large_batch.h"

namespace riacho::log::detail {
namespace {

class LargeBatchDamage : public LargeBatch {};

TEST_F(LargeBatchDamage, a_damaged_frame_is_reported_and_those_behind_it_can_be_read) {
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1 2"));
        put(*node, 1, large);
        ASSERT_TRUE(node->checkpoint());
        for (int i = 0; i < 3; ++i) put(*node, 1, large);
        put(*node, 2, large);
        node->sequencer.write_mark(0);
    }
    const std::string path = segments(1).front();
    const Bytes original = *fs_.content(path);
    // The second frame: its header, its body.
    for (const std::size_t byte : {std::size_t{20}, std::size_t{5000}}) {
        const auto disk = fs_.clone();
        disk->crash({.kind = io::CrashPolicy::Kind::keep_all});
        Bytes content = original;
        content[file_header_size + 2 * block_size + byte] ^= std::byte{1};
        disk->set_content(path, content);
        EXPECT_TRUE(verify("/store", *disk).is_damaged());
        for (const bool again : {false, true}) {
            TestApplier applier = applier_;
            TestNode node(*disk, clock_, applier, options());
            ASSERT_TRUE(node.is_open()) << node.error->message;
            EXPECT_TRUE(node.find(1)->damaged);
            EXPECT_FALSE(node.find(2)->damaged);
            for (const bool cold : {false, true}) {
                if (cold) ASSERT_TRUE(node.checkpoint());
                if (cold) node.empty_cache();
                EXPECT_EQ(node.read_all(1).size(), 1U);
                EXPECT_EQ(node.read(1, SeqIx(2)).error(), LogError::corrupt);
                // Without the frame's header the position of the next frame is unknown.
                if ((cold || again) && byte == 20) continue;
                EXPECT_EQ(node.read_all(1, SeqIx(3)).size(), again ? 4U : 2U) << byte << cold << again;
            }
            if (again) continue;
            EXPECT_EQ(node.append(1, {std::string(large, 'y')})->first, SeqIx(5));
            EXPECT_EQ(node.append(1, {"small"})->first, SeqIx(6));
            ASSERT_TRUE(node.checkpoint());
        }
        Bytes kept = *disk->content(path);
        kept.resize(original.size());
        EXPECT_EQ(kept, content) << "damaged or not, what was durable stays";
        disk->crash({});
    }
}

TEST_F(LargeBatchDamage, a_lost_reference_does_not_cost_the_frames_behind_it) {
    std::string path;
    std::uint64_t at = 0;
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1"));
        put(*node, 1, large);
        at = node->store.journal.position().value();
        for (int i = 0; i < 3; ++i) put(*node, 1, large);
        path = "/store/journal/" + journal_file_name(node->store.journal.generation());
        at = at - decode_journal_header(*fs_.content(path))->first_lsn.value() + file_header_size;
    }
    // One byte; the whole block, which the next group describes.
    for (const std::size_t size : {std::size_t{1}, block_size}) {
        const auto disk = fs_.clone();
        disk->crash({.kind = io::CrashPolicy::Kind::keep_all});
        Bytes content = *disk->content(path);
        std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(at), size, std::byte{0});
        disk->set_content(path, content);
        EXPECT_TRUE(verify("/store", *disk).is_damaged());
        TestNode node(*disk, clock_, applier_, options());
        ASSERT_TRUE(node.is_open()) << node.error->message;
        EXPECT_EQ(node.read(1, SeqIx(2)).error(), LogError::corrupt) << size;
        EXPECT_EQ(node.read_all(1, SeqIx(3)).size(), 2U) << size;
        ASSERT_TRUE(node.checkpoint());
        node.empty_cache();
        EXPECT_EQ(node.read_all(1, SeqIx(3)).size(), 2U) << size;
        EXPECT_EQ(node.append(1, {std::string(large, 'y')})->first, SeqIx(5));
    }
}

TEST_F(LargeBatchDamage, a_missing_segment_costs_its_records_only) {
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1 2"));
        for (int i = 0; i < 9; ++i) put(*node, 1, large);
        put(*node, 2, large);
        ASSERT_EQ(segments(1).size(), 2U);
    }
    fs_.crash({});
    ASSERT_TRUE(fs_.unlink(segments(1).front()));
    EXPECT_TRUE(verify("/store", fs_).is_damaged());
    for (int start = 0; start < 2; ++start) {
        const auto node = open();
        EXPECT_TRUE(node->find(1)->damaged);
        EXPECT_EQ(node->read(1, SeqIx(1)).error(), LogError::corrupt);
        EXPECT_GT(node->read_all(1, SeqIx(8)).size(), 0U);
        EXPECT_EQ(node->read_all(2).size(), 1U);
        ASSERT_TRUE(node->checkpoint());
        node->empty_cache();
        EXPECT_GT(node->read_all(1, SeqIx(9)).size(), 0U);
    }
}

TEST_F(LargeBatchDamage, what_was_deleted_without_a_checkpoint_is_no_damage) {
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1 2 3"));
        put(*node, 2, 10);
        ASSERT_TRUE(node->checkpoint());
        for (int i = 0; i < 9; ++i) {
            for (const std::uint64_t shard : {1U, 3U}) put(*node, shard, large);
        }
        ASSERT_TRUE(node->flusher.process());
        put(*node, 2, 1000);
        ASSERT_TRUE(node->command("trim 1=8"));
        ASSERT_TRUE(node->command("drop 3"));
        fs_.fail_call("pwritev", 1, ENOSPC, true);
        EXPECT_FALSE(node->flusher.process());
        EXPECT_EQ(segments(1).size(), 1U);
        EXPECT_TRUE(segments(3).empty());
    }
    fs_.crash({.kind = io::CrashPolicy::Kind::keep_all});
    fs_.clear_failures();
    expect_clean(fs_);
    const auto node = open();
    EXPECT_EQ(node->store.counters.damaged_shards, 0U);
    for (const bool cold : {false, true}) {
        if (cold) ASSERT_TRUE(node->checkpoint());
        if (cold) node->empty_cache();
        EXPECT_EQ(node->read_all(1, SeqIx(1)).size(), 2U);
        EXPECT_FALSE(node->find(3));
    }
}

TEST_F(LargeBatchDamage, files_of_writes_that_do_not_count_are_never_taken_for_segments) {
    std::string garbage;
    Bytes content;
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1"));
        put(*node, 1, 10);
        ASSERT_TRUE(node->checkpoint());
        const auto disk = fs_.clone();
        fs_.fail_call("fdatasync", 1, EIO);
        EXPECT_FALSE(node->append(1, {std::string(large, 'g')}));
        ASSERT_EQ(segments(1).size(), 2U);
        garbage = segments(1).back();
        content = *fs_.content(garbage);
    }
    fs_.crash({.kind = io::CrashPolicy::Kind::keep_all});
    for (int start = 0; start < 3; ++start) {
        const auto node = open();
        // The small ones go on in the segment before; the name of the file becomes a number in its middle.
        for (int i = 0; i < 3; ++i) put(*node, 1, 20);
        ASSERT_TRUE(node->checkpoint());
        node->empty_cache();
        expect_all(*node, fmt::format("start {}", start));
        if (start == 1) ASSERT_TRUE(node->command("trim 1=0"));
        put(*node, 1, large);
        put(*node, 1, 30);
        ASSERT_TRUE(node->checkpoint());
        node->shut_down();
        expect_clean(fs_);
    }
    EXPECT_FALSE(fs_.content(garbage));
}

}  // namespace
}  // namespace riacho::log::detail
