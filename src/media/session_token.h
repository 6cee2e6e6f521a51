// The parameters of a playback session, as the bytes that are sealed into its token: no state of a session is kept
// anywhere else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "media/playlist.h"

namespace riacho::media {

struct SessionToken {
    PlaybackMode mode = PlaybackMode::live;
    TimestampSelector selector = TimestampSelector::server;
    DiscontinuityMode discontinuity = DiscontinuityMode::always;
    bool show_timestamps = false;
    std::uint16_t fragments_max = 5;
    std::uint16_t target_s = 0;  // EXT-X-TARGETDURATION of LIVE
    std::uint64_t stream_uid = 0;
    std::int64_t created_ms = 0;
    std::int64_t expires_ms = 0;
    std::uint64_t base_sequence = 0;  // the first fragment of the first list
    std::int64_t start_ms = 0, end_ms = 0;
    std::int64_t zero_ms = 0;  // the zero of the media time: the first fragment's selected time
    std::uint64_t config_id = 0;

    friend bool operator==(const SessionToken&, const SessionToken&) = default;
};

// 80 bytes, little-endian:
//   0 version=1 | 1 kind: 1 HLS | 2 mode | 3 selector | 4 container: 0 fMP4 | 5 discontinuity | 6 flags: 1 timestamps
//   7 zero | 8 u16 fragments_max | 10 u16 target_s | 12 u32 zero | 16 stream_uid | 24 created | 32 expires
//   40 base_sequence | 48 start | 56 end | 64 zero_ms | 72 config_id
inline constexpr std::size_t session_token_size = 80;
std::string encode(const SessionToken& token);
// Nothing for bytes that encode() never makes.
std::optional<SessionToken> decode_session_token(std::string_view bytes);

}  // namespace riacho::media
