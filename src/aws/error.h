// ApiError: an error in the form that clients receive, and Result, the return type of functions that fail with one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace riacho::aws {

// The key of the text in the body. AWS: spec 1.7 (type errors use "Message").
enum class MessageKey : std::uint8_t { none, message, capital_message };

// A list of texts that an error of AWS JSON 1.1 has in addition to its message.
struct ErrorTexts {
    std::string_view name;  // static text, e.g. "RawInputRecords"
    std::vector<std::string> texts;
    friend bool operator==(const ErrorTexts&, const ErrorTexts&) = default;
};

// Made by the generated constructors of <api>/errors.gen.h (and by the gateway for errors before an operation is
// known); services never write codes or texts themselves.
struct ApiError {
    std::string_view code;  // static text, e.g. "ResourceNotFoundException"
    std::string message;
    int status = 400;       // HTTP, JSON 1.1
    int rest_status = 400;  // HTTP, REST-JSON, which uses more specific statuses
    MessageKey key = MessageKey::message;
    std::vector<ErrorTexts> lists = {};

    friend bool operator==(const ApiError&, const ApiError&) = default;
};

template <class T>
using Result = Expected<T, ApiError>;

}  // namespace riacho::aws
