#include "streams/writer.h"

#include <gtest/gtest.h>

#include "catalog/model.h"

namespace riacho::streams {
namespace {

catalog::StreamState stream_of_one_shard() {
    catalog::StreamState stream;
    stream.account = "123456789012";
    stream.name = "orders";
    stream.shards.resize(1);
    stream.shards[0].ending_hash_key = ~U128{0};
    stream.index_shards();
    return stream;
}

// Producers react to a throughput error with other rates and more shards, which do not help a node without memory.
TEST(AppendErrors, an_overloaded_node_is_not_a_shard_at_its_limit) {
    const catalog::StreamState stream = stream_of_one_shard();
    const aws::ApiError whole = to_api(AppendError::overloaded, stream, {});
    EXPECT_EQ(whole.code, "ServiceUnavailable");
    EXPECT_EQ(whole.status, 503);
    const aws::ApiError entry = entry_error(AppendError::overloaded, stream, {});
    EXPECT_EQ(entry.code, "InternalFailure");
    EXPECT_EQ(entry.message, "Internal Service Failure");
}

TEST(AppendErrors, a_shard_at_its_limit_is_named) {
    const catalog::StreamState stream = stream_of_one_shard();
    for (const auto& error :
         {to_api(AppendError::throttled, stream, {}), entry_error(AppendError::throttled, stream, {})}) {
        EXPECT_EQ(error.code, "ProvisionedThroughputExceededException");
        EXPECT_EQ(error.message,
                  "Rate exceeded for shard shardId-000000000000 in stream orders under account 123456789012.");
    }
}

}  // namespace
}  // namespace riacho::streams
