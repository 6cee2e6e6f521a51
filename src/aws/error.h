// ApiError: an error as a client sees it, and Result, the return type of everything that speaks AWS.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace riacho::aws {

// Under which key the text stands in the body. AWS: spec 1.7 (the texts of type errors stand under "Message").
enum class MessageKey : std::uint8_t { none, message, capital_message };

// A list of texts that an error of AWS JSON 1.1 tells beside its message.
struct ErrorTexts {
    std::string_view name;  // static text, e.g. "RawInputRecords"
    std::vector<std::string> texts;
    friend bool operator==(const ErrorTexts&, const ErrorTexts&) = default;
};

// Built by the generated constructors of <api>/errors.gen.h (and by the gateway for what comes before any operation);
// services never spell a code or a text.
struct ApiError {
    std::string_view code;  // static text, e.g. "ResourceNotFoundException"
    std::string message;
    int status = 400;       // HTTP, JSON 1.1
    int rest_status = 400;  // HTTP, REST-JSON, which tells more by it
    MessageKey key = MessageKey::message;
    std::vector<ErrorTexts> lists = {};

    friend bool operator==(const ApiError&, const ApiError&) = default;
};

template <class T>
using Result = Expected<T, ApiError>;

}  // namespace riacho::aws
