#include "aws/arn.h"

#include <fmt/format.h>

#include <array>

namespace riacho::aws {

std::optional<Arn> parse_arn(std::string_view text) {
    std::array<std::string_view, 5> parts;
    for (std::string_view& part : parts) {
        const auto colon = text.find(':');
        if (colon == std::string_view::npos) return std::nullopt;
        part = text.substr(0, colon);
        text.remove_prefix(colon + 1);
    }
    if (parts[0] != "arn") return std::nullopt;
    return Arn{parts[1], parts[2], parts[3], parts[4], text};
}

std::string_view partition_of(std::string_view region) {
    if (region.starts_with("cn-")) return "aws-cn";
    if (region.starts_with("us-gov-")) return "aws-us-gov";
    if (region.starts_with("us-isob-")) return "aws-iso-b";
    if (region.starts_with("us-iso-")) return "aws-iso";
    return "aws";
}

std::string stream_arn(std::string_view region, std::string_view account, std::string_view stream) {
    return fmt::format("arn:{}:kinesis:{}:{}:stream/{}", partition_of(region), region, account, stream);
}

std::optional<std::string_view> stream_of_resource(std::string_view resource) {
    constexpr std::string_view prefix = "stream/";
    if (!resource.starts_with(prefix)) return std::nullopt;
    resource.remove_prefix(prefix.size());
    return resource.substr(0, resource.find('/'));
}

}  // namespace riacho::aws
