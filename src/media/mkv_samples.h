// Streams for the tests and fuzz targets of this folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "media/ebml.h"
#include "media/mkv_write.h"

namespace riacho::media::samples {

inline std::string text_of(const Buffer& buffer) { return std::string(buffer.view()); }

inline TrackInfo video_track(std::uint32_t number = 1) {
    TrackInfo track;
    track.number = number;
    track.type = TrackType::video;
    track.codec_id = "V_MPEG4/ISO/AVC";
    track.codec_private = "private";
    track.width = 640;
    track.height = 360;
    return track;
}

inline TrackInfo audio_track(std::uint32_t number = 2) {
    TrackInfo track;
    track.number = number;
    track.type = TrackType::audio;
    track.codec_id = "A_AAC";
    track.codec_private = "\x12\x10";
    track.sampling_frequency = 48'000;
    track.channels = 2;
    return track;
}

inline std::string header(std::vector<TrackInfo> tracks = {video_track()},
                          MkvWriter::Shape shape = MkvWriter::Shape::live, std::uint64_t scale = 1'000'000) {
    Buffer out;
    MkvWriter(shape, scale).header(out, tracks);
    return text_of(out);
}

struct Frame {
    std::uint32_t track = 1;
    std::int16_t relative = 0;
    bool key = false;
    std::string data = "frame";
};

inline std::string cluster(std::uint64_t timecode, const std::vector<Frame>& frames = {{1, 0, true}, {1, 40, false}},
                           MkvWriter::Shape shape = MkvWriter::Shape::live) {
    std::vector<MkvWriter::Frame> list;
    for (const Frame& frame : frames) list.push_back({frame.track, frame.relative, frame.key, as_bytes(frame.data)});
    Buffer out;
    MkvWriter(shape).cluster(out, timecode, list);
    return text_of(out);
}

inline std::string element(std::uint32_t id, std::string_view content, unsigned size_bytes = 0) {
    Buffer out;
    put_element(out, id, content, size_bytes);
    return text_of(out);
}

inline std::string number(std::uint32_t id, std::uint64_t value) {
    Buffer out;
    put_unsigned(out, id, value);
    return text_of(out);
}

inline std::string tags(std::vector<TagPair> pairs) {
    Buffer out;
    put_tags(out, pairs);
    return text_of(out);
}

}  // namespace riacho::media::samples
