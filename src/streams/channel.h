// The stored form of a channel's settings.
#pragma once

#include <string>
#include <string_view>

#include "aws/gen/kinesis/types_shared.gen.h"
#include "catalog/model.h"
#include "streams/service.h"

namespace riacho::streams {

// Encodes the parts of the description that ObjectState does not hold: all but names, status and creation time.
std::string encode_channel(const api::ChannelDescription& channel);

// The description in replies.
api::ChannelDescription describe_channel(const catalog::ObjectState& resource, TimestampMs now);
api::ChannelStatus status_of_channel(const catalog::ObjectState& resource, TimestampMs now);

}  // namespace riacho::streams
