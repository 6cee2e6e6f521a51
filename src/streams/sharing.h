// The actions that a resource policy can grant to other accounts. AWS: data-streams spec 2.8; the guide to sharing with
// Lambda functions of other accounts asks for DescribeStream.
#pragma once

#include <array>
#include <string_view>

namespace riacho::streams {

inline constexpr std::array<std::string_view, 7> shared_by_streams = {
    "kinesis:DescribeStream",  "kinesis:DescribeStreamSummary",
    "kinesis:ListShards",      "kinesis:PutRecord",
    "kinesis:PutRecords",      "kinesis:GetRecords",
    "kinesis:GetShardIterator"};
inline constexpr std::array<std::string_view, 2> shared_by_consumers = {"kinesis:DescribeStreamConsumer",
                                                                        "kinesis:SubscribeToShard"};

}  // namespace riacho::streams
