#include "media/mkv_header.h"

#include <gtest/gtest.h>

#include <string>

#include "media/mkv_samples.h"

namespace riacho::media {
namespace {

using namespace samples;

// As the parser returns it: with a Segment of unknown size.
std::string block(std::string_view ebml, std::string_view content) {
    Buffer out;
    put_element(out, mkv::ebml, ebml);
    put_element_id(out, mkv::segment);
    put_unknown_size(out);
    out.append(content);
    return text_of(out);
}
std::string doc(std::string_view type = "matroska") { return element(mkv::doc_type, type); }
std::string entry(const std::string& more = "") {
    return element(mkv::track_entry, number(mkv::track_number, 1) + number(mkv::track_type, 1) + more);
}

TEST(MkvHeader, reads_tracks) {
    const std::string bytes = header({video_track(), audio_track(5)}, MkvWriter::Shape::file, 100'000);
    const auto parsed = parse_mkv_header(as_bytes(bytes));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->timecode_scale_ns, 100'000U);
    ASSERT_EQ(parsed->tracks.size(), 2U);
    EXPECT_EQ(parsed->tracks[0].codec_id, "V_MPEG4/ISO/AVC");
    EXPECT_EQ(parsed->tracks[0].width, 640U);
    EXPECT_EQ(parsed->tracks[0].height, 360U);
    EXPECT_EQ(parsed->tracks[0].codec_private, "private");
    EXPECT_EQ(parsed->tracks[1].number, 5U);
    EXPECT_EQ(parsed->tracks[1].sampling_frequency, 48'000);
    EXPECT_EQ(parsed->tracks[1].channels, 2U);
    EXPECT_EQ(parsed->first(TrackType::audio), parsed->find(5));
    EXPECT_EQ(parsed->find(2), nullptr);
}

TEST(MkvHeader, what_is_not_a_header_is_refused) {
    const std::string info = element(mkv::info, "");
    const std::string tracks = element(mkv::tracks, entry());
    ASSERT_TRUE(parse_mkv_header(as_bytes(block(doc(), info + tracks))));
    ASSERT_TRUE(parse_mkv_header(as_bytes(block(doc("webm"), tracks + info))));
    for (const std::string& bytes :
         {std::string(), std::string("random"), block("", info + tracks), block(doc("avi"), info + tracks),
          block(doc() + number(mkv::doc_type_read_version, 5), info + tracks),
          block(doc() + number(mkv::ebml_max_id_length, 5), info + tracks),
          block(doc() + number(mkv::ebml_max_size_length, 9), info + tracks), block(doc(), info), block(doc(), tracks),
          block(doc(), info + info + tracks), block(doc(), info + tracks + tracks),
          block(doc(), info + element(mkv::tracks, "")), block(doc(), info + element(mkv::tracks, entry() + entry())),
          block(doc(), info + element(mkv::tracks, element(mkv::track_entry, number(mkv::track_number, 0)))),
          block(doc(), info + element(mkv::tracks, entry(element(mkv::content_encodings, "")))),
          block(doc(), element(mkv::info, number(mkv::timecode_scale, 99)) + tracks),
          block(doc(), element(mkv::info, number(mkv::timecode_scale, 1'000'000'001)) + tracks)}) {
        const auto parsed = parse_mkv_header(as_bytes(bytes));
        ASSERT_FALSE(parsed);
        EXPECT_EQ(parsed.error(), HeaderFault::invalid);
    }
    const auto four = parse_mkv_header(
        as_bytes(header({video_track(1), video_track(2), video_track(3), video_track(4)}, MkvWriter::Shape::file)));
    ASSERT_FALSE(four);
    EXPECT_EQ(four.error(), HeaderFault::too_many_tracks);
}

TEST(MkvHeader, the_configuration_is_the_same_for_the_same_tracks) {
    const auto id = [](const std::vector<TrackInfo>& tracks, std::uint64_t scale = 1'000'000) {
        return config_id(*parse_mkv_header(as_bytes(header(tracks, MkvWriter::Shape::file, scale))));
    };
    const std::uint64_t one = id({video_track()});
    EXPECT_EQ(id({video_track()}), one);
    EXPECT_EQ(id({video_track()}, 100'000), one);
    EXPECT_NE(id({video_track(2)}), one);
    EXPECT_NE(id({video_track(), audio_track()}), one);
    TrackInfo changed = video_track();
    changed.codec_private = "other";
    EXPECT_NE(id({changed}), one);
    changed = video_track();
    changed.width = 1;
    EXPECT_NE(id({changed}), one);
}

TEST(MkvTags, gives_names_and_values) {
    const std::string named = element(mkv::simple_tag, element(mkv::tag_name, "n") + element(mkv::tag_string, "v"));
    const std::string binary = element(mkv::simple_tag, element(mkv::tag_name, "b") + element(mkv::tag_binary, "x"));
    const std::string of_track = element(mkv::targets, number(mkv::tag_track_uid, 7));
    const std::string content = element(mkv::tag, named + binary) + element(mkv::tag, of_track + named);
    const auto parsed = parse_tags(as_bytes(content));
    ASSERT_TRUE(parsed);
    ASSERT_EQ(parsed->size(), 3U);
    EXPECT_EQ((*parsed)[0].name, "n");
    EXPECT_EQ((*parsed)[0].value, "v");
    EXPECT_EQ((*parsed)[1].value, "x");
    EXPECT_FALSE((*parsed)[1].of_track);
    EXPECT_TRUE((*parsed)[2].of_track);
    const std::string nested = element(mkv::tag, element(mkv::simple_tag, named));
    EXPECT_FALSE(parse_tags(as_bytes(nested)));
    EXPECT_FALSE(parse_tags(as_bytes(content).first(content.size() - 1)));
}

TEST(MkvTags, names_of_the_service_are_reserved) {
    EXPECT_TRUE(is_reserved_tag("AWS_KINESISVIDEO_FRAGMENT_NUMBER"));
    EXPECT_TRUE(is_reserved_tag("AWSsomething"));
    EXPECT_FALSE(is_reserved_tag("aws"));
    EXPECT_FALSE(is_reserved_tag(tag_end_of_fragment));
    EXPECT_FALSE(is_reserved_tag(tag_notification));
}

// video spec 4.1: the bytes of captures.
TEST(MkvWrite, the_tags_of_a_fragment) {
    Buffer out;
    const FragmentNumber number{.sequence = 1, .server_ms = 1'511'852'109'126, .random28 = 0xFEEEF70};
    put_head_tags(out, number, 1'511'852'108'005, TagSpelling::get_media);
    EXPECT_TRUE(out.view().starts_with(std::string("\x12\x54\xC3\x67\x10\0", 6)));
    ElementWalker walker(as_bytes(out.view()));
    const auto element = walker.next();
    ASSERT_TRUE(element && element->id == mkv::tags);
    const auto tags = parse_tags(element->content);
    ASSERT_TRUE(tags);
    ASSERT_EQ(tags->size(), 3U);
    EXPECT_EQ((*tags)[0].name, "AWS_KINESISVIDEO_FRAGMENT_NUMBER");
    EXPECT_EQ((*tags)[0].value, "91343852333181432392682062607743920146159169392");
    EXPECT_EQ((*tags)[1].value, "1511852109.126");
    EXPECT_EQ((*tags)[2].value, "1511852108.005");
    EXPECT_EQ(seconds_text(0), "0.000");
}

}  // namespace
}  // namespace riacho::media
