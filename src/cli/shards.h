// Lists a stream's shards through the API.
#pragma once

#include <string>
#include <vector>

#include "base/lineage.h"
#include "base/u128.h"
#include "cli/kinesis_client.h"

namespace riacho::cli {

struct ListedShard {
    std::string id;
    LineageShard lineage;
    U128 first_hash_key = 0;
    U128 last_hash_key = u128_max;
    std::string first_number;  // StartingSequenceNumber
    bool is_closed = false;
};

// Parents before their children.
Expected<std::vector<ListedShard>, CallError> list_shards(KinesisClient& client, const std::string& stream);

// The error of a reply that is not JSON.
CallError not_json();

}  // namespace riacho::cli
