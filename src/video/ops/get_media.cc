// GetMedia and GetMediaForFragmentList.
#include <algorithm>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "aws/gen/video_archived_media/errors.gen.h"
#include "aws/gen/video_archived_media/types_get_media_for_fragment_list.gen.h"
#include "aws/gen/video_media/errors.gen.h"
#include "aws/gen/video_media/types_get_media.gen.h"
#include "base/try.h"
#include "core/clock.h"
#include "core/task.h"
#include "core/timer.h"
#include "video/chunk.h"
#include "video/fragment_source.h"
#include "video/metrics.h"
#include "video/ops/ops.h"
#include "video/playback.h"
#include "video/read_errors.h"
#include "video/readers.h"
#include "video/stream_homes.h"

namespace riacho::video {
namespace {

using media_api::StartSelectorType;

// AWS: of both calls, whatever the codecs (video spec 4.1).
constexpr const char* chunk_content_type = "video/webm";
// The interval at which a waiting reader checks whether the server stops.
constexpr std::int64_t look_ms = 1'000;
constexpr std::int64_t retry_ms = 200;
constexpr int retries_max = 25;

// The sequence after which a reader begins.
using Start = Result<std::uint64_t>;

Task<Start> newest_sequence(core::Core& core, std::shared_ptr<FragmentSource> source) {
    const auto newest = co_await source->newest(core);
    if (!newest) co_return fail(to_api(newest.error()));
    co_return *newest ? (*newest)->sequence : 0;
}

Task<Start> after_number(core::Core& core, std::shared_ptr<FragmentSource> source, media::FragmentNumber place) {
    const auto found = co_await source->at(core, place.sequence);
    if (!found) co_return fail(to_api(found.error()));
    // Only a place that is no fragment number is before a number with the same sequence.
    const bool before = *found && place < (*found)->number();
    co_return before ? place.sequence - 1 : place.sequence;
}

Task<Start> at_time(core::Core& core, std::shared_ptr<FragmentSource> source, TimeAxis axis, std::int64_t ms) {
    // Read first, so that fragments which arrive meanwhile are not skipped.
    CO_TRY(const std::uint64_t newest, co_await newest_sequence(core, source));
    const auto found = co_await source->containing(core, axis, ms);
    if (!found) co_return fail(to_api(found.error()));
    co_return *found ? (*found)->sequence - 1 : newest;
}

aws::ApiError missing(std::string_view member) {
    return media_api::errors::invalid_argument("StartSelector has no " + std::string(member) +
                                               ", which its type needs.");
}

Task<Start> start_after(core::Core& core, std::shared_ptr<FragmentSource> source, media_api::StartSelector selector) {
    switch (selector.start_selector_type) {
        case StartSelectorType::now:
            co_return co_await newest_sequence(core, source);
        case StartSelectorType::earliest:
            break;
        case StartSelectorType::fragment_number:
        case StartSelectorType::continuation_token: {
            const bool token = selector.start_selector_type == StartSelectorType::continuation_token;
            const auto& text = token ? selector.continuation_token : selector.after_fragment_number;
            if (!text) co_return fail(missing(token ? "ContinuationToken" : "AfterFragmentNumber"));
            const auto place = media::parse_fragment_place(*text);
            if (!place) co_return fail(media_api::errors::invalid_argument("The ContinuationToken is not valid."));
            co_return co_await after_number(core, source, *place);
        }
        case StartSelectorType::server_timestamp:
        case StartSelectorType::producer_timestamp: {
            if (!selector.start_timestamp) co_return fail(missing("StartTimestamp"));
            const TimeAxis axis = selector.start_selector_type == StartSelectorType::server_timestamp
                                      ? TimeAxis::server
                                      : TimeAxis::producer;
            co_return co_await at_time(core, source, axis, selector.start_timestamp->value());
        }
    }
    co_return std::uint64_t{0};
}

void count_chunk(StreamCounters& counters, const FragmentEntry& entry) {
    ++counters.outgoing_fragments;
    counters.outgoing_bytes += entry.size;
    counters.outgoing_frames += std::uint64_t{entry.video_frames} + entry.audio_frames;
}

// One call of GetMedia: a cursor over the stream's fragments, on one core.
class Follower : public std::enable_shared_from_this<Follower> {
public:
    Follower(Service& service, core::Core& core, const StreamRef& stream, std::shared_ptr<FragmentSource> source,
             std::shared_ptr<Readers::Place> place, std::uint64_t after)
        : service_(service),
          core_(core),
          uid_(stream.uid()),
          source_(std::move(source)),
          place_(std::move(place)),
          counters_(service.metrics.of(stream.uid(), stream.name())),
          after_(after) {}

    Task<void> run(aws::BodyWriter& writer) {
        const auto self = shared_from_this();
        ++counters_->get_connections;
        co_await follow(writer);
        --counters_->get_connections;
    }

private:
    Task<void> follow(aws::BodyWriter& writer) {
        while (!writer.stopping()) {
            const auto found = co_await source_->next(core_, after_, look_ms);
            if (!found) {
                if (!co_await go_on_after(found.error())) co_return;
                continue;
            }
            if (!*found) {
                failures_ = 0;
                // Nothing to send: an empty write notices a client that has gone. The fragments may have moved to
                // another store.
                if (!co_await writer.write(std::string_view()) || !find_source()) co_return;
                continue;
            }
            if (!co_await send(writer, **found)) co_return;
        }
    }

    // False: the call has ended.
    Task<bool> send(aws::BodyWriter& writer, FragmentEntry entry) {
        auto fragment = co_await source_->load(core_, entry);
        if (!fragment) {
            if (fragment.error() != ReadError::damaged) co_return co_await go_on_after(fragment.error());
            co_await write_error_chunk(writer, entry.number(), chunk_error_reading, media::TagSpelling::get_media);
            co_return false;
        }
        after_ = entry.sequence;
        const auto newest = co_await source_->newest(core_);
        const bool known = newest && *newest;
        ChunkForm form;
        form.millis_behind = known ? std::max<std::int64_t>((*newest)->server_ms - entry.server_ms, 0) : 0;
        if (!co_await write_chunk(writer, *std::move(fragment), form)) co_return false;
        failures_ = 0;
        count_chunk(*counters_, entry);
        counters_->millis_behind_now = *form.millis_behind;
        co_return true;
    }

    // A stream whose retention was set to or from 0 has its fragments in another store; a lack of memory or disk space
    // may pass.
    Task<bool> go_on_after(ReadError error) {
        if (error == ReadError::damaged || ++failures_ > retries_max) co_return false;
        if (error == ReadError::gone && !find_source()) co_return false;
        co_await core::sleep(core_, retry_ms);
        co_return true;
    }

    // Finds the store of the stream's fragments; false when the stream was deleted.
    bool find_source() {
        const auto stream = stream_of(service_.catalog.snapshot()->find_object(uid_));
        if (!stream || stream->object->status(service_.clock.now()) == catalog::StreamStatus::deleting) return false;
        source_ = service_.homes.source(*stream);
        return true;
    }

    Service& service_;
    core::Core& core_;
    const std::uint64_t uid_;
    std::shared_ptr<FragmentSource> source_;
    std::shared_ptr<Readers::Place> place_;
    std::shared_ptr<StreamCounters> counters_;
    std::uint64_t after_;
    int failures_ = 0;
};

// One call of GetMediaForFragmentList.
class ListSender : public std::enable_shared_from_this<ListSender> {
public:
    ListSender(core::Core& core, std::shared_ptr<FragmentSource> source, std::shared_ptr<StreamCounters> counters,
               std::vector<FragmentEntry> entries)
        : core_(core), source_(std::move(source)), counters_(std::move(counters)), entries_(std::move(entries)) {}

    Task<void> run(aws::BodyWriter& writer) {
        const auto self = shared_from_this();
        ChunkForm form;
        form.spelling = media::TagSpelling::fragment_list;
        for (const FragmentEntry& entry : entries_) {
            auto fragment = co_await load(entry);
            if (!fragment) {
                const int id = fragment.error() == ReadError::unavailable ? chunk_error_internal
                               : fragment.error() == ReadError::gone      ? chunk_error_not_found
                                                                          : chunk_error_reading;
                co_await write_error_chunk(writer, entry.number(), id, form.spelling);
                co_return;
            }
            if (!co_await write_chunk(writer, *std::move(fragment), form)) co_return;
            count_chunk(*counters_, entry);
        }
    }

private:
    Task<FragmentSource::Result<std::shared_ptr<const Fragment>>> load(FragmentEntry entry) {
        for (int failures = 0;; ++failures) {
            auto fragment = co_await source_->load(core_, entry);
            if (fragment || fragment.error() != ReadError::unavailable || failures == retries_max) co_return fragment;
            co_await core::sleep(core_, retry_ms);
        }
    }

    core::Core& core_;
    std::shared_ptr<FragmentSource> source_;
    std::shared_ptr<StreamCounters> counters_;
    const std::vector<FragmentEntry> entries_;
};

}  // namespace

Task<Result<aws::Download<media_api::GetMediaOutput>>> get_media(VideoOp op, media_api::GetMediaInput request) {
    CO_TRY(const StreamRef stream, op.resolve_active(request.stream_name, request.stream_arn));
    const std::shared_ptr<FragmentSource> source = op.service().homes.source(stream);
    CO_TRY(const std::uint64_t after, co_await start_after(op.core(), source, request.start_selector));
    auto place = op.service().playback.readers.join(stream.uid());
    if (place == nullptr) co_return fail(media_api::errors::too_many_connections());
    ++op.service().metrics.of(stream.uid(), stream.name())->get_requests;
    auto follower = std::make_shared<Follower>(op.service(), op.core(), stream, source, std::move(place), after);
    aws::Download<media_api::GetMediaOutput> download;
    download.output.content_type = chunk_content_type;
    download.producer = [follower](aws::BodyWriter& writer) { return follower->run(writer); };
    co_return download;
}

Task<Result<aws::Download<archive_api::GetMediaForFragmentListOutput>>> get_media_for_fragment_list(
    VideoOp op, archive_api::GetMediaForFragmentListInput request) {
    CO_TRY(const StreamRef stream, op.resolve_active(request.stream_name, request.stream_arn));
    const std::shared_ptr<FragmentSource> source = op.service().homes.source(stream);
    std::vector<FragmentEntry> entries;
    entries.reserve(request.fragments.size());
    for (const std::string_view text : request.fragments) {
        const auto number = media::parse_fragment_number(text);
        if (!number || stream.settings.retention_hours == 0) {
            co_return fail(archive_api::errors::fragment_not_found(text));
        }
        const auto found = co_await source->at(op.core(), number->sequence);
        if (!found) co_return fail(to_api(found.error()));
        if (!*found || (*found)->number() != *number) co_return fail(archive_api::errors::fragment_not_found(text));
        entries.push_back(**found);
    }
    auto counters = op.service().metrics.of(stream.uid(), stream.name());
    ++counters->get_requests;
    auto sender = std::make_shared<ListSender>(op.core(), source, std::move(counters), std::move(entries));
    aws::Download<archive_api::GetMediaForFragmentListOutput> download;
    download.output.content_type = chunk_content_type;
    download.producer = [sender](aws::BodyWriter& writer) { return sender->run(writer); };
    co_return download;
}

}  // namespace riacho::video
