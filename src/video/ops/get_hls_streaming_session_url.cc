// GetHLSStreamingSessionURL.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "aws/gen/video_archived_media/errors.gen.h"
#include "aws/gen/video_archived_media/types_get_hls_streaming_session_url.gen.h"
#include "base/try.h"
#include "core/clock.h"
#include "core/task.h"
#include "media/playlist.h"
#include "media/session_token.h"
#include "video/endpoints.h"
#include "video/fragment_source.h"
#include "video/ops/ops.h"
#include "video/playback.h"
#include "video/read_errors.h"
#include "video/stream_homes.h"

namespace riacho::video {

namespace errors = archive_api::errors;

namespace {

using Request = archive_api::GetHLSStreamingSessionURLInput;
using archive_api::HLSDiscontinuityMode;
using archive_api::HLSDisplayFragmentTimestamp;
using archive_api::HLSFragmentSelectorType;
using archive_api::HLSPlaybackMode;

// AWS: video spec 4.4.
constexpr std::int32_t expires_s_default = 300;
constexpr std::int64_t live_fragments_default = 5, on_demand_fragments_default = 1'000;
constexpr std::int64_t range_ms_max = 24 * 3'600'000;
constexpr std::int64_t live_within_ms = 30'000;
constexpr std::int64_t fragment_ms_max = 20'000;
constexpr std::size_t page_max = 1'000;

aws::ApiError invalid(std::string_view text) { return errors::invalid_argument(text); }

// The part of a session that depends on the request alone.
Result<media::SessionToken> read_request(const Request& request, TimestampMs now) {
    if (request.container_format == archive_api::ContainerFormat::mpeg_ts) {
        return fail(invalid("ContainerFormat MPEG_TS is not supported by this server; FRAGMENTED_MP4 is."));
    }
    const HLSPlaybackMode mode = request.playback_mode.value_or(HLSPlaybackMode::live);
    if (mode == HLSPlaybackMode::live_replay) {
        return fail(invalid("PlaybackMode LIVE_REPLAY is not supported by this server; LIVE and ON_DEMAND are."));
    }
    media::SessionToken token;
    token.mode = mode == HLSPlaybackMode::live ? media::PlaybackMode::live : media::PlaybackMode::on_demand;
    const auto type = request.hls_fragment_selector ? request.hls_fragment_selector->fragment_selector_type
                                                    : std::optional<HLSFragmentSelectorType>();
    const bool producer = type == HLSFragmentSelectorType::producer_timestamp;
    token.selector = producer ? media::TimestampSelector::producer : media::TimestampSelector::server;
    token.discontinuity = producer ? media::DiscontinuityMode::never : media::DiscontinuityMode::always;
    if (request.discontinuity_mode) {
        switch (*request.discontinuity_mode) {
            case HLSDiscontinuityMode::always:
                token.discontinuity = media::DiscontinuityMode::always;
                break;
            case HLSDiscontinuityMode::never:
                token.discontinuity = media::DiscontinuityMode::never;
                break;
            case HLSDiscontinuityMode::on_discontinuity:
                token.discontinuity = media::DiscontinuityMode::on_discontinuity;
                break;
        }
    }
    token.show_timestamps = request.display_fragment_timestamp == HLSDisplayFragmentTimestamp::always;
    const bool live = token.mode == media::PlaybackMode::live;
    token.fragments_max = static_cast<std::uint16_t>(request.max_media_playlist_fragment_results.value_or(
        live ? live_fragments_default : on_demand_fragments_default));
    token.created_ms = now.value();
    token.expires_ms = now.value() + std::int64_t{request.expires.value_or(expires_s_default)} * 1'000;
    const auto range = request.hls_fragment_selector ? request.hls_fragment_selector->timestamp_range
                                                     : std::optional<archive_api::HLSTimestampRange>();
    if (live) {
        if (range) return fail(invalid("TimestampRange must not be specified for PlaybackMode LIVE."));
        return token;
    }
    if (!type || !range || !range->start_timestamp || !range->end_timestamp) {
        return fail(
            invalid("HLSFragmentSelector must have FragmentSelectorType and a TimestampRange with StartTimestamp and "
                    "EndTimestamp for PlaybackMode ON_DEMAND."));
    }
    token.start_ms = range->start_timestamp->value();
    token.end_ms = range->end_timestamp->value();
    if (token.end_ms <= token.start_ms) return fail(invalid("EndTimestamp must be later than StartTimestamp."));
    if (token.end_ms - token.start_ms > range_ms_max) {
        return fail(invalid("EndTimestamp must be within 24 hours of StartTimestamp."));
    }
    if (!producer && token.end_ms > now.value()) {
        return fail(invalid("EndTimestamp must be in the past for FragmentSelectorType SERVER_TIMESTAMP."));
    }
    return token;
}

Result<ScanPage> checked(Expected<ScanPage, ReadError> page) {
    if (!page) return fail(to_api(page.error()));
    return *std::move(page);
}

// The fragments of a session's first list that determine the session: the first one of a range, or the newest ones.
using First = Result<std::vector<FragmentEntry>>;

Task<First> first_of_range(core::Core& core, std::shared_ptr<FragmentSource> source, media::SessionToken token) {
    ScanQuery query;
    query.axis = token.selector == media::TimestampSelector::producer ? TimeAxis::producer : TimeAxis::server;
    query.from_ms = token.start_ms;
    query.to_ms = token.end_ms;
    query.entries_max = 1;
    for (;;) {
        CO_TRY(ScanPage page, checked(co_await source->scan(core, query)));
        if (!page.entries.empty()) co_return std::move(page.entries);
        if (!page.resume_after) co_return fail(errors::no_fragments());
        query.after_sequence = *page.resume_after;
    }
}

Task<First> newest(core::Core& core, std::shared_ptr<FragmentSource> source, std::size_t count, std::int64_t since_ms) {
    const auto last = co_await source->newest(core);
    if (!last) co_return fail(to_api(last.error()));
    if (!*last || (*last)->server_ms + (*last)->duration_ms < since_ms) co_return fail(errors::no_fragments());
    // Assumes that fragments are about as long as the newest; otherwise the search goes further back.
    std::int64_t span_ms = std::max<std::int64_t>((*last)->duration_ms, 500) * static_cast<std::int64_t>(count + 2);
    const std::int64_t span_ms_max = fragment_ms_max * static_cast<std::int64_t>(count + 2);
    std::vector<FragmentEntry> entries;
    for (;; span_ms = std::min(span_ms * 4, span_ms_max)) {
        entries.clear();
        ScanQuery query;
        query.from_ms = (*last)->server_ms - span_ms;
        query.entries_max = page_max;
        for (bool more = true; more;) {
            CO_TRY(ScanPage page, checked(co_await source->scan(core, query)));
            entries.insert(entries.end(), page.entries.begin(), page.entries.end());
            if (entries.size() > count)
                entries.erase(entries.begin(), entries.end() - static_cast<std::ptrdiff_t>(count));
            more = page.resume_after.has_value();
            query.after_sequence = page.resume_after.value_or(0);
        }
        if (entries.size() == count || span_ms == span_ms_max) break;
    }
    if (entries.empty()) co_return fail(errors::no_fragments());
    co_return entries;
}

Task<Result<void>> check_playable(core::Core& core, std::shared_ptr<FragmentSource> source, FragmentEntry entry) {
    const auto fragment = co_await source->load(core, entry);
    if (!fragment) co_return fail(to_api(fragment.error()));
    const auto playable = Playback::playable_of(**fragment);
    if (playable) co_return Result<void>();
    switch (playable.error()) {
        case media::CodecFault::unsupported:
            co_return fail(errors::unsupported_media_type());
        case media::CodecFault::missing_private_data:
            co_return fail(errors::missing_codec_private_data());
        case media::CodecFault::invalid_private_data:
            break;
    }
    co_return fail(errors::invalid_codec_private_data());
}

}  // namespace

Task<Result<archive_api::GetHLSStreamingSessionURLOutput>> get_hls_streaming_session_url(VideoOp op, Request request) {
    CO_TRY(const StreamRef stream, op.resolve_active(request.stream_name, request.stream_arn));
    CO_TRY(media::SessionToken token, read_request(request, op.now()));
    if (stream.settings.retention_hours == 0) co_return fail(errors::no_retention());
    const std::shared_ptr<FragmentSource> source = op.service().homes.source(stream);
    const bool live = token.mode == media::PlaybackMode::live;
    auto finding = live ? newest(op.core(), source, token.fragments_max, op.now().value() - live_within_ms)
                        : first_of_range(op.core(), source, token);
    CO_TRY(const std::vector<FragmentEntry> entries, co_await std::move(finding));
    const FragmentEntry& first = entries.front();
    CO_TRY_VOID(co_await check_playable(op.core(), source, first));
    std::uint32_t longest_ms = 0;
    for (const FragmentEntry& entry : entries) longest_ms = std::max(longest_ms, entry.duration_ms);
    token.stream_uid = stream.uid();
    token.base_sequence = first.sequence;
    token.config_id = first.config_id;
    const std::int64_t first_ms =
        token.selector == media::TimestampSelector::producer ? first.producer_ms : first.server_ms;
    // No time of a range is before its start; the times of a live list only increase.
    token.zero_ms = live ? first_ms : token.start_ms;
    token.target_s = static_cast<std::uint16_t>(media::live_target_duration_s(longest_ms));
    archive_api::GetHLSStreamingSessionURLOutput output;
    output.hls_streaming_session_url =
        endpoint_of(op) + std::string(hls_master_path) + "?SessionToken=" + op.service().playback.seal(token);
    co_return output;
}

}  // namespace riacho::video
