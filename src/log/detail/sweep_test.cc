// Damages every file of a store, byte by byte and as a whole: acknowledged records are read back, or their loss is
// reported.
#include <cstdlib>
#include <functional>

#include "log/detail/test_node.h"

namespace riacho::log::detail {
namespace {

using io::SimulatedFileSystem;

// Two journal files, sealed and open segments, a closed shard, a shard without records since the first file.
// The parameter: batches of 2,000 bytes and more went to their segments directly.
class Sweep : public testing::TestWithParam<bool> {
protected:
    void SetUp() override {
        ASSERT_TRUE(fs_.mkdir("/"));
        TestNode node(fs_, clock_, applier_, options());
        ASSERT_TRUE(node.command("create 1 2 3 4"));
        put(node, 1, 40);
        put(node, 2, 3000);
        put(node, 3, 0);
        ASSERT_TRUE(node.command("close 3"));
        for (int i = 0; i < 4; ++i) put(node, 1, 3000);
        ASSERT_TRUE(node.checkpoint());
        const std::uint64_t first = node.store.journal.generation();
        // The last group of the first file belongs to a shard without later records.
        while (node.store.journal.room() > 3 * block_size) put(node, 2, 700);
        put(node, 4, 500);
        ASSERT_EQ(node.store.journal.generation(), first);
        for (int i = 0; i < 6; ++i) put(node, 1 + static_cast<std::uint64_t>(i % 2), 2500);
        ASSERT_GT(node.store.journal.generation(), first);
        // A mark that states that everything before it was durable.
        node.sequencer.write_mark(0);
        files_ = fs_.paths();
        first_journal_ = "/store/journal/" + journal_file_name(first);
        last_journal_ = "/store/journal/" + journal_file_name(node.store.journal.generation());
    }

    static Options options() {
        Options options = TestNode::small_options();
        options.segment_bytes = 8 << 10;
        if (GetParam()) {
            options.large_bytes_min = 2000;
            options.large_bytes_again = 0;
        }
        return options;
    }

    void put(TestNode& node, std::uint64_t shard, std::size_t size) {
        auto& records = written_[shard];
        const std::string data = fmt::format("{}/{} ", shard, records.size() + 1) + std::string(size, 'x');
        const auto appended = node.append(shard, {data});
        ASSERT_TRUE(appended);
        records.push_back(data);
        clock_.advance_ms(10);
    }

    std::unique_ptr<SimulatedFileSystem> disk() const {
        auto copy = fs_.clone();
        copy->crash({.kind = io::CrashPolicy::Kind::keep_all});
        return copy;
    }

    // Either the start reports damaged data, or every record is there, or reading it fails.
    void expect_honest(SimulatedFileSystem& disk, const std::string& context) {
        TestApplier applier = applier_;
        TestNode node(disk, clock_, applier, options());
        if (!node.is_open()) {
            EXPECT_TRUE(node.error->fault == OpenFault::damaged || node.error->fault == OpenFault::configuration)
                << context << ": " << node.error->message;
            EXPECT_NE(node.error->message.find("/store"), std::string::npos) << context << ": " << node.error->message;
            return;
        }
        for (const bool cold : {false, true}) {
            if (cold) {
                ASSERT_TRUE(node.checkpoint()) << context;
                node.empty_cache();
            }
            for (const auto& [shard, records] : written_) expect_honest_shard(node, shard, records, context);
            if (HasFailure()) return;
        }
    }

    void expect_honest_shard(TestNode& node, std::uint64_t shard, const std::vector<std::string>& records,
                             const std::string& context) {
        ASSERT_TRUE(node.find(shard)) << context;
        std::optional<LogError> error;
        std::size_t at = 0;
        for (const TestRecord& record : node.read_all(shard, SeqIx(1), {}, &error)) {
            ASSERT_EQ(record.seq, ++at) << context << ": shard " << shard;
            ASSERT_LE(at, records.size()) << context << ": shard " << shard;
            ASSERT_EQ(record.data, records[at - 1]) << context << ": shard " << shard;
        }
        if (at == records.size()) return;
        ASSERT_EQ(error, LogError::corrupt) << context << ": shard " << shard << " silently ends before " << at + 1;
        // Reads one record at a time: even after the damage a read returns the right record or none.
        for (std::size_t i = at; i < records.size(); ++i) {
            const auto read = node.read(shard, SeqIx(i + 1), {.records_max = 1});
            if (!read) {
                ASSERT_EQ(read.error(), LogError::corrupt) << context;
                continue;
            }
            ASSERT_EQ(read->record_count, 1U) << context << ": shard " << shard << " record " << i + 1;
            const RecordView record = *read->slices.front().records().begin();
            ASSERT_EQ(record.seq, SeqIx(i + 1)) << context;
            ASSERT_EQ(record.data, records[i]) << context;
        }
        if (node.find(shard)->closed) return;
        const auto appended = node.append(shard, {"next"});
        ASSERT_TRUE(appended) << context;
        ASSERT_GT(appended->first.value(), records.size()) << context << ": a number was given again";
        const auto read = node.read(shard, appended->first);
        ASSERT_TRUE(read) << context << ": what is written now cannot be read";
        ASSERT_EQ((*read->slices.front().records().begin()).data, "next") << context;
    }

    SimulatedFileSystem fs_;
    core::ManualClock clock_{TimestampMs(1'700'000'000'000)};
    TestApplier applier_;
    std::map<std::uint64_t, std::vector<std::string>> written_;
    std::vector<std::string> files_;
    std::string first_journal_;
    std::string last_journal_;
};

// RIACHO_SWEEP_STEP=1 damages every byte.
std::size_t sweep_step() {
    const char* step = std::getenv("RIACHO_SWEEP_STEP");
    return step == nullptr ? 97 : std::max<std::size_t>(std::strtoull(step, nullptr, 10), 1);
}

TEST_P(Sweep, a_changed_byte_anywhere_is_noticed_or_harmless) {
    std::size_t cases = 0;
    for (const std::string& path : files_) {
        const Bytes original = *fs_.content(path);
        const bool is_spare = path.find("/spare-") != std::string::npos;
        for (std::size_t at = 0; at < original.size();) {
            Bytes content = original;
            content[at] ^= std::byte{static_cast<unsigned char>(1U << (at % 8))};
            const auto damaged = disk();
            damaged->set_content(path, content);
            expect_honest(*damaged, fmt::format("{} changed at {}", path, at));
            if (HasFailure()) return;
            ++cases;
            // Headers and small files byte by byte, runs of zeros as one step.
            const bool is_dense = !is_spare && (at < 90 || original.size() < block_size);
            at += is_dense ? 1 : std::min<std::size_t>(sweep_step(), 97);
            if (is_spare) at += block_size;
        }
    }
    EXPECT_GT(cases, 500U);
}

TEST_P(Sweep, a_file_cut_at_any_block_is_noticed_or_harmless) {
    for (const std::string& path : files_) {
        const Bytes original = *fs_.content(path);
        for (std::size_t size = 0; size < original.size(); size += block_size) {
            const auto damaged = disk();
            damaged->set_content(path, Bytes(original.begin(), original.begin() + static_cast<std::ptrdiff_t>(size)));
            expect_honest(*damaged, fmt::format("{} cut to {} bytes", path, size));
            if (HasFailure()) return;
        }
    }
}

TEST_P(Sweep, a_missing_file_is_noticed_or_harmless) {
    for (const std::string& path : files_) {
        if (path == last_journal_) continue;  // nothing refers to this file yet; see below
        const auto damaged = disk();
        ASSERT_TRUE(damaged->unlink(path));
        expect_honest(*damaged, path + " is missing");
    }
}

TEST_P(Sweep, a_missing_last_journal_file_is_noticed_by_what_was_stored_since) {
    // A checkpoint, or a command that the applier has stored, proves how far the journal went.
    for (const bool has_checkpoint : {true, false}) {
        const auto damaged = disk();
        TestApplier applier = applier_;
        {
            TestNode node(*damaged, clock_, applier, options());
            ASSERT_TRUE(node.is_open());
            if (has_checkpoint) {
                ASSERT_TRUE(node.append(1, {"later"}));
                ASSERT_TRUE(node.checkpoint());
            } else {
                ASSERT_TRUE(node.command("create 9"));
            }
            ASSERT_TRUE(damaged->unlink("/store/journal/" + journal_file_name(node.store.journal.generation())));
        }
        damaged->crash({.kind = io::CrashPolicy::Kind::keep_all});
        const TestNode node(*damaged, clock_, applier, options());
        ASSERT_FALSE(node.is_open());
        EXPECT_EQ(node.error->fault, OpenFault::damaged) << node.error->message;
    }
}

TEST_P(Sweep, a_file_in_the_place_of_another_is_noticed_or_harmless) {
    for (const std::string& path : files_) {
        for (const std::string& other : files_) {
            const std::size_t dot = path.rfind('.');
            if (path == other || dot == std::string::npos || !other.ends_with(path.substr(dot))) continue;
            const auto damaged = disk();
            damaged->set_content(path, *fs_.content(other));
            expect_honest(*damaged, fmt::format("{} has the content of {}", path, other));
            if (HasFailure()) return;
        }
    }
}

TEST_P(Sweep, blocks_of_zeros_in_the_journal_are_noticed) {
    for (const std::string& path : {first_journal_, last_journal_}) {
        const Bytes original = *fs_.content(path);
        for (const std::size_t blocks : {1U, 2U, 5U}) {
            for (std::size_t at = file_header_size; at + blocks * block_size <= original.size(); at += block_size) {
                Bytes content = original;
                std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(at), blocks * block_size, std::byte{0});
                // The mark proves everything before it, not itself; without it there is no proof.
                const auto end = std::ranges::find_if(content.rbegin(), content.rend(),
                                                      [](std::byte b) { return b != std::byte{0}; });
                const auto last = std::ranges::find_if(original.rbegin(), original.rend(),
                                                       [](std::byte b) { return b != std::byte{0}; });
                if (path == last_journal_ && end != last && end - content.rbegin() != last - original.rbegin())
                    continue;
                const auto damaged = disk();
                damaged->set_content(path, content);
                expect_honest(*damaged, fmt::format("{} blocks of {} at {} are zero", blocks, path, at));
                if (HasFailure()) return;
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(both_ways, Sweep, testing::Bool(),
                         [](const auto& info) { return info.param ? "large_batches" : "journaled"; });

}  // namespace
}  // namespace riacho::log::detail
