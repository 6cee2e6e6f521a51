// Names of the kinds of resources, for log lines and metrics.
#pragma once

#include <string_view>

#include "catalog/model.h"

namespace riacho::server {

constexpr std::string_view name_of(catalog::ObjectState::Kind kind) {
    using Kind = catalog::ObjectState::Kind;
    switch (kind) {
        case Kind::account_settings:
            return "account settings";
        case Kind::channel:
            return "channel";
        case Kind::queue:
            return "queue";
        case Kind::delivery_stream:
            return "delivery stream";
        case Kind::application:
            return "application";
        case Kind::video_stream:
            return "video stream";
        case Kind::signaling_channel:
            return "signaling channel";
    }
    return "";
}

}  // namespace riacho::server
