#include "catalog/reshard.h"

#include <algorithm>

#include "base/check.h"

namespace riacho::catalog {
namespace {

using Code = Verdict::Code;

std::optional<Verdict> check_split(const StreamState& stream, const PendingReshard& plan) {
    const ShardState* shard = stream.find_shard(plan.shard);
    if (shard == nullptr) return Verdict{Code::shard_missing, StreamStatus::active, plan.shard};
    // AWS: strictly greater than one plus the start, strictly less than the end [prod].
    const U128 key = plan.new_starting_hash_key;
    const bool inside =
        key > shard->starting_hash_key && key - shard->starting_hash_key > 1 && key < shard->ending_hash_key;
    if (!inside) return Verdict{Code::split_key_out_of_range, StreamStatus::active, plan.shard};
    if (shard->closed_at) return Verdict{Code::shard_closed, StreamStatus::active, plan.shard};
    return std::nullopt;
}

std::optional<Verdict> check_merge(const StreamState& stream, const PendingReshard& plan) {
    const ShardState* lower = stream.find_shard(plan.shard);
    if (lower == nullptr) return Verdict{Code::shard_missing, StreamStatus::active, plan.shard};
    const ShardState* upper = stream.find_shard(plan.adjacent_shard);
    if (upper == nullptr) return Verdict{Code::shard_missing, StreamStatus::active, plan.adjacent_shard};
    const bool adjacent = lower->ending_hash_key != u128_max && lower->ending_hash_key + 1 == upper->starting_hash_key;
    if (!adjacent) return Verdict{Code::shards_not_adjacent, StreamStatus::active, plan.shard};
    for (const ShardState* shard : {lower, upper}) {
        if (shard->closed_at) return Verdict{Code::shard_closed, StreamStatus::active, shard->index};
    }
    return std::nullopt;
}

// Changes the shards of one stream; remembers what the log has to do.
class Resharder {
public:
    Resharder(StreamState& stream, TimestampMs now, std::uint64_t& next_uid, LogEffects& effects)
        : stream_(stream), now_(now), next_uid_(next_uid), effects_(effects) {}

    void split(std::int32_t index, U128 key) {
        const ShardState parent = close(index);
        open(parent.starting_hash_key, key - 1, parent, nullptr);
        open(key, parent.ending_hash_key, parent, nullptr);
    }

    void merge(std::int32_t lower_index, std::int32_t upper_index) {
        const ShardState lower = close(lower_index);
        const ShardState upper = close(upper_index);
        open(lower.starting_hash_key, upper.ending_hash_key, lower, &upper);
    }

private:
    ShardState close(std::int32_t index) {
        const auto shard = std::ranges::lower_bound(stream_.shards, index, {}, &ShardState::index);
        RIACHO_CHECK(shard != stream_.shards.end() && shard->index == index && !shard->closed_at,
                     "checked when the plan was made");
        shard->closed_at = now_;
        effects_.close.push_back(shard->uid);
        return *shard;
    }

    void open(U128 start, U128 end, const ShardState& parent, const ShardState* adjacent) {
        ShardState child;
        child.index = stream_.shards.back().index + 1;
        child.uid = next_uid_++;
        child.starting_hash_key = start;
        child.ending_hash_key = end;
        child.parent = parent.index;
        // AWS: a child's numbers say that it was made a second after its parents closed, so that the numbers of a key
        // grow across the reshard (data-streams spec 4.4).
        child.created_s = std::max(now_.value() / 1000, parent.created_s) + 1;
        if (adjacent != nullptr) {
            child.adjacent_parent = adjacent->index;
            child.created_s = std::max(child.created_s, adjacent->created_s + 1);
        }
        child.opened_at = now_;
        effects_.create.push_back(child.uid);
        stream_.shards.push_back(child);
    }

    StreamState& stream_;
    TimestampMs now_;
    std::uint64_t& next_uid_;
    LogEffects& effects_;
};

std::vector<ShardState> open_shards(const StreamState& stream) {
    std::vector<ShardState> open;
    for (const ShardState& shard : stream.shards) {
        if (!shard.closed_at) open.push_back(shard);
    }
    std::ranges::sort(open, {}, &ShardState::starting_hash_key);
    return open;
}

// Cuts every open shard that has a boundary of the even partition inside it, at the middle one of them.
bool split_at_boundaries(Resharder& resharder, const std::vector<ShardState>& open, std::uint32_t count) {
    bool any = false;
    std::uint32_t boundary = 1;
    for (const ShardState& shard : open) {
        while (boundary < count && even_shard_start(boundary, count) <= shard.starting_hash_key) ++boundary;
        const std::uint32_t first = boundary;
        while (boundary < count && even_shard_start(boundary, count) <= shard.ending_hash_key) ++boundary;
        if (first == boundary) continue;
        resharder.split(shard.index, even_shard_start(first + (boundary - first) / 2, count));
        any = true;
    }
    return any;
}

// Joins neighbours that lie in the same part of the even partition, in pairs.
bool merge_neighbours(Resharder& resharder, const std::vector<ShardState>& open, std::uint32_t count) {
    bool any = false;
    std::uint32_t part = 0;
    for (std::size_t i = 0; i + 1 < open.size(); ++i) {
        while (part + 1 < count && even_shard_start(part + 1, count) <= open[i].starting_hash_key) ++part;
        const U128 part_end = part + 1 < count ? even_shard_start(part + 1, count) - 1 : u128_max;
        if (open[i + 1].ending_hash_key > part_end) continue;
        resharder.merge(open[i].index, open[i + 1].index);
        any = true;
        ++i;
    }
    return any;
}

bool is_even(const StreamState& stream, std::uint32_t count) {
    const std::vector<ShardState> open = open_shards(stream);
    if (open.size() != count) return false;
    for (std::uint32_t i = 0; i < count; ++i) {
        if (open[i].starting_hash_key != even_shard_start(i, count)) return false;
    }
    return true;
}

}  // namespace

std::optional<Verdict> check_reshard(const StreamState& stream, const PendingReshard& plan) {
    switch (plan.kind) {
        case PendingReshard::Kind::split:
            return check_split(stream, plan);
        case PendingReshard::Kind::merge:
            return check_merge(stream, plan);
        case PendingReshard::Kind::uniform:
            break;
    }
    const bool possible = plan.target_shard_count >= 1 && plan.target_shard_count <= create_stream_shards_max;
    return possible ? std::nullopt : std::optional(Verdict{Code::shard_missing, StreamStatus::active, 0});
}

bool continue_reshard(StreamState& stream, TimestampMs now, std::uint64_t& next_uid, LogEffects& effects) {
    RIACHO_CHECK(stream.reshard.has_value());
    const PendingReshard plan = *stream.reshard;
    Resharder resharder(stream, now, next_uid, effects);
    switch (plan.kind) {
        case PendingReshard::Kind::split:
            resharder.split(plan.shard, plan.new_starting_hash_key);
            return true;
        case PendingReshard::Kind::merge:
            resharder.merge(plan.shard, plan.adjacent_shard);
            return true;
        case PendingReshard::Kind::uniform:
            break;
    }
    const std::vector<ShardState> open = open_shards(stream);
    if (!split_at_boundaries(resharder, open, plan.target_shard_count)) {
        merge_neighbours(resharder, open, plan.target_shard_count);
    }
    return is_even(stream, plan.target_shard_count);
}

}  // namespace riacho::catalog
