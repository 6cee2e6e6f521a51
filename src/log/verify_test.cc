#include "log/verify.h"

#include "log/detail/test_node.h"

namespace riacho::log {
namespace {

using namespace detail;

class VerifyTest : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(fs_.mkdir("/"));
        TestNode node(fs_, clock_, applier_);
        ASSERT_TRUE(node.command("create 1 2"));
        for (int i = 0; i < 30; ++i) ASSERT_TRUE(node.append(1, {std::string(1000, 'x')}));
        ASSERT_TRUE(node.command("close 2"));
        ASSERT_TRUE(node.checkpoint());
        for (int i = 0; i < 3; ++i) ASSERT_TRUE(node.append(1, {"in the journal"}));
    }

    static std::string texts(const VerifyReport& report) {
        std::string text;
        for (const Finding& f : report.findings) text += fmt::format("{} at {}: {}\n", f.path, f.offset, f.message);
        return text;
    }

    io::SimulatedFileSystem fs_;
    core::ManualClock clock_{TimestampMs(1'700'000'000'000)};
    TestApplier applier_;
};

TEST_F(VerifyTest, a_sound_store_has_no_findings) {
    const VerifyReport report = verify("/store", fs_);
    EXPECT_EQ(texts(report), "");
    EXPECT_EQ(report.shards, 2U);
    EXPECT_EQ(report.records, 33U) << "what is in the journal and in a segment counts once";
    EXPECT_GT(report.segments, 1U);
}

TEST_F(VerifyTest, an_interrupted_write_is_a_note_and_changes_nothing) {
    fs_.power_off_at_change(1);
    {
        TestNode node(fs_, clock_, applier_);
        EXPECT_FALSE(node.is_open());
    }
    fs_.crash({.kind = io::CrashPolicy::Kind::keep_all});
    const auto before = fs_.change_count();
    EXPECT_FALSE(verify("/store", fs_).is_damaged());
    EXPECT_EQ(fs_.change_count(), before);
}

TEST_F(VerifyTest, every_flipped_byte_of_every_segment_is_found) {
    for (const std::string& path : fs_.paths()) {
        if (!path.ends_with(".rks")) continue;
        const auto content = *fs_.content(path);
        for (std::size_t byte = 0; byte < content.size(); byte += byte < 80 ? 1 : 37) {
            // The bytes between the header's fields and the first frame are unused.
            if (byte >= 68 && byte < file_header_size) continue;
            auto flipped = content;
            flipped[byte] ^= std::byte{2};
            fs_.set_content(path, flipped);
            const VerifyReport report = verify("/store", fs_);
            ASSERT_TRUE(report.is_damaged()) << path << " byte " << byte;
            ASSERT_NE(texts(report).find(path), std::string::npos) << texts(report);
        }
        fs_.set_content(path, content);
    }
    EXPECT_EQ(texts(verify("/store", fs_)), "");
}

TEST_F(VerifyTest, a_missing_segment_is_found) {
    for (const std::string& path : fs_.paths()) {
        if (!path.ends_with(".rks")) continue;
        const auto copy = fs_.clone();
        ASSERT_TRUE(copy->unlink(path));
        EXPECT_TRUE(verify("/store", *copy).is_damaged()) << path;
    }
}

TEST_F(VerifyTest, damage_in_the_journal_after_the_checkpoint_is_found) {
    for (const std::string& path : fs_.paths()) {
        auto content = *fs_.content(path);
        const std::string_view text = as_text(content);
        const std::size_t at = text.find("in the journal");
        if (at == std::string_view::npos) continue;
        content[at] ^= std::byte{1};
        fs_.set_content(path, content);
        const VerifyReport report = verify("/store", fs_);
        EXPECT_TRUE(report.is_damaged());
        EXPECT_NE(texts(report).find(path), std::string::npos) << texts(report);
        return;
    }
    FAIL() << "the records are not in the journal";
}

TEST_F(VerifyTest, a_store_in_use_is_not_touched) {
    TestNode node(fs_, clock_, applier_);
    const VerifyReport report = verify("/store", fs_);
    EXPECT_TRUE(report.is_in_use);
    EXPECT_TRUE(report.findings.empty());
    EXPECT_EQ(report.journal_files, 0U);
}

TEST_F(VerifyTest, a_directory_without_a_store_is_a_finding) {
    ASSERT_TRUE(fs_.mkdir("/other"));
    EXPECT_TRUE(verify("/other", fs_).is_damaged());
}

}  // namespace
}  // namespace riacho::log
