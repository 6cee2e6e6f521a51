// The records of video streams. Every later version must read records on disk.
#include "video/fragment.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "core/clock.h"
#include "video/arrivals.h"
#include "video/endpoints.h"
#include "video/fragment_index.h"
#include "video/stream.h"

namespace riacho::video {
namespace {

FragmentEntry entry_of(std::uint64_t sequence) {
    FragmentEntry entry;
    entry.sequence = sequence;
    entry.server_ms = 1'700'000'000'000;
    entry.producer_ms = 1'600'000'000'000;
    entry.position = 7;
    entry.random = 0x0ABC'DEF0;
    entry.key_start = true;
    entry.notify_tag = true;
    entry.size = 60;
    entry.span_ms = 1'967;
    entry.duration_ms = 2'000;
    entry.config_id = 0x0102'0304'0506'0708;
    entry.video_bytes = 40;
    entry.video_frames = 60;
    entry.audio_frames = 94;
    entry.crc = 0xDEAD'BEEF;
    return entry;
}

Closing closing_of(std::uint64_t sequence) {
    Closing closing;
    closing.entry = entry_of(sequence);
    closing.header_size = 10;
    closing.cluster_size = 45;
    closing.trailing_size = 5;
    closing.chunks = {3, 4};
    return closing;
}

std::string closing_record(const Closing& closing, std::string_view part) {
    std::string record(closing.head_size(), '\0');
    put_closing_head(reinterpret_cast<std::byte*>(record.data()), closing);
    record += part;
    return record;
}

// Golden: the bytes that docs/formats/video.md describes.
TEST(FragmentRecords, a_closing_record_has_the_bytes_of_version_1) {
    const std::string record = closing_record(closing_of(1'001), "tail");
    EXPECT_EQ(to_hex(record),
              "010202000a0000002d00000005000000"
              "e903000000000000"  // sequence
              "0068e5cf8b010000"  // server time
              "00806e8774010000"  // producer time
              "0000000000000000"  // position: unknown when the record is written
              "f0debc9a"          // random with flags
              "3c000000af070000d0070000"
              "0807060504030201"
              "280000003c005e0000000000efbeadde"
              "0300000000000000"
              "0400000000000000"
              "7461696c");
    const auto parsed = parse_closing(record, 7);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->closing.entry, entry_of(1'001));
    EXPECT_EQ(parsed->closing.chunks, (std::vector<std::uint64_t>{3, 4}));
    EXPECT_EQ(parsed->part, "tail");
}

TEST(FragmentRecords, what_is_cut_or_does_not_add_up_is_none) {
    const std::string record = closing_record(closing_of(5), "");
    for (std::size_t size = 0; size < record.size(); ++size) EXPECT_FALSE(parse_closing(record.substr(0, size), 1));
    Closing wrong = closing_of(5);
    ++wrong.trailing_size;
    EXPECT_FALSE(parse_closing(closing_record(wrong, ""), 1));
    std::string later = record;
    later[0] = 2;
    EXPECT_FALSE(parse_closing(later, 1));
    std::string chunk(chunk_head_size, '\0');
    put_chunk_head(reinterpret_cast<std::byte*>(chunk.data()), 5, 1);
    EXPECT_TRUE(chunk_part(chunk, 5, 1));
    EXPECT_FALSE(chunk_part(chunk, 5, 0));
    EXPECT_FALSE(chunk_part(chunk, 6, 1));
    EXPECT_FALSE(chunk_part(record, 5, 1));
}

TEST(FragmentRecords, a_payload_is_cut_into_three_lists_and_what_is_beyond_belongs_to_none) {
    const std::string text = "0123456789" + std::string(45, 'c') + "TTTTT" + "surplus";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        const std::string_view parts[] = {std::string_view(text).substr(0, cut), std::string_view(text).substr(cut)};
        Fragment fragment;
        ASSERT_TRUE(split_payload(parts, closing_of(1), fragment));
        const auto joined = [](const std::vector<std::string_view>& list) {
            std::string all;
            for (const std::string_view piece : list) all += piece;
            return all;
        };
        EXPECT_EQ(joined(fragment.header), "0123456789");
        EXPECT_EQ(joined(fragment.cluster), std::string(45, 'c'));
        EXPECT_EQ(joined(fragment.trailing), "TTTTT");
    }
    Fragment fragment;
    const std::string_view short_one = std::string_view(text).substr(0, 59);
    EXPECT_FALSE(split_payload({&short_one, 1}, closing_of(1), fragment));
}

TEST(IndexRecords, are_read_as_they_were_written) {
    IndexRecord increment;
    increment.root = 11;
    increment.media_through = 12;
    increment.entries = {entry_of(1), entry_of(2)};
    const std::string bytes = encode(increment);
    EXPECT_EQ(to_hex(bytes.substr(0, 24)), "01010200000000000b000000000000000c00000000000000");
    const auto parsed = parse_index_record(bytes);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->entries, increment.entries);
    EXPECT_EQ(parsed->media_through, 12U);
    EXPECT_FALSE(parse_index_record(bytes.substr(0, bytes.size() - 1)));
    IndexRecord root;
    root.kind = IndexRecord::Kind::root;
    root.first_increment = 9;
    root.pages = {summary_of({entry_of(1), entry_of(5)}, 8)};
    const auto again = parse_index_record(encode(root));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->pages, root.pages);
    EXPECT_EQ(again->first_increment, 9U);
}

TEST(StreamSettings, are_read_as_they_were_written) {
    StreamSettings settings;
    settings.device_name = "d";
    settings.media_type = "video/h264";
    settings.retention_hours = 24;
    settings.created_ms = 5;
    settings.floor_ms = 6;
    settings.tier = StorageTier::warm;
    EXPECT_EQ(decode_settings(encode(settings)), settings);
    EXPECT_FALSE(decode_settings(encode(settings) + "x"));
    EXPECT_FALSE(decode_settings(""));
}

TEST(StreamVersions, differ_and_have_twenty_letters_and_digits) {
    catalog::ObjectState object;
    object.uid = 5;
    const std::string first = version_text(object);
    EXPECT_EQ(first.size(), 20U);
    ++object.version;
    EXPECT_NE(version_text(object), first);
}

TEST(Arrivals, live_readers_wait_for_a_lower_number_and_pass_it_after_a_while) {
    Arrivals arrivals;
    const MonotonicNs start(1'000'000'000);
    const MonotonicNs later(start.value() + Arrivals::hold_ms_max * 1'000'000);
    arrivals.begin(10);
    arrivals.begin(11);
    EXPECT_EQ(arrivals.hold_ms(10, start, start), 0);
    EXPECT_EQ(arrivals.hold_ms(11, start, start), Arrivals::hold_ms_max);
    EXPECT_EQ(arrivals.lowest_open(), 10U);
    EXPECT_FALSE(arrivals.begin_to_end(10));
    EXPECT_GT(arrivals.hold_ms(11, start, later), 0);  // it is being stored: readers wait without limit
    arrivals.end(10);
    EXPECT_EQ(arrivals.hold_ms(11, start, start), 0);
    arrivals.begin(12);
    arrivals.begin(13);
    EXPECT_EQ(arrivals.hold_ms(13, start, later), 0);
    EXPECT_TRUE(arrivals.begin_to_end(12));  // late: 13 was returned before
    EXPECT_FALSE(arrivals.begin_to_end(13));
}

TEST(Endpoints, repeat_no_host_that_is_none) {
    for (const char* good : {"localhost", "localhost:4566", "10.0.0.1:1", "[::1]:65535", "[fe80::1]", "a-b.example"}) {
        EXPECT_TRUE(is_authority(good)) << good;
    }
    for (const char* bad : {"", ":80", "host:", "host:0", "host:65536", "host:x", "a b", "a/b", "a\"b", "[::1",
                            "user@host", "h\r\nx: y"}) {
        EXPECT_FALSE(is_authority(bad)) << bad;
    }
    EXPECT_FALSE(is_authority(std::string(256, 'a')));
}

}  // namespace
}  // namespace riacho::video
