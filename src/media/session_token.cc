#include "media/session_token.h"

#include "base/codec.h"

namespace riacho::media {
namespace {

constexpr std::uint8_t version = 1, kind_hls = 1, container_fmp4 = 0;

}  // namespace

std::string encode(const SessionToken& token) {
    Encoder out;
    out.number(version);
    out.number(kind_hls);
    out.number(static_cast<std::uint8_t>(token.mode));
    out.number(static_cast<std::uint8_t>(token.selector));
    out.number(container_fmp4);
    out.number(static_cast<std::uint8_t>(token.discontinuity));
    out.number(static_cast<std::uint8_t>(token.show_timestamps ? 1 : 0));
    out.number(std::uint8_t{0});
    out.number(token.fragments_max);
    out.number(token.target_s);
    out.number(std::uint32_t{0});
    out.number(token.stream_uid);
    out.number(static_cast<std::uint64_t>(token.created_ms));
    out.number(static_cast<std::uint64_t>(token.expires_ms));
    out.number(token.base_sequence);
    out.number(static_cast<std::uint64_t>(token.start_ms));
    out.number(static_cast<std::uint64_t>(token.end_ms));
    out.number(static_cast<std::uint64_t>(token.zero_ms));
    out.number(token.config_id);
    return out.take();
}

std::optional<SessionToken> decode_session_token(std::string_view bytes) {
    Decoder in(bytes);
    if (in.number<std::uint8_t>() != version || in.number<std::uint8_t>() != kind_hls) return std::nullopt;
    const auto mode = in.number<std::uint8_t>();
    const auto selector = in.number<std::uint8_t>();
    const auto container = in.number<std::uint8_t>();
    const auto discontinuity = in.number<std::uint8_t>();
    const auto flags = in.number<std::uint8_t>();
    const auto reserved = in.number<std::uint8_t>();
    SessionToken token;
    token.mode = static_cast<PlaybackMode>(mode);
    token.selector = static_cast<TimestampSelector>(selector);
    token.discontinuity = static_cast<DiscontinuityMode>(discontinuity);
    token.show_timestamps = flags == 1;
    token.fragments_max = in.number<std::uint16_t>();
    token.target_s = in.number<std::uint16_t>();
    const auto reserved_too = in.number<std::uint32_t>();
    token.stream_uid = in.number<std::uint64_t>();
    token.created_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
    token.expires_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
    token.base_sequence = in.number<std::uint64_t>();
    token.start_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
    token.end_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
    token.zero_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
    token.config_id = in.number<std::uint64_t>();
    const bool known = mode <= 2 && selector <= 1 && container == container_fmp4 && discontinuity <= 2 && flags <= 1 &&
                       reserved == 0 && reserved_too == 0;
    if (!in.ok() || in.left() != 0 || !known) return std::nullopt;
    return token;
}

}  // namespace riacho::media
