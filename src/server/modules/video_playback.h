// The addresses of playback sessions as routes of the HTTP server: ranges, conditions and what browsers ask for.
#pragma once

#include "http/fwd.h"
#include "http/handler.h"
#include "video/playback.h"

namespace riacho::server {

// GET, HEAD and OPTIONS below video::hls_folder. No signature and no origin is required: the token in a session's
// address is the permission, and it is checked with each request. Owned by the module of Video Streams.
class PlaybackRoutes final : public http::Handler {
public:
    explicit PlaybackRoutes(video::Playback& playback) : playback_(playback) {}

    void add_to(http::Mux& mux);

    Task<http::Response> handle(http::Request& request) override;

private:
    video::Playback& playback_;
};

}  // namespace riacho::server
