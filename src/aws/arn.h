// Amazon Resource Names as Data Streams uses them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace riacho::aws {

// The parts of arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE, as views into the parsed text.
struct Arn {
    std::string_view partition;
    std::string_view service;
    std::string_view region;
    std::string_view account;
    std::string_view resource;  // everything after the fifth colon, e.g. "stream/orders/consumer/c1:1700000000"
};

// Nothing if text is not an ARN of six parts. The parts are not validated.
std::optional<Arn> parse_arn(std::string_view text);

// The partition a region belongs to: aws, aws-cn, aws-us-gov, aws-iso, aws-iso-b.
std::string_view partition_of(std::string_view region);

std::string stream_arn(std::string_view region, std::string_view account, std::string_view stream);

// The stream's name in "stream/NAME" or "stream/NAME/consumer/...".
std::optional<std::string_view> stream_of_resource(std::string_view resource);

}  // namespace riacho::aws
