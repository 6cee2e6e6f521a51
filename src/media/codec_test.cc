#include "media/codec.h"

#include <gtest/gtest.h>

#include <string>

#include "base/digest.h"
#include "media/aac.h"
#include "media/avc.h"
#include "media/mkv_samples.h"

namespace riacho::media {
namespace {

// Records that x264 made.
const std::string avc_640x360 =
    *from_hex("01640016ffe1001a67640016acd940a02ff970110000030001000003000a0f162d9601000668ebe3cb22c0fdf8f800");
const std::string avc_1920x1080 =
    *from_hex("01640028ffe1001b67640028acd940780227e5c044000003000400000300283c60c65801000668ebe3cb22c0fdf8f800");
const std::string avc_720x576_interlaced =
    *from_hex("0164001effe100186764001eacd940b424d8088000000300800000190f8a14cb01000668fba3cb22c0fdf8f800");

TEST(AvcConfig, reads_profile_and_size) {
    const auto config = parse_avc_config(as_bytes(avc_640x360));
    ASSERT_TRUE(config);
    EXPECT_EQ(config->profile, 0x64);
    EXPECT_EQ(config->level, 0x16);
    EXPECT_EQ(config->nal_length_size, 4);
    EXPECT_EQ(config->width, 640U);
    EXPECT_EQ(config->height, 360U) << "368 before cropping";
    EXPECT_EQ(parse_avc_config(as_bytes(avc_1920x1080))->height, 1080U);
    EXPECT_EQ(parse_avc_config(as_bytes(avc_720x576_interlaced))->height, 576U);
}

TEST(AvcConfig, other_bytes_are_no_record) {
    EXPECT_FALSE(parse_avc_config({}));
    // The fields of a High profile behind the parameter sets (chroma format, bit depths) are optional.
    for (std::size_t size = 0; size < avc_640x360.size() - 4; ++size) {
        EXPECT_FALSE(parse_avc_config(as_bytes(avc_640x360).first(size))) << size;
    }
    EXPECT_FALSE(parse_avc_config(as_bytes(std::string("\0\0\0\1\x67\x42\xC0\x1E", 8) + avc_640x360))) << "Annex B";
}

TEST(AacConfig, reads_rate_and_channels) {
    const auto stereo = parse_audio_specific_config(as_bytes("\x11\x90"));
    ASSERT_TRUE(stereo);
    EXPECT_EQ(stereo->object_type, 2);
    EXPECT_EQ(stereo->sampling_rate, 48'000U);
    EXPECT_EQ(stereo->channels, 2);
    EXPECT_EQ(stereo->frame_samples, 1'024U);
    // HE-AAC gives the rate of its core first: 24 kHz, doubled by SBR.
    const auto sbr = parse_audio_specific_config(as_bytes(*from_hex("2b119080")));
    ASSERT_TRUE(sbr);
    EXPECT_EQ(sbr->object_type, 5);
    EXPECT_EQ(sbr->sampling_rate, 24'000U);
    for (const std::string& bytes : {std::string(), std::string("\x11"), std::string("\x16\x90"),
                                     std::string("\0\0", 2), std::string(65, '\x11')}) {
        EXPECT_FALSE(parse_audio_specific_config(as_bytes(bytes))) << to_hex(bytes);
    }
}

// video conformance 78
TEST(Playable, says_why_a_track_does_not_play) {
    HeaderInfo header;
    header.tracks = {samples::video_track(), samples::audio_track()};
    EXPECT_EQ(read_playable(header).error(), CodecFault::invalid_private_data);
    header.tracks[0].codec_private = avc_640x360;
    const auto playable = read_playable(header);
    ASSERT_TRUE(playable);
    EXPECT_EQ(playable->tracks[0].config.codecs, "avc1.640016");
    EXPECT_EQ(playable->tracks[1].config.codecs, "mp4a.40.2");
    EXPECT_EQ(playable->tracks[1].config.timescale, 44'100U);
    header.tracks[1].codec_private.clear();
    EXPECT_EQ(read_playable(header).error(), CodecFault::missing_private_data);
    header.tracks[0].codec_id = "V_VP9";
    EXPECT_EQ(read_playable(header).error(), CodecFault::unsupported);
    header.tracks.erase(header.tracks.begin());
    header.tracks[0] = samples::audio_track(1);
    EXPECT_TRUE(read_playable(header)) << "audio alone";
    EXPECT_TRUE(playable->continues(*playable));
    EXPECT_FALSE(playable->continues(*read_playable(header)));
}

}  // namespace
}  // namespace riacho::media
