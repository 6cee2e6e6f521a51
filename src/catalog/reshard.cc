#include "catalog/reshard.h"

#include <algorithm>

#include "base/check.h"
#include "catalog/command.h"

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

// Changes the shards of one stream, and collects the effects on the log. The parents of a step are shards that existed
// before it. finish() ends the step.
class Resharder {
public:
    Resharder(StreamState& stream, TimestampMs now, std::uint64_t& next_uid, LogEffects& effects)
        : stream_(stream),
          now_(now),
          next_uid_(next_uid),
          effects_(effects),
          next_index_(stream.shards.back().index + 1) {}

    // Children get the indexes `child` and `child + 1`; the overloads without `child` use the next free indexes.
    void split(std::int32_t index, U128 key, std::int32_t child) {
        const ShardState parent = close(index);
        open(child, parent.starting_hash_key, key - 1, parent, nullptr);
        open(child + 1, key, parent.ending_hash_key, parent, nullptr);
    }
    void split(std::int32_t index, U128 key) {
        split(index, key, next_index_);
        next_index_ += 2;
    }
    void merge(std::int32_t lower_index, std::int32_t upper_index, std::int32_t child) {
        const ShardState lower = close(lower_index);
        const ShardState upper = close(upper_index);
        open(child, lower.starting_hash_key, upper.ending_hash_key, lower, &upper);
    }
    void merge(std::int32_t lower_index, std::int32_t upper_index) { merge(lower_index, upper_index, next_index_++); }

    void finish() {
        stream_.shards.insert(stream_.shards.end(), opened_.begin(), opened_.end());
        std::ranges::sort(stream_.shards, {}, &ShardState::index);
        opened_.clear();
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

    void open(std::int32_t index, U128 start, U128 end, const ShardState& parent, const ShardState* adjacent) {
        ShardState child;
        child.index = index;
        child.uid = next_uid_++;
        child.starting_hash_key = start;
        child.ending_hash_key = end;
        child.parent = parent.index;
        // AWS: the creation second in a child's sequence numbers is one second after its parents closed, so that the
        // numbers of a key grow across the reshard (data-streams spec 4.4).
        child.created_s = std::max(now_.value() / 1000, parent.created_s) + 1;
        if (adjacent != nullptr) {
            child.adjacent_parent = adjacent->index;
            child.created_s = std::max(child.created_s, adjacent->created_s + 1);
        }
        child.opened_at = now_;
        effects_.create.push_back({child.uid, ShardClass::records});
        opened_.push_back(child);
    }

    StreamState& stream_;
    TimestampMs now_;
    std::uint64_t& next_uid_;
    LogEffects& effects_;
    std::int32_t next_index_;
    std::vector<ShardState> opened_;
};

std::vector<ShardState> open_shards(const StreamState& stream) {
    std::vector<ShardState> open;
    for (const ShardState& shard : stream.shards) {
        if (!shard.closed_at) open.push_back(shard);
    }
    std::ranges::sort(open, {}, &ShardState::starting_hash_key);
    return open;
}

// Splits every open shard that has boundaries of the even partition inside it, at the middle boundary.
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

// Merges pairs of neighbours that lie in the same part of the even partition.
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

// One step as in version 0.1: all splits first, then merges in pairs. Old journals replay to the same shards.
bool continue_uniform_v1(StreamState& stream, Resharder& resharder, std::uint32_t count) {
    const std::vector<ShardState> open = open_shards(stream);
    if (!split_at_boundaries(resharder, open, count)) merge_neighbours(resharder, open, count);
    resharder.finish();
    return is_even(stream, count);
}

// Boundaries that differ by at most this are the same: even_shard_start rounds down, so equal boundaries of two even
// partitions differ by up to the larger number of shards.
constexpr U128 rounding_max = create_stream_shards_max;

// The starts of the even partition; a start that differs from an existing shard's start only by rounding is moved to
// it.
std::vector<U128> uniform_starts(const std::vector<ShardState>& base, std::uint32_t count) {
    std::vector<U128> starts;
    starts.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        const U128 even = even_shard_start(i, count);
        U128 start = even;
        U128 distance = rounding_max + 1;
        const auto above = std::ranges::lower_bound(base, even, {}, &ShardState::starting_hash_key);
        if (above != base.end() && above->starting_hash_key - even < distance) {
            start = above->starting_hash_key;
            distance = start - even;
        }
        if (i > 0 && above != base.begin()) {
            const U128 below = std::prev(above)->starting_hash_key;
            if (below > 0 && even - below < distance) start = below;
        }
        starts.push_back(start);
    }
    return starts;
}

// A split or merge of a uniform plan, by shard indexes. A split opens `child` and `child + 1`, a merge `child`.
struct Move {
    std::int32_t lower = 0;
    std::optional<std::int32_t> upper;  // merge
    U128 key = 0;                       // split: start of the second child
    std::int32_t child = 0;
};

// AWS: proceeds from the left and finishes each target shard before it begins the next: 4 -> 3 splits 1, merges, splits
// 2, merges and merges, so that shards 6, 9 and 10 are open (public reports of UpdateShardCount's results).
std::vector<Move> plan_moves(const std::vector<ShardState>& base, const std::vector<U128>& starts, std::int32_t next) {
    struct Piece {
        std::int32_t index;
        U128 end;
    };
    std::vector<Move> moves;
    std::optional<Piece> rest;  // the unused upper child of a split
    auto shard = base.begin();
    for (std::size_t i = 0; i < starts.size(); ++i) {
        const U128 end = i + 1 < starts.size() ? starts[i + 1] - 1 : u128_max;
        std::optional<Piece> made;
        while (!made || made->end < end) {
            Piece piece{};
            if (rest) {
                piece = *rest;
                rest.reset();
            } else {
                piece = {shard->index, shard->ending_hash_key};
                ++shard;
            }
            if (piece.end > end) {
                moves.push_back({.lower = piece.index, .upper = {}, .key = end + 1, .child = next});
                rest = Piece{next + 1, piece.end};
                piece = {next, end};
                next += 2;
            }
            if (made) {
                moves.push_back({.lower = made->index, .upper = piece.index, .child = next});
                piece.index = next++;
            }
            made = piece;
        }
    }
    return moves;
}

// The open shards with which a uniform plan began; empty when some of them are no longer known.
std::vector<ShardState> base_of_plan(const StreamState& stream, std::int32_t first) {
    std::vector<std::int32_t> parents;  // parents closed by steps of this plan
    for (const ShardState& shard : stream.shards) {
        if (shard.index < first) continue;
        if (shard.parent) parents.push_back(*shard.parent);
        if (shard.adjacent_parent) parents.push_back(*shard.adjacent_parent);
    }
    std::ranges::sort(parents);
    std::vector<ShardState> base;
    for (const ShardState& shard : stream.shards) {
        if (shard.index >= first) break;
        if (!shard.closed_at || std::ranges::binary_search(parents, shard.index)) base.push_back(shard);
    }
    std::ranges::sort(base, {}, &ShardState::starting_hash_key);
    U128 next = 0;
    for (const ShardState& shard : base) {
        if (shard.starting_hash_key != next) return {};
        next = shard.ending_hash_key + 1;
    }
    if (next != 0) base.clear();
    return base;
}

// One step: makes every move whose shards are open by now. The plan is recomputed from the shards with which it began,
// so no other state is kept between steps, and each move's children have the same indexes as if the moves were made one
// by one.
bool continue_uniform(StreamState& stream, Resharder& resharder, PendingReshard& plan) {
    std::vector<ShardState> base = base_of_plan(stream, plan.shard);
    if (base.empty()) {
        base = open_shards(stream);
        plan.shard = stream.shards.back().index + 1;
    }
    std::vector<Move> due;
    bool finished = true;
    for (const Move& move : plan_moves(base, uniform_starts(base, plan.target_shard_count), plan.shard)) {
        if (stream.find_shard(move.child) != nullptr) continue;
        const bool ready =
            stream.find_shard(move.lower) != nullptr && (!move.upper || stream.find_shard(*move.upper) != nullptr);
        if (ready) {
            due.push_back(move);
        } else {
            finished = false;
        }
    }
    for (const Move& move : due) {
        if (move.upper) {
            resharder.merge(move.lower, *move.upper, move.child);
        } else {
            resharder.split(move.lower, move.key, move.child);
        }
    }
    resharder.finish();
    return finished;
}

}  // namespace

std::optional<Verdict> check_reshard(const StreamState& stream, const PendingReshard& plan) {
    switch (plan.kind) {
        case PendingReshard::Kind::split:
            return check_split(stream, plan);
        case PendingReshard::Kind::merge:
            return check_merge(stream, plan);
        case PendingReshard::Kind::uniform_v1:
        case PendingReshard::Kind::uniform:
            break;
    }
    const bool possible = plan.target_shard_count >= 1 && plan.target_shard_count <= create_stream_shards_max;
    return possible ? std::nullopt : std::optional(Verdict{Code::shard_missing, StreamStatus::active, 0});
}

bool continue_reshard(StreamState& stream, TimestampMs now, std::uint64_t& next_uid, LogEffects& effects) {
    RIACHO_CHECK(stream.reshard.has_value());
    PendingReshard& plan = *stream.reshard;
    Resharder resharder(stream, now, next_uid, effects);
    switch (plan.kind) {
        case PendingReshard::Kind::split:
            resharder.split(plan.shard, plan.new_starting_hash_key);
            resharder.finish();
            return true;
        case PendingReshard::Kind::merge:
            resharder.merge(plan.shard, plan.adjacent_shard);
            resharder.finish();
            return true;
        case PendingReshard::Kind::uniform_v1:
            return continue_uniform_v1(stream, resharder, plan.target_shard_count);
        case PendingReshard::Kind::uniform:
            return continue_uniform(stream, resharder, plan);
    }
    RIACHO_CHECK(false, "an unknown kind of reshard");
}

}  // namespace riacho::catalog
