// Replies made by the gateway itself: CORS, the refusals in XML form, the legacy envelope, and the headers of every
// reply. AWS: data-streams spec 1.5, 1.7 and 1.9.
#pragma once

#include <cstdint>
#include <string_view>

#include "aws/error.h"
#include "core/fwd.h"
#include "http/fwd.h"
#include "http/message.h"

namespace riacho::aws {

inline constexpr std::string_view json_content_type = "application/x-amz-json-1.1";
inline constexpr std::string_view cbor_content_type = "application/x-amz-cbor-1.1";

// The form of an error in a reply.
enum class Envelope : std::uint8_t {
    json,      // {"__type": code, "message": text}
    cbor,      // the same in CBOR
    rest_json  // the code in x-amzn-ErrorType, {"message": text}, and a more specific status
};
void set_error(http::Response& response, const ApiError& error, Envelope envelope);

// Adds x-amzn-RequestId and, except for a CORS preflight, x-amz-id-2.
void add_request_ids(http::HeaderList& headers, core::Rng& rng, bool preflight);

// Adds the headers that let a browser's script read the reply.
void add_cors_headers(http::HeaderList& headers);
http::Response cors_preflight(const http::Request& request);

// `<Code/>` or `<Code><Message>..</Message></Code>`, without a content type.
http::Response xml_refusal(int status, std::string_view code, std::string_view message);

// The front end's error for application/json: {"Output":{"__type":"com.amazon.coral.service#..."},"Version":"1.0"}.
http::Response legacy_refusal(int status, std::string_view code);

}  // namespace riacho::aws
