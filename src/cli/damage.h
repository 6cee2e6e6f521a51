// Reading past damaged records (docs/operations.md, "A damaged record: what to do").
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "cli/kinesis_client.h"
#include "cli/shards.h"

namespace riacho::cli {

// Whether a read failed because records are damaged on the server's disk.
bool is_damage(const CallError& error);

struct Skipped {
    std::uint64_t records = 0;    // that were skipped
    std::string sequence_number;  // the position from which reading goes on
    std::string iterator;         // for it
};

// Finds where records can be read again. first: the number in the shard (seq_ix) of the first record that cannot be
// read. Takes a number of calls that is logarithmic in the size of the damage. When there are readable records between
// two damaged ones that are close together, they may be skipped, too.
Expected<Skipped, CallError> skip_damaged(KinesisClient& client, const std::string& stream, const ListedShard& shard,
                                          std::uint64_t first);

// "shardId-000000000000: 3 damaged records skipped; reading goes on at 4968..."
std::string describe(const Skipped& skipped, const std::string& shard_id);

}  // namespace riacho::cli
