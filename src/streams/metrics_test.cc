#include "streams/metrics.h"

#include <gtest/gtest.h>

#include <thread>

#include "core/metrics.h"

namespace riacho::streams {
namespace {

std::string shown(const StreamMetrics& metrics) {
    core::Metrics all;
    all.add_collector([&](core::MetricsWriter& writer) { metrics.collect(writer); });
    return all.render();
}

TEST(StreamMetrics, a_deleted_stream_leaves_no_memory_behind) {
    StreamMetrics metrics;
    const std::weak_ptr<StreamCounters> first = metrics.of(1, "a", "r", "first");
    EXPECT_FALSE(first.expired()) << "as long as the stream exists";
    metrics.forget(1);
    static_cast<void>(metrics.of(2, "a", "r", "second"));
    EXPECT_TRUE(first.expired());
    EXPECT_EQ(shown(metrics).find("first"), std::string::npos);
}

TEST(StreamMetrics, a_call_that_outlives_its_stream_keeps_its_counters) {
    StreamMetrics metrics;
    const auto counters = metrics.of(1, "a", "r", "first");
    metrics.forget(1);
    add(counters->incoming_records, 1);
    EXPECT_EQ(counters->incoming_records, 1U);
}

TEST(StreamMetrics, a_late_call_does_not_bring_a_deleted_stream_back) {
    StreamMetrics metrics;
    static_cast<void>(metrics.of(1, "a", "r", "first"));
    metrics.forget(1);
    add(metrics.of(1, "a", "r", "first")->incoming_records, 1);
    EXPECT_EQ(shown(metrics).find("first"), std::string::npos);
}

TEST(StreamMetrics, threads_share_the_counters_of_a_stream) {
    StreamMetrics metrics;
    const auto here = metrics.of(1, "a", "r", "first");
    std::thread([&] { add(metrics.of(1, "a", "r", "first")->incoming_records, 1); }).join();
    EXPECT_EQ(here->incoming_records, 1U);
}

}  // namespace
}  // namespace riacho::streams
