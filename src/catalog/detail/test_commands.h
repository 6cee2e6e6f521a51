// Shared by the tests of this folder: a stream's key, a time, and the command that creates the stream.
#pragma once

#include "catalog/command.h"

namespace riacho::catalog::test {

inline const StreamKey orders{"000000000000", "us-east-1", "orders"};
inline constexpr TimestampMs now{1'700'000'000'000};

// The stream is CREATING for half a second.
inline CreateStream create(std::uint32_t shards) {
    CreateStream command;
    command.key = orders;
    command.arn = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
    command.shard_count = shards;
    command.transition_ms = 500;
    command.tags = {{"env", "dev"}};
    return command;
}

}  // namespace riacho::catalog::test
