// RegisterStreamConsumer, DeregisterStreamConsumer, DescribeStreamConsumer, ListStreamConsumers.
#include "streams/consumers.h"

#include <algorithm>

#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_deregister_stream_consumer.gen.h"
#include "aws/gen/kinesis/types_describe_stream_consumer.gen.h"
#include "aws/gen/kinesis/types_list_stream_consumers.gen.h"
#include "aws/gen/kinesis/types_register_stream_consumer.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "streams/configure.h"
#include "streams/describe.h"
#include "streams/limits.h"
#include "streams/ops/ops.h"
#include "streams/paging.h"
#include "streams/tags.h"

namespace riacho::streams {

namespace errors = api::errors;
using Code = catalog::Verdict::Code;

namespace {

constexpr std::int64_t creating_max = 5;  // AWS: consumers in CREATING at one time (spec 2.9)
constexpr std::int32_t consumers_page_max = 100;

}  // namespace

Task<Result<api::RegisterStreamConsumerOutput>> register_stream_consumer(StreamsOp op,
                                                                         api::RegisterStreamConsumerInput request) {
    CO_TRY(const StreamRef stream, op.resolve(std::nullopt, request.stream_arn));
    catalog::RegisterConsumer command;
    command.key = key_of(*stream);
    command.name = request.consumer_name;
    command.consumers_max = static_cast<std::uint32_t>(op.service().consumers_max);
    command.transition_ms = op.service().transition_delay_ms;
    if (request.tags) {
        CO_TRY(command.tags, checked_tags(*request.tags, stream->name, stream->account));
    }
    if (op.service().limits.enforced()) {
        const auto creating = std::ranges::count_if(stream->consumers, [&](const auto& entry) {
            return status_of(entry.second, op.now()) == api::ConsumerStatus::creating;
        });
        if (creating >= creating_max) {
            co_return fail(errors::too_many_creating_consumers(stream->name, stream->account, creating_max));
        }
    }
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    switch (verdict.code) {
        case Code::ok:
            break;
        case Code::stream_not_active:
            co_return fail(errors::stream_not_active(stream->name, stream->account, name_of(to_api(verdict.status))));
        case Code::consumer_exists:
            co_return fail(errors::consumer_already_exists(request.consumer_name, stream->name, stream->account));
        case Code::too_many_consumers:
            co_return fail(errors::too_many_consumers(stream->name, stream->account, op.service().consumers_max));
        default:
            co_return fail(errors::stream_not_found(stream->name, stream->account));
    }
    const StreamRef changed = op.catalog().snapshot()->find_by_uid(stream->uid);
    const catalog::ConsumerState* consumer =
        changed ? changed->find_consumer(request.consumer_name, op.now()) : nullptr;
    if (consumer == nullptr) co_return fail(errors::consumer_not_found(request.consumer_name, op.account()));
    api::RegisterStreamConsumerOutput output;
    output.consumer = describe_consumer(*consumer, op.now());
    co_return output;
}

Task<Result<api::DeregisterStreamConsumerOutput>> deregister_stream_consumer(
    StreamsOp op, api::DeregisterStreamConsumerInput request) {
    CO_TRY(const ConsumerRef found,
           resolve_consumer(op, request.consumer_arn, request.stream_arn, request.consumer_name));
    catalog::DeregisterConsumer command;
    command.key = key_of(*found.stream);
    command.name = found.consumer->name;
    command.transition_ms = op.service().transition_delay_ms;
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    if (verdict.code != Code::ok) co_return fail(errors::consumer_not_found(found.consumer->name, op.account()));
    co_return api::DeregisterStreamConsumerOutput{};
}

Task<Result<api::DescribeStreamConsumerOutput>> describe_stream_consumer(StreamsOp op,
                                                                         api::DescribeStreamConsumerInput request) {
    CO_TRY(const ConsumerRef found,
           resolve_consumer(op, request.consumer_arn, request.stream_arn, request.consumer_name));
    api::DescribeStreamConsumerOutput output;
    api::ConsumerDescription& out = output.consumer_description;
    out.consumer_name = found.consumer->name;
    out.consumer_arn = found.consumer->arn;
    out.consumer_status = status_of(*found.consumer, op.now());
    out.consumer_creation_timestamp = whole_seconds(found.consumer->created_at);
    out.stream_arn = found.stream->arn;
    co_return output;
}

Task<Result<api::ListStreamConsumersOutput>> list_stream_consumers(StreamsOp op,
                                                                   api::ListStreamConsumersInput request) {
    CO_TRY(const StreamRef stream, op.resolve(std::nullopt, request.stream_arn));
    if (request.next_token && request.stream_creation_timestamp) {
        co_return fail(errors::token_and_other("StreamCreationTimestamp"));
    }
    CO_TRY(const PageToken resumed, resume_listing(op, TokenSealer::Kind::list_consumers, request.next_token));
    if (request.next_token && resumed.stream_uid != stream->uid) co_return fail(errors::invalid_next_token());
    const auto limit =
        static_cast<std::size_t>(std::min(request.max_results.value_or(consumers_page_max), consumers_page_max));
    api::ListStreamConsumersOutput output;
    output.consumers.emplace();
    for (auto entry = stream->consumers.upper_bound(resumed.after); entry != stream->consumers.end(); ++entry) {
        if (entry->second.is_gone(op.now())) continue;
        if (output.consumers->size() == limit) {
            const PageToken page{op.now(), stream->uid, output.consumers->back().consumer_name, {}};
            output.next_token = seal_page(op.tokens(), TokenSealer::Kind::list_consumers, page);
            break;
        }
        output.consumers->push_back(describe_consumer(entry->second, op.now()));
    }
    co_return output;
}

}  // namespace riacho::streams
