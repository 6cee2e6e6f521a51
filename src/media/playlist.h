// HLS: the selection of fragments for a session's list, and the text of the lists (video spec 4.4, 4.7).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "media/codec.h"
#include "media/fragment_number.h"

namespace riacho::media {

enum class PlaybackMode : std::uint8_t { live = 0, live_replay = 1, on_demand = 2 };
enum class TimestampSelector : std::uint8_t { producer = 0, server = 1 };
enum class DiscontinuityMode : std::uint8_t { always = 0, never = 1, on_discontinuity = 2 };

// The properties of a fragment that a list depends on.
struct PlaylistItem {
    FragmentNumber number;
    std::int64_t producer_ms = 0;
    std::uint32_t duration_ms = 0;
    std::uint64_t config_id = 0;
    bool key_start = false;
    bool late = false;  // it became visible after readers had passed its number

    [[nodiscard]] std::int64_t time(TimestampSelector selector) const {
        return selector == TimestampSelector::producer ? producer_ms : static_cast<std::int64_t>(number.server_ms);
    }
};

struct PlaylistOptions {
    PlaybackMode mode = PlaybackMode::live;
    TimestampSelector selector = TimestampSelector::server;
    DiscontinuityMode discontinuity = DiscontinuityMode::always;
    std::uint32_t fragments_max = 5;
    std::int64_t start_ms = 0, end_ms = 0;  // of ON_DEMAND, both inclusive, of the selected time
};

// AWS: more changes of codec private data end a session's list (video spec 4.4).
inline constexpr std::size_t config_changes_max = 500;

// The list of a session as a fold over the stream's fragments in the order of their numbers, from the session's first
// one on: the result does not depend on who computes it, or in how many steps.
class PlaylistFold {
public:
    explicit PlaylistFold(PlaylistOptions options) : options_(options) {}

    struct Segment {
        PlaylistItem item;
        bool discontinuity = false;  // a discontinuity tag precedes it
        // The sequence of the first fragment with the same configuration; it identifies the initialisation segment.
        std::uint64_t config_sequence = 0;
    };
    enum class Push : std::uint8_t {
        taken,
        skipped,      // does not belong in this list
        need_config,  // the configuration is new: add_config(), then push again
        ended         // the list is complete
    };
    Push push(const PlaylistItem& item);
    // plays_on: a player of the session's first configuration can continue with this one.
    void add_config(std::uint64_t config_id, bool plays_on);

    [[nodiscard]] const std::deque<Segment>& segments() const { return segments_; }
    // The number of segments, and of discontinuity tags, that were removed from the beginning of the list.
    [[nodiscard]] std::uint64_t media_sequence() const { return media_sequence_; }
    [[nodiscard]] std::uint64_t discontinuity_sequence() const { return discontinuity_sequence_; }
    // The sequence of the last pushed fragment; 0 if there is none.
    [[nodiscard]] std::uint64_t pushed_sequence() const { return pushed_sequence_; }
    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] const PlaylistOptions& options() const { return options_; }

private:
    [[nodiscard]] bool discontinuous(const PlaylistItem& item) const;
    Push replace_or_skip(const PlaylistItem& item);
    void append(const PlaylistItem& item);

    PlaylistOptions options_;
    std::deque<Segment> segments_;
    std::unordered_map<std::uint64_t, bool> configs_;            // by id: whether a player can continue with it
    std::unordered_map<std::int64_t, std::size_t> by_producer_;  // ON_DEMAND: the index of each producer time
    std::uint64_t media_sequence_ = 0;
    std::uint64_t discontinuity_sequence_ = 0;
    std::uint64_t pushed_sequence_ = 0;
    std::uint64_t config_sequence_ = 0;
    std::uint64_t config_id_ = 0;
    std::size_t config_changes_ = 0;
    std::int64_t last_start_ms_ = 0;
    std::int64_t last_end_ms_ = 0;
    std::int64_t newest_producer_ms_ = 0;
    std::uint64_t last_server_ms_ = 0;
    bool any_ = false;
    bool ended_ = false;
};

// The EXT-X-TARGETDURATION of a live list, which must not change: the longest duration of the first list with headroom,
// in seconds.
std::uint32_t live_target_duration_s(std::uint32_t longest_ms);

struct MasterPlaylist {
    std::string_view token;
    const Playable* playable = nullptr;
    // Of the first fragment.
    std::uint64_t size = 0;
    std::uint32_t duration_ms = 0;
    std::uint32_t video_frames = 0;
};
std::string to_text(const MasterPlaylist& master);

struct MediaPlaylist {
    std::string_view token;
    std::uint32_t track = 1;
    std::uint32_t target_s = 0;      // of LIVE; for ON_DEMAND it follows from the fragments
    bool show_timestamps = false;    // EXT-X-PROGRAM-DATE-TIME
    std::uint64_t first_config = 0;  // Segment::config_sequence of the session's first configuration
};
// Addresses in it are relative to its own.
std::string to_text(const PlaylistFold& fold, const MediaPlaylist& playlist);

}  // namespace riacho::media
