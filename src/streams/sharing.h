// What a resource policy can let other accounts do. AWS: data-streams spec 2.8.
#pragma once

#include <array>
#include <string_view>

namespace riacho::streams {

inline constexpr std::array<std::string_view, 6> shared_by_streams = {"kinesis:DescribeStreamSummary",
                                                                      "kinesis:ListShards",
                                                                      "kinesis:PutRecord",
                                                                      "kinesis:PutRecords",
                                                                      "kinesis:GetRecords",
                                                                      "kinesis:GetShardIterator"};
inline constexpr std::array<std::string_view, 2> shared_by_consumers = {"kinesis:DescribeStreamConsumer",
                                                                        "kinesis:SubscribeToShard"};

}  // namespace riacho::streams
