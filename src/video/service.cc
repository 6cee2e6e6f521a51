#include "video/service.h"

#include "aws/arn.h"
#include "aws/gen/video/errors.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "log/command_log.h"

namespace riacho::video {

namespace errors = api::video::errors;
using catalog::ObjectState;

namespace {

// Not a member: a member coroutine would keep `this`, and handles are often temporaries.
Task<Result<catalog::Verdict>> submit_command(log::CommandLog& log, core::Core& core, std::string command) {
    const auto result = co_await log.submit(core, std::move(command));
    if (result) co_return catalog::decode_verdict(result->reply);
    co_return fail(log::is_unavailable(result.error()) ? errors::overloaded() : errors::internal_failure());
}

}  // namespace

Result<StreamRef> VideoOp::resolve(const std::optional<std::string_view>& name,
                                   const std::optional<std::string_view>& arn) const {
    if (arn) {
        TRY(StreamRef stream, resolve_arn(*arn));
        if (name && *name != stream.name()) return fail(errors::name_and_arn_disagree());
        return stream;
    }
    if (!name) return fail(errors::neither_name_nor_arn());
    auto stream =
        stream_of(catalog().snapshot()->find_object(ObjectState::Kind::video_stream, account(), region(), *name));
    if (!stream || stream->object->is_gone(now())) return fail(errors::stream_not_found());
    return *std::move(stream);
}

Result<StreamRef> VideoOp::resolve_arn(std::string_view arn) const {
    auto stream = stream_of(catalog().snapshot()->find_object(arn));
    // AWS: another account's or region's stream does not exist here, nor does one of an earlier creation time.
    const bool found = stream && !stream->object->is_gone(now()) && stream->object->account == account() &&
                       stream->object->region == region();
    if (!found) return fail(errors::stream_not_found());
    return *std::move(stream);
}

Result<StreamRef> VideoOp::resolve_active(const std::optional<std::string_view>& name,
                                          const std::optional<std::string_view>& arn) const {
    TRY(StreamRef stream, resolve(name, arn));
    const catalog::StreamStatus status = stream.object->status(now());
    if (status == catalog::StreamStatus::creating || status == catalog::StreamStatus::deleting) {
        return fail(errors::stream_not_found());
    }
    return stream;
}

Result<StreamRef> VideoOp::resolve_version(const std::optional<std::string_view>& name,
                                           const std::optional<std::string_view>& arn, std::string_view version) const {
    TRY(StreamRef stream, resolve(name, arn));
    if (version_text(*stream.object) != version) return fail(errors::version_mismatch());
    if (stream.object->status(now()) != catalog::StreamStatus::active)
        return fail(errors::stream_not_active(stream.name()));
    return stream;
}

Task<Result<catalog::Verdict>> VideoOp::submit(const catalog::Command& command) const {
    return submit_command(service_->commands, core(), catalog::encode(command));
}

}  // namespace riacho::video
