// One operation's way from a parsed document to an encoded reply.
#pragma once

#include <optional>
#include <string_view>

#include "aws/context.h"
#include "aws/error.h"
#include "aws/event_stream.h"
#include "base/buffer.h"
#include "core/task_fwd.h"
#include "wire/fwd.h"

namespace riacho::aws {

// What the gateway hands to an operation and gets back.
struct Call {
    OpContext& context;
    const wire::Document& document;
    wire::Format format;
    Buffer body = {};                              // of a successful reply; empty for operations without output
    std::optional<ApiError> error = std::nullopt;  // set instead
    EventProducer producer = nullptr;              // or the reply is an event stream
};

using CallFunction = Task<void> (*)(void* service, Call* call);

// One line of a service's table of operations.
struct OperationEntry {
    std::string_view name;
    CallFunction run = nullptr;  // null: not supported yet
};

// SerializationException or ValidationException, unless the document is a valid `out` of that shape.
std::optional<ApiError> decode_input(const wire::Shape& shape, const wire::Document& document, void* out);
void encode_output(const wire::Shape& shape, const void* output, wire::Format format, Buffer& body);

}  // namespace riacho::aws
