#include "server/modules/video.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "aws/gen/video/operations.gen.h"
#include "aws/gen/video_archived_media/operations.gen.h"
#include "aws/gen/video_media/operations.gen.h"
#include "aws/gen/video_signaling/operations.gen.h"
#include "aws/gen/video_webrtc_storage/operations.gen.h"
#include "catalog/catalog.h"
#include "core/memory_budget.h"
#include "core/metrics.h"
#include "core/runtime.h"
#include "server/modules/video_playback.h"
#include "video/metrics.h"
#include "video/operations.h"
#include "video/playback.h"
#include "video/retention.h"
#include "video/service.h"
#include "video/stream_homes.h"

namespace riacho::server {
namespace {

video::VideoOptions options_of(const Config& config, const core::MemoryBudget& memory) {
    video::VideoOptions options;
    options.advertise_url = config.advertise_url;
    const std::string& host = config.listen_host;
    const bool is_ipv6 = host.contains(':');
    options.listen_url =
        fmt::format("http://{}{}{}:{}", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", config.listen_port);
    options.transition_delay_ms = config.transition_delay_ms;
    // The HTTP server holds two pieces of 64 KiB of each body that is streamed; others' bodies need room as well.
    constexpr std::size_t upload_size = std::size_t{128} << 10;
    const std::size_t uploads = memory.share(core::MemoryUse::bodies) / 2 / upload_size;
    options.sessions_max = std::clamp<std::size_t>(uploads, 16, options.sessions_max);
    return options;
}

}  // namespace

// In the order of construction; taken apart the other way round.
struct VideoModule::Impl {
    explicit Impl(const Parts& given)
        : parts(given),
          options(options_of(given.config, given.memory)),
          homes(given.catalog, given.log, given.commands, given.clock, given.rng, given.memory),
          playback({given.catalog, given.clock, given.tokens, homes, given.memory, given.compute}),
          routes(playback),
          service{given.catalog, given.log, given.commands, given.clock, given.rng, given.tokens,
                  given.memory,  homes,     metrics,        playback,    options} {}

    void add_metrics();

    Parts parts;
    video::VideoOptions options;
    video::VideoMetrics metrics;
    video::StreamHomes homes;
    video::Playback playback;
    PlaybackRoutes routes;
    video::Service service;
};

void VideoModule::Impl::add_metrics() {
    parts.metrics.add_collector([this](core::MetricsWriter& writer) { metrics.collect(writer); });
    parts.metrics.add_collector([this](core::MetricsWriter& writer) {
        const video::StreamHomes::Stats stats = homes.stats();
        if (stats.homes == 0) return;
        using Kind = core::MetricsWriter::Kind;
        const auto gauge = [&](std::string_view name, std::string_view help, std::size_t value) {
            writer.family(name, Kind::gauge, help);
            writer.sample({}, std::uint64_t{value});
        };
        gauge("riacho_video_streams_in_use", "Video streams with something in memory", stats.homes);
        gauge("riacho_video_sessions", "Calls of PutMedia under way", homes.sessions.load());
        gauge("riacho_video_ring_bytes", "Fragments of streams without retention", stats.ring_bytes);
        gauge("riacho_video_readers", "Calls of GetMedia under way", playback.readers.count());
        gauge("riacho_video_playlists", "Lists of playback sessions in memory", playback.cached_lists());
        gauge("riacho_video_index_cache_bytes", "Pages of indexes in memory", stats.page_bytes);
    });
}

VideoModule::VideoModule(const Parts& parts) : impl_(std::make_unique<Impl>(parts)) {
    impl_->add_metrics();
    // The log does not store the retention.
    for (const auto& object : parts.catalog.snapshot()->objects()) {
        if (const auto stream = video::stream_of(object)) video::set_log_retention(parts.log, *stream);
    }
}

VideoModule::~VideoModule() { stop(); }

std::vector<aws::ServiceEntry> VideoModule::entries() {
    video::Service* service = &impl_->service;
    std::vector<aws::ServiceEntry> entries;
    entries.push_back({&api::video::model, service, video::control_operations()});
    entries.push_back({&api::video_media::model, service, video::media_operations()});
    entries.push_back({&api::video_archived_media::model, service, video::archived_media_operations()});
    entries.push_back({&api::video_signaling::model, service, video::signaling_operations()});
    entries.push_back({&api::video_webrtc_storage::model, service, video::webrtc_storage_operations()});
    return entries;
}

void VideoModule::add_routes(http::Mux& mux) { impl_->routes.add_to(mux); }

std::string_view VideoModule::open_folder() const { return video::hls_folder; }

// Ends the writers and readers of deleted streams.
void VideoModule::on_publish(const catalog::Feed& feed) {
    if (feed.objects.empty()) return;
    const auto snapshot = impl_->parts.catalog.snapshot();
    for (const std::uint64_t uid : feed.objects) {
        const auto object = snapshot->find_object(uid);
        if (object != nullptr && object->transition != catalog::StreamStatus::deleting) continue;
        impl_->homes.end(uid);
        impl_->metrics.forget(uid);
    }
}

void VideoModule::start() { impl_->homes.start(impl_->parts.runtime.core(0)); }

void VideoModule::stop() { impl_->homes.stop(); }

}  // namespace riacho::server
