// Call: one operation's path from a parsed document to an encoded reply.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/context.h"
#include "aws/error.h"
#include "aws/event_stream.h"
#include "aws/service_model.h"
#include "aws/streaming.h"
#include "base/buffer.h"
#include "core/task_fwd.h"
#include "wire/fwd.h"

namespace riacho::aws {

// Inputs of an operation, and its results for the gateway.
struct Call {
    OpContext& context;
    const ServiceModel& model;
    const wire::Document& document;
    wire::Format format;
    Buffer body = {};                              // of a successful reply; empty for operations without output
    std::optional<ApiError> error = std::nullopt;  // set instead of a body
    EventProducer producer = nullptr;              // set for a reply that is a stream of events or of bytes
    bool is_download = false;                      // the stream is one of bytes
    BodyReader* upload = nullptr;                  // the request's body, for upload operations
    std::vector<std::pair<std::string_view, std::string>> headers = {};  // headers of a successful reply
};

using CallFunction = Task<void> (*)(void* service, Call* call);

// An entry of a service's table of operations.
struct OperationEntry {
    const OperationInfo* info = nullptr;
    CallFunction run = nullptr;  // null: not supported yet; the input is validated nevertheless
};

// Returns SerializationException, or the model's error for violated constraints, unless the document is a valid input
// of that shape; `out`, if not null, is then filled.
std::optional<ApiError> decode_input(const ServiceModel& model, const wire::Shape& shape,
                                     const wire::Document& document, void* out);
void encode_output(const wire::Shape& shape, const void* output, wire::Format format, Buffer& body);
// Adds the members of an output that are bound to reply headers to the call.
void encode_headers(const wire::Shape& shape, const void* output, Call& call);

}  // namespace riacho::aws
