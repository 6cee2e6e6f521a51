// Playback: the GET requests below the address that GetHLSStreamingSessionURL returns. A session has no state of its
// own: replies follow from its token and the stream; what is cached can be computed again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/error.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "catalog/fwd.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "media/codec.h"
#include "media/session_token.h"
#include "video/fragment.h"
#include "video/playlists.h"
#include "video/readers.h"
#include "video/stream.h"

namespace riacho::aws {
class TokenSealer;
}

namespace riacho::video {

class FragmentSource;
class StreamHomes;

using aws::Result;

// Paths of a session, and the folder they are in.
inline constexpr std::string_view hls_folder = "/hls/v1/", hls_master_path = "/hls/v1/getHLSMasterPlaylist.m3u8",
                                  hls_media_path = "/hls/v1/getHLSMediaPlaylist.m3u8",
                                  hls_init_path = "/hls/v1/getMP4InitFragment.mp4",
                                  hls_segment_path = "/hls/v1/getMP4MediaFragment.mp4";

// A GET request below hls_folder; its views live until the reply was made.
struct PlaybackRequest {
    std::string_view path;
    std::string_view query;          // still percent-encoded
    std::string_view if_none_match;  // empty without one
};

struct PlaybackReply {
    std::string_view content_type;
    // Segments and initialisations never change; lists do.
    bool immutable = false;
    std::string etag;           // with its quotes; empty for lists
    bool not_modified = false;  // its ETag matches `if_none_match`: there is no body
    // The body: `head`, then `payload`, whose memory `owner` keeps.
    Buffer head;
    std::vector<std::string_view> payload;
    std::shared_ptr<const void> owner;
    std::size_t size = 0;
};

// Thread-safe. Owned by the node's module, outlives every call.
class Playback {
public:
    struct Parts {
        catalog::Catalog& catalog;
        core::Clock& clock;
        const aws::TokenSealer& tokens;
        StreamHomes& homes;
        core::MemoryBudget& memory;
        core::WorkPool& compute;  // large fragments are packaged here
    };
    explicit Playback(const Parts& parts) : parts_(parts) {}

    // The token of a session for its addresses: base64url without padding.
    [[nodiscard]] std::string seal(const media::SessionToken& token) const;

    // Answers a GET below hls_folder. NotAuthorizedException for a token that is expired, absent or invalid;
    // ResourceNotFoundException for objects that do not exist, or not any more.
    Task<Result<PlaybackReply>> answer(core::Core& core, PlaybackRequest request);

    // The playable tracks of a fragment, or the reason why it cannot be played.
    static Expected<media::Playable, media::CodecFault> playable_of(const Fragment& fragment);

    [[nodiscard]] std::size_t cached_lists() const { return lists_.count(); }

    Readers readers;  // of GetMedia

private:
    struct Session;
    using ListRef = std::shared_ptr<const SessionList>;

    [[nodiscard]] Result<Session> open(std::string_view query) const;
    Task<Result<PlaybackReply>> master(core::Core& core, Session session);
    Task<Result<PlaybackReply>> media_list(core::Core& core, Session session);
    Task<Result<PlaybackReply>> init(core::Core& core, Session session);
    Task<Result<PlaybackReply>> segment(core::Core& core, Session session);
    Task<Result<ListRef>> newest_list(core::Core& core, Session session);
    Task<Result<void>> extend(core::Core& core, Session session, std::vector<FragmentEntry> entries, SessionList* list);
    static Task<Result<void>> take_config(core::Core& core, Session session, FragmentEntry entry, SessionList* list);

    const Parts parts_;
    Playlists lists_;
};

// The parts as one contiguous range: themselves if they are contiguous, else a copy that `owner` keeps.
ByteSpan contiguous(const std::vector<std::string_view>& parts, std::shared_ptr<const void>& owner);

}  // namespace riacho::video
