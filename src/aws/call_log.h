// The debug log: one line for each call, and one for each refused signature. No line contains a secret: no signature,
// no session token, no record, no canonical request.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/fwd.h"
#include "wire/fwd.h"

namespace riacho::aws {

struct CallLine {
    std::string_view operation;  // empty: unknown operation; the request's target is logged instead
    std::string stream;          // empty: the call has no stream
    std::string_view error;      // an ApiError's code; empty when the call succeeded
    std::int64_t ns = 0;         // duration from the complete request to the reply
};

// Logs operation, stream, status, error and milliseconds.
void log_call(const http::Request& request, int status, const CallLine& line);

// The stream of a call: `known` if an operation has set one, else the StreamName of the input, or the stream's name in
// its StreamARN, ConsumerARN or ResourceARN. Empty if there is none.
std::string stream_of(std::string_view known, const wire::Document& document);

// reason: the fault's text; only its first sentence is logged, because the rest can contain text from the client.
void log_refused_signature(const http::Request& request, std::string_view access_key, std::string_view reason);

}  // namespace riacho::aws
