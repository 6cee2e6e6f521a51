#include "aws/replies.h"

#include <array>

#include "base/base64.h"
#include "core/rng.h"
#include "wire/encode.h"

namespace riacho::aws {
namespace {

std::string_view name_of(MessageKey key) {
    switch (key) {
        case MessageKey::none:
            return {};
        case MessageKey::message:
            return "message";
        case MessageKey::capital_message:
            return "Message";
    }
    return {};
}

}  // namespace

void set_error(http::Response& response, const ApiError& error, Envelope envelope) {
    if (envelope == Envelope::rest_json) {
        response.status = error.rest_status;
        response.headers.add("content-type", "application/json");
        response.headers.add("x-amzn-errortype", error.code);
        wire::encode_message(name_of(error.key), error.message, response.body);
        return;
    }
    const bool is_json = envelope == Envelope::json;
    response.status = error.status;
    response.headers.add("content-type", is_json ? json_content_type : cbor_content_type);
    wire::encode_error(error.code, name_of(error.key), error.message, is_json ? wire::Format::json : wire::Format::cbor,
                       response.body);
    if (!is_json) return;
    for (const ErrorTexts& list : error.lists) wire::add_texts(list.name, list.texts, response.body);
}

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
