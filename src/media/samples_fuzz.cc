// Fuzzes the conversion of a stored cluster to a media segment, whose boxes are then read back.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "media/box_reader.h"
#include "media/fmp4.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho;
    using namespace riacho::media;
    if (size < 4) return 0;
    const ByteSpan cluster = std::as_bytes(std::span(data + 3, size - 3));
    SampleOptions options;
    options.duration_ms = data[1] * 100U;
    options.timecode_scale_ns = data[2] < 200 ? 1'000'000 : 1'000'000'000;
    for (const bool audio : {false, true}) {
        Playable::Track track;
        track.number = 1 + data[0] % 2;
        track.config.kind = audio ? CodecKind::aac : CodecKind::h264;
        track.config.timescale = audio ? 44'100 : 90'000;
        track.config.frame_ticks = audio ? 1'024 : 0;
        const auto split = split_samples(track, cluster, options);
        if (!split) continue;
        const MediaSegment segment = make_segment(*split, 1, 1'000);
        std::string bytes(segment.head.view());
        for (const ByteSpan part : segment.payload) bytes += as_text(part);
        RIACHO_CHECK(bytes.size() == segment.size);
        const auto view = samples::read_segment(bytes);
        RIACHO_CHECK(view && view->samples.size() == split->samples.size());
        for (std::size_t i = 0; i < view->samples.size(); ++i) {
            RIACHO_CHECK(view->samples[i].data == as_text(split->samples[i].data));
        }
    }
    return 0;
}
