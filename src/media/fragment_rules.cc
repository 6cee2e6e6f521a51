#include "media/fragment_rules.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/u128.h"

namespace riacho::media {
namespace {

constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr std::int64_t producer_ms_end = std::int64_t{1} << 53;
// AWS: names of 1 to 128 bytes, values of up to 256 (video spec 3.6).
constexpr std::size_t tag_name_size_max = 128, tag_value_size_max = 256;
constexpr std::int64_t aac_frame_samples = 1'024;
// The duration of a fragment of one frame that has none.
constexpr std::int64_t lone_frame_ms = 1'000;

// The duration of a frame by the track's header; 0 if the header has none, or one beyond the longest fragment.
std::int64_t frame_ns(const TrackInfo& track, std::int64_t span_ms_max) {
    if (track.default_duration_ns > 0 &&
        track.default_duration_ns <= static_cast<std::uint64_t>(span_ms_max * ns_per_ms)) {
        return static_cast<std::int64_t>(track.default_duration_ns);
    }
    if (track.codec_id.starts_with("A_AAC") && track.sampling_frequency >= 1'000) {
        return static_cast<std::int64_t>(static_cast<double>(aac_frame_samples) * 1e9 / track.sampling_frequency);
    }
    return 0;
}

template <class T>
void add_saturated(T& value, std::uint64_t more) {
    value = static_cast<T>(std::min<std::uint64_t>(value + more, std::numeric_limits<T>::max()));
}

}  // namespace

RuleChecker::RuleChecker(RuleLimits limits, TimecodeType type, std::int64_t start_ms, RuleSink& sink)
    : limits_(limits), type_(type), start_ms_(start_ms), sink_(sink) {}

bool RuleChecker::fail(AckError error) {
    if (!std::exchange(failed_, true)) sink_.error(error, open_);
    return false;
}

bool RuleChecker::header_end(std::uint64_t /*at*/, ByteSpan block) {
    auto header = parse_mkv_header(block, limits_.tracks_max);
    if (!header) {
        return fail(header.error() == HeaderFault::too_many_tracks ? AckError::more_than_allowed_tracks_found
                                                                   : AckError::invalid_mkv_data);
    }
    // Readers find the service's tags by their names: producers may not use those names.
    if (header->reserved_tag) return fail(AckError::fragment_metadata_limit_reached);
    header_ = *std::move(header);
    sink_.header(block, header_);
    return true;
}

bool RuleChecker::cluster_begin(std::uint64_t at, std::uint64_t size) {
    if (holding_ && !end_fragment(at)) return false;
    if (size > limits_.fragment_size_max) return fail(AckError::max_fragment_size_reached);
    sink_.cluster(at);
    facts_ = {};
    tracks_.assign(header_.tracks.size(), TrackState{});
    cluster_at_ = at;
    metadata_items_ = 0;
    frames_ = 0;
    known_size_ = size != 0;
    in_cluster_ = holding_ = true;
    open_ = false;
    return true;
}

bool RuleChecker::cluster_time(std::uint64_t timecode) {
    // AWS: equal is refused, too (video spec 3.5).
    if (previous_timecode_ && timecode <= *previous_timecode_) {
        return fail(AckError::fragment_timecode_lesser_than_previous);
    }
    const U128 ms = static_cast<U128>(timecode) * header_.timecode_scale_ns / ns_per_ms;
    if (ms >= static_cast<U128>(producer_ms_end)) return fail(AckError::invalid_producer_timestamp);
    const auto own_ms = static_cast<std::int64_t>(ms);
    if (type_ == TimecodeType::relative && (start_ms_ <= -producer_ms_end || start_ms_ >= producer_ms_end)) {
        return fail(AckError::invalid_producer_timestamp);
    }
    facts_.producer_ms = type_ == TimecodeType::relative ? start_ms_ + own_ms : own_ms;
    if (facts_.producer_ms < 0 || facts_.producer_ms >= producer_ms_end) {
        return fail(AckError::invalid_producer_timestamp);
    }
    facts_.raw_timecode = timecode;
    if (previous_timecode_) {
        const U128 gap = static_cast<U128>(timecode - *previous_timecode_) * header_.timecode_scale_ns / ns_per_ms;
        previous_gap_ms_ = gap <= static_cast<U128>(limits_.span_ms_max) ? static_cast<std::int64_t>(gap) : 0;
    }
    previous_timecode_ = timecode;
    open_ = true;
    sink_.begin(timecode, facts_.producer_ms);
    return true;
}

bool RuleChecker::block(const BlockHead& block) {
    const TrackInfo* info = header_.find(block.track);
    if (info == nullptr) return fail(AckError::track_number_mismatch);
    frames_ += block.frames;
    if (frames_ > limits_.frames_max) return fail(AckError::invalid_mkv_data);
    TrackState& track = tracks_[static_cast<std::size_t>(info - header_.tracks.data())];
    const auto scale = static_cast<std::int64_t>(header_.timecode_scale_ns);
    const std::int64_t first = block.relative * scale;
    std::int64_t each = frame_ns(*info, limits_.span_ms_max);
    std::int64_t last_duration = 0;
    const U128 duration = static_cast<U128>(block.duration) * header_.timecode_scale_ns;
    if (duration > 0 && duration <= static_cast<U128>(limits_.span_ms_max * ns_per_ms)) {
        each = last_duration = static_cast<std::int64_t>(duration) / block.frames;
    }
    const std::int64_t last = first + each * (block.frames - 1);
    if (track.frames == 0 && info->type == TrackType::video) {
        facts_.key_start = (block.flags & block_key_frame) != 0;
    }
    track.first_ns = track.frames == 0 ? first : std::min(track.first_ns, first);
    if (track.frames == 0 || last >= track.last_ns) {
        track.last_ns = last;
        track.last_duration_ns = last_duration;
    }
    add_saturated(track.frames, block.frames);
    if (info->type == TrackType::video) {
        add_saturated(facts_.video_frames, block.frames);
        add_saturated(facts_.video_bytes, block.size);
    } else if (info->type == TrackType::audio) {
        add_saturated(facts_.audio_frames, block.frames);
    }
    std::int64_t from = std::numeric_limits<std::int64_t>::max();
    std::int64_t to = std::numeric_limits<std::int64_t>::min();
    for (const TrackState& each_track : tracks_) {
        if (each_track.frames == 0) continue;
        from = std::min(from, each_track.first_ns);
        to = std::max(to, each_track.last_ns);
    }
    if (to - from > limits_.span_ms_max * ns_per_ms) return fail(AckError::max_fragment_duration_reached);
    facts_.span_ms = static_cast<std::uint32_t>((to - from) / ns_per_ms);
    return true;
}

bool RuleChecker::cluster_end(std::uint64_t at) {
    in_cluster_ = false;
    facts_.cluster_end = kept_end_ = at;
    return progress(at);
}

bool RuleChecker::tags(std::uint64_t /*at*/, std::uint64_t end, ByteSpan content) {
    if (!holding_) return true;  // behind an end-of-fragment tag: belongs to no fragment
    const auto parsed = parse_tags(content);
    if (!parsed) return fail(AckError::invalid_mkv_data);
    bool end_of_fragment = false;
    for (const MkvTag& tag : *parsed) {
        if (is_reserved_tag(tag.name)) return fail(AckError::fragment_metadata_limit_reached);
        if (tag.of_track) continue;
        if (tag.name.empty() || tag.name.size() > tag_name_size_max || tag.value.size() > tag_value_size_max) {
            return fail(AckError::fragment_metadata_limit_reached);
        }
        end_of_fragment = end_of_fragment || tag.name == tag_end_of_fragment;
        facts_.image_tag = facts_.image_tag || tag.name == tag_image_generation;
        facts_.notify_tag = facts_.notify_tag || tag.name == tag_notification;
        if (!tag.name.starts_with("AWS") && ++metadata_items_ > limits_.metadata_items_max) {
            return fail(AckError::fragment_metadata_limit_reached);
        }
    }
    kept_end_ = end;
    if (!progress(end)) return false;
    return !end_of_fragment || end_fragment(end);
}

bool RuleChecker::other(std::uint64_t /*at*/, std::uint64_t end, std::uint32_t /*id*/) {
    if (holding_) kept_end_ = end;
    return progress(end);
}

bool RuleChecker::progress(std::uint64_t position) {
    if (holding_ && position - cluster_at_ > limits_.fragment_size_max) {
        return fail(AckError::max_fragment_size_reached);
    }
    return true;
}

// The first rule that the fragment as a whole breaks.
std::optional<AckError> RuleChecker::complete() const {
    const auto empty = [](const TrackState& track) { return track.frames == 0; };
    if (std::ranges::all_of(tracks_, empty)) return AckError::invalid_mkv_data;
    if (std::ranges::any_of(tracks_, empty)) return AckError::frames_missing_for_track;
    return std::nullopt;
}

// AWS: last frame time - first + duration of the last frame: BlockDuration, else DefaultDuration, else the mean of the
// others (video spec 4.7).
std::uint32_t RuleChecker::duration_ms() const {
    const TrackInfo* lead = header_.first(TrackType::video);
    if (lead == nullptr) lead = header_.tracks.data();
    const TrackState& track = tracks_[static_cast<std::size_t>(lead - header_.tracks.data())];
    std::int64_t last = track.last_duration_ns;
    if (last == 0) last = frame_ns(*lead, limits_.span_ms_max);
    if (last == 0 && track.frames > 1) last = (track.last_ns - track.first_ns) / (track.frames - 1);
    if (last == 0) last = (previous_gap_ms_ > 0 ? previous_gap_ms_ : lone_frame_ms) * ns_per_ms;
    const std::int64_t whole_ms = (track.last_ns - track.first_ns + last + ns_per_ms / 2) / ns_per_ms;
    return static_cast<std::uint32_t>(std::max<std::int64_t>(whole_ms, 1));
}

bool RuleChecker::end_fragment(std::uint64_t at) {
    if (const auto error = complete()) return fail(*error);
    facts_.duration_ms = duration_ms();
    if (header_.first(TrackType::video) == nullptr) facts_.key_start = true;
    holding_ = open_ = false;
    sink_.end(at, facts_);
    return true;
}

void RuleChecker::parse_failed(MkvFault fault) {
    if (failed_) return;
    const bool trailed = known_size_ || kept_end_ > facts_.cluster_end || fault != MkvFault::truncated;
    if (holding_ && !in_cluster_ && trailed && !end_fragment(kept_end_)) return;
    fail(AckError::invalid_mkv_data);
}

void RuleChecker::finish(std::uint64_t at) {
    if (holding_) end_fragment(at);
}

bool FragmentSplitter::feed(ByteSpan piece) {
    if (checker_.failed()) return false;
    const auto fed = parser_.feed(piece, checker_);
    if (!fed) checker_.parse_failed(fed.error());
    return fed.has_value();
}

bool FragmentSplitter::finish() {
    if (checker_.failed()) return false;
    const auto finished = parser_.finish(checker_);
    if (!finished) {
        checker_.parse_failed(finished.error());
        return false;
    }
    checker_.finish(parser_.position());
    return !checker_.failed();
}

}  // namespace riacho::media
