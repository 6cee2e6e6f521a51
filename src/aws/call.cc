#include "aws/call.h"

#include "aws/gen/kinesis/errors.gen.h"
#include "wire/decode.h"
#include "wire/encode.h"

namespace riacho::aws {

std::optional<ApiError> decode_input(const wire::Shape& shape, const wire::Document& document, void* out) {
    const wire::Decoded decoded = wire::decode(shape, document, out);
    switch (decoded.verdict) {
        case wire::Verdict::valid:
            return std::nullopt;
        case wire::Verdict::type_error:
            return api::kinesis::errors::type_error(decoded.text);
        case wire::Verdict::violation:
            return api::kinesis::errors::constraints_violated(decoded.text);
    }
    return api::kinesis::errors::internal_failure();
}

void encode_output(const wire::Shape& shape, const void* output, wire::Format format, Buffer& body) {
    wire::encode(shape, output, format, body);
}

}  // namespace riacho::aws
