// Log lines about calls of services that are not served here.
#include "aws/foreign_call.h"

#include <gtest/gtest.h>

#include <string>

#include "core/log.h"

namespace riacho::aws {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

// The log line for a call of the service at this second.
std::string told(ForeignCalls& calls, const std::string& service, std::int64_t second) {
    const http::Request request;
    testing::internal::CaptureStderr();
    static_cast<void>(calls.refuse(request, service, MonotonicNs(second * second_ns)));
    return testing::internal::GetCapturedStderr();
}

TEST(ForeignCalls, invented_names_do_not_silence_others_for_good) {
    core::configure_log(core::LogLevel::info, core::LogFormat::logfmt);
    ForeignCalls calls;
    std::size_t lines = 0;
    for (int i = 0; i < 1'000; ++i) lines += told(calls, "invented-" + std::to_string(i), 100).empty() ? 0 : 1;
    EXPECT_EQ(lines, 64U);  // the log is not flooded
    EXPECT_TRUE(told(calls, "s3", 101).empty());
    EXPECT_TRUE(told(calls, "s3", 170).contains("service=s3"));
    EXPECT_TRUE(told(calls, "s3", 171).empty());
    EXPECT_TRUE(told(calls, "s3", 231).contains("service=s3"));
}

}  // namespace
}  // namespace riacho::aws
