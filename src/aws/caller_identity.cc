#include "aws/caller_identity.h"

#include <fmt/format.h>

#include <string>

#include "aws/arn.h"
#include "aws/authenticator.h"
#include "base/text.h"
#include "core/rng.h"

namespace riacho::aws {
namespace {

constexpr std::string_view signing_name = "sts";
constexpr std::string_view name_space = "https://sts.amazonaws.com/doc/2011-06-15/";

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

}  // namespace

bool asks_for_caller_identity(std::string_view media_type, std::string_view body) {
    constexpr std::string_view wanted = "Action=GetCallerIdentity";
    if (!equal_ignoring_case(media_type, "application/x-www-form-urlencoded")) return false;
    while (!body.empty()) {
        const auto end = body.find('&');
        if (body.substr(0, end) == wanted) return true;
        body = end == std::string_view::npos ? std::string_view() : body.substr(end + 1);
    }
    return false;
}

http::Response caller_identity(const Authenticator& authenticator, const http::Request& request, core::Rng& rng) {
    http::Response response;
    response.headers.add("content-type", "text/xml");
    const auto caller = authenticator.authenticate(request, {.service = signing_name});
    if (!caller) {
        response.status = 403;  // AWS: STS answers 403 where Kinesis answers 400
        response.body.append(fmt::format(
            "<ErrorResponse xmlns=\"{}\"><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error>"
            "<RequestId>{}</RequestId></ErrorResponse>\n",
            name_space, caller.error().code, escaped(caller.error().message), rng.uuid()));
        return response;
    }
    const std::string partition(partition_of(caller->region));
    // A caller has no user name unless signatures are verified.
    const std::string arn = caller->user.empty()
                                ? fmt::format("arn:{}:iam::{}:root", partition, caller->account)
                                : fmt::format("arn:{}:iam::{}:user/{}", partition, caller->account, caller->user);
    const std::string_view id =
        caller->user.empty() ? std::string_view(caller->account) : std::string_view(caller->user);
    response.body.append(
        fmt::format("<GetCallerIdentityResponse "
                    "xmlns=\"{}\"><GetCallerIdentityResult><Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>"
                    "</GetCallerIdentityResult><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></"
                    "GetCallerIdentityResponse>\n",
                    name_space, escaped(arn), escaped(id), caller->account, rng.uuid()));
    return response;
}

}  // namespace riacho::aws
