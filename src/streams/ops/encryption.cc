// StartStreamEncryption, StopStreamEncryption.
#include "streams/encryption.h"

#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_start_stream_encryption.gen.h"
#include "aws/gen/kinesis/types_stop_stream_encryption.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "streams/configure.h"
#include "streams/ops/ops.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

// AWS: EncryptionType has to be KMS (spec 2.6).
Result<void> check_type(api::EncryptionType type) {
    if (type == api::EncryptionType::kms) return {};
    return fail(errors::encryption_type_not_kms(name_of(type)));
}

}  // namespace

Task<Result<api::StartStreamEncryptionOutput>> start_stream_encryption(StreamsOp op,
                                                                       api::StartStreamEncryptionInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.stream_name, request.stream_arn));
    CO_TRY_VOID(check_type(request.encryption_type));
    if (const auto refused = op.service().data_keys.refusal(request.key_id, *stream, true)) co_return fail(*refused);
    catalog::ConfigureStream change = change_with_transition(op, *stream);
    change.key_id = std::string(request.key_id);
    // A new data key for each start: keys are rotated by starting again.
    change.new_data_key = op.service().data_keys.make(stream->arn);
    CO_TRY_VOID(co_await configure(op, stream, std::move(change)));
    co_return api::StartStreamEncryptionOutput{};
}

Task<Result<api::StopStreamEncryptionOutput>> stop_stream_encryption(StreamsOp op,
                                                                     api::StopStreamEncryptionInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.stream_name, request.stream_arn));
    CO_TRY_VOID(check_type(request.encryption_type));
    catalog::ConfigureStream change = change_with_transition(op, *stream);
    change.key_id = std::string();
    CO_TRY_VOID(co_await configure(op, stream, std::move(change)));
    co_return api::StopStreamEncryptionOutput{};
}

}  // namespace riacho::streams
