// HLS: which fragments a session's list shows, and the text of the lists (video spec 4.4, 4.7).
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

// What a list has to know of a fragment.
struct PlaylistItem {
    FragmentNumber number;
    std::int64_t producer_ms = 0;
    std::uint32_t duration_ms = 0;
    std::uint64_t config_id = 0;
    bool key_start = false;
    bool late = false;  // became known after readers had passed it

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
// one on: the same whoever computes it, and whether at once or one by one.
class PlaylistFold {
public:
    explicit PlaylistFold(PlaylistOptions options) : options_(options) {}

    struct Segment {
        PlaylistItem item;
        bool discontinuity = false;  // a tag stands before it
        // The first fragment of the configuration that it plays with: what names the initialisation.
        std::uint64_t config_sequence = 0;
    };
    enum class Push : std::uint8_t {
        taken,
        skipped,      // not one for this list
        need_config,  // the configuration is new: add_config(), then push again
        ended         // the list takes no more
    };
    Push push(const PlaylistItem& item);
    // plays_on: a player that plays the session's first configuration can go on with this one.
    void add_config(std::uint64_t config_id, bool plays_on);

    [[nodiscard]] const std::deque<Segment>& segments() const { return segments_; }
    // How many segments, and how many discontinuity tags, have left the list at its beginning.
    [[nodiscard]] std::uint64_t media_sequence() const { return media_sequence_; }
    [[nodiscard]] std::uint64_t discontinuity_sequence() const { return discontinuity_sequence_; }
    // The last fragment that was pushed; 0 if none was.
    [[nodiscard]] std::uint64_t pushed_sequence() const { return pushed_sequence_; }
    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] const PlaylistOptions& options() const { return options_; }

private:
    [[nodiscard]] bool discontinuous(const PlaylistItem& item) const;
    Push replace_or_skip(const PlaylistItem& item);
    void append(const PlaylistItem& item);

    PlaylistOptions options_;
    std::deque<Segment> segments_;
    std::unordered_map<std::uint64_t, bool> configs_;            // id -> plays on
    std::unordered_map<std::int64_t, std::size_t> by_producer_;  // ON_DEMAND: place of each producer time
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

// The longest of a session's first list with headroom, for a list that must keep its EXT-X-TARGETDURATION: seconds.
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
    std::uint32_t target_s = 0;      // of LIVE; ON_DEMAND takes it from its fragments
    bool show_timestamps = false;    // EXT-X-PROGRAM-DATE-TIME
    std::uint64_t first_config = 0;  // Segment::config_sequence of the session's first configuration
};
// Addresses in it are relative to its own.
std::string to_text(const PlaylistFold& fold, const MediaPlaylist& playlist);

}  // namespace riacho::media
