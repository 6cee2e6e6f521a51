#include "media/fragment_rules.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "media/mkv_samples.h"

namespace riacho::media {
namespace {

using namespace samples;
using Shape = MkvWriter::Shape;

class RuleRecord final : public RuleSink {
public:
    void header(ByteSpan /*block*/, const HeaderInfo& info) override { tracks = info.tracks.size(); }
    void cluster(std::uint64_t at) override { begin_at = at; }
    void begin(std::uint64_t raw_timecode, std::int64_t producer_ms) override {
        calls.push_back(fmt::format("begin {} {}", raw_timecode, producer_ms));
    }
    void end(std::uint64_t at, const FragmentFacts& of) override {
        calls.emplace_back("end");
        facts.push_back(of);
        fragments.emplace_back(begin_at, at);
    }
    void error(AckError error, bool fragment_open) override {
        calls.push_back(fmt::format("{} {}", to_text(error), fragment_open ? "open" : "closed"));
    }

    std::vector<std::string> calls;
    std::vector<FragmentFacts> facts;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> fragments;
    std::size_t tracks = 0;
    std::uint64_t begin_at = 0;
};

using Calls = std::vector<std::string>;

RuleRecord check(std::string_view stream, RuleLimits limits = {}, TimecodeType type = TimecodeType::absolute,
                 std::int64_t start_ms = 0) {
    RuleRecord record;
    FragmentSplitter splitter({}, limits, type, start_ms, record);
    for (bool on = true; on && !stream.empty(); stream.remove_prefix(std::min<std::size_t>(stream.size(), 100))) {
        on = splitter.feed(as_bytes(stream.substr(0, 100)));
    }
    splitter.finish();
    return record;
}

std::string end_tag() { return tags({{tag_end_of_fragment, ""}}); }

TEST(FragmentRules, a_fragment_ends_where_the_next_begins) {
    const std::string one = cluster(1000) + tags({{"name", "value"}});
    const std::string two = cluster(2000);
    const std::string head = header();
    const RuleRecord record = check(head + one + two);
    EXPECT_EQ(record.calls, (Calls{"begin 1000 1000", "end", "begin 2000 2000", "end"}));
    EXPECT_EQ(record.fragments[0].first, head.size());
    EXPECT_EQ(record.fragments[0].second, head.size() + one.size());
    EXPECT_EQ(record.facts[0].cluster_end, head.size() + two.size());
    EXPECT_EQ(record.fragments[1], std::pair(head.size() + one.size(), head.size() + one.size() + two.size()));
    EXPECT_EQ(record.tracks, 1U);
}

// video conformance 36
TEST(FragmentRules, the_end_of_fragment_tag_ends_it_at_once) {
    RuleRecord record;
    FragmentSplitter splitter({}, {}, TimecodeType::absolute, 0, record);
    const std::string first = header() + cluster(1) + end_tag();
    ASSERT_TRUE(splitter.feed(as_bytes(first)));
    EXPECT_EQ(record.calls, (Calls{"begin 1 1", "end"}));
    EXPECT_EQ(record.fragments[0].second, first.size());
    ASSERT_TRUE(splitter.feed(as_bytes(tags({{"late", "no fragment's"}}) + cluster(2))));
    ASSERT_TRUE(splitter.finish());
    EXPECT_EQ(record.calls, (Calls{"begin 1 1", "end", "begin 2 2", "end"}));
}

// video spec 3.7, 4.7
TEST(FragmentRules, times_of_a_fragment) {
    RuleRecord record =
        check(header({video_track()}, Shape::live, 100'000) + cluster(50, {{1, 0, true}, {1, 400, false}}), {},
              TimecodeType::relative, 7'000);
    EXPECT_EQ(record.calls.at(0), "begin 50 7005");
    EXPECT_EQ(record.facts[0].span_ms, 40U);
    EXPECT_EQ(record.facts[0].duration_ms, 80U) << "the last frame lasts as long as the one before";

    TrackInfo track = video_track();
    track.default_duration_ns = 33'366'700;
    record = check(header({track}) + cluster(0, {{1, 0, true}, {1, 100, false}, {1, 33, false}, {1, 67, false}}));
    EXPECT_EQ(record.facts[0].span_ms, 100U);
    EXPECT_EQ(record.facts[0].duration_ms, 133U) << "B-frames come earlier than they are sent";
    EXPECT_EQ(record.facts[0].video_frames, 4U);
    EXPECT_EQ(record.facts[0].video_bytes, 20U);
    EXPECT_TRUE(record.facts[0].key_start);

    record = check(header() + cluster(0, {{1, 0, true}}) + cluster(2'000, {{1, 0, false}}));
    EXPECT_EQ(record.facts[0].span_ms, 0U);
    EXPECT_EQ(record.facts[0].duration_ms, 1'000U) << "one frame and nothing that tells how long it lasts";
    EXPECT_EQ(record.facts[1].duration_ms, 2'000U) << "as long as the fragment before took to be followed";
    EXPECT_FALSE(record.facts[1].key_start);

    track.default_duration_ns = 1;
    record = check(header({track}) + cluster(0, {{1, 0, true}}));
    EXPECT_EQ(record.facts[0].duration_ms, 1U) << "never nothing";

    record = check(header({video_track(), audio_track()}) +
                   cluster(0, {{1, 0, true}, {2, -20, true}, {1, 40, false}, {2, 64, true}}));
    EXPECT_EQ(record.facts[0].span_ms, 84U);
    EXPECT_EQ(record.facts[0].duration_ms, 80U) << "video leads";
    EXPECT_EQ(record.facts[0].audio_frames, 2U);
}

// video conformance 45, 46
TEST(FragmentRules, tracks) {
    EXPECT_EQ(check(header({video_track(1), video_track(2), video_track(3), video_track(4)}) + cluster(0)).calls,
              Calls{"MORE_THAN_ALLOWED_TRACKS_FOUND closed"});
    EXPECT_EQ(check(header() + cluster(0, {{1, 0, true}, {2, 0, true}})).calls,
              (Calls{"begin 0 0", "TRACK_NUMBER_MISMATCH open"}));
    const std::string both = header({video_track(), audio_track()});
    EXPECT_EQ(check(both + cluster(0) + cluster(1)).calls, (Calls{"begin 0 0", "FRAMES_MISSING_FOR_TRACK open"}));
    EXPECT_EQ(check(both + cluster(0)).calls, (Calls{"begin 0 0", "FRAMES_MISSING_FOR_TRACK open"}));
    EXPECT_EQ(check(header() + cluster(0, {})).calls, (Calls{"begin 0 0", "INVALID_MKV_DATA open"}));
}

// video conformance 47: the earlier fragment stands.
TEST(FragmentRules, timecodes_rise) {
    for (const std::uint64_t second : {5U, 4U}) {
        EXPECT_EQ(check(header() + cluster(5) + cluster(second)).calls,
                  (Calls{"begin 5 5", "end", "FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS closed"}));
    }
}

TEST(FragmentRules, producer_times_are_numbers_that_json_holds) {
    const std::uint64_t last = (std::uint64_t{1} << 53) - 1;
    EXPECT_EQ(check(header() + cluster(last)).calls.at(1), "end");
    EXPECT_EQ(check(header() + cluster(last + 1)).calls, Calls{"INVALID_PRODUCER_TIMESTAMP closed"});
    EXPECT_EQ(check(header() + cluster(~std::uint64_t{0})).calls, Calls{"INVALID_PRODUCER_TIMESTAMP closed"});
    EXPECT_EQ(check(header() + cluster(1), {}, TimecodeType::relative, -2).calls,
              Calls{"INVALID_PRODUCER_TIMESTAMP closed"});
    EXPECT_EQ(check(header() + cluster(1), {}, TimecodeType::relative, INT64_MAX).calls,
              Calls{"INVALID_PRODUCER_TIMESTAMP closed"});
}

// video conformance 48
TEST(FragmentRules, length_and_size_have_limits) {
    EXPECT_EQ(check(header() + cluster(0, {{1, 0, true}, {1, 20'000, true}})).calls.at(1), "end");
    EXPECT_EQ(check(header() + cluster(0, {{1, -1, true}, {1, 20'000, true}})).calls,
              (Calls{"begin 0 0", "MAX_FRAGMENT_DURATION_REACHED open"}));
    RuleLimits limits;
    limits.fragment_size_max = 1'000;
    const std::string fits = cluster(0, {{1, 0, true, std::string(900, 'x')}});
    const std::string over = cluster(0, {{1, 0, true, std::string(1'000, 'x')}});
    EXPECT_EQ(check(header() + fits, limits).calls.at(1), "end");
    EXPECT_EQ(check(header() + over, limits).calls, (Calls{"begin 0 0", "MAX_FRAGMENT_SIZE_REACHED open"}));
    EXPECT_EQ(check(header() + fits + element(mkv::void_element, std::string(200, 'x')), limits).calls,
              (Calls{"begin 0 0", "MAX_FRAGMENT_SIZE_REACHED open"}));
    EXPECT_EQ(check(header() + cluster(0, {{1, 0, true, std::string(1'000, 'x')}}, Shape::file), limits).calls,
              Calls{"MAX_FRAGMENT_SIZE_REACHED closed"})
        << "by its claim";
}

// video conformance 51. Half a megabyte of laced blocks must not become millions of samples for a player.
TEST(FragmentRules, frames_have_a_limit_with_laces_taken_apart) {
    const std::string laced = element(mkv::simple_block, std::string("\x81\0\0\x84\xFF", 5));
    std::string blocks = number(mkv::timecode, 0);
    for (int i = 0; i < 256; ++i) blocks += laced;
    EXPECT_EQ(check(header() + element(mkv::cluster, blocks)).calls.at(1), "end");
    EXPECT_EQ(check(header() + element(mkv::cluster, blocks + laced)).calls.at(1), "INVALID_MKV_DATA open");
}

TEST(FragmentRules, metadata_has_limits) {
    std::string ten;
    for (int i = 0; i < 10; ++i) ten += tags({{"name", "value"}});
    const std::string head = header() + cluster(0);
    const Calls good{"begin 0 0", "end"};
    const Calls bad{"begin 0 0", "FRAGMENT_METADATA_LIMIT_REACHED open"};
    EXPECT_EQ(check(head + ten + tags({{tag_image_generation, ""}, {tag_notification, ""}}) + end_tag()).calls, good);
    EXPECT_EQ(check(head + ten + tags({{"name", "value"}})).calls, bad);
    EXPECT_EQ(check(head + tags({{std::string(128, 'n'), std::string(256, 'v')}})).calls, good);
    EXPECT_EQ(check(head + tags({{std::string(129, 'n'), ""}})).calls, bad);
    EXPECT_EQ(check(head + tags({{"n", std::string(257, 'v')}})).calls, bad);
    EXPECT_EQ(check(head + tags({{"", "v"}})).calls, bad);
    EXPECT_EQ(check(head + tags({{"AWS_KINESISVIDEO_FRAGMENT_NUMBER", "1"}})).calls, bad);
    EXPECT_EQ(check(header() + tags({{"AWS_KINESISVIDEO_FRAGMENT_NUMBER", "1"}}) + cluster(0)).calls,
              Calls{"FRAGMENT_METADATA_LIMIT_REACHED closed"});
    const RuleRecord marked = check(head + tags({{tag_image_generation, ""}}));
    EXPECT_TRUE(marked.facts.at(0).image_tag);
    EXPECT_FALSE(marked.facts.at(0).notify_tag);
    // A muxer's statistics of a track are not metadata.
    std::string statistics;
    for (int i = 0; i < 20; ++i) {
        statistics += element(mkv::tag, element(mkv::targets, number(mkv::tag_track_uid, 7)) +
                                            element(mkv::simple_tag, element(mkv::tag_name, "BPS")));
    }
    EXPECT_EQ(check(head + element(mkv::tags, statistics)).calls, good);
}

// video conformance 49, 50
TEST(FragmentRules, what_is_no_matroska_is_4006) {
    const Calls closed{"INVALID_MKV_DATA closed"};
    EXPECT_EQ(check("random bytes").calls, closed);
    EXPECT_EQ(check(header()).calls, closed);
    EXPECT_EQ(check(header({}) + cluster(0)).calls, closed);
    EXPECT_TRUE(check("").calls.empty());
}

TEST(FragmentRules, what_follows_a_good_fragment_does_not_spoil_it) {
    const Calls kept{"begin 0 0", "end", "INVALID_MKV_DATA closed"};
    const Calls lost{"begin 0 0", "INVALID_MKV_DATA open"};
    const std::string known = header() + cluster(0, {{1, 0, true}}, Shape::file);
    const std::string unknown = header() + cluster(0);
    const std::string cut = tags({{"a", "b"}}).substr(0, 12);
    EXPECT_EQ(check(known + std::string(4, '\0')).calls, kept);
    EXPECT_EQ(check(known + header()).calls, kept);
    EXPECT_EQ(check(unknown + header()).calls, kept);
    EXPECT_EQ(check(unknown + element(mkv::tracks, "")).calls, kept);
    EXPECT_EQ(check(known + cut).calls, kept);
    EXPECT_EQ(check(unknown + cut).calls, lost) << "what trails the cluster was to come";
    EXPECT_EQ(check(unknown + std::string(4, '\0')).calls, lost);
    EXPECT_EQ(check(unknown.substr(0, unknown.size() - 1)).calls, lost);
    const RuleRecord trailed = check(unknown + tags({{"a", "b"}}) + cut);
    EXPECT_EQ(trailed.calls, kept);
    EXPECT_EQ(trailed.fragments.at(0).second, (unknown + tags({{"a", "b"}})).size());
}

}  // namespace
}  // namespace riacho::media
