#include "aws/call.h"

#include "aws/gen/common/errors.gen.h"
#include "wire/bindings.h"
#include "wire/decode.h"
#include "wire/encode.h"

namespace riacho::aws {

namespace errors = api::common::errors;

std::optional<ApiError> decode_input(const ServiceModel& model, const wire::Shape& shape,
                                     const wire::Document& document, void* out) {
    const wire::Decoded decoded = out == nullptr ? wire::validate(shape, document) : wire::decode(shape, document, out);
    switch (decoded.verdict) {
        case wire::Verdict::valid:
            return std::nullopt;
        case wire::Verdict::type_error:
            return errors::type_error(decoded.text);
        case wire::Verdict::violation:
            break;
    }
    ApiError error = errors::constraints_violated(decoded.text);
    error.code = model.violation;
    error.key = model.violation_key;
    return error;
}

void encode_output(const wire::Shape& shape, const void* output, wire::Format format, Buffer& body) {
    wire::encode(shape, output, format, body);
}

void encode_headers(const wire::Shape& shape, const void* output, Call& call) {
    wire::for_each_header(shape, output, [&](std::string_view name, std::string value) {
        call.headers.emplace_back(name, std::move(value));
    });
}

}  // namespace riacho::aws
