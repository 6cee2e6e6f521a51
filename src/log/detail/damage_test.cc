// Damage at chosen places of the journal, and the recovery after it.
#include <set>

#include "log/detail/test_node.h"

namespace riacho::log::detail {
namespace {

using io::SimulatedFileSystem;

// A store whose only journal file holds everything; the positions of its frames are known.
class Damage : public testing::Test {
protected:
    struct Placed {
        FrameHeader header;
        std::size_t offset;
    };

    void SetUp() override {
        ASSERT_TRUE(fs_.mkdir("/"));
        Options options = TestNode::small_options();
        options.first_file_bytes = options.journal_file_bytes;
        TestNode node(fs_, clock_, applier_, options);
        ASSERT_TRUE(node.command("create 1 2 3"));
        for (int i = 0; i < 3; ++i) {
            for (const std::uint64_t uid : {1U, 2U, 3U})
                ASSERT_TRUE(node.append(uid, {fmt::format("{}-{}", uid, i), "second"}));
        }
        path_ = "/store/journal/" + journal_file_name(node.store.journal.generation());
        original_ = *fs_.content(path_);
        end_ = node.store.journal.position().value() - first_journal_lsn.value() + file_header_size;
        before_ = node.describe();
        for (std::size_t at = file_header_size; at < end_;) {
            const auto header = decode_header(ByteSpan(original_).subspan(at));
            ASSERT_TRUE(header);
            frames_.push_back({*header, at});
            at += header->size_on_disk();
        }
    }

    std::unique_ptr<TestNode> open_with(Bytes content) {
        auto disk = fs_.clone();
        disk->crash({});
        disk->set_content(path_, std::move(content));
        disks_.push_back(std::move(disk));
        return std::make_unique<TestNode>(*disks_.back(), clock_, applier_);
    }
    // The n-th data frame of a shard.
    Placed data_frame(std::uint64_t shard, std::size_t n) const {
        for (const Placed& frame : frames_) {
            if (frame.header.kind == FrameKind::data && frame.header.shard == shard && n-- == 0) return frame;
        }
        ADD_FAILURE();
        return {};
    }
    static std::string data_of(TestNode& node, std::uint64_t uid) {
        std::string text;
        for (const TestRecord& r : node.read_all(uid)) text += r.data + " ";
        return text;
    }

    SimulatedFileSystem fs_;
    std::vector<std::unique_ptr<SimulatedFileSystem>> disks_;
    core::ManualClock clock_{TimestampMs(1'700'000'000'000)};
    TestApplier applier_;
    std::string path_;
    Bytes original_;
    std::size_t end_ = 0;
    std::string before_;
    std::vector<Placed> frames_;
};

TEST_F(Damage, a_last_frame_cut_at_any_byte_is_dropped_alone_and_its_number_given_again) {
    const Placed last = data_frame(3, 2);
    const std::size_t size = last.header.size_on_disk();
    for (std::size_t kept = 0; kept <= size; ++kept) {
        Bytes content = original_;
        std::fill(content.begin() + static_cast<std::ptrdiff_t>(last.offset + kept), content.end(), std::byte{0});
        // The frame stays whole if the cut removes only the zeros at its end.
        const bool is_whole = std::equal(content.begin() + static_cast<std::ptrdiff_t>(last.offset),
                                         content.begin() + static_cast<std::ptrdiff_t>(last.offset + size),
                                         original_.begin() + static_cast<std::ptrdiff_t>(last.offset));
        const auto node = open_with(content);
        ASSERT_TRUE(node->is_open()) << kept << node->error->message;
        EXPECT_EQ(data_of(*node, 3), is_whole ? "3-0 second 3-1 second 3-2 second " : "3-0 second 3-1 second ") << kept;
        EXPECT_EQ(data_of(*node, 1), "1-0 second 1-1 second 1-2 second ");
        EXPECT_EQ(node->store.counters.damaged_shards, 0U);
        EXPECT_EQ(node->append(3, {"next"})->first, SeqIx(is_whole ? 7 : 5)) << kept;
    }
}

TEST_F(Damage, truncated_bytes_are_counted) {
    Bytes content = original_;
    const Placed last = data_frame(3, 2);
    content[last.offset + frame_header_size + 3] ^= std::byte{1};
    const auto node = open_with(content);
    EXPECT_EQ(node->store.counters.recovery_truncated_bytes, end_ - last.offset);
}

TEST_F(Damage, a_flipped_bit_anywhere_in_a_durable_frame_marks_its_shard_only) {
    const Placed victim = data_frame(2, 1);
    for (std::size_t byte = 0; byte < frame_header_size + victim.header.body_size; ++byte) {
        Bytes content = original_;
        content[victim.offset + byte] ^= std::byte{0x10};
        const auto node = open_with(content);
        ASSERT_TRUE(node->is_open()) << byte << " " << node->error->message;
        EXPECT_TRUE(node->find(2)->damaged) << byte;
        EXPECT_EQ(node->store.counters.damaged_shards, 1U) << byte;
        EXPECT_EQ(data_of(*node, 2), "2-0 second ") << byte;
        EXPECT_EQ(node->read(2, SeqIx(3)).error(), LogError::corrupt) << byte;
        EXPECT_EQ(data_of(*node, 1), "1-0 second 1-1 second 1-2 second ") << byte;
        EXPECT_EQ(data_of(*node, 3), "3-0 second 3-1 second 3-2 second ") << byte;
        EXPECT_EQ(node->append(2, {"next"})->first, SeqIx(7)) << "a lost number was given again";
        EXPECT_EQ(*disks_.back()->content(path_), content) << "the damaged file was changed";
    }
}

TEST_F(Damage, records_after_the_lost_ones_can_be_read) {
    Bytes content = original_;
    content[data_frame(2, 1).offset + 70] ^= std::byte{1};
    const auto expect_hole = [](TestNode& node, const std::string& context) {
        EXPECT_EQ(data_of(node, 2), "2-0 second ") << context;
        for (const std::uint64_t lost : {3U, 4U}) {
            EXPECT_EQ(node.read(2, SeqIx(lost)).error(), LogError::corrupt) << context;
        }
        std::string after;
        for (const TestRecord& r : node.read_all(2, SeqIx(5))) after += r.data + " ";
        EXPECT_EQ(after, "2-2 second later ") << context;
    };
    {
        const auto node = open_with(content);
        EXPECT_EQ(node->append(2, {"later"})->first, SeqIx(7));
        expect_hole(*node, "from memory");
        ASSERT_TRUE(node->checkpoint());
        node->empty_cache();
        expect_hole(*node, "from segments");
    }
    disks_.back()->crash({});
    TestNode again(*disks_.back(), clock_, applier_);
    ASSERT_TRUE(again.is_open()) << again.error->message;
    expect_hole(again, "after a restart");
}

TEST_F(Damage, is_over_when_the_lost_records_would_be_trimmed) {
    Bytes content = original_;
    content[data_frame(2, 1).offset + 70] ^= std::byte{1};
    {
        const auto node = open_with(content);
        ASSERT_TRUE(node->command("trim 2=3"));
        EXPECT_TRUE(node->find(2)->damaged);
        ASSERT_TRUE(node->command("trim 2=5"));
        EXPECT_FALSE(node->find(2)->damaged);
        EXPECT_EQ(node->store.counters.damaged_shards, 0U);
        EXPECT_EQ(data_of(*node, 2), "2-2 second ");
        ASSERT_TRUE(node->checkpoint());
    }
    disks_.back()->crash({});
    TestNode again(*disks_.back(), clock_, applier_);
    ASSERT_TRUE(again.is_open()) << again.error->message;
    EXPECT_FALSE(again.find(2)->damaged);
    EXPECT_EQ(data_of(again, 2), "2-2 second ");
}

TEST_F(Damage, damage_stays_known_after_checkpoint_and_restart) {
    Bytes content = original_;
    content[data_frame(2, 1).offset + 70] ^= std::byte{1};
    {
        const auto node = open_with(content);
        ASSERT_TRUE(node->checkpoint());
        EXPECT_EQ(data_of(*node, 2), "2-0 second ");
    }
    disks_.back()->crash({});
    TestNode again(*disks_.back(), clock_, applier_);
    ASSERT_TRUE(again.is_open()) << again.error->message;
    EXPECT_TRUE(again.find(2)->damaged);
    again.empty_cache();
    EXPECT_EQ(data_of(again, 2), "2-0 second ");
    EXPECT_EQ(again.read(2, SeqIx(3)).error(), LogError::corrupt);
    EXPECT_EQ(data_of(again, 1), "1-0 second 1-1 second 1-2 second ");
}

TEST_F(Damage, a_block_of_zeros_in_the_middle_is_named_by_what_follows_it) {
    // The frame and the trailer of one group share a block: only the copy in the next group's trailer identifies the
    // shard.
    for (const std::size_t n : {0U, 1U, 2U}) {
        Bytes content = original_;
        const std::size_t at = data_frame(2, n).offset;
        std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(at), block_size, std::byte{0});
        const auto node = open_with(content);
        ASSERT_TRUE(node->is_open()) << node->error->message;
        EXPECT_TRUE(node->find(2)->damaged) << n;
        EXPECT_EQ(node->find(2)->next, SeqIx(7)) << n;
        EXPECT_EQ(node->store.counters.damaged_shards, 1U) << n;
        EXPECT_EQ(data_of(*node, 3), "3-0 second 3-1 second 3-2 second ") << n;
    }
}

TEST_F(Damage, a_lost_command_stops_the_start) {
    Bytes content = original_;
    content[frames_.front().offset + 80] ^= std::byte{1};
    ASSERT_EQ(frames_.front().header.kind, FrameKind::command);
    const auto node = open_with(content);
    ASSERT_FALSE(node->is_open());
    EXPECT_EQ(node->error->fault, OpenFault::damaged);
    EXPECT_NE(node->error->message.find(path_), std::string::npos);
}

TEST_F(Damage, a_torn_group_is_cut_at_its_first_missing_frame) {
    auto disk = fs_.clone();
    disk->crash({});
    std::string group_path;
    std::uint64_t start = 0;
    {
        TestNode node(*disk, clock_, applier_);
        std::vector<ShardBatch> batches;
        for (const std::uint64_t uid : {1U, 2U, 3U, 1U, 2U}) {
            batches.push_back({.shard = ShardUid(uid), .batch = make_batch({"grouped"})});
        }
        group_path = "/store/journal/" + journal_file_name(node.store.journal.generation());
        start = file_header_size;
        node.append_all(std::move(batches));
    }
    Bytes content = *disk->content(group_path);
    const std::size_t size = decode_header(ByteSpan(content).subspan(start))->size_on_disk();
    std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(start + 2 * size), size, std::byte{0});
    disk->crash({});
    disk->set_content(group_path, content);
    TestNode node(*disk, clock_, applier_);
    ASSERT_TRUE(node.is_open()) << node.error->message;
    EXPECT_EQ(node.store.counters.damaged_shards, 0U);
    EXPECT_EQ(node.find(1)->next, SeqIx(8));
    EXPECT_EQ(node.find(2)->next, SeqIx(8));
    EXPECT_EQ(node.find(3)->next, SeqIx(7));
}

TEST_F(Damage, a_frame_at_another_place_than_its_own_is_no_frame) {
    const Placed first = data_frame(1, 0);
    Bytes content = original_;
    std::copy_n(original_.begin() + static_cast<std::ptrdiff_t>(first.offset), block_size,
                content.begin() + static_cast<std::ptrdiff_t>(end_));
    const auto node = open_with(content);
    ASSERT_TRUE(node->is_open());
    EXPECT_EQ(node->describe(), before_);
}

TEST_F(Damage, frames_of_another_generation_are_no_frames_even_at_their_own_place) {
    // As if the file was begun, cut at its start by a recovery, recycled, and begun again at the same position.
    JournalHeader header = *decode_journal_header(original_);
    const std::string old_path = path_;
    header.generation += 5;
    Bytes content = original_;
    encode_journal_header(header, std::span(content).first<file_header_size>());
    const auto disk = fs_.clone();
    disk->crash({});
    ASSERT_TRUE(disk->unlink(old_path));
    disk->set_content("/store/journal/" + journal_file_name(header.generation), content);
    TestApplier nothing_stored;
    TestNode node(*disk, clock_, nothing_stored);
    ASSERT_TRUE(node.is_open()) << node.error->message;
    EXPECT_EQ(node.describe(), "");
}

TEST_F(Damage, a_damaged_file_header_or_a_missing_file_stops_the_start_by_name) {
    for (std::size_t byte = 0; byte < 84; ++byte) {
        Bytes content = original_;
        content[byte] ^= std::byte{4};
        const auto node = open_with(content);
        ASSERT_FALSE(node->is_open()) << byte;
        EXPECT_EQ(node->error->fault, OpenFault::damaged);
        EXPECT_NE(node->error->message.find(path_), std::string::npos) << node->error->message;
    }
}

TEST_F(Damage, a_frame_of_a_kind_of_a_later_version_is_refused_by_name) {
    Bytes content = original_;
    FrameHeader header = frames_[2].header;
    header.kind = static_cast<FrameKind>(11);
    encode_header(header, content.data() + frames_[2].offset);
    const auto node = open_with(content);
    ASSERT_FALSE(node->is_open());
    EXPECT_EQ(node->error->fault, OpenFault::configuration);
    EXPECT_NE(node->error->message.find("unknown kind"), std::string::npos) << node->error->message;
}

TEST(RecycledFile, old_frames_after_the_tail_are_never_taken_for_new_ones) {
    SimulatedFileSystem fs;
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    TestApplier applier;
    ASSERT_TRUE(fs.mkdir("/"));
    Options options = TestNode::small_options();
    options.journal_files_max = 3;
    std::string before;
    std::string path;
    {
        TestNode node(fs, clock, applier, options);
        ASSERT_TRUE(node.command("create 1"));
        for (int i = 0; i < 120; ++i) {
            ASSERT_TRUE(node.append(1, {fmt::format("{} {}", i, std::string(200, 'x'))}));
            if (i % 10 == 9) ASSERT_TRUE(node.checkpoint());
        }
        before = node.describe();
        path = "/store/journal/" + journal_file_name(node.store.journal.generation());
        // The file was recycled: after the tail there are whole frames of its earlier use.
        const Bytes content = *fs.content(path);
        const std::size_t tail = content.size() - node.store.journal.room();
        std::set<std::uint64_t> generations;
        for (std::size_t at = tail; at + frame_header_size <= content.size(); at += 8) {
            if (const auto header = decode_header(ByteSpan(content).subspan(at)))
                generations.insert(header->generation);
        }
        ASSERT_FALSE(generations.empty());
        ASSERT_FALSE(generations.contains(node.store.journal.generation()));
    }
    fs.crash({});
    TestNode node(fs, clock, applier, options);
    ASSERT_TRUE(node.is_open());
    EXPECT_EQ(node.describe(), before);
    EXPECT_EQ(node.store.counters.recovery_truncated_bytes, 0U);
}

// Loses the first frame of a shard after a checkpoint: the frames behind it are still in memory when it would go to a
// segment.
TEST_F(Damage, a_reader_in_front_of_lost_records_fails_before_and_after_they_would_be_flushed) {
    std::string path;
    std::uint64_t at = 0;
    {
        TestNode node(fs_, clock_, applier_);
        ASSERT_TRUE(node.checkpoint());
        at = node.store.journal.position().value();
        for (int i = 0; i < 3; ++i) {
            for (const std::uint64_t uid : {1U, 2U}) ASSERT_TRUE(node.append(uid, {"new", "er"}));
        }
        node.sequencer.write_mark(0);
        path = "/store/journal/" + journal_file_name(node.store.journal.generation());
        const auto header = decode_journal_header(*fs_.content(path));
        at = at - header->first_lsn.value() + file_header_size;
    }
    for (const std::size_t byte : {std::size_t{1}, frame_header_size + 30}) {
        const auto disk = fs_.clone();
        disk->crash({.kind = io::CrashPolicy::Kind::keep_all});
        Bytes content = *disk->content(path);
        content[at + byte] ^= std::byte{1};
        disk->set_content(path, content);
        TestNode node(*disk, clock_, applier_);
        ASSERT_TRUE(node.is_open());
        EXPECT_EQ(node.read(1, SeqIx(7)).error(), LogError::corrupt);
        ASSERT_TRUE(node.checkpoint());
        EXPECT_EQ(node.read(1, SeqIx(7)).error(), LogError::corrupt);
        EXPECT_EQ(node.read(1, SeqIx(9))->record_count, 4U);
        node.empty_cache();
        EXPECT_EQ(node.read(1, SeqIx(7)).error(), LogError::corrupt);
        EXPECT_EQ(node.read_all(1, SeqIx(9)).size(), 4U);
        EXPECT_EQ(node.read_all(2).size(), 12U);
    }
}

}  // namespace
}  // namespace riacho::log::detail
