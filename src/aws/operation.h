// OperationList: the operations of a service, checked by the compiler against the service's model.
//
//   using Operations = aws::OperationList<aws::Bind<api::PutRecord, &put_record>, aws::Unsupported<api::SplitShard>>;
//   static_assert(aws::covers<Operations, api::AllOperations>);
#pragma once

#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "aws/call.h"
#include "core/task.h"

namespace riacho::aws {

// Binds an operation to its function: Task<Result<Output>> function(Op, Input), where Op is the service's handle on one
// call, made from (OpContext&, Service&). Op's admit() may refuse a valid call before the function runs.
template <class OperationTag, auto function>
struct Bind {
    using Operation = OperationTag;
    static constexpr auto call = function;
};

// An operation whose reply is an event stream: Task<Result<EventProducer>> function(Op, Input).
template <class OperationTag, auto function>
struct BindStream {
    using Operation = OperationTag;
    static constexpr auto call = function;
};

// An operation whose reply is a stream of bytes: Task<Result<Download<Output>>> function(Op, Input).
template <class OperationTag, auto function>
struct BindDownload {
    using Operation = OperationTag;
    static constexpr auto call = function;
};

// An operation whose request is a stream of bytes, and whose reply is one: Task<Result<Download<Output>>> function(Op,
// Input, BodyReader*). The reply may begin before the request has ended; the reader lives as long as the producer.
template <class OperationTag, auto function>
struct BindUpload {
    using Operation = OperationTag;
    static constexpr auto call = function;
};

// Answered with the documented "not yet" error; listed in docs/compatibility/.
template <class OperationTag>
struct Unsupported {
    using Operation = OperationTag;
};

template <class... Entries>
struct OperationList {};

namespace detail {

template <class Operation, class List>
inline constexpr bool is_listed = false;
template <class Operation, class... Entries>
inline constexpr bool is_listed<Operation, OperationList<Entries...>> =
    (0 + ... + int{std::is_same_v<Operation, typename Entries::Operation>}) == 1;

template <class Entry>
inline constexpr bool takes_upload = false;
template <class OperationTag, auto function>
inline constexpr bool takes_upload<BindUpload<OperationTag, function>> = true;

// Calls the operation's function, with the body's reader if it has such a parameter.
template <class Entry, class Op>
auto start(Op op, typename Entry::Operation::Input input, [[maybe_unused]] Call* call) {
    if constexpr (takes_upload<Entry>) {
        return Entry::call(op, std::move(input), call->upload);
    } else {
        return Entry::call(op, std::move(input));
    }
}

template <class Entry, class Op, class Service>
Task<void> run_bound(void* service, Call* call) {
    using Operation = typename Entry::Operation;
    typename Operation::Input input{};
    call->error = decode_input(call->model, *Operation::input_shape, call->document, &input);
    if (call->error) co_return;
    const Op op(call->context, *static_cast<Service*>(service));
    call->error = op.admit();
    if (call->error) co_return;
    auto output = co_await start<Entry>(op, std::move(input), call);
    using Value = std::decay_t<decltype(*output)>;
    if (!output) {
        call->error = std::move(output).error();
    } else if constexpr (std::is_same_v<Value, EventProducer>) {
        call->producer = *std::move(output);
    } else if constexpr (is_download<Value>) {
        encode_headers(*Operation::output_shape, &output->output, *call);
        call->producer = std::move(output->producer);
        call->is_download = true;
    } else if constexpr (Operation::output_shape != nullptr) {
        // Reserved in one block: a growing buffer would exist twice while it is copied.
        call->body.reserve(call->context.reply_memory().bytes());
        encode_output(*Operation::output_shape, &*output, call->format, call->body);
    }
}

template <class Op, class Service, class OperationTag, auto function>
OperationEntry entry_of(Bind<OperationTag, function>) {
    return {&OperationTag::info, &run_bound<Bind<OperationTag, function>, Op, Service>};
}
template <class Op, class Service, class OperationTag, auto function>
OperationEntry entry_of(BindStream<OperationTag, function>) {
    return {&OperationTag::info, &run_bound<BindStream<OperationTag, function>, Op, Service>};
}
template <class Op, class Service, class OperationTag, auto function>
OperationEntry entry_of(BindDownload<OperationTag, function>) {
    return {&OperationTag::info, &run_bound<BindDownload<OperationTag, function>, Op, Service>};
}
template <class Op, class Service, class OperationTag, auto function>
OperationEntry entry_of(BindUpload<OperationTag, function>) {
    return {&OperationTag::info, &run_bound<BindUpload<OperationTag, function>, Op, Service>};
}
template <class Op, class Service, class OperationTag>
OperationEntry entry_of(Unsupported<OperationTag>) {
    return {&OperationTag::info, nullptr};
}

}  // namespace detail

// True if every operation of the model is in the list exactly once.
template <class List, class All>
inline constexpr bool covers = false;
template <class List, template <class...> class Types, class... Operations>
inline constexpr bool covers<List, Types<Operations...>> = (detail::is_listed<Operations, List> && ...);

// The table of a service without any supported operation.
std::vector<OperationEntry> not_yet(std::span<const OperationInfo> operations);

// Converts the list to a table for the gateway.
template <class Op, class Service, class... Entries>
std::vector<OperationEntry> operation_table(OperationList<Entries...>) {
    return {detail::entry_of<Op, Service>(Entries{})...};
}

}  // namespace riacho::aws
