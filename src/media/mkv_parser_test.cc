#include "media/mkv_parser.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "media/mkv_samples.h"

namespace riacho::media {
namespace {

using namespace samples;
using Shape = MkvWriter::Shape;

// Records all events as text.
class Record final : public MkvEvents {
public:
    bool header_end(std::uint64_t at, ByteSpan block) override {
        header_block = std::string(as_text(block));
        return add(fmt::format("header {} {}", at, block.size()));
    }
    bool cluster_begin(std::uint64_t at, std::uint64_t size) override {
        return add(fmt::format("cluster {} {}", at, size));
    }
    bool cluster_time(std::uint64_t timecode) override { return add(fmt::format("time {}", timecode)); }
    bool block(const BlockHead& b) override {
        return add(fmt::format("block {} track {} at {} flags {:x} size {} frames {} duration {}", b.at, b.track,
                               b.relative, b.flags, b.size, b.frames, b.duration));
    }
    bool cluster_end(std::uint64_t at) override { return add(fmt::format("end {}", at)); }
    bool tags(std::uint64_t at, std::uint64_t end, ByteSpan content) override {
        return add(fmt::format("tags {} {} {}", at, end, as_text(content)));
    }
    bool other(std::uint64_t at, std::uint64_t end, std::uint32_t id) override {
        return add(fmt::format("other {} {} {:x}", at, end, id));
    }
    bool progress(std::uint64_t /*position*/) override { return true; }

    std::vector<std::string> calls;
    std::string header_block;
    std::string stop_at;

private:
    bool add(std::string call) {
        calls.push_back(std::move(call));
        return stop_at.empty() || !calls.back().starts_with(stop_at);
    }
};

struct Outcome {
    Expected<void, MkvFault> result;
    std::vector<std::string> calls;
};

Outcome parse(std::string_view stream, std::size_t piece = std::string::npos, MkvLimits limits = {}) {
    MkvParser parser(limits);
    Record record;
    Expected<void, MkvFault> result;
    while (!stream.empty() && result) {
        result = parser.feed(as_bytes(stream.substr(0, piece)), record);
        stream.remove_prefix(std::min(piece, stream.size()));
    }
    if (result) result = parser.finish(record);
    return {result, record.calls};
}

MkvFault fault_of(std::string_view stream) {
    const Outcome outcome = parse(stream);
    return outcome.result ? MkvFault::stopped : outcome.result.error();
}

std::string block_payload(std::string_view head, std::string_view frames) {
    return std::string(head) + std::string(frames);
}

// A stream with every kind of element that is allowed.
std::string rich_stream() {
    const std::string group =
        element(mkv::block_group, element(mkv::block, block_payload(std::string("\x81\0\x50\0", 4), "abc")) +
                                      number(mkv::block_duration, 40));
    const std::string other_group =
        element(mkv::block_group, element(mkv::block, block_payload(std::string("\x81\0\x78\0", 4), "d")) +
                                      element(mkv::reference_block, "\xD8") + element(0x75A2, "\x01"));
    const std::string laced = element(mkv::simple_block, std::string("\x81\0\x10\x84\x02", 5) + "aabbcc");
    const std::string file_cluster =
        element(mkv::cluster, number(mkv::timecode, 3000) + element(mkv::void_element, std::string(9, '\0')) + group +
                                  other_group + laced + number(0xA7, 99));
    return header({video_track(), audio_track()}, Shape::file) + cluster(1000, {{1, 0, true}, {2, 3, true}}) +
           tags({{"name", "value"}}) + element(mkv::void_element, "xx", 8) + cluster(2000) + cluster(2500) +
           file_cluster + element(mkv::cues, "cues", 8) + element(mkv::crc_32, "1234");
}

TEST(MkvParser, tells_what_a_stream_holds) {
    const std::string head = header();
    const std::string one = cluster(1000);
    const Outcome outcome = parse(head + one + tags({{"a", "b"}}) + cluster(2000));
    ASSERT_TRUE(outcome.result);
    const std::size_t begin = head.size();
    EXPECT_EQ(outcome.calls[0], fmt::format("header {} {}", begin, begin + 7))
        << "the size of the Segment gets 8 bytes";
    EXPECT_EQ(outcome.calls[1], fmt::format("cluster {} 0", begin));
    EXPECT_EQ(outcome.calls[2], "time 1000");
    EXPECT_EQ(outcome.calls[3], fmt::format("block {} track 1 at 0 flags 80 size 5 frames 1 duration 0", begin + 9));
    EXPECT_TRUE(outcome.calls[4].ends_with("track 1 at 40 flags 0 size 5 frames 1 duration 0"));
    EXPECT_EQ(outcome.calls[5], fmt::format("end {}", begin + one.size()));
    EXPECT_TRUE(outcome.calls[6].starts_with(fmt::format("tags {} ", begin + one.size())));
    EXPECT_EQ(outcome.calls.back(), fmt::format("end {}", begin + 2 * one.size() + tags({{"a", "b"}}).size()));
}

TEST(MkvParser, groups_have_durations_and_key_frames_without_references) {
    const Outcome outcome = parse(rich_stream());
    ASSERT_TRUE(outcome.result) << to_text(outcome.result.error());
    std::vector<std::string> blocks;
    for (const std::string& call : outcome.calls) {
        if (call.starts_with("block")) blocks.push_back(call.substr(call.find("track")));
    }
    ASSERT_EQ(blocks.size(), 9U);
    EXPECT_EQ(blocks[6], "track 1 at 80 flags 80 size 3 frames 1 duration 40");
    EXPECT_EQ(blocks[7], "track 1 at 120 flags 0 size 1 frames 1 duration 0");
    EXPECT_EQ(blocks[8], "track 1 at 16 flags 84 size 7 frames 3 duration 0");
}

TEST(MkvParser, pieces_of_any_size_give_the_same_events) {
    const std::string stream = rich_stream();
    const Outcome whole = parse(stream);
    ASSERT_TRUE(whole.result);
    for (const std::size_t piece : {1U, 2U, 3U, 5U, 7U, 11U, 13U, 31U, 32U, 33U, 64U, 100U}) {
        const Outcome pieces = parse(stream, piece);
        EXPECT_TRUE(pieces.result);
        EXPECT_EQ(pieces.calls, whole.calls) << piece;
    }
    std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same pieces in each run
    for (int round = 0; round < 50; ++round) {
        MkvParser parser;
        Record record;
        for (std::size_t at = 0; at < stream.size();) {
            const std::size_t size = std::min<std::size_t>(random() % 90, stream.size() - at);
            ASSERT_TRUE(parser.feed(as_bytes(std::string_view(stream).substr(at, size)), record));
            at += size;
            EXPECT_LE(parser.held().size(), MkvParser::held_size_max);
            EXPECT_EQ(as_text(parser.held()), stream.substr(at - parser.held().size(), parser.held().size()));
        }
        ASSERT_TRUE(parser.finish(record));
        EXPECT_EQ(record.calls, whole.calls);
    }
}

// video conformance 61: readers get the original header but for the Segment's size.
TEST(MkvParser, keeps_the_header_and_only_rewrites_the_size_of_the_segment) {
    const std::string ebml = element(mkv::ebml, element(mkv::doc_type, "webm"), 8);
    const std::string rest =
        element(mkv::seek_head, "seek") + element(mkv::info, "") + element(mkv::tracks, "t") + tags({{"ENCODER", "x"}});
    const std::string clusters = cluster(0, {{1, 0, true}}, Shape::file);
    MkvParser parser;
    Record record;
    ASSERT_TRUE(parser.feed(as_bytes(ebml + element(mkv::segment, rest + clusters)), record));
    ASSERT_TRUE(parser.finish(record));
    EXPECT_EQ(record.header_block, ebml + "\x18\x53\x80\x67\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF" + rest);
}

TEST(MkvParser, refuses_what_stands_in_the_wrong_place) {
    const std::string head = header();
    const std::string good = head + cluster(0);
    const std::string tracks = element(mkv::tracks, "");
    EXPECT_EQ(fault_of(good + header()), MkvFault::misplaced_element);
    EXPECT_EQ(fault_of(good + tracks), MkvFault::misplaced_element);
    EXPECT_EQ(fault_of(head + tracks), MkvFault::misplaced_element);
    EXPECT_EQ(fault_of(good + element(mkv::info, "")), MkvFault::misplaced_element);
    const std::string known = head + cluster(0, {{1, 0, true}}, Shape::file);
    EXPECT_EQ(fault_of(known + element(mkv::simple_block, "xxxxx")), MkvFault::misplaced_element);
    const std::string ebml = element(mkv::ebml, element(mkv::doc_type, "matroska"));
    const std::string segment = "\x18\x53\x80\x67\xFF";
    EXPECT_EQ(fault_of(ebml + segment + cluster(0)), MkvFault::misplaced_element);
    EXPECT_EQ(fault_of(ebml + cluster(0)), MkvFault::misplaced_element);
    EXPECT_EQ(fault_of(segment + cluster(0)), MkvFault::bad_element) << "the first element is EBML's";
    EXPECT_EQ(fault_of("random bytes"), MkvFault::bad_element);
    EXPECT_EQ(fault_of(head + element(mkv::cluster, number(mkv::timecode, 0) + cluster(1))),
              MkvFault::misplaced_element);
}

TEST(MkvParser, a_cluster_has_one_timecode_before_its_blocks) {
    const std::string block = element(mkv::simple_block, std::string("\x81\0\0\x80", 4));
    const std::string time = number(mkv::timecode, 1);
    EXPECT_EQ(fault_of(header() + element(mkv::cluster, block + time)), MkvFault::no_timecode);
    EXPECT_EQ(fault_of(header() + element(mkv::cluster, time + time + block)), MkvFault::no_timecode);
    EXPECT_EQ(fault_of(header() + element(mkv::cluster, "")), MkvFault::no_timecode);
    EXPECT_EQ(fault_of(header() + "\x1F\x43\xB6\x75\xFF"), MkvFault::no_timecode);
    EXPECT_TRUE(parse(header() + element(mkv::cluster, element(mkv::void_element, "1") + time + block)).result);
}

TEST(MkvParser, knows_a_stream_that_broke_off) {
    EXPECT_TRUE(parse("").result);
    EXPECT_EQ(fault_of(header()), MkvFault::no_cluster);
    const std::string whole = header() + cluster(0, {{1, 0, true}}, Shape::file);
    ASSERT_TRUE(parse(whole).result);
    for (std::size_t size = header().size() + 1; size < whole.size(); ++size) {
        EXPECT_EQ(fault_of(whole.substr(0, size)), MkvFault::truncated) << size;
    }
    const std::string live = header() + cluster(0);
    EXPECT_EQ(fault_of(live.substr(0, live.size() - 1)), MkvFault::truncated);
    EXPECT_EQ(fault_of(live + tags({{"a", "b"}}).substr(0, 9)), MkvFault::truncated);
}

// video conformance 49: refused because of the declared size, before anything arrives or is allocated.
TEST(MkvParser, refuses_claims_that_are_too_large) {
    const std::string huge("\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFE", 8);
    const std::string size = std::string(1, '\x01') + huge.substr(1);
    EXPECT_EQ(fault_of(header() + cluster(0) + "\xA3" + size), MkvFault::size_too_large);
    EXPECT_EQ(fault_of(header() + "\x1F\x43\xB6\x75" + size), MkvFault::size_too_large);
    EXPECT_EQ(fault_of(header() + "\x16\x54\xAE\x6B" + size), MkvFault::size_too_large);
    EXPECT_EQ(fault_of("\x1A\x45\xDF\xA3" + size), MkvFault::size_too_large);
    EXPECT_EQ(fault_of(header() + cluster(0) + element(mkv::tags, std::string(70'000, 'x'))), MkvFault::size_too_large);
    EXPECT_EQ(fault_of(header() + cluster(0) + "\xA3\xFF"), MkvFault::unknown_size);
    EXPECT_EQ(fault_of(header() + element(mkv::cluster, number(mkv::timecode, 0) + "\xA3\x85\x81")),
              MkvFault::bad_element)
        << "longer than its cluster";
}

TEST(MkvParser, counts_elements) {
    MkvLimits limits;
    limits.elements_per_fragment_max = 10;
    std::string voids;
    for (int i = 0; i < 7; ++i) voids += "\xEC\x80";
    // The cluster itself, its timecode and two blocks count, too.
    EXPECT_TRUE(
        parse(header() + cluster(0) + voids.substr(0, 12) + cluster(1) + voids.substr(0, 12), 1, limits).result);
    EXPECT_EQ(parse(header() + cluster(0) + voids, 1, limits).result.error(), MkvFault::too_many_elements);
}

TEST(MkvParser, stops_for_good_when_a_handler_says_so) {
    const std::string stream = header() + cluster(0) + cluster(1);
    for (const std::string at : {"header", "cluster", "time", "block", "end"}) {
        MkvParser parser;
        Record record;
        record.stop_at = at;
        EXPECT_EQ(parser.feed(as_bytes(stream), record).error(), MkvFault::stopped);
        const std::size_t calls = record.calls.size();
        EXPECT_EQ(parser.feed(as_bytes(stream), record).error(), MkvFault::stopped);
        EXPECT_EQ(parser.finish(record).error(), MkvFault::stopped);
        EXPECT_EQ(record.calls.size(), calls);
    }
}

}  // namespace
}  // namespace riacho::media
