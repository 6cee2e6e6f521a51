#include "media/samples.h"

#include <algorithm>
#include <cstdlib>

#include "media/mkv_block.h"

namespace riacho::media {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;

// RuleLimits::frames_max.
constexpr std::size_t samples_max = 65'536;

// Rounded to the nearest tick.
std::int64_t to_ticks(std::int64_t ns, std::uint32_t timescale) {
    // |ns| < 2^15 * 10^9 < 2^45 and timescale < 2^18.
    const std::int64_t scaled = ns * timescale;
    return (scaled + (scaled < 0 ? -ns_per_s / 2 : ns_per_s / 2)) / ns_per_s;
}

void time_video(std::vector<Sample>& samples, std::uint32_t timescale, std::uint32_t duration_ms) {
    std::vector<std::int64_t> times;
    times.reserve(samples.size());
    for (const Sample& sample : samples) times.push_back(sample.pts);
    std::ranges::sort(times);
    const std::int64_t end = std::max(times.front() + std::int64_t{duration_ms} * timescale / 1'000, times.back());
    for (std::size_t i = 0; i < samples.size(); ++i) {
        samples[i].dts = times[i];
        const std::int64_t next = i + 1 < times.size() ? times[i + 1] : end;
        samples[i].duration = static_cast<std::uint32_t>(next - times[i]);
    }
}

void time_audio(std::vector<Sample>& samples, std::uint32_t frame_ticks) {
    std::int64_t expected = samples.front().pts;
    for (Sample& sample : samples) {
        // Timestamps are rounded to milliseconds: players that followed them exactly would click.
        if (std::abs(sample.pts - expected) <= frame_ticks) sample.pts = expected;
        sample.dts = sample.pts;
        expected = sample.pts + frame_ticks;
    }
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const std::int64_t next = i + 1 < samples.size() ? samples[i + 1].dts : samples[i].dts + frame_ticks;
        // A time that goes back is a producer's fault: its frames are played one after another.
        samples[i].duration = static_cast<std::uint32_t>(std::max<std::int64_t>(next - samples[i].dts, 0));
    }
}

}  // namespace

Expected<TrackSamples, MediaFault> split_samples(const Playable::Track& track, ByteSpan cluster,
                                                 SampleOptions options) {
    TrackSamples result{.track = track.number, .timescale = track.config.timescale, .samples = {}};
    const bool audio = track.config.frame_ticks != 0;
    BlockWalker walker(cluster);
    while (const auto block = walker.next()) {
        if (block->start.track != track.number) continue;
        const auto frames = split_laces(block->payload, block->start);
        if (!frames || result.samples.size() + frames->size() > samples_max) {
            return fail(MediaFault::damaged_cluster);
        }
        const std::int64_t ns = block->start.relative * static_cast<std::int64_t>(options.timecode_scale_ns);
        std::int64_t pts = to_ticks(ns, track.config.timescale);
        for (const ByteSpan frame : *frames) {
            Sample sample;
            sample.data = frame;
            sample.pts = pts;
            sample.key = audio || block->key;
            result.samples.push_back(sample);
            if (audio) pts += track.config.frame_ticks;
        }
    }
    if (!walker.ok()) return fail(MediaFault::damaged_cluster);
    if (result.samples.empty()) return fail(MediaFault::no_samples);
    if (audio) {
        time_audio(result.samples, track.config.frame_ticks);
    } else {
        time_video(result.samples, track.config.timescale, options.duration_ms);
    }
    return result;
}

}  // namespace riacho::media
