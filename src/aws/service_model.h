// ServiceModel: the properties of one API that the gateway needs, generated from api/ as constants.
#pragma once

#include <cstdint>
#include <string_view>

#include "aws/error.h"
#include "wire/fwd.h"

namespace riacho::aws {

enum class Protocol : std::uint8_t {
    json,      // AWS JSON 1.1: the operation in X-Amz-Target, its members in the body
    rest_json  // the operation in method and path; members in headers and body
};

struct ServiceModel {
    std::string_view name;  // folder of the generated code: "kinesis"
    Protocol protocol;
    bool cbor;                       // AWS CBOR 1.1 is supported beside JSON
    std::string_view target_prefix;  // JSON 1.1: "Kinesis_20131202"
    std::string_view signing_name;   // required in the credential scope
    std::string_view violation;      // the error for violated constraints, and the key of its text
    MessageKey violation_key;
};

struct OperationInfo {
    std::string_view name;
    const wire::Shape* input;
    std::string_view method = {};  // REST-JSON
    std::string_view path = {};
    bool upload = false;    // the request's body is a stream
    bool download = false;  // the reply's body is a stream
};

}  // namespace riacho::aws
