// Reading past damaged records (docs/operations.md, "A damaged record: what to do").
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/sequence_number.h"
#include "cli/kinesis_client.h"
#include "cli/shards.h"

namespace riacho::cli {

// Whether a read failed because records are damaged on the server's disk.
bool is_damage(const CallError& error);

// The position of the record with this number in the shard (seq_ix), whether there is one or not. of_shard: any number
// of the shard.
std::string number_at(const SequenceNumber& of_shard, std::uint64_t seq_ix);

struct Skipped {
    std::uint64_t records = 0;    // that were skipped
    bool is_exact = true;         // false: so many at most, because some may have expired
    std::string sequence_number;  // the position from which reading goes on
    std::string iterator;         // for it
};

// Finds the next readable record after one that cannot be read. Takes a number of calls that is logarithmic in the size
// of the damage. Readable records between two damaged ones that are close together may be skipped. last_read: the
// number of the last record read, or a number before the first one to be read; empty: from the beginning of the shard.
Expected<Skipped, CallError> skip_damaged(KinesisClient& client, const std::string& stream, const ListedShard& shard,
                                          std::string_view last_read);

// "shardId-000000000000: 3 damaged records skipped; reading goes on at 4968..."
std::string describe(const Skipped& skipped, const std::string& shard_id);

}  // namespace riacho::cli
