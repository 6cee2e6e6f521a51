#include "media/codec.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"
#include "media/aac.h"
#include "media/avc.h"

namespace riacho::media {
namespace {

constexpr std::size_t private_size_max = std::size_t{64} << 10;

std::unexpected<CodecFault> invalid() { return fail(CodecFault::invalid_private_data); }

}  // namespace

CodecKind codec_kind(const TrackInfo& track) {
    // AWS prints the first id without its 4 in places (video spec 3.5).
    const bool avc = track.codec_id == "V_MPEG4/ISO/AVC" || track.codec_id == "V_MPEG/ISO/AVC";
    if (track.type == TrackType::video && avc) return CodecKind::h264;
    if (track.type == TrackType::audio && track.codec_id.starts_with("A_AAC")) return CodecKind::aac;
    return CodecKind::other;
}

Expected<TrackConfig, CodecFault> read_track_config(const TrackInfo& track, std::uint64_t timecode_scale_ns) {
    TrackConfig config;
    config.kind = codec_kind(track);
    if (config.kind == CodecKind::other) return fail(CodecFault::unsupported);
    if (track.codec_private.empty()) return fail(CodecFault::missing_private_data);
    if (track.codec_private.size() > private_size_max) return invalid();
    config.private_data = track.codec_private;
    if (config.kind == CodecKind::h264) {
        const auto avc = parse_avc_config(as_bytes(track.codec_private));
        if (!avc) return invalid();
        config.codecs = fmt::format("avc1.{:02x}{:02x}{:02x}", avc->profile, avc->compatibility, avc->level);
        config.width = avc->width;
        config.height = avc->height;
        config.nal_length_size = avc->nal_length_size;
        config.timescale = timecode_scale_ns < 1'000'000 ? 90'000 : 1'000;
        return config;
    }
    const auto aac = parse_audio_specific_config(as_bytes(track.codec_private));
    if (!aac) return invalid();
    config.codecs = fmt::format("mp4a.40.{}", aac->object_type);
    config.timescale = aac->sampling_rate;
    config.frame_ticks = aac->frame_samples;
    config.channels =
        aac->channels == 0 ? static_cast<std::uint16_t>(std::min<std::uint32_t>(track.channels, 8)) : aac->channels;
    return config;
}

const Playable::Track* Playable::find(std::uint32_t number) const {
    const auto found = std::ranges::find(tracks, number, &Track::number);
    return found == tracks.end() ? nullptr : &*found;
}

bool Playable::continues(const Playable& other) const {
    return std::ranges::equal(tracks, other.tracks, [](const Track& a, const Track& b) {
        return a.number == b.number && a.config.kind == b.config.kind;
    });
}

Expected<Playable, CodecFault> read_playable(const HeaderInfo& header) {
    Playable playable;
    for (const TrackType type : {TrackType::video, TrackType::audio}) {
        const TrackInfo* track = header.first(type);
        if (track == nullptr) continue;
        TRY(TrackConfig config, read_track_config(*track, header.timecode_scale_ns));
        playable.tracks.push_back({.number = track->number, .config = std::move(config)});
    }
    if (playable.tracks.empty()) return fail(CodecFault::unsupported);
    return playable;
}

}  // namespace riacho::media
