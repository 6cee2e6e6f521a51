// The debug log: a line for each call, and one for each refused signature. Neither holds a secret: no signature, no
// session token, no record, no canonical request.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/fwd.h"
#include "wire/fwd.h"

namespace riacho::aws {

struct CallLine {
    std::string_view operation;  // empty: none was found, and the target of the request is logged
    std::string stream;          // empty: the call names none
    std::string_view error;      // an ApiError's code; empty when the call succeeded
    std::int64_t ns = 0;         // from the whole request to the reply
};

// operation, stream, status, error and milliseconds.
void log_call(const http::Request& request, int status, const CallLine& line);

// The stream a call is about: `known` if an operation found one, else the StreamName of the input, or the stream's name
// in its StreamARN, ConsumerARN or ResourceARN. Empty without any.
std::string stream_of(std::string_view known, const wire::Document& document);

// reason: the fault's text; its first sentence is logged, because what follows can hold what the client sent.
void log_refused_signature(const http::Request& request, std::string_view access_key, std::string_view reason);

}  // namespace riacho::aws
