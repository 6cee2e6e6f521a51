#include "video/metrics.h"

#include <vector>

namespace riacho::video {

std::shared_ptr<StreamCounters> VideoMetrics::of(std::uint64_t uid, std::string_view stream) {
    const MutexLock guard(mutex_);
    Known& known = streams_[uid];
    if (known.counters == nullptr) known = {std::string(stream), std::make_shared<StreamCounters>()};
    return known.counters;
}

void VideoMetrics::forget(std::uint64_t uid) {
    const MutexLock guard(mutex_);
    streams_.erase(uid);
}

void VideoMetrics::collect(core::MetricsWriter& writer) const {
    // Streams of one name in several accounts or regions are counted together.
    std::map<std::string, std::vector<std::shared_ptr<StreamCounters>>> streams;
    {
        const MutexLock guard(mutex_);
        for (const auto& [uid, known] : streams_) streams[known.stream].push_back(known.counters);
    }
    if (streams.empty()) return;
    using Kind = core::MetricsWriter::Kind;
    const auto family = [&](std::string_view name, Kind kind, std::string_view help, auto member) {
        writer.family(name, kind, help);
        for (const auto& [stream, all] : streams) {
            std::uint64_t sum = 0;
            for (const auto& counters : all) {
                sum += static_cast<std::uint64_t>((counters.get()->*member).load(std::memory_order_relaxed));
            }
            writer.sample({{"stream", stream}}, sum);
        }
    };
    using C = StreamCounters;
    family("riacho_video_PutMedia_Requests_total", Kind::counter, "Calls of PutMedia", &C::put_requests);
    family("riacho_video_PutMedia_Success_total", Kind::counter, "Calls of PutMedia that ended without an ERROR",
           &C::put_succeeded);
    family("riacho_video_PutMedia_ConnectionErrors_total", Kind::counter, "Calls of PutMedia whose client went away",
           &C::put_connection_errors);
    family("riacho_video_PutMedia_ActiveConnections", Kind::gauge, "Calls of PutMedia under way", &C::put_connections);
    family("riacho_video_PutMedia_IncomingBytes_total", Kind::counter, "Bytes of bodies", &C::incoming_bytes);
    family("riacho_video_PutMedia_IncomingFragments_total", Kind::counter, "Complete fragments",
           &C::incoming_fragments);
    family("riacho_video_PutMedia_IncomingFrames_total", Kind::counter, "Frames of complete fragments",
           &C::incoming_frames);
    family("riacho_video_PutMedia_ErrorAckCount_total", Kind::counter, "ERROR acknowledgements", &C::error_acks);
    family("riacho_video_orphan_bytes_total", Kind::counter, "Stored bytes of fragments that were given up",
           &C::orphan_bytes);
    family("riacho_video_GetMedia_Requests_total", Kind::counter, "Calls of GetMedia", &C::get_requests);
    family("riacho_video_GetMedia_ActiveConnections", Kind::gauge, "Calls of GetMedia under way", &C::get_connections);
    family("riacho_video_GetMedia_OutgoingBytes_total", Kind::counter, "Bytes of chunks sent", &C::outgoing_bytes);
    family("riacho_video_GetMedia_OutgoingFragments_total", Kind::counter, "Fragments sent", &C::outgoing_fragments);
    family("riacho_video_GetMedia_OutgoingFrames_total", Kind::counter, "Frames of fragments sent",
           &C::outgoing_frames);
    family("riacho_video_GetMedia_MillisBehindNow", Kind::gauge, "How far the last chunk sent was behind the newest",
           &C::millis_behind_now);
    const auto histogram = [&](std::string_view name, std::string_view help, const core::Histogram& values) {
        if (values.count() == 0) return;
        writer.family(name, Kind::histogram, help);
        writer.histogram({}, values);
    };
    histogram("riacho_video_PutMedia_BufferingAckLatency_seconds", "From the first byte of a fragment to BUFFERING",
              buffering_ack);
    histogram("riacho_video_PutMedia_ReceivedAckLatency_seconds", "From the last byte of a fragment to RECEIVED",
              received_ack);
    histogram("riacho_video_PutMedia_PersistedAckLatency_seconds", "From the last byte of a fragment to PERSISTED",
              persisted_ack);
}

}  // namespace riacho::video
