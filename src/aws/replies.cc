#include "aws/replies.h"

#include <array>

#include "base/base64.h"
#include "core/rng.h"

namespace riacho::aws {

void add_request_ids(http::HeaderList& headers, core::Rng& rng, bool preflight) {
    headers.add("x-amzn-requestid", rng.uuid());
    if (preflight) return;
    // AWS: base64 of 64 to 80 bytes; kinesalite recorded 72 [prod].
    std::array<char, 72> id{};
    rng.fill(std::as_writable_bytes(std::span(id)));
    std::array<char, base64_encoded_size(72)> text{};
    encode_base64({id.data(), id.size()}, text.data());
    headers.add("x-amz-id-2", {text.data(), text.size()});
}

void add_cors_headers(http::HeaderList& headers) {
    headers.add("access-control-allow-origin", "*");
    headers.add("access-control-expose-headers",
                "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date");
}

http::Response cors_preflight(const http::Request& request) {
    http::Response response;
    response.headers.add("access-control-allow-origin", "*");
    if (const auto asked = request.find("access-control-request-headers")) {
        response.headers.add("access-control-allow-headers", *asked);
    }
    if (const auto asked = request.find("access-control-request-method")) {
        response.headers.add("access-control-allow-methods", *asked);
    }
    response.headers.add("access-control-max-age", "172800");
    return response;
}

http::Response xml_refusal(int status, std::string_view code, std::string_view message) {
    http::Response response;
    response.status = status;
    response.body.append("<");
    response.body.append(code);
    if (message.empty()) {
        response.body.append("/>\n");
        return response;
    }
    response.body.append(">\n  <Message>");
    response.body.append(message);
    response.body.append("</Message>\n</");
    response.body.append(code);
    response.body.append(">\n");
    return response;
}

http::Response legacy_refusal(int status, std::string_view code) {
    http::Response response;
    response.status = status;
    response.headers.add("content-type", "application/json");
    response.body.append(R"({"Output":{"__type":"com.amazon.coral.service#)");
    response.body.append(code);
    response.body.append(R"("},"Version":"1.0"})");
    return response;
}

}  // namespace riacho::aws
