#include "media/fmp4.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <string>

#include "media/box_reader.h"
#include "media/mkv_samples.h"

namespace riacho::media {
namespace {

using namespace samples;

Playable::Track video() {
    Playable::Track track;
    track.number = 1;
    track.config.kind = CodecKind::h264;
    track.config.private_data = "avcc";
    track.config.width = 640;
    track.config.height = 360;
    track.config.timescale = 1'000;
    return track;
}

Playable::Track audio() {
    Playable::Track track;
    track.number = 2;
    track.config.kind = CodecKind::aac;
    track.config.private_data = "\x11\x90";
    track.config.timescale = 48'000;
    track.config.frame_ticks = 1'024;
    track.config.channels = 2;
    return track;
}

std::string bytes_of(const MediaSegment& segment) {
    std::string bytes(segment.head.view());
    for (const ByteSpan part : segment.payload) bytes += as_text(part);
    EXPECT_EQ(bytes.size(), segment.size);
    return bytes;
}

SegmentView packaged(const Playable::Track& track, const std::string& mkv, std::uint32_t duration_ms,
                     std::int64_t base = 0) {
    SampleOptions options;
    options.duration_ms = duration_ms;
    const auto split = split_samples(track, as_bytes(mkv), options);
    EXPECT_TRUE(split);
    static std::string bytes;  // the bytes of the view
    bytes = bytes_of(make_segment(*split, 7, base));
    const auto view = read_segment(bytes);
    EXPECT_TRUE(view);
    return view.value_or(SegmentView{});
}

TEST(Fmp4, an_initialisation_has_one_track) {
    for (const Playable::Track& track : {video(), audio()}) {
        const Buffer init = make_init(track);
        const auto boxes = read_boxes(init.view());
        ASSERT_TRUE(boxes);
        ASSERT_EQ(boxes->size(), 2U);
        EXPECT_EQ((*boxes)[0].type, "ftyp");
        EXPECT_EQ(read_32(find_box(init.view(), "moov/trak/tkhd"), 12), track.number);
        EXPECT_EQ(read_32(find_box(init.view(), "moov/mvex/trex"), 4), track.number);
        EXPECT_EQ(read_32(find_box(init.view(), "moov/trak/mdia/mdhd"), 12), track.config.timescale);
        const std::string_view stsd = find_box(init.view(), "moov/trak/mdia/minf/stbl/stsd");
        EXPECT_TRUE(stsd.contains(track.config.private_data));
    }
}

TEST(Fmp4, decoding_times_are_the_sorted_presentation_times) {
    // I0 P3 B1 B2, the decoding order of an encoder with B-frames.
    const std::string mkv = cluster(
        500, {{1, 0, true, "i"}, {1, 120, false, "p"}, {2, 0, true, "a"}, {1, 40, false, "b"}, {1, 80, false, "c"}});
    const SegmentView view = packaged(video(), mkv, 160, 10'000);
    EXPECT_EQ(view.sequence, 7U);
    EXPECT_EQ(view.track, 1U);
    EXPECT_EQ(view.tfdt, 10'000U);
    ASSERT_EQ(view.samples.size(), 4U);
    std::string data;
    std::vector<std::int32_t> offsets;
    for (const auto& sample : view.samples) {
        EXPECT_EQ(sample.duration, 40U);
        data += sample.data;
        offsets.push_back(sample.offset);
    }
    EXPECT_EQ(data, "ipbc");
    EXPECT_EQ(offsets, (std::vector<std::int32_t>{0, 80, -40, -40}));
    EXPECT_EQ(view.samples[0].flags, 0x02000000U);
    EXPECT_EQ(view.samples[1].flags, 0x01010000U);
}

// video conformance 83
TEST(Fmp4, a_segment_lasts_as_long_as_its_fragment) {
    const std::string mkv = cluster(0, {{1, 0, true}, {1, 33, false}, {1, 67, false}});
    const SegmentView view = packaged(video(), mkv, 100);
    std::uint32_t total = 0;
    for (const auto& sample : view.samples) total += sample.duration;
    EXPECT_EQ(total, 100U);
}

TEST(Fmp4, audio_goes_on_without_the_rounding_of_its_times) {
    // 1024 samples of 48 kHz last 21.333 ms.
    std::vector<Frame> frames;
    for (int i = 0; i < 90; ++i) frames.push_back({2, static_cast<std::int16_t>((i * 64 + 1) / 3), true, "a"});
    const SegmentView view = packaged(audio(), cluster(0, frames), 1'920, 480);
    EXPECT_EQ(view.tfdt, 480U);
    for (const auto& sample : view.samples) EXPECT_EQ(sample.duration, 1'024U);

    // A gap in the media stays a gap.
    const SegmentView gap = packaged(audio(), cluster(0, {{2, 0, true}, {2, 21, true}, {2, 500, true}}), 521);
    EXPECT_EQ(gap.samples[0].duration, 1'024U);
    EXPECT_EQ(gap.samples[1].duration, 500U * 48 - 1'024);
    EXPECT_EQ(gap.samples[2].duration, 1'024U);
}

TEST(Fmp4, takes_laces_apart) {
    const std::string laced =
        element(mkv::cluster,
                number(mkv::timecode, 0) + element(mkv::simple_block, std::string("\x82\0\x0A\x84\x02", 5) + "xxyyzz"));
    const SegmentView view = packaged(audio(), laced, 64);
    ASSERT_EQ(view.samples.size(), 3U);
    EXPECT_EQ(view.tfdt, 480U);
    EXPECT_EQ(view.samples[1].data, "yy");
    EXPECT_EQ(view.samples[1].duration, 1'024U);
}

TEST(Fmp4, no_sample_is_decoded_before_zero) {
    const SegmentView view = packaged(audio(), cluster(0, {{2, -21, true}, {2, 0, true}}), 42);
    EXPECT_EQ(view.tfdt, 0U);
}

TEST(Fmp4, frames_in_are_frames_out) {
    std::mt19937 random(3);  // NOLINT(cert-msc51-cpp): the same frames in each run
    for (int round = 0; round < 200; ++round) {
        std::vector<Frame> frames;
        std::string expected;
        const std::size_t count = 1 + random() % 60;
        for (std::size_t i = 0; i < count; ++i) {
            frames.push_back({1 + static_cast<std::uint32_t>(random() % 2), static_cast<std::int16_t>(random() % 2'000),
                              random() % 9 == 0,
                              std::string(1 + random() % 50, static_cast<char>('a' + random() % 26))});
            if (frames.back().track == 1) expected += frames.back().data;
        }
        const auto shape = random() % 2 == 0 ? MkvWriter::Shape::live : MkvWriter::Shape::file;
        const std::string mkv = cluster(random() % 100'000, frames, shape);
        const auto split =
            split_samples(video(), as_bytes(mkv), {.timecode_scale_ns = 1'000'000, .duration_ms = 2'040});
        if (expected.empty()) {
            EXPECT_EQ(split.error(), MediaFault::no_samples);
            continue;
        }
        ASSERT_TRUE(split);
        std::string data;
        std::int64_t total = 0;
        for (const Sample& sample : split->samples) {
            data += as_text(sample.data);
            total += sample.duration;
            EXPECT_LE(sample.dts, 2'000);
        }
        EXPECT_EQ(data, expected);
        EXPECT_EQ(total, 2'040);
    }
}

}  // namespace
}  // namespace riacho::media
