// ListFragments.
#include "aws/gen/video_archived_media/errors.gen.h"
#include "aws/gen/video_archived_media/types_list_fragments.gen.h"
#include "aws/token_sealer.h"
#include "base/codec.h"
#include "base/try.h"
#include "core/task.h"
#include "video/ops/ops.h"
#include "video/read_errors.h"
#include "video/stream_homes.h"

namespace riacho::video {

namespace errors = archive_api::errors;

namespace {

constexpr std::int64_t page_default = 100;
constexpr std::int64_t token_ms_max = 3'600'000;

// The content of NextToken: the position and the parameters, which the next request need not repeat.
struct Place {
    std::uint64_t stream_uid = 0;
    std::int64_t issued_ms = 0;
    ScanQuery query;
};

std::string seal(VideoOp op, const Place& place) {
    Encoder out;
    out.number(place.stream_uid);
    out.time(TimestampMs(place.issued_ms));
    out.number(static_cast<std::uint8_t>(place.query.axis));
    out.time(TimestampMs(place.query.from_ms));
    out.time(TimestampMs(place.query.to_ms));
    out.number(place.query.after_sequence);
    return op.service().tokens.seal(aws::TokenSealer::Kind::list_fragments, out.take());
}

std::optional<Place> open_place(VideoOp op, std::string_view token) {
    const auto content = op.service().tokens.open(aws::TokenSealer::Kind::list_fragments, token);
    if (!content) return std::nullopt;
    Decoder in(*content);
    Place place;
    place.stream_uid = in.number<std::uint64_t>();
    place.issued_ms = in.time().value();
    place.query.axis = in.number<std::uint8_t>() == 0 ? TimeAxis::server : TimeAxis::producer;
    place.query.from_ms = in.time().value();
    place.query.to_ms = in.time().value();
    place.query.after_sequence = in.number<std::uint64_t>();
    if (!in.ok()) return std::nullopt;
    return place;
}

Result<Place> place_of(VideoOp op, const archive_api::ListFragmentsInput& request, std::uint64_t uid) {
    if (request.next_token) {
        const auto place = open_place(op, *request.next_token);
        if (!place || place->stream_uid != uid || op.now().value() - place->issued_ms > token_ms_max) {
            return fail(errors::invalid_argument("The NextToken is not valid."));
        }
        return *place;
    }
    if (!request.fragment_selector) return fail(errors::invalid_argument("FragmentSelector must be specified."));
    const auto& range = request.fragment_selector->timestamp_range;
    Place place;
    place.stream_uid = uid;
    place.issued_ms = op.now().value();
    place.query.axis =
        request.fragment_selector->fragment_selector_type == archive_api::FragmentSelectorType::producer_timestamp
            ? TimeAxis::producer
            : TimeAxis::server;
    place.query.from_ms = range.start_timestamp.value();
    place.query.to_ms = range.end_timestamp.value();
    if (place.query.to_ms < place.query.from_ms) {
        return fail(errors::invalid_argument("EndTimestamp must not be before StartTimestamp."));
    }
    return place;
}

}  // namespace

Task<Result<archive_api::ListFragmentsOutput>> list_fragments(VideoOp op, archive_api::ListFragmentsInput request) {
    CO_TRY(const StreamRef stream, op.resolve_active(request.stream_name, request.stream_arn));
    CO_TRY(Place place, place_of(op, request, stream.uid()));
    archive_api::ListFragmentsOutput output;
    auto& fragments = output.fragments.emplace();
    // AWS: without retention nothing is archived, and the model has no error for it (video spec 3.8).
    if (stream.settings.retention_hours == 0) co_return output;
    place.query.entries_max = static_cast<std::size_t>(request.max_results.value_or(page_default));
    const auto page = co_await op.service().homes.source(stream)->scan(op.core(), place.query);
    if (!page) co_return fail(to_api(page.error()));
    for (const FragmentEntry& entry : page->entries) {
        archive_api::Fragment& fragment = fragments.emplace_back();
        fragment.fragment_number = to_text(entry.number());
        fragment.fragment_size_in_bytes = entry.size;
        fragment.producer_timestamp = TimestampMs(entry.producer_ms);
        fragment.server_timestamp = TimestampMs(entry.server_ms);
        fragment.fragment_length_in_milliseconds = entry.span_ms;
    }
    if (page->resume_after) {
        place.query.after_sequence = *page->resume_after;
        output.next_token = seal(op, place);
    }
    co_return output;
}

}  // namespace riacho::video
