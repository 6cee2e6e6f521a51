#include "firehose/limits.h"

#include <algorithm>

namespace riacho::firehose {
namespace {

constexpr double calls_a_second = 5;
constexpr std::int64_t idle_ns = 60'000'000'000;

double seconds_since(std::int64_t then_ns, MonotonicNs now) {
    return then_ns < 0 ? 1 : static_cast<double>(now.value() - then_ns) / 1e9;
}

void fill(double& left, double rate, double seconds) { left = std::min(rate, left + rate * seconds); }

}  // namespace

IngestLimits ingest_limits(std::string_view region) {
    const bool is_large = region == "us-east-1" || region == "us-west-2" || region == "eu-west-1";
    if (is_large) return {.records = 500'000, .requests = 2'000, .bytes = 5U << 20};
    return {.records = 100'000, .requests = 1'000, .bytes = 1U << 20};
}

Limits::Buckets& Limits::buckets_of(std::uint64_t uid, const IngestLimits& limits, MonotonicNs now) {
    if (buckets_.size() > many) {
        std::erase_if(buckets_, [&](const auto& entry) { return now.value() - entry.second.filled_ns > idle_ns; });
    }
    Buckets& buckets = buckets_[uid];
    const double seconds = seconds_since(buckets.filled_ns, now);
    fill(buckets.records, static_cast<double>(limits.records), seconds);
    fill(buckets.requests, static_cast<double>(limits.requests), seconds);
    fill(buckets.bytes, static_cast<double>(limits.bytes), seconds);
    buckets.filled_ns = now.value();
    return buckets;
}

bool Limits::call(std::string_view account, std::string_view region, std::string_view operation, MonotonicNs now) {
    if (!enforced_) return true;
    std::string key(account);
    key.append(1, '\0').append(region).append(1, '\0').append(operation);
    const MutexLock lock(mutex_);
    if (calls_.size() > many) {
        std::erase_if(calls_, [&](const auto& entry) { return now.value() - entry.second.filled_ns > idle_ns; });
    }
    Calls& calls = calls_[key];
    fill(calls.left, calls_a_second, seconds_since(calls.filled_ns, now));
    calls.filled_ns = now.value();
    if (calls.left < 1) return false;
    calls.left -= 1;
    return true;
}

}  // namespace riacho::firehose
