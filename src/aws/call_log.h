// The log of calls: one line of level debug for each call, and one for each refused signature. No line contains a
// secret: no signature, no session token, no record, no canonical request.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/fwd.h"
#include "wire/fwd.h"

namespace riacho::aws {

// Whether the lines below are written; ask before composing one on a hot path.
bool calls_logged();
// Makes them lines of level info instead of debug. Call once at start, before other threads exist.
void raise_call_lines();

struct CallLine {
    std::string_view operation;  // empty: unknown operation; the request's target is logged instead
    std::string stream;          // empty: the call has no stream
    std::string_view error;      // an ApiError's code; empty when the call succeeded
    std::int64_t ns = 0;         // duration from the complete request to the reply
};

// Logs operation, stream, status, error and milliseconds.
void log_call(const http::Request& request, int status, const CallLine& line);

// The stream of a call, or the delivery stream, application, queue or channel: `known` if an operation has set one,
// else the name in the input, or the stream's name in its StreamARN, ConsumerARN or ResourceARN. Empty if there is
// none.
std::string stream_of(std::string_view known, const wire::Document& document);

// reason: the fault's text; only its first sentence is logged, because the rest can contain text from the client.
void log_refused_signature(const http::Request& request, std::string_view access_key, std::string_view reason);

}  // namespace riacho::aws
