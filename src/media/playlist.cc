#include "media/playlist.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>

namespace riacho::media {
namespace {

// AWS: the shortest gap or overlap that is a discontinuity in ON_DISCONTINUITY (video spec 4.4).
constexpr std::int64_t gap_ms_max = 50;
// Fragments of the same time that were ingested so much later belong to another collection; AWS says "very different
// times".
constexpr std::uint64_t other_collection_after_ms = 3'600'000;

// Gregorian date and time in UTC with milliseconds, from 1970 on (days to civil date by H. Hinnant's algorithm).
std::string date_time(std::int64_t ms) {
    const std::int64_t days = ms / 86'400'000;
    const std::int64_t of_day = ms % 86'400'000;
    const std::int64_t z = days + 719'468;
    const std::int64_t era = z / 146'097;
    const std::int64_t doe = z - era * 146'097;
    const std::int64_t yoe = (doe - doe / 1'460 + doe / 36'524 - doe / 146'096) / 365;
    const std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    const std::int64_t mp = (5 * doy + 2) / 153;
    const std::int64_t day = doy - (153 * mp + 2) / 5 + 1;
    const std::int64_t month = mp < 10 ? mp + 3 : mp - 9;
    const std::int64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", year, month, day, of_day / 3'600'000,
                       of_day / 60'000 % 60, of_day / 1'000 % 60, of_day % 1'000);
}

std::string seconds(std::uint32_t ms) { return fmt::format("{}.{:03}", ms / 1'000, ms % 1'000); }

}  // namespace

void PlaylistFold::add_config(std::uint64_t config_id, bool plays_on) {
    configs_.insert_or_assign(config_id, plays_on);
}

bool PlaylistFold::discontinuous(const PlaylistItem& item) const {
    if (!any_) return false;
    if (item.config_id != config_id_) return true;
    // A clock that goes back is a discontinuity in every mode.
    if (item.time(options_.selector) < last_start_ms_) return true;
    switch (options_.discontinuity) {
        case DiscontinuityMode::always:
            return true;
        case DiscontinuityMode::never:
            return false;
        case DiscontinuityMode::on_discontinuity:
            return std::abs(item.time(options_.selector) - last_end_ms_) > gap_ms_max;
    }
    return true;
}

PlaylistFold::Push PlaylistFold::push(const PlaylistItem& item) {
    if (ended_) return Push::ended;
    const auto config = configs_.find(item.config_id);
    if (config == configs_.end()) return Push::need_config;
    pushed_sequence_ = item.number.sequence;
    const std::int64_t time = item.time(options_.selector);
    const bool on_demand = options_.mode == PlaybackMode::on_demand;
    if (on_demand) {
        if (time < options_.start_ms || time > options_.end_ms) return Push::skipped;
    } else if (item.late) {
        return Push::skipped;
    }
    if (options_.selector == TimestampSelector::producer && any_ && item.producer_ms <= newest_producer_ms_) {
        const Push push = replace_or_skip(item);
        if (push != Push::taken) return push;
    }
    const bool changed = any_ && item.config_id != config_id_;
    if (!config->second || (changed && config_changes_ == config_changes_max)) {
        ended_ = true;
        return Push::ended;
    }
    append(item);
    return Push::taken;
}

// A producer time that is not after all earlier ones. `taken`: the fragment replaces one in the list.
PlaylistFold::Push PlaylistFold::replace_or_skip(const PlaylistItem& item) {
    if (options_.mode != PlaybackMode::on_demand) return Push::skipped;
    if (item.number.server_ms > last_server_ms_ + other_collection_after_ms) {
        ended_ = true;
        return Push::ended;
    }
    const auto same = by_producer_.find(item.producer_ms);
    if (same == by_producer_.end()) return Push::taken;
    // AWS: of several fragments with one producer time, the one with the largest number is listed. One with another
    // configuration would need a new initialisation in the middle of the list.
    Segment& segment = segments_[same->second];
    if (segment.item.config_id != item.config_id) return Push::skipped;
    segment.item = item;
    last_server_ms_ = item.number.server_ms;
    if (same->second + 1 == segments_.size()) last_end_ms_ = item.time(options_.selector) + item.duration_ms;
    return Push::skipped;
}

void PlaylistFold::append(const PlaylistItem& item) {
    Segment segment;
    segment.item = item;
    segment.discontinuity = discontinuous(item);
    if (!any_ || item.config_id != config_id_) {
        if (any_) ++config_changes_;
        config_sequence_ = item.number.sequence;
        config_id_ = item.config_id;
    }
    segment.config_sequence = config_sequence_;
    last_start_ms_ = item.time(options_.selector);
    last_end_ms_ = last_start_ms_ + item.duration_ms;
    newest_producer_ms_ = any_ ? std::max(newest_producer_ms_, item.producer_ms) : item.producer_ms;
    last_server_ms_ = item.number.server_ms;
    any_ = true;
    const bool on_demand = options_.mode == PlaybackMode::on_demand;
    if (on_demand && options_.selector == TimestampSelector::producer) {
        by_producer_.insert_or_assign(item.producer_ms, segments_.size());
    }
    segments_.push_back(segment);
    if (on_demand) {
        ended_ = segments_.size() == options_.fragments_max;
        return;
    }
    while (segments_.size() > options_.fragments_max) {
        if (segments_.front().discontinuity) ++discontinuity_sequence_;
        ++media_sequence_;
        segments_.pop_front();
    }
}

// RFC 8216 compares EXTINF rounded to the nearest second.
std::uint32_t live_target_duration_s(std::uint32_t longest_ms) {
    return std::max<std::uint32_t>(1, (longest_ms * 115 / 100 + 500) / 1'000);
}

std::string to_text(const MasterPlaylist& master) {
    std::string out = "#EXTM3U\n#EXT-X-VERSION:1\n";
    const Playable::Track& lead = master.playable->tracks.front();
    const std::uint64_t duration_ms = std::max<std::uint32_t>(master.duration_ms, 1);
    std::string codecs = lead.config.codecs;
    std::string group;
    if (master.playable->tracks.size() > 1) {
        const Playable::Track& audio = master.playable->tracks[1];
        // AWS has FORCED=NO here, which RFC 8216 allows for subtitles alone: Chrome's own player refuses the list.
        codecs += "," + audio.config.codecs;
        out += fmt::format(
            "#EXT-X-MEDIA:AUTOSELECT=YES,TYPE=AUDIO,URI=\"getHLSMediaPlaylist.m3u8?SessionToken={}"
            "&TrackNumber={}\",GROUP-ID=\"audio\",DEFAULT=NO,NAME=\"audio\"\n",
            master.token, audio.number);
        group = ",AUDIO=\"audio\"";
    }
    std::string picture;
    if (lead.config.kind == CodecKind::h264) {
        picture = fmt::format(",RESOLUTION={}x{},FRAME-RATE={:.3f}", lead.config.width, lead.config.height,
                              static_cast<double>(master.video_frames) * 1'000.0 / static_cast<double>(duration_ms));
    }
    // 10 % more for the overhead of the container.
    out += fmt::format("#EXT-X-STREAM-INF:CODECS=\"{}\"{},BANDWIDTH={}{}\n", codecs, picture,
                       master.size * 8'800 / duration_ms, group);
    out += fmt::format("getHLSMediaPlaylist.m3u8?SessionToken={}&TrackNumber={}\n", master.token, lead.number);
    return out;
}

std::string to_text(const PlaylistFold& fold, const MediaPlaylist& playlist) {
    const bool on_demand = fold.options().mode == PlaybackMode::on_demand;
    std::uint32_t target_s = playlist.target_s;
    bool independent = true;
    for (const PlaylistFold::Segment& segment : fold.segments()) {
        if (on_demand) target_s = std::max(target_s, (segment.item.duration_ms + 999) / 1'000);
        independent = independent && segment.item.key_start;
    }
    std::string out = "#EXTM3U\n#EXT-X-VERSION:7\n";
    const auto add = std::back_inserter(out);
    if (on_demand) out += "#EXT-X-PLAYLIST-TYPE:VOD\n";
    fmt::format_to(add, "#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{}\n", std::max(target_s, 1U),
                   fold.media_sequence());
    if (fold.discontinuity_sequence() > 0) {
        fmt::format_to(add, "#EXT-X-DISCONTINUITY-SEQUENCE:{}\n", fold.discontinuity_sequence());
    }
    if (independent) out += "#EXT-X-INDEPENDENT-SEGMENTS\n";
    std::optional<std::uint64_t> config;
    for (const PlaylistFold::Segment& segment : fold.segments()) {
        if (segment.discontinuity) out += "#EXT-X-DISCONTINUITY\n";
        if (config != segment.config_sequence) {
            config = segment.config_sequence;
            const std::string change =
                *config == playlist.first_config ? "" : fmt::format("&SequenceNumber={}", *config);
            fmt::format_to(add, "#EXT-X-MAP:URI=\"getMP4InitFragment.mp4?SessionToken={}&TrackNumber={}{}\"\n",
                           playlist.token, playlist.track, change);
        }
        if (playlist.show_timestamps) {
            fmt::format_to(add, "#EXT-X-PROGRAM-DATE-TIME:{}\n", date_time(segment.item.time(fold.options().selector)));
        }
        fmt::format_to(add, "#EXTINF:{},\ngetMP4MediaFragment.mp4?FragmentNumber={}&SessionToken={}&TrackNumber={}\n",
                       seconds(segment.item.duration_ms), to_text(segment.item.number), playlist.token, playlist.track);
    }
    // A live list whose tracks have changed stays as it is.
    if (on_demand || fold.ended()) out += "#EXT-X-ENDLIST\n";
    return out;
}

}  // namespace riacho::media
