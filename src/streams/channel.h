// A channel's settings: how the catalog keeps them.
#pragma once

#include <string>
#include <string_view>

#include "aws/gen/kinesis/types_shared.gen.h"
#include "catalog/model.h"
#include "streams/service.h"

namespace riacho::streams {

// What does not stand in the ObjectState itself: everything of the description but names, status and creation time.
std::string encode_channel(const api::ChannelDescription& channel);

// The description as replies show it.
api::ChannelDescription describe_channel(const catalog::ObjectState& resource, TimestampMs now);
api::ChannelStatus status_of_channel(const catalog::ObjectState& resource, TimestampMs now);

}  // namespace riacho::streams
