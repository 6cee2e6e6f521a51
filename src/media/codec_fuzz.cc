// Fuzzes codec configuration records, and the initialisation segments of those that can be read.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "media/box_reader.h"
#include "media/codec.h"
#include "media/fmp4.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho::media;
    HeaderInfo header;
    header.tracks.resize(1);
    header.tracks[0].number = 1;
    header.tracks[0].codec_private.assign(reinterpret_cast<const char*>(data), size);
    for (const TrackType type : {TrackType::video, TrackType::audio}) {
        header.tracks[0].type = type;
        header.tracks[0].codec_id = type == TrackType::video ? "V_MPEG4/ISO/AVC" : "A_AAC";
        const auto playable = read_playable(header);
        if (!playable) continue;
        const TrackConfig& config = playable->tracks.at(0).config;
        RIACHO_CHECK(config.width <= 16'384 && config.height <= 32'768 && config.timescale > 0);
        const riacho::Buffer init = make_init(playable->tracks[0]);
        RIACHO_CHECK(!samples::find_box(init.view(), "moov/trak/mdia/minf/stbl/stsd").empty());
    }
    return 0;
}
