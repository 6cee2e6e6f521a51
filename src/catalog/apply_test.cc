// Commands applied to a state, without a catalog: streams, reshards, consumers, tags, users.
#include "catalog/apply.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <span>

#include "catalog/detail/test_commands.h"

namespace riacho::catalog {
namespace {

using test::create;
using test::now;
using test::orders;

TEST(Apply, a_created_stream_is_creating_until_its_time_is_over) {
    State state;
    const Outcome outcome = apply(state, create(3), now);
    ASSERT_TRUE(outcome.accepted);
    EXPECT_EQ(outcome.effects.create.size(), 3U);
    const auto stream = state.snapshot->find(orders.account, orders.region, orders.name);
    ASSERT_NE(stream, nullptr);
    EXPECT_EQ(stream->status(now), StreamStatus::creating);
    EXPECT_EQ(stream->status(TimestampMs(now.value() + 500)), StreamStatus::active);
    EXPECT_EQ(stream->shards[0].created_s, 1'699'999'998);
    EXPECT_EQ(stream->shard_for(0).index, 0);
    EXPECT_EQ(stream->shard_for(even_shard_start(1, 3) - 1).index, 0);
    EXPECT_EQ(stream->shard_for(even_shard_start(1, 3)).index, 1);
    EXPECT_EQ(stream->shard_for(u128_max).index, 2);
}

TEST(Apply, a_transition_that_lasts_no_time_is_never_seen) {
    State state;
    const auto stream = [&] { return state.snapshot->find(orders.account, orders.region, orders.name); };
    // A call that began a moment before the command.
    const TimestampMs before(now.value() - 1);
    CreateStream command = create(1);
    command.transition_ms = 0;
    ASSERT_TRUE(apply(state, command, now).accepted);
    EXPECT_EQ(stream()->status(before), StreamStatus::active);
    RegisterConsumer consumer;
    consumer.key = orders;
    consumer.name = "c";
    consumer.consumers_max = 1;
    ASSERT_TRUE(apply(state, consumer, now).accepted);
    EXPECT_LE(stream()->find_consumer("c", before)->active_at, before);
    ConfigureStream change;
    change.key = orders;
    change.transition_ms = 0;
    ASSERT_TRUE(apply(state, change, now).accepted);
    EXPECT_EQ(stream()->status(before), StreamStatus::active);
    Reshard split;
    split.key = orders;
    split.plan.new_starting_hash_key = u128_max / 2;
    ASSERT_TRUE(apply(state, split, now).accepted);
    EXPECT_EQ(stream()->status(before), StreamStatus::active);
    EXPECT_EQ(apply(state, split, now).verdict.code, Verdict::Code::stream_not_active) << "two reshards at a time";
    EXPECT_EQ(apply(state, change, now).verdict.code, Verdict::Code::stream_not_active);
    ASSERT_TRUE(apply(state, ContinueReshard{stream()->uid}, now).accepted);
    EXPECT_EQ(stream()->open_shard_count(), 2);
}

TEST(Apply, a_name_is_taken_until_its_stream_is_gone) {
    State state;
    static_cast<void>(apply(state, create(1), now));
    EXPECT_EQ(apply(state, create(1), now).verdict.code, Verdict::Code::stream_exists);
    ASSERT_TRUE(apply(state, DeleteStream{orders, 500, false}, now).accepted);
    EXPECT_EQ(apply(state, create(1), now).verdict.code, Verdict::Code::stream_exists);
    EXPECT_EQ(apply(state, DeleteStream{orders, 500, false}, now).verdict.code, Verdict::Code::stream_deleting);
    const TimestampMs later(now.value() + 500);
    const auto old = state.snapshot->find(orders.account, orders.region, orders.name);
    ASSERT_TRUE(apply(state, create(1), later).accepted);
    const auto fresh = state.snapshot->find(orders.account, orders.region, orders.name);
    EXPECT_NE(fresh->uid, old->uid);
    EXPECT_NE(fresh->shards[0].uid, old->shards[0].uid);
    const Outcome purged = apply(state, PurgeStream{old->uid}, later);
    EXPECT_EQ(purged.effects.drop, std::vector<std::uint64_t>{old->shards[0].uid});
    EXPECT_EQ(state.snapshot->find(orders.account, orders.region, orders.name)->uid, fresh->uid);
}

// AWS: a sequence number of the deleted stream "did not come from this stream".
TEST(Apply, a_stream_created_again_within_a_second_has_seconds_of_its_own) {
    State state;
    std::set<std::int64_t> created;
    std::set<std::int64_t> of_shards;
    for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(apply(state, create(2), now).accepted);
        const auto stream = state.snapshot->find(orders.account, orders.region, orders.name);
        EXPECT_TRUE(created.insert(stream->created_at.value() / 1000).second);
        EXPECT_TRUE(of_shards.insert(stream->shards[0].created_s).second);
        ASSERT_TRUE(apply(state, DeleteStream{orders, 0, true}, now).accepted);
        // The purge may or may not come before the next creation.
        if (i % 2 == 0) ASSERT_TRUE(apply(state, PurgeStream{stream->uid}, now).accepted);
    }
    // Streams of other names are not affected.
    CreateStream other = create(1);
    other.key.name = "others";
    ASSERT_TRUE(apply(state, other, now).accepted);
    EXPECT_EQ(state.snapshot->find(orders.account, orders.region, "others")->created_at, now);
}

TEST(Apply, purged_names_are_forgotten_when_their_seconds_are_over) {
    State state;
    for (int i = 0; i < 500; ++i) {
        const TimestampMs at(now.value() + 3'000 * i);
        CreateStream command = create(1);
        command.key.name = "s" + std::to_string(i);
        ASSERT_TRUE(apply(state, command, at).accepted);
        ASSERT_TRUE(apply(state, DeleteStream{command.key, 0, true}, at).accepted);
        const auto uid = state.snapshot->find(orders.account, orders.region, command.key.name)->uid;
        ASSERT_TRUE(apply(state, PurgeStream{uid}, at).accepted);
        EXPECT_LE(state.snapshot->ended_names().size(), 66U);
    }
}

TEST(Apply, a_consumer_registered_again_within_a_second_has_an_arn_of_its_own) {
    State state;
    ASSERT_TRUE(apply(state, create(1), now).accepted);
    const TimestampMs later(now.value() + 500);
    std::set<std::string> arns;
    for (const char* name : {"c", "c", "d", "c", "d"}) {
        ASSERT_TRUE(apply(state, RegisterConsumer{orders, name, {}, 20, 0}, later).accepted);
        const auto stream = state.snapshot->find(orders.account, orders.region, orders.name);
        EXPECT_TRUE(arns.insert(stream->find_consumer(name, later)->arn).second);
        ASSERT_TRUE(apply(state, DeregisterConsumer{orders, name, 0}, later).accepted);
    }
    // A new stream of the same name does not bring a consumer back.
    ASSERT_TRUE(apply(state, DeleteStream{orders, 0, true}, later).accepted);
    ASSERT_TRUE(apply(state, create(1), later).accepted);
    ASSERT_TRUE(apply(state, RegisterConsumer{orders, "c", {}, 20, 0}, TimestampMs(later.value() + 500)).accepted);
    const auto stream = state.snapshot->find(orders.account, orders.region, orders.name);
    EXPECT_TRUE(arns.insert(stream->consumers.at("c").arn).second);
}

TEST(Apply, a_living_stream_cannot_be_purged) {
    State state;
    static_cast<void>(apply(state, create(1), now));
    const auto uid = state.snapshot->find(orders.account, orders.region, orders.name)->uid;
    EXPECT_FALSE(apply(state, PurgeStream{uid}, now).accepted);
    static_cast<void>(apply(state, DeleteStream{orders, 500, false}, now));
    EXPECT_FALSE(apply(state, PurgeStream{uid}, TimestampMs(now.value() + 499)).accepted);
}

TEST(Apply, retention_moves_one_way_per_direction_and_equal_is_fine) {
    State state;
    static_cast<void>(apply(state, create(1), now));
    using Direction = SetRetention::Direction;
    EXPECT_TRUE(apply(state, SetRetention{orders, 24, Direction::increase, {}}, now).accepted);
    EXPECT_TRUE(apply(state, SetRetention{orders, 24, Direction::decrease, {}}, now).accepted);
    EXPECT_TRUE(apply(state, SetRetention{orders, 48, Direction::increase, {}}, now).accepted);
    EXPECT_EQ(apply(state, SetRetention{orders, 24, Direction::increase, {}}, now).verdict,
              (Verdict{Verdict::Code::retention_too_short, StreamStatus::active, 48, {}}));
    EXPECT_EQ(apply(state, SetRetention{orders, 72, Direction::decrease, {}}, now).verdict,
              (Verdict{Verdict::Code::retention_too_long, StreamStatus::active, 48, {}}));
}

TEST(Apply, tags_are_counted_after_the_merge) {
    State state;
    static_cast<void>(apply(state, create(1), now));
    AddTags many{orders, {}};
    for (int i = 0; i < 49; ++i) many.tags["k" + std::to_string(i)] = "v";
    EXPECT_TRUE(apply(state, many, now).accepted);
    EXPECT_TRUE(apply(state, AddTags{orders, {{"env", "prod"}}}, now).accepted);
    EXPECT_EQ(apply(state, AddTags{orders, {{"one more", ""}}}, now).verdict.code, Verdict::Code::too_many_tags);
    EXPECT_TRUE(apply(state, RemoveTags{orders, {"env", "absent"}}, now).accepted);
    EXPECT_TRUE(apply(state, AddTags{orders, {{"one more", ""}}}, now).accepted);
}

TEST(Apply, a_user_has_one_key_and_rotation_ends_the_old_one) {
    State state;
    EXPECT_TRUE(apply(state, PutCredential{{"AKIA1", "111111111111", "ana", "s", {}}, false}, now).accepted);
    EXPECT_EQ(apply(state, PutCredential{{"AKIA2", "1", "ana", "s", {}}, false}, now).verdict.code,
              Verdict::Code::user_exists);
    EXPECT_EQ(apply(state, PutCredential{{"AKIA2", "1", "bia", "s", {}}, true}, now).verdict.code,
              Verdict::Code::user_missing);
    EXPECT_TRUE(apply(state, PutCredential{{"AKIA2", "", "ana", "s", {}}, true}, now).accepted);
    EXPECT_EQ(state.snapshot->find_credential("AKIA1"), nullptr);
    EXPECT_EQ(state.snapshot->find_credential("AKIA2")->account, "111111111111");
    EXPECT_TRUE(apply(state, RemoveUser{"ana"}, now).accepted);
    EXPECT_EQ(state.snapshot->find_credential("AKIA2"), nullptr);
    EXPECT_EQ(apply(state, RemoveUser{"ana"}, now).verdict.code, Verdict::Code::user_missing);
}

std::vector<U128> open_starts(const StreamState& stream) {
    std::vector<U128> starts;
    for (const ShardState& shard : stream.shards) {
        if (!shard.closed_at) starts.push_back(shard.starting_hash_key);
    }
    std::ranges::sort(starts);
    return starts;
}

// Runs a reshard to its end; returns the number of steps.
int reshard(State& state, PendingReshard plan, TimestampMs at) {
    EXPECT_TRUE(apply(state, Reshard{orders, plan, 100}, at).accepted);
    const auto uid = state.snapshot->find(orders.account, orders.region, orders.name)->uid;
    EXPECT_FALSE(apply(state, ContinueReshard{uid}, TimestampMs(at.value() + 99)).accepted);
    int steps = 0;
    while (state.snapshot->find_by_uid(uid)->reshard) {
        const Outcome outcome = apply(state, ContinueReshard{uid}, TimestampMs(at.value() + 100));
        EXPECT_TRUE(outcome.accepted);
        for (const auto& [created, shard_class] : outcome.effects.create) {
            EXPECT_EQ(std::ranges::count(outcome.effects.close, created), 0) << "opened and closed at once";
        }
        // After every step the stream can be encoded, decoded and routed.
        EXPECT_TRUE(decode_stream(encode(*state.snapshot->find_by_uid(uid))));
        if (++steps > 64) break;
    }
    return steps;
}

TEST(Reshard, a_split_closes_the_parent_and_opens_two_children) {
    State state;
    static_cast<void>(apply(state, create(1), now));
    const TimestampMs later(now.value() + 1'000);
    const U128 middle = U128{1} << 127;
    EXPECT_EQ(reshard(state, {PendingReshard::Kind::split, 0, 0, middle, 0}, later), 1);
    const auto stream = state.snapshot->find(orders.account, orders.region, orders.name);
    ASSERT_EQ(stream->shards.size(), 3U);
    EXPECT_EQ(stream->shards[0].closed_at, TimestampMs(later.value() + 100));
    EXPECT_EQ(stream->shards[1].parent, 0);
    EXPECT_EQ(stream->shards[2].parent, 0);
    EXPECT_FALSE(stream->shards[1].adjacent_parent);
    EXPECT_EQ(stream->shards[1].ending_hash_key, middle - 1);
    EXPECT_EQ(stream->shards[2].starting_hash_key, middle);
    EXPECT_GT(stream->shards[1].created_s, stream->shards[0].created_s);
    EXPECT_EQ(stream->shard_for(middle).index, 2);
    EXPECT_EQ(stream->status(TimestampMs(later.value() + 100)), StreamStatus::active);
}

// data-streams spec 2.4, item 72: the smallest legal key is the start plus two, the greatest the end minus one.
TEST(Reshard, a_split_key_lies_well_inside_the_shard) {
    State state;
    static_cast<void>(apply(state, create(2), now));
    const TimestampMs later(now.value() + 1'000);
    const U128 start = even_shard_start(1, 2);
    const auto code = [&](std::int32_t shard, U128 key) {
        State copy = state;
        return apply(copy, Reshard{orders, {PendingReshard::Kind::split, shard, 0, key, 0}, 0}, later).verdict.code;
    };
    for (const U128 key : {start, start + 1, u128_max, start - 1})
        EXPECT_EQ(code(1, key), Verdict::Code::split_key_out_of_range);
    for (const U128 key : {start + 2, u128_max - 1}) EXPECT_EQ(code(1, key), Verdict::Code::ok);
    EXPECT_EQ(code(7, start), Verdict::Code::shard_missing);
    EXPECT_EQ(apply(state, Reshard{orders, {}, 0}, now).verdict,
              (Verdict{Verdict::Code::stream_not_active, StreamStatus::creating, 0}));
}

TEST(Reshard, a_merge_takes_two_neighbours_in_order) {
    State state;
    static_cast<void>(apply(state, create(3), now));
    const TimestampMs later(now.value() + 1'000);
    const auto plan = [](std::int32_t a, std::int32_t b) {
        return PendingReshard{PendingReshard::Kind::merge, a, b, 0, 0};
    };
    const auto code = [&](std::int32_t a, std::int32_t b) {
        State copy = state;
        return apply(copy, Reshard{orders, plan(a, b), 0}, TimestampMs(later.value() + 200)).verdict.code;
    };
    EXPECT_EQ(code(0, 2), Verdict::Code::shards_not_adjacent);
    EXPECT_EQ(code(1, 0), Verdict::Code::shards_not_adjacent);
    EXPECT_EQ(code(0, 9), Verdict::Code::shard_missing);
    EXPECT_EQ(reshard(state, plan(0, 1), later), 1);
    const auto stream = state.snapshot->find(orders.account, orders.region, orders.name);
    EXPECT_EQ(stream->shards[3].parent, 0);
    EXPECT_EQ(stream->shards[3].adjacent_parent, 1);
    EXPECT_EQ(stream->shards[3].ending_hash_key, even_shard_start(2, 3) - 1);
    EXPECT_EQ(code(0, 1), Verdict::Code::shard_closed);
}

TEST(Reshard, the_first_versions_plan_is_carried_out_as_it_was) {
    for (const std::uint32_t from : {1U, 2U, 3U, 5U, 8U, 13U}) {
        for (const std::uint32_t to : {1U, 2U, 3U, 4U, 7U, 10U, 13U, 64U}) {
            State state;
            static_cast<void>(apply(state, create(from), now));
            const TimestampMs later(now.value() + 1'000);
            reshard(state, {PendingReshard::Kind::uniform_v1, 0, 0, 0, to}, later);
            const auto stream = state.snapshot->find(orders.account, orders.region, orders.name);
            std::vector<U128> expected;
            expected.reserve(to);
            for (std::uint32_t i = 0; i < to; ++i) expected.push_back(even_shard_start(i, to));
            EXPECT_EQ(open_starts(*stream), expected) << from << " to " << to;
            for (const ShardState& shard : stream->shards) {
                if (shard.index >= static_cast<std::int32_t>(from)) EXPECT_TRUE(shard.parent) << shard.index;
            }
        }
    }
}

// The indexes of the open shards after scaling to each count in turn; each partition must be even within rounding.
std::vector<std::int32_t> scaled(std::vector<std::uint32_t> counts) {
    State state;
    static_cast<void>(apply(state, create(counts.front()), now));
    TimestampMs at(now.value() + 1'000);
    for (const std::uint32_t count : std::span(counts).subspan(1)) {
        EXPECT_LE(reshard(state, {PendingReshard::Kind::uniform, 0, 0, 0, count}, at), 6);
        at = TimestampMs(at.value() + 1'000);
        const auto stream = state.snapshot->find(orders.account, orders.region, orders.name);
        const std::vector<U128> starts = open_starts(*stream);
        EXPECT_EQ(starts.size(), count);
        for (std::uint32_t i = 0; i < starts.size() && i < count; ++i) {
            const U128 even = even_shard_start(i, count);
            EXPECT_LT(std::max(starts[i], even) - std::min(starts[i], even), U128{1'000}) << i << " of " << count;
        }
        for (std::size_t i = 0; i < stream->shards.size(); ++i) {
            EXPECT_EQ(stream->shards[i].index, static_cast<std::int32_t>(i)) << "no index is left out";
        }
    }
    std::vector<std::int32_t> open;
    for (const ShardState& shard : state.snapshot->find(orders.account, orders.region, orders.name)->shards) {
        if (!shard.closed_at) open.push_back(shard.index);
    }
    return open;
}

// AWS: the indexes of public reports; splits and merges proceed from the left.
TEST(Reshard, a_new_shard_count_takes_the_steps_that_aws_takes) {
    using Indexes = std::vector<std::int32_t>;
    EXPECT_EQ(scaled({4, 3}), (Indexes{6, 9, 10}));
    EXPECT_EQ(scaled({2, 3}), (Indexes{2, 5, 6}));
    EXPECT_EQ(scaled({2, 4}), (Indexes{2, 3, 4, 5}));
    EXPECT_EQ(scaled({4, 2}), (Indexes{4, 5}));
    EXPECT_EQ(scaled({5, 5}), (Indexes{0, 1, 2, 3, 4}));
}

TEST(Reshard, boundaries_that_differ_by_rounding_are_the_same) {
    using Indexes = std::vector<std::int32_t>;
    EXPECT_EQ(scaled({3, 6}), (Indexes{3, 4, 5, 6, 7, 8}));
    EXPECT_EQ(scaled({6, 3}), (Indexes{6, 7, 8}));
    EXPECT_EQ(scaled({5, 10}), (Indexes{5, 6, 7, 8, 9, 10, 11, 12, 13, 14}));
    EXPECT_EQ(scaled({10, 5}), (Indexes{10, 11, 12, 13, 14}));
    EXPECT_EQ(scaled({3, 6, 12, 6, 3}).size(), 3U) << "also after several changes";
    EXPECT_EQ(scaled({7, 14, 9, 18, 36, 19, 10, 5, 3, 2, 1}).size(), 1U);
}

TEST(Reshard, any_shard_count_becomes_any_other) {
    for (std::uint32_t from = 1; from <= 24; ++from) {
        for (std::uint32_t to = (from + 1) / 2; to <= 2 * from; ++to) scaled({from, to});
    }
}

TEST(Reshard, slivers_made_by_hand_go_away) {
    State state;
    static_cast<void>(apply(state, create(2), now));
    const U128 half = U128{1} << 127;
    TimestampMs at(now.value() + 1'000);
    const auto next = [&] { return at = TimestampMs(at.value() + 1'000); };
    reshard(state, {PendingReshard::Kind::split, 0, 0, half - 2, 0}, next());
    reshard(state, {PendingReshard::Kind::split, 1, 0, half + 2, 0}, next());
    reshard(state, {PendingReshard::Kind::split, 5, 0, half + 1'000'000'000, 0}, next());
    reshard(state, {PendingReshard::Kind::uniform, 0, 0, 0, 4}, next());
    const auto stream = state.snapshot->find(orders.account, orders.region, orders.name);
    EXPECT_EQ(open_starts(*stream), (std::vector<U128>{0, half / 2, half, half + half / 2}));
}

TEST(Apply, a_stream_deleted_while_creating_has_no_open_shards) {
    State state;
    static_cast<void>(apply(state, create(3), now));
    EXPECT_TRUE(apply(state, DeleteStream{orders, 500, false}, now).accepted);
    const auto stream = state.snapshot->find(orders.account, orders.region, orders.name);
    EXPECT_EQ(stream->open_shard_count(), 0);
    const auto stored = decode_stream(encode(*stream));
    ASSERT_TRUE(stored) << "a start between the deletion and its end reads this row";
    EXPECT_EQ(*stored, *stream);
    const Outcome purged = apply(state, PurgeStream{stream->uid}, TimestampMs(now.value() + 500));
    EXPECT_EQ(purged.effects.drop.size(), 3U);
}

TEST(Consumers, are_registered_once_and_keep_their_stream_alive) {
    State state;
    static_cast<void>(apply(state, create(1), now));
    const TimestampMs later(now.value() + 1'000);
    const auto registering = [&](const char* name) { return Command(RegisterConsumer{orders, name, {}, 2, 100}); };
    EXPECT_EQ(apply(state, registering("c1"), now).verdict.code, Verdict::Code::stream_not_active);
    EXPECT_TRUE(apply(state, registering("c1"), later).accepted);
    EXPECT_EQ(apply(state, registering("c1"), later).verdict.code, Verdict::Code::consumer_exists);
    EXPECT_TRUE(apply(state, registering("c2"), later).accepted);
    EXPECT_EQ(apply(state, registering("c3"), later).verdict.code, Verdict::Code::too_many_consumers);
    EXPECT_EQ(apply(state, DeleteStream{orders, 0, false}, later).verdict.code, Verdict::Code::stream_has_consumers);
    EXPECT_TRUE(apply(state, DeregisterConsumer{orders, "c1", 100}, later).accepted);
    const TimestampMs gone(later.value() + 2'000);
    EXPECT_EQ(apply(state, DeregisterConsumer{orders, "c1", 100}, gone).verdict.code, Verdict::Code::consumer_missing);
    const auto stream = state.snapshot->find(orders.account, orders.region, orders.name);
    EXPECT_EQ(stream->consumer_count(gone), 1);
    const std::string first_arn = stream->consumers.find("c1")->second.arn;
    EXPECT_TRUE(apply(state, registering("c1"), gone).accepted);
    const auto again = state.snapshot->find(orders.account, orders.region, orders.name);
    EXPECT_NE(again->find_consumer("c1", gone)->arn, first_arn);
    EXPECT_EQ(*decode_stream(encode(*again)), *again);
    EXPECT_TRUE(apply(state, DeleteStream{orders, 0, true}, gone).accepted);
}

TEST(Apply, the_same_commands_give_the_same_bytes) {
    const auto run = [] {
        State state;
        std::string bytes;
        for (const Command& command : {Command(create(5)), Command(AddTags{orders, {{"x", "y"}}}),
                                       Command(SetRetention{orders, 30, SetRetention::Direction::increase, {}})}) {
            static_cast<void>(apply(state, command, now));
        }
        for (const auto& stream : state.snapshot->all_streams()) bytes += encode(*stream);
        return bytes;
    };
    EXPECT_EQ(run(), run());
    EXPECT_GT(run().size(), 100U);
}

}  // namespace
}  // namespace riacho::catalog
