#include "streams/scaling.h"

#include <gtest/gtest.h>

namespace riacho::streams {
namespace {

catalog::StreamState on_demand_stream(int shards) {
    catalog::StreamState stream;
    stream.uid = 7;
    stream.account = "000000000000";
    stream.region = "us-east-1";
    stream.name = "s";
    stream.mode = catalog::StreamMode::on_demand;
    for (int i = 0; i < shards; ++i) stream.shards.push_back({.index = i});
    stream.index_shards();
    return stream;
}

std::uint32_t target_of(const std::optional<catalog::Command>& command) {
    return command ? std::get<catalog::Reshard>(*command).plan.target_shard_count : 0;
}

TEST(Scaling, MakesRoomForDoubleTheLoad) {
    StreamMetrics metrics;
    Scaling scaling(metrics, 20);
    const catalog::StreamState stream = on_demand_stream(4);
    StreamCounters& counters = *metrics.of(7, stream.account, stream.region, stream.name);
    EXPECT_EQ(target_of(scaling.due(stream, TimestampMs(0))), 0U);
    add(counters.incoming_records, 20'000);  // 2,000 a second, of which four shards take double
    EXPECT_EQ(target_of(scaling.due(stream, TimestampMs(10'000))), 0U);
    add(counters.incoming_records, 30'000);
    EXPECT_EQ(target_of(scaling.due(stream, TimestampMs(15'000))), 0U) << "before the window is over";
    EXPECT_EQ(target_of(scaling.due(stream, TimestampMs(20'000))), 6U);
    add(counters.incoming_bytes, 200ULL << 20);  // 20 MiB a second
    EXPECT_EQ(target_of(scaling.due(stream, TimestampMs(30'000))), 8U) << "doubling at most";
    EXPECT_EQ(target_of(scaling.due(on_demand_stream(8), TimestampMs(40'000))), 0U) << "never fewer";
}

}  // namespace
}  // namespace riacho::streams
