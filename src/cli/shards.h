// A stream's shards as a client sees them.
#pragma once

#include <string>
#include <vector>

#include "cli/kinesis_client.h"

namespace riacho::cli {

// The ids, parents before their children.
Expected<std::vector<std::string>, CallError> list_shards(KinesisClient& client, const std::string& stream);

// The error of a reply that is no JSON.
CallError not_json();

}  // namespace riacho::cli
