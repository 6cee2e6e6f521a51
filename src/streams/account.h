// AccountSettings: the settings of an account in a region; and its number of shards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "streams/service.h"

namespace riacho::streams {

// The minimum throughput commitment. AWS: lasts at least 24 h; if it is ended earlier, it runs until then (spec 2.2).
struct AccountSettings {
    std::optional<TimestampMs> started_at;
    std::optional<TimestampMs> ended_at;  // the end may lie in the future

    [[nodiscard]] bool is_committed(TimestampMs now) const { return started_at && (!ended_at || now < *ended_at); }
};

inline constexpr std::int32_t account_shards_max = 20'000;  // AWS: the largest default quota (spec 4.10)
// The number of open shards of provisioned streams, which are the shards that AWS counts.
std::int64_t provisioned_shard_count(StreamsOp op);

std::string account_settings_arn(StreamsOp op);
AccountSettings load_account_settings(StreamsOp op);
std::string encode(const AccountSettings& settings);

}  // namespace riacho::streams
