// Power cuts at every change a scenario makes to the disk, damage at chosen places, and what the next start makes of
// them.
#include <functional>
#include <set>

#include "log/detail/test_node.h"

namespace riacho::log::detail {
namespace {

using io::CrashPolicy;
using io::SimulatedFileSystem;

// One life of a process with what its clients were told.
class Life {
public:
    struct Expectation {
        std::vector<std::string> attempted;  // in order
        std::size_t acknowledged = 0;
        bool created = false;
        bool closed = false;
        bool dropped = false;
        bool drop_attempted = false;
        std::uint64_t first_available = 1;
    };

    Life(SimulatedFileSystem& fs, core::Clock& clock, TestApplier& applier) : node(fs, clock, applier) {}

    void create(std::uint64_t shard) {
        if (node.is_open() && node.command(fmt::format("create {}", shard))) shards[shard].created = true;
    }
    void close(std::uint64_t shard) {
        if (node.is_open() && node.command(fmt::format("close {}", shard))) shards[shard].closed = true;
    }
    void drop(std::uint64_t shard) {
        if (!node.is_open()) return;
        shards[shard].drop_attempted = true;
        if (node.command(fmt::format("drop {}", shard))) shards[shard].dropped = true;
    }
    void trim(std::uint64_t shard, std::uint64_t first) {
        if (node.is_open() && node.command(fmt::format("trim {}={}", shard, first)))
            shards[shard].first_available = first;
    }
    // One request with a batch for each of the shards.
    void append(const std::vector<std::uint64_t>& uids, std::size_t size = 100) {
        if (!node.is_open()) return;
        std::vector<ShardBatch> batches;
        for (const std::uint64_t uid : uids) {
            Expectation& shard = shards[uid];
            std::string data = fmt::format("{}/{} {}", uid, shard.attempted.size(), std::string(size, 'x'));
            batches.push_back({.shard = ShardUid(uid), .batch = make_batch({data})});
            shard.attempted.push_back(std::move(data));
        }
        const auto results = node.append_all(std::move(batches));
        for (std::size_t i = 0; i < uids.size(); ++i) {
            if (results[i]) shards[uids[i]].acknowledged = results[i]->first.value();
        }
    }
    void checkpoint() {
        if (node.is_open()) node.checkpoint();
    }

    TestNode node;
    std::map<std::uint64_t, Expectation> shards;
};

using Scenario = std::function<void(Life&)>;

void expect_promises_kept(TestNode& node, const Life& life, const std::string& context) {
    for (const auto& [uid, expected] : life.shards) {
        const auto state = node.find(uid);
        if (!state) {
            EXPECT_TRUE(!expected.created || expected.drop_attempted) << context << ": shard " << uid << " is lost";
            continue;
        }
        EXPECT_FALSE(expected.dropped) << context << ": shard " << uid << " is back";
        EXPECT_FALSE(state->damaged) << context << ": a crash was taken for damage";
        if (expected.closed) EXPECT_TRUE(state->closed) << context;
        EXPECT_GE(state->first_available.value(), expected.first_available) << context;
        std::optional<LogError> error;
        const auto records = node.read_all(uid, SeqIx(1), {}, &error);
        EXPECT_FALSE(error) << context;
        const std::uint64_t first = state->first_available.value();
        EXPECT_GE(first + records.size() - 1, expected.acknowledged) << context << ": acknowledged records are lost";
        for (std::size_t i = 0; i < records.size(); ++i) {
            ASSERT_EQ(records[i].seq, first + i) << context;
            ASSERT_LE(records[i].seq, expected.attempted.size()) << context;
            ASSERT_EQ(records[i].data, expected.attempted[records[i].seq - 1]) << context;
        }
    }
}

std::vector<CrashPolicy> policies() {
    std::vector<CrashPolicy> list = {{.kind = CrashPolicy::Kind::lose_all}, {.kind = CrashPolicy::Kind::keep_all}};
    for (const std::size_t bytes : {1U, 63U, 100U, 512U, 4000U}) {
        list.push_back({.kind = CrashPolicy::Kind::torn_write, .bytes = bytes});
    }
    for (std::uint64_t seed = 1; seed <= 6; ++seed) list.push_back({.kind = CrashPolicy::Kind::random, .seed = seed});
    return list;
}

// Starts on a crashed disk, checks, goes on writing, crashes softly and starts again.
void expect_recovery(SimulatedFileSystem& fs, const Life& life, const TestApplier& applier, core::Clock& clock,
                     const std::string& context) {
    std::string first;
    {
        TestApplier mine = applier;
        TestNode node(fs, clock, mine);
        ASSERT_TRUE(node.is_open()) << context << ": " << node.error->message;
        expect_promises_kept(node, life, context);
        first = node.describe();
    }
    fs.crash({});
    TestApplier mine = applier;
    TestNode node(fs, clock, mine);
    ASSERT_TRUE(node.is_open()) << context << " again: " << node.error->message;
    EXPECT_EQ(node.describe(), first) << context << ": the second start sees something else";
    for (const auto& [uid, expected] : life.shards) {
        const auto state = node.find(uid);
        if (!state || state->closed) continue;
        const auto appended = node.append(uid, {"after"});
        ASSERT_TRUE(appended) << context;
        EXPECT_EQ(appended->first, state->next) << context;
    }
    ASSERT_TRUE(node.checkpoint()) << context;
    node.empty_cache();
    if (!testing::Test::HasFailure()) {
        for (const auto& [uid, expected] : life.shards) {
            std::optional<LogError> error;
            node.read_all(uid, SeqIx(1), {}, &error);
            EXPECT_TRUE(!error || error == LogError::unknown_shard) << context << " from segments";
        }
    }
}

// Cuts the power in each change of the scenario, and lets every policy decide what arrived.
void crash_everywhere(const Scenario& scenario) {
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    for (std::uint64_t point = 1;; ++point) {
        SimulatedFileSystem fs;
        TestApplier applier;
        ASSERT_TRUE(fs.mkdir("/"));
        ASSERT_TRUE(fs.sync_directory("/"));
        fs.power_off_at_change(point);
        Life life(fs, clock, applier);
        scenario(life);
        const bool is_past_end = !fs.is_off();
        for (const CrashPolicy& policy : policies()) {
            const auto disk = fs.clone();
            disk->crash(policy);
            expect_recovery(*disk, life, applier, clock,
                            fmt::format("power off in change {}, policy {} bytes {} seed {}", point,
                                        static_cast<int>(policy.kind), policy.bytes, policy.seed));
            if (testing::Test::HasFailure()) return;
        }
        if (is_past_end) return;
    }
}

TEST(Crash, a_single_record) {
    crash_everywhere([](Life& life) {
        life.create(1);
        life.append({1});
    });
}

TEST(Crash, a_group_of_five) {
    crash_everywhere([](Life& life) {
        for (std::uint64_t uid = 1; uid <= 5; ++uid) life.create(uid);
        life.append({1, 2, 3, 4, 5}, 300);
        life.append({1, 2, 3, 4, 5}, 3000);
    });
}

TEST(Crash, moving_to_the_next_journal_file) {
    crash_everywhere([](Life& life) {
        life.create(1);
        for (int i = 0; i < 6; ++i) life.append({1}, 7000);
    });
}

TEST(Crash, checkpoint_and_recycling) {
    crash_everywhere([](Life& life) {
        life.create(1);
        life.create(2);
        for (int i = 0; i < 5; ++i) life.append({1, 2}, 6000);
        life.checkpoint();
        for (int i = 0; i < 9; ++i) life.append({1}, 7000);
        life.checkpoint();
        life.append({2, 1});
    });
}

TEST(Crash, shards_are_created_closed_trimmed_and_dropped) {
    crash_everywhere([](Life& life) {
        life.create(1);
        life.append({1});
        life.create(2);
        life.append({1, 2});
        life.close(1);
        life.checkpoint();
        life.append({2});
        life.trim(2, 2);
        life.drop(1);
        life.checkpoint();
        life.create(3);
        life.append({2, 3});
    });
}

TEST(Crash, segments_roll_between_checkpoints) {
    crash_everywhere([](Life& life) {
        life.create(1);
        for (int round = 0; round < 3; ++round) {
            for (int i = 0; i < 3; ++i) life.append({1}, 7000);
            life.checkpoint();
        }
        life.close(1);
        life.checkpoint();
    });
}

TEST(Crash, the_recovery_itself) {
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    SimulatedFileSystem first;
    TestApplier applier;
    ASSERT_TRUE(first.mkdir("/"));
    ASSERT_TRUE(first.sync_directory("/"));
    Life life(first, clock, applier);
    life.create(1);
    life.create(2);
    for (int i = 0; i < 6; ++i) life.append({1, 2}, 5000);
    life.checkpoint();
    life.append({1}, 5000);
    first.power_off_at_change(1);
    life.append({2}, 3000);
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
        for (std::uint64_t point = 1; point < 30; ++point) {
            const auto disk = first.clone();
            disk->crash({.kind = CrashPolicy::Kind::random, .seed = seed});
            disk->power_off_at_change(point);
            {
                TestApplier mine = applier;
                TestNode interrupted(*disk, clock, mine);
                if (interrupted.is_open()) interrupted.checkpoint();
            }
            disk->crash({.kind = CrashPolicy::Kind::random, .seed = seed + 100});
            expect_recovery(*disk, life, applier, clock,
                            fmt::format("recovery cut in change {}, seed {}", point, seed));
            if (HasFailure()) return;
        }
    }
}

// --- Damage at chosen places ---

// A store whose only journal file holds everything; the places of its frames are known.
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
        // What the cut leaves whole is kept: a frame ends with zeros.
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
    // Frame and trailer of one group share a block: only the copy in the next group's trailer tells who it was.
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
    // As in a file that was begun, cut at its start by a recovery, recycled, and begun again at the same position.
    JournalHeader header = *decode_journal_header(original_);
    const std::string old_path = path_;
    header.generation += 5;
    Bytes content = original_;
    encode_journal_header(header, std::span(content).first<file_header_size>());
    const auto disk = fs_.clone();
    disk->crash({});
    ASSERT_TRUE(disk->unlink(old_path));
    disk->set_content("/store/journal/" + journal_file_name(header.generation), content);
    TestNode node(*disk, clock_, applier_);
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

TEST_F(Damage, a_reference_frame_of_a_later_version_is_refused_by_name) {
    Bytes content = original_;
    FrameHeader header = frames_[2].header;
    header.kind = FrameKind::segment_reference;
    encode_header(header, content.data() + frames_[2].offset);
    const auto node = open_with(content);
    ASSERT_FALSE(node->is_open());
    EXPECT_EQ(node->error->fault, OpenFault::configuration);
    EXPECT_NE(node->error->message.find("segment reference"), std::string::npos) << node->error->message;
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
        // The file has been through the pool: behind the tail lie whole frames of its earlier life.
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

TEST(CrashAfterFailure, a_record_whose_write_failed_is_there_only_if_it_is_on_the_disk) {
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    for (const bool arrives : {false, true}) {
        SimulatedFileSystem fs;
        TestApplier applier;
        ASSERT_TRUE(fs.mkdir("/"));
        {
            TestNode node(fs, clock, applier);
            ASSERT_TRUE(node.command("create 1"));
            ASSERT_TRUE(node.append(1, {"a"}));
            fs.power_off_at_change(1);
            EXPECT_EQ(node.append(1, {"b"}).error(), LogError::poisoned);
        }
        fs.crash({.kind = arrives ? CrashPolicy::Kind::keep_all : CrashPolicy::Kind::lose_all});
        TestNode node(fs, clock, applier);
        EXPECT_EQ(node.read_all(1).size(), arrives ? 2U : 1U);
    }
}

TEST(CrashWeakDurability, loses_the_newest_records_only_and_never_a_command) {
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    for (const Durability durability : {Durability::interval, Durability::os}) {
        for (const bool has_checkpoint : {false, true}) {
            for (std::uint64_t seed = 0; seed < 12; ++seed) {
                SimulatedFileSystem fs;
                TestApplier applier;
                ASSERT_TRUE(fs.mkdir("/"));
                Options options = TestNode::small_options();
                options.durability = durability;
                {
                    TestNode node(fs, clock, applier, options);
                    ASSERT_TRUE(node.command("create 1"));
                    for (int i = 0; i < 5; ++i) ASSERT_TRUE(node.append(1, {std::to_string(i)}));
                    if (has_checkpoint) ASSERT_TRUE(node.checkpoint());
                    for (int i = 5; i < 12; ++i) ASSERT_TRUE(node.append(1, {std::to_string(i)}));
                }
                fs.crash(seed == 0 ? CrashPolicy{} : CrashPolicy{.kind = CrashPolicy::Kind::random, .seed = seed});
                TestNode node(fs, clock, applier, options);
                ASSERT_TRUE(node.is_open()) << node.error->message;
                ASSERT_TRUE(node.find(1));
                const auto records = node.read_all(1);
                EXPECT_GE(records.size(), has_checkpoint ? 5U : 0U);
                for (std::size_t i = 0; i < records.size(); ++i) EXPECT_EQ(records[i].data, std::to_string(i));
                EXPECT_EQ(node.append(1, {"next"})->first, SeqIx(records.size() + 1));
            }
        }
    }
}

TEST(CrashWeakDurability, what_a_killed_process_left_in_the_page_cache_is_made_durable_before_it_is_built_on) {
    SimulatedFileSystem fs;
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    TestApplier applier;
    ASSERT_TRUE(fs.mkdir("/"));
    Options weak = TestNode::small_options();
    weak.durability = Durability::os;
    {
        TestNode node(fs, clock, applier, weak);
        ASSERT_TRUE(node.command("create 1"));
        ASSERT_TRUE(node.append(1, {"a"}));
    }
    // Killed, not cut off: the kernel still has it. The next life promises more.
    {
        TestNode node(fs, clock, applier);
        ASSERT_TRUE(node.is_open());
        EXPECT_EQ(node.append(1, {"b"})->first, SeqIx(2));
    }
    fs.crash({});
    TestNode node(fs, clock, applier);
    ASSERT_TRUE(node.is_open()) << node.error->message;
    EXPECT_EQ(node.store.counters.damaged_shards, 0U);
    EXPECT_EQ(node.read_all(1).size(), 2U);
}

TEST(CrashWeakDurability, a_segment_that_outlived_its_records_journal_is_not_mixed_with_new_ones) {
    SimulatedFileSystem fs;
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    TestApplier applier;
    ASSERT_TRUE(fs.mkdir("/"));
    Options options = TestNode::small_options();
    options.durability = Durability::os;
    std::map<std::string, Bytes> segments;
    {
        TestNode node(fs, clock, applier, options);
        ASSERT_TRUE(node.command("create 1"));
        ASSERT_TRUE(node.append(1, {"kept"}));
        ASSERT_TRUE(node.checkpoint());
        for (int i = 0; i < 12; ++i) ASSERT_TRUE(node.append(1, {std::string(3000, 'o')}));
        ASSERT_TRUE(node.flusher.process());
        for (const std::string& path : fs.paths()) {
            if (path.ends_with(".rks")) segments[path] = *fs.content(path);
        }
        ASSERT_GT(segments.size(), 2U);
    }
    fs.crash({});
    for (const auto& [path, content] : segments) fs.set_content(path, content);
    std::vector<TestRecord> written;
    {
        TestNode node(fs, clock, applier, options);
        ASSERT_TRUE(node.is_open()) << node.error->message;
        ASSERT_LT(node.read_all(1).size(), 13U) << "nothing was lost, so nothing is tested";
        for (int i = 0; i < 40; ++i) {
            ASSERT_TRUE(node.append(1, {fmt::format("new {} {}", i, std::string(1700, 'n'))}));
            if (i % 10 == 9) ASSERT_TRUE(node.checkpoint());
        }
        written = node.read_all(1);
        node.shut_down();
    }
    TestNode node(fs, clock, applier, options);
    ASSERT_TRUE(node.is_open());
    // One by one: every record is looked for in the segment its number leads to.
    EXPECT_EQ(node.read_all(1, SeqIx(1), {.records_max = 1}), written);
}

}  // namespace
}  // namespace riacho::log::detail
