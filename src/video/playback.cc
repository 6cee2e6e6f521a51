#include "video/playback.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "aws/gen/video_archived_media/errors.gen.h"
#include "aws/token_sealer.h"
#include "base/base64.h"
#include "base/try.h"
#include "catalog/catalog.h"
#include "core/clock.h"
#include "core/memory_budget.h"
#include "core/run_on.h"
#include "core/task.h"
#include "media/fmp4.h"
#include "media/mkv_header.h"
#include "media/samples.h"
#include "video/fragment_source.h"
#include "video/read_errors.h"
#include "video/stream_homes.h"

namespace riacho::video {

namespace errors = api::video_archived_media::errors;

namespace {

constexpr std::size_t token_size_max = 1'024;
// The number of fragments added to a list in one step.
constexpr std::size_t page_max = 1'000;

constexpr std::string_view list_type = "application/vnd.apple.mpegurl", video_type = "video/mp4",
                           audio_type = "audio/mp4";

std::string to_url_text(std::string text) {
    for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
    while (text.ends_with('=')) text.pop_back();
    return text;
}

std::string from_url_text(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c == '-' ? '+' : c == '_' ? '/' : c;
    out.append((4 - out.size() % 4) % 4, '=');
    return out;
}

// The value of a parameter; those of a session's addresses need no percent-encoding.
std::optional<std::string_view> find_parameter(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        if (pair.starts_with(name) && pair.size() > name.size() && pair[name.size()] == '=') {
            return pair.substr(name.size() + 1);
        }
    }
    return std::nullopt;
}

std::optional<std::uint64_t> find_number(std::string_view query, std::string_view name) {
    const auto text = find_parameter(query, name);
    if (!text) return std::nullopt;
    std::uint64_t value = 0;
    const char* end = text->data() + text->size();
    const auto [at, error] = std::from_chars(text->data(), end, value);
    if (error != std::errc() || at != end) return std::nullopt;
    return value;
}

media::PlaylistItem item_of(const FragmentEntry& entry) {
    return {.number = entry.number(),
            .producer_ms = entry.producer_ms,
            .duration_ms = entry.duration_ms,
            .config_id = entry.config_id,
            .key_start = entry.key_start,
            .late = entry.late};
}

media::PlaylistOptions options_of(const media::SessionToken& token) {
    return {.mode = token.mode,
            .selector = token.selector,
            .discontinuity = token.discontinuity,
            .fragments_max = token.fragments_max,
            .start_ms = token.start_ms,
            .end_ms = token.end_ms};
}

PlaybackReply text_reply(std::string_view text) {
    PlaybackReply reply;
    reply.content_type = list_type;
    reply.head.append(text);
    reply.size = reply.head.size();
    return reply;
}

std::string_view type_of(const media::Playable::Track& track) {
    return track.config.kind == media::CodecKind::aac ? audio_type : video_type;
}

Expected<media::HeaderInfo, media::HeaderFault> header_of(const Fragment& fragment) {
    std::shared_ptr<const void> owner;
    return media::parse_mkv_header(contiguous(fragment.header, owner));
}

}  // namespace

ByteSpan contiguous(const std::vector<std::string_view>& parts, std::shared_ptr<const void>& owner) {
    if (parts.empty()) return {};
    if (parts.size() == 1) return as_bytes(parts.front());
    auto joined = std::make_shared<Buffer>();
    std::size_t size = 0;
    for (const std::string_view part : parts) size += part.size();
    joined->reserve(size);
    for (const std::string_view part : parts) joined->append(part);
    owner = joined;
    return as_bytes(joined->view());
}

Expected<media::Playable, media::CodecFault> Playback::playable_of(const Fragment& fragment) {
    const auto header = header_of(fragment);
    // The upload has parsed the same header: only damage leads here.
    if (!header) return fail(media::CodecFault::unsupported);
    return media::read_playable(*header);
}

// The session of a request, from its parameters.
struct Playback::Session {
    media::SessionToken token;
    std::string_view text;  // the token as received
    std::string key;        // the same for every spelling of it
    std::string_view if_none_match;
    std::shared_ptr<FragmentSource> source;
    std::optional<std::uint64_t> track;
    std::optional<std::uint64_t> change;
    std::string_view fragment;

    [[nodiscard]] bool is_on_demand() const { return token.mode == media::PlaybackMode::on_demand; }
    // Whether the session's lists can contain the fragment: its token gives access to no other.
    [[nodiscard]] bool shows(const FragmentEntry& entry) const {
        if (!is_on_demand()) return entry.sequence >= token.base_sequence;
        const std::int64_t ms = item_of(entry).time(token.selector);
        return ms >= token.start_ms && ms <= token.end_ms;
    }
};

std::string Playback::seal(const media::SessionToken& token) const {
    return to_url_text(parts_.tokens.seal(aws::TokenSealer::Kind::playback_session, media::encode(token)));
}

Result<Playback::Session> Playback::open(std::string_view query) const {
    Session session;
    session.text = find_parameter(query, "SessionToken").value_or("");
    if (session.text.empty() || session.text.size() > token_size_max ||
        session.text.find_first_of("+/=") != std::string_view::npos) {
        return fail(errors::session_invalid());
    }
    const auto bytes = parts_.tokens.open(aws::TokenSealer::Kind::playback_session, from_url_text(session.text));
    // Sealing pads the content.
    const auto token = bytes
                           ? media::decode_session_token(std::string_view(*bytes).substr(0, media::session_token_size))
                           : std::nullopt;
    if (!token) return fail(errors::session_invalid());
    const TimestampMs now = parts_.clock.now();
    if (now.value() >= token->expires_ms) return fail(errors::session_expired());
    const auto stream = stream_of(parts_.catalog.snapshot()->find_object(token->stream_uid));
    if (!stream || stream->object->is_gone(now) || stream->object->status(now) == catalog::StreamStatus::deleting) {
        return fail(errors::stream_not_found());
    }
    session.token = *token;
    session.key = media::encode(*token);
    session.source = parts_.homes.source(*stream);
    session.track = find_number(query, "TrackNumber");
    session.change = find_number(query, "SequenceNumber");
    session.fragment = find_parameter(query, "FragmentNumber").value_or("");
    return session;
}

Task<Result<PlaybackReply>> Playback::answer(core::Core& core, PlaybackRequest request) {
    CO_TRY(Session session, open(request.query));
    session.if_none_match = request.if_none_match;
    if (request.path == hls_master_path) co_return co_await master(core, std::move(session));
    if (request.path == hls_media_path) co_return co_await media_list(core, std::move(session));
    if (request.path == hls_init_path) co_return co_await init(core, std::move(session));
    if (request.path == hls_segment_path) co_return co_await segment(core, std::move(session));
    co_return fail(errors::stream_not_found());
}

namespace {

using FragmentRef = std::shared_ptr<const Fragment>;

// A fragment with the configuration of that sequence: that one, or another with the same configuration once retention
// has removed it.
Task<Result<FragmentRef>> load_config(core::Core& core, std::shared_ptr<FragmentSource> source, std::uint64_t sequence,
                                      std::optional<std::uint64_t> config_id) {
    auto found = co_await source->at(core, sequence);
    if (!found) co_return fail(to_api(found.error()));
    if (!*found && config_id) {
        found = co_await source->newest(core);
        if (!found) co_return fail(to_api(found.error()));
        if (*found && (*found)->config_id != *config_id) found->reset();
    }
    if (!*found) co_return fail(errors::no_fragments());
    auto fragment = co_await source->load(core, **found);
    if (!fragment) co_return fail(to_api(fragment.error()));
    co_return *std::move(fragment);
}

// Owns the memory of a segment's payload.
struct SegmentOwner {
    SegmentOwner(FragmentRef of, std::shared_ptr<const void> copy, core::MemoryLease taken)
        : fragment(std::move(of)), joined(std::move(copy)), memory(std::move(taken)) {}
    FragmentRef fragment;
    std::shared_ptr<const void> joined;
    core::MemoryLease memory;
};

aws::ApiError no_such_track() { return errors::track_not_found(); }

}  // namespace

Task<Result<PlaybackReply>> Playback::master(core::Core& core, Session session) {
    CO_TRY(const FragmentRef fragment,
           co_await load_config(core, session.source, session.token.base_sequence, session.token.config_id));
    const auto playable = playable_of(*fragment);
    if (!playable) co_return fail(errors::internal_failure());
    media::MasterPlaylist playlist;
    playlist.token = session.text;
    playlist.playable = &*playable;
    playlist.size = fragment->entry.size;
    playlist.duration_ms = fragment->entry.duration_ms;
    playlist.video_frames = fragment->entry.video_frames;
    co_return text_reply(media::to_text(playlist));
}

Task<Result<PlaybackReply>> Playback::media_list(core::Core& core, Session session) {
    CO_TRY(const ListRef list, co_await newest_list(core, session));
    const std::uint64_t track = session.track.value_or(list->first ? list->first->tracks.front().number : 1);
    if (list->first && (track > UINT32_MAX || list->first->find(static_cast<std::uint32_t>(track)) == nullptr)) {
        co_return fail(no_such_track());
    }
    media::MediaPlaylist playlist;
    playlist.token = session.text;
    playlist.track = static_cast<std::uint32_t>(track);
    playlist.target_s = session.is_on_demand() ? 0 : session.token.target_s;
    playlist.show_timestamps = session.token.show_timestamps;
    playlist.first_config = session.token.base_sequence;
    co_return text_reply(media::to_text(list->fold, playlist));
}

// Adds new fragments to the session's list. Concurrent calls compute the same list.
Task<Result<Playback::ListRef>> Playback::newest_list(core::Core& core, Session session) {
    ListRef present = lists_.find(session.key);
    if (present && session.is_on_demand() && !present->fold.segments().empty()) {
        // Retention may have removed the first fragments of the list: invisible fragments are not listed.
        const auto front = co_await session.source->at(core, present->fold.segments().front().item.number.sequence);
        if (front && !*front) present = nullptr;
    }
    std::shared_ptr<SessionList> list;  // a copy, made when there is something to add
    ScanQuery query;
    if (session.is_on_demand()) {
        const bool producer = session.token.selector == media::TimestampSelector::producer;
        query.axis = producer ? TimeAxis::producer : TimeAxis::server;
        query.from_ms = session.token.start_ms;
        query.to_ms = session.token.end_ms;
    }
    query.entries_max = page_max;
    query.after_sequence = present ? present->fold.pushed_sequence() : session.token.base_sequence - 1;
    for (bool more = !present || !present->fold.ended(); more;) {
        const auto page = co_await session.source->scan(core, query);
        if (!page) co_return fail(to_api(page.error()));
        std::vector<FragmentEntry> entries = page->entries;
        more = page->resume_after.has_value();
        // The newest fragments of a live list come in the order of live readers: a fragment is not listed while one
        // with a lower number may still arrive.
        if (!session.is_on_demand() && !more) {
            std::size_t settled = 0;
            for (std::uint64_t after = query.after_sequence; settled < entries.size(); ++settled) {
                const auto next = co_await session.source->next(core, after, 0);
                if (!next) co_return fail(to_api(next.error()));
                if (!*next) break;
                entries[settled] = **next;
                after = (*next)->sequence;
            }
            entries.resize(settled);
        }
        if (!entries.empty() && list == nullptr) {
            list = present ? std::make_shared<SessionList>(*present)
                           : std::make_shared<SessionList>(options_of(session.token));
        }
        if (!entries.empty()) {
            const auto extended = co_await extend(core, session, std::move(entries), list.get());
            if (!extended) {
                lists_.put(session.key, list);
                co_return fail(extended.error());
            }
            more = more && !list->fold.ended();
        }
        query.after_sequence = page->resume_after.value_or(0);
    }
    if (list == nullptr) {
        if (present) co_return present;
        list = std::make_shared<SessionList>(options_of(session.token));
    }
    lists_.put(session.key, list);
    co_return list;
}

// Pushes fragments until the list is complete.
Task<Result<void>> Playback::extend(core::Core& core, Session session, std::vector<FragmentEntry> entries,
                                    SessionList* list) {
    for (const FragmentEntry& entry : entries) {
        media::PlaylistFold::Push push = list->fold.push(item_of(entry));
        if (push == media::PlaylistFold::Push::need_config) {
            CO_TRY_VOID(co_await take_config(core, session, entry, list));
            push = list->fold.push(item_of(entry));
        }
        if (push == media::PlaylistFold::Push::ended) break;
    }
    co_return Result<void>();
}

// Adds the configuration of a fragment to the list, with whether its player can continue with it. A fragment that
// cannot be read any more is skipped: the next one with the same configuration is used.
Task<Result<void>> Playback::take_config(core::Core& core, Session session, FragmentEntry entry, SessionList* list) {
    if (!list->first) {
        auto first = co_await load_config(core, session.source, session.token.base_sequence, session.token.config_id);
        if (first) {
            if (auto playable = playable_of(**first)) list->first = *std::move(playable);
        }
    }
    const auto fragment = co_await session.source->load(core, entry);
    if (!fragment && fragment.error() == ReadError::unavailable) co_return fail(to_api(fragment.error()));
    if (!fragment) co_return Result<void>();
    auto playable = playable_of(**fragment);
    const bool plays_on = playable && (!list->first || list->first->continues(*playable));
    if (!list->first && playable) list->first = *std::move(playable);
    list->fold.add_config(entry.config_id, plays_on);
    co_return Result<void>();
}

Task<Result<PlaybackReply>> Playback::init(core::Core& core, Session session) {
    const bool first = !session.change || *session.change == session.token.base_sequence;
    const auto config_id = first ? std::optional(session.token.config_id) : std::nullopt;
    CO_TRY(const FragmentRef fragment,
           co_await load_config(core, session.source, session.change.value_or(session.token.base_sequence), config_id));
    if (!first && !session.shows(fragment->entry)) co_return fail(errors::no_fragments());
    const auto playable = playable_of(*fragment);
    if (!playable) co_return fail(errors::no_fragments());
    const std::uint64_t number = session.track.value_or(playable->tracks.front().number);
    const auto* track = number > UINT32_MAX ? nullptr : playable->find(static_cast<std::uint32_t>(number));
    if (track == nullptr) co_return fail(no_such_track());
    PlaybackReply reply;
    reply.content_type = type_of(*track);
    reply.immutable = true;
    reply.etag = fmt::format("\"i{:x}-{}\"", fragment->entry.config_id, number);
    reply.not_modified = session.if_none_match == reply.etag;
    reply.head = media::make_init(*track);
    reply.size = reply.head.size();
    co_return reply;
}

namespace {

// Larger fragments are packaged on the compute pool, so that they do not delay requests.
constexpr std::uint32_t inline_size_max = std::uint32_t{1} << 20;
// Later times would overflow the media time of a track; it ends in the year 36812.
constexpr std::int64_t clock_ms_end = std::int64_t{1} << 40;

struct SegmentJob {
    FragmentRef fragment;
    std::optional<std::uint64_t> track;
    std::uint32_t sequence = 0;
    std::int64_t ms = 0;  // the session's media time at the fragment's beginning
};

// Fills head, payload, content type and size. The payload points into the fragment, or into memory of `joined`.
Result<void> package(const SegmentJob& job, std::shared_ptr<const void>& joined, PlaybackReply& reply) {
    const auto header = header_of(*job.fragment);
    if (!header) return fail(errors::internal_failure());
    const auto playable = media::read_playable(*header);
    if (!playable) return fail(errors::no_fragments());
    const std::uint64_t wanted = job.track.value_or(playable->tracks.front().number);
    const auto* track = wanted > UINT32_MAX ? nullptr : playable->find(static_cast<std::uint32_t>(wanted));
    if (track == nullptr) return fail(no_such_track());
    const media::SampleOptions options{.timecode_scale_ns = header->timecode_scale_ns,
                                       .duration_ms = job.fragment->entry.duration_ms};
    const auto samples = media::split_samples(*track, contiguous(job.fragment->cluster, joined), options);
    if (!samples) return fail(errors::internal_failure());
    media::MediaSegment made = media::make_segment(*samples, job.sequence, job.ms * samples->timescale / 1'000);
    reply.content_type = type_of(*track);
    reply.size = made.size;
    reply.head = std::move(made.head);
    reply.payload.reserve(made.payload.size());
    for (const ByteSpan part : made.payload) reply.payload.push_back(as_text(part));
    return {};
}

}  // namespace

Task<Result<PlaybackReply>> Playback::segment(core::Core& core, Session session) {
    const auto number = media::parse_fragment_number(session.fragment);
    if (!number) co_return fail(errors::fragment_not_found(session.fragment.substr(0, 128)));
    const auto found = co_await session.source->at(core, number->sequence);
    if (!found) co_return fail(to_api(found.error()));
    if (!*found || (*found)->number() != *number || !session.shows(**found)) {
        co_return fail(errors::fragment_not_found(session.fragment));
    }
    SegmentJob job;
    job.track = session.track;
    job.sequence = static_cast<std::uint32_t>(number->sequence);
    job.ms = item_of(**found).time(session.token.selector) - session.token.zero_ms;
    if (job.ms < -clock_ms_end || job.ms > clock_ms_end) co_return fail(errors::fragment_not_found(session.fragment));
    PlaybackReply reply;
    reply.immutable = true;
    reply.etag = fmt::format("\"s{:x}-{}-{:x}\"", number->sequence, session.track.value_or(0), job.ms);
    if (session.if_none_match == reply.etag) {
        reply.not_modified = true;
        co_return reply;
    }
    auto loaded = co_await session.source->load(core, **found);
    if (!loaded) co_return fail(to_api(loaded.error()));
    job.fragment = *std::move(loaded);
    // The parts of a fragment in several records are joined in memory.
    core::MemoryLease memory(parts_.memory, core::MemoryUse::replies);
    if (job.fragment->cluster.size() > 1 && !memory.grow_to(job.fragment->entry.size)) {
        co_return fail(errors::overloaded());
    }
    std::shared_ptr<const void> joined;
    if (job.fragment->entry.size <= inline_size_max) {
        CO_TRY_VOID(package(job, joined, reply));
    } else {
        const auto ran = co_await core::run_on(parts_.compute, core, [&] { return package(job, joined, reply); });
        if (!ran) co_return fail(errors::overloaded());
        CO_TRY_VOID(*ran);
    }
    reply.owner = std::make_shared<SegmentOwner>(job.fragment, joined, std::move(memory));
    co_return reply;
}

}  // namespace riacho::video
