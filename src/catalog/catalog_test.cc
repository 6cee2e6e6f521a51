#include "catalog/catalog.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <span>

#include "catalog/keyring.h"
#include "core/rng.h"

namespace riacho::catalog {
namespace {

const StreamKey orders{"000000000000", "us-east-1", "orders"};
constexpr TimestampMs now{1'700'000'000'000};

class Directory {
public:
    Directory() {
        char name[] = "/tmp/riacho-catalog-XXXXXX";
        path_ = mkdtemp(name);
    }
    ~Directory() { std::filesystem::remove_all(path_); }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

std::unique_ptr<Catalog> open(const std::string& directory) {
    auto catalog = Catalog::open(directory, [](std::string_view reason) { FAIL() << reason; });
    EXPECT_TRUE(catalog) << catalog.error().message;
    return *std::move(catalog);
}

Outcome submit(Catalog& catalog, std::uint64_t lsn, const Command& command) {
    return catalog.apply(lsn, catalog.prepare(encode(command)), now);
}

CreateStream create(std::uint32_t shards) {
    CreateStream command;
    command.key = orders;
    command.arn = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
    command.shard_count = shards;
    command.transition_ms = 500;
    command.tags = {{"env", "dev"}};
    return command;
}

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
        // The purge may come before the next creation, or not.
        if (i % 2 == 0) ASSERT_TRUE(apply(state, PurgeStream{stream->uid}, now).accepted);
    }
    // Others are not moved.
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
    // Neither does a stream of the same name bring one back.
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
        // Every step leaves a stream that can be stored and routed.
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

// The indexes of the open shards after the counts one after the other; each is within rounding of the even partition.
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

// AWS: the indexes of public reports; splits and merges from the left.
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

ObjectState an_object() {
    ObjectState object;
    object.kind = ObjectState::Kind::queue;
    object.uid = first_object_uid + 3;
    object.account = "1";
    object.region = "r";
    object.name = "q";
    object.arn = "arn";
    object.version = 2;
    object.stream_uid = 7;
    object.created_at = now;
    object.wake_at = TimestampMs(now.value() + 5);
    object.settings = "s";
    object.tags = {{"a", "b"}};
    object.shards = {{5, ShardClass::records}, {6, ShardClass::media}};
    return object;
}

std::vector<Command> one_of_each() {
    return {create(3),
            DeleteStream{orders, 20, true},
            PurgeStream{7},
            SetRetention{orders, 48, SetRetention::Direction::decrease, {{5, 99}}},
            AddTags{orders, {{"a", "b"}, {"c", ""}}},
            RemoveTags{orders, {"a", "c"}},
            PutCredential{{"AKIA1", "111111111111", "ana", std::string("\0\1", 2), now}, true},
            RemoveUser{"ana"},
            Reshard{orders, {PendingReshard::Kind::split, 1, 2, U128{3} << 100, 4}, 20},
            ContinueReshard{7},
            RegisterConsumer{orders, "c1", {{"a", "b"}}, 20, 20},
            DeregisterConsumer{orders, "c1", 20},
            ConfigureStream{orders, 20, StreamMode::on_demand, 2048, 10, Distribution::automatic, 3, 4, "alias/k",
                            "sealed", "{}"},
            ConfigureStream{orders, -1, {}, {}, {}, {}, 0, 0, {}, {}, {}},
            ConfigureConsumer{orders, "c1", "{}", {{"a", "b"}}, {"c"}},
            CreateObject{an_object(), {ShardClass::records, ShardClass::media}, {{"k", "v"}}, 5, 20},
            ReplaceObjects{{{{7, ""}, 3, "new", 20, now, {ShardClass::media}, {5, 6}, {}},
                            {{0, "arn"}, 0, "", -1, {}, {}, {}, Tags{{"a", "b"}}}}},
            TagObject{{7, ""}, {{"a", "b"}}, {"c"}},
            DeleteObject{{7, ""}, 2, 20},
            PurgeObject{{7, ""}},
            MoveProgress{{{7, 1, {{"k", "old", "new"}, {"l", {}, {}}}, {{5, 9}}}, {8, 0, {}, {}}}},
            ForgetShards{3, {4, 5}},
            QueueProgress{"arn", {{QueueProgress::Action::restore, 5, 9}}}};
}

TEST(Command, survives_its_encoding) {
    for (const Command& command : one_of_each()) {
        const auto decoded = decode_command(encode(command));
        ASSERT_TRUE(decoded) << decoded.error().what;
        EXPECT_EQ(*decoded, command);
    }
}

TEST(Command, cut_short_or_with_more_behind_it_is_refused) {
    for (const Command& command : one_of_each()) {
        const std::string bytes = encode(command);
        for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_command(bytes.substr(0, size)));
        EXPECT_FALSE(decode_command(bytes + '\0'));
    }
    EXPECT_FALSE(decode_command("\x63\x01"));
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

TEST(Model, a_stream_survives_its_encoding_and_a_changed_byte_never_crashes) {
    State state;
    static_cast<void>(apply(state, create(4), now));
    const auto stream = state.snapshot->find(orders.account, orders.region, orders.name);
    const std::string bytes = encode(*stream);
    const auto decoded = decode_stream(bytes);
    ASSERT_TRUE(decoded) << decoded.error().what;
    EXPECT_EQ(*decoded, *stream);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::string changed = bytes;
        changed[i] = static_cast<char>(changed[i] ^ 0x40);
        const auto result = decode_stream(changed);
        if (result) EXPECT_EQ(encode(*result), changed) << "byte " << i;
    }
}

TEST(Catalog, shows_a_change_only_after_publish) {
    const Directory directory;
    const auto catalog = open(directory.path());
    ASSERT_TRUE(submit(*catalog, 64, create(2)).accepted);
    EXPECT_EQ(catalog->snapshot()->stream_count(), 0U);
    catalog->publish();
    EXPECT_EQ(catalog->snapshot()->stream_count(), 1U);
}

TEST(Catalog, comes_back_from_its_database_and_replays_only_what_it_lacks) {
    const Directory directory;
    std::string before;
    {
        const auto catalog = open(directory.path());
        static_cast<void>(submit(*catalog, 64, create(2)));
        static_cast<void>(submit(*catalog, 128, PutCredential{{"AKIA1", "1", "ana", "s", {}}, false}));
        catalog->publish();
        before = encode(*catalog->snapshot()->find(orders.account, orders.region, orders.name));
        catalog->close();
        EXPECT_EQ(catalog->applied_lsn(), 128U);
    }
    const auto catalog = open(directory.path());
    EXPECT_EQ(catalog->applied_lsn(), 128U);
    EXPECT_TRUE(catalog->replay(64, encode(Command(create(2))), now));
    EXPECT_TRUE(catalog->replay(128, "whatever: it was loaded", now));
    EXPECT_TRUE(catalog->replay(192, encode(Command(AddTags{orders, {{"late", "1"}}})), now));
    EXPECT_FALSE(catalog->replay(256, "\x7F\x01 from the future", now));
    EXPECT_EQ(encode(*catalog->snapshot()->find(orders.account, orders.region, orders.name)), before);
    catalog->publish();
    EXPECT_EQ(catalog->snapshot()->find(orders.account, orders.region, orders.name)->tags.size(), 2U);
    EXPECT_NE(catalog->snapshot()->find_credential("AKIA1"), nullptr);
}

TEST(Catalog, tells_what_a_publish_has_changed_and_nothing_when_only_progress_moved) {
    const Directory directory;
    const auto catalog = open(directory.path());
    std::vector<Feed> told;
    catalog->on_publish([&](const Feed& feed) { told.push_back(feed); });
    CreateStream active = create(1);
    active.transition_ms = 0;
    static_cast<void>(submit(*catalog, 64, active));
    static_cast<void>(submit(*catalog, 128, AddTags{orders, {{"x", "y"}}}));
    CreateObject queue;
    queue.object = an_object();
    queue.object.stream_uid = 1;
    queue.progress = {{"k", "1"}};
    const Outcome made = submit(*catalog, 192, queue);
    ASSERT_TRUE(made.accepted) << static_cast<int>(made.verdict.code);
    catalog->publish();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].streams, std::vector<std::uint64_t>{1});
    EXPECT_EQ(told[0].objects, std::vector<std::uint64_t>{first_object_uid});
    ASSERT_TRUE(submit(*catalog, 256, MoveProgress{{{first_object_uid, 0, {{"k", "1", "2"}}, {}}}}).accepted);
    catalog->publish();
    catalog->publish();
    EXPECT_EQ(told.size(), 1U);
    EXPECT_EQ(**catalog->snapshot()->progress().find(ProgressKey{first_object_uid, "k"}), "2");
    catalog->on_publish({});
}

TEST(Catalog, objects_and_progress_come_back_from_the_database) {
    const Directory directory;
    const auto open_again = [&] { return open(directory.path()); };
    std::uint64_t uid = 0;
    {
        const auto catalog = open_again();
        static_cast<void>(submit(*catalog, 64, create(1)));
        CreateObject wanted;
        wanted.object = an_object();
        wanted.object.stream_uid = 0;
        wanted.object.kind = ObjectState::Kind::channel;
        wanted.shards = {ShardClass::media};
        wanted.progress = {{"a", "1"}, {"b", "2"}};
        const Outcome made = submit(*catalog, 128, wanted);
        ASSERT_TRUE(made.accepted);
        EXPECT_EQ(made.effects.create.size(), 1U);
        catalog->publish();
        uid = catalog->snapshot()->objects().front()->uid;
        ASSERT_TRUE(submit(*catalog, 192, MoveProgress{{{uid, 0, {{"a", {}, {}}, {"c", {}, "3"}}, {}}}}).accepted);
        catalog->publish();
    }
    {
        const auto catalog = open_again();
        const auto snapshot = catalog->snapshot();
        ASSERT_NE(snapshot->find_object(uid), nullptr);
        EXPECT_EQ(snapshot->find_object(uid)->shards.front().shard_class, ShardClass::media);
        EXPECT_EQ(snapshot->progress().size(), 2U);
        EXPECT_EQ(**snapshot->progress().find(ProgressKey{uid, "c"}), "3");
        ASSERT_TRUE(submit(*catalog, 256, DeleteObject{{uid, ""}, 0, 0}).accepted);
        const Outcome purged = submit(*catalog, 320, PurgeObject{{uid, ""}});
        ASSERT_TRUE(purged.accepted);
        EXPECT_EQ(purged.effects.drop.size(), 1U);
        catalog->publish();
    }
    const auto catalog = open_again();
    EXPECT_EQ(catalog->snapshot()->object_count(), 0U);
    EXPECT_TRUE(catalog->snapshot()->progress().empty());
    CreateObject again;
    again.object = an_object();
    again.object.stream_uid = 0;
    ASSERT_TRUE(submit(*catalog, 384, again).accepted);
    catalog->publish();
    EXPECT_EQ(catalog->snapshot()->objects().front()->uid, uid + 1) << "a uid is never used again";
}

TEST(Catalog, a_database_of_a_later_version_is_refused_with_both_versions) {
    const Directory directory;
    {
        const auto catalog = open(directory.path());
        static_cast<void>(submit(*catalog, 64, create(1)));
        catalog->publish();
    }
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((directory.path() + "/catalog.sqlite").c_str(), &db), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db, "PRAGMA user_version = 7", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(db);
    const auto catalog = Catalog::open(directory.path(), [](std::string_view) {});
    ASSERT_FALSE(catalog);
    EXPECT_EQ(catalog.error().kind, StoreError::Kind::unknown_format);
    EXPECT_NE(catalog.error().message.find("format 7"), std::string::npos) << catalog.error().message;
    EXPECT_NE(catalog.error().message.find("1 to 2"), std::string::npos) << catalog.error().message;
}

TEST(Catalog, new_numbers_go_on_after_a_restart) {
    const Directory directory;
    std::uint64_t last = 0;
    for (int i = 0; i < 3; ++i) {
        const auto catalog = open(directory.path());
        CreateStream command = create(2);
        command.key.name = "s" + std::to_string(i);
        const Outcome outcome = submit(*catalog, 64 * (static_cast<std::uint64_t>(i) + 1), command);
        EXPECT_GT(outcome.effects.create.front().uid, last);
        last = outcome.effects.create.back().uid;
        catalog->publish();
    }
}

TEST(Catalog, a_damaged_row_is_named_not_served) {
    const Directory directory;
    {
        const auto catalog = open(directory.path());
        static_cast<void>(submit(*catalog, 64, create(2)));
        catalog->publish();
    }
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((directory.path() + "/catalog.sqlite").c_str(), &db), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db, "UPDATE streams SET crc = crc + 1", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(db);
    const auto catalog = Catalog::open(directory.path(), [](std::string_view) {});
    ASSERT_FALSE(catalog);
    EXPECT_EQ(catalog.error().kind, StoreError::Kind::damaged);
}

// Everything a catalog answers, as text; what went wrong when it cannot be opened.
std::string answers(const std::string& directory) {
    const auto catalog = Catalog::open(directory, [](std::string_view) {});
    if (!catalog) return {};
    std::string text = std::to_string((*catalog)->applied_lsn());
    for (const auto& stream : (*catalog)->snapshot()->all_streams()) text += encode(*stream);
    for (const auto& object : (*catalog)->snapshot()->objects()) text += encode(*object);
    (*catalog)->snapshot()->progress().for_each([&](const ProgressKey& key, const ProgressValue& value) {
        text += key.key + *value;
        return true;
    });
    for (const std::string key : {"AKIA1", "AKIA2"}) {
        const auto credential = (*catalog)->snapshot()->find_credential(key);
        text += credential == nullptr ? "none" : encode(*credential);
    }
    CreateStream next = create(1);
    next.key.name = "next";
    return text + std::to_string(submit(**catalog, 1 << 20, next).effects.create.front().uid);
}

TEST(Catalog, a_changed_byte_of_the_database_never_gives_a_wrong_answer) {
    const Directory directory;
    {
        const auto catalog = open(directory.path());
        std::uint64_t lsn = 0;
        for (int i = 0; i < 3; ++i) {
            CreateStream command = create(4);
            command.key.name = "s" + std::to_string(i);
            static_cast<void>(submit(*catalog, lsn += 64, command));
        }
        for (const std::string key : {"AKIA1", "AKIA2"}) {
            const PutCredential put{{key, "1", key, "sealed", {}}, false};
            static_cast<void>(submit(*catalog, lsn += 64, put));
        }
        catalog->publish();
    }
    const std::string path = directory.path() + "/catalog.sqlite";
    const std::string before = answers(directory.path());
    ASSERT_FALSE(before.empty());
    std::string original(std::filesystem::file_size(path), '\0');
    std::ifstream(path, std::ios::binary).read(original.data(), static_cast<std::streamsize>(original.size()));
    const auto restore = [&](std::string_view content) {
        for (const char* beside : {"-wal", "-shm"}) std::filesystem::remove(path + beside);
        std::ofstream(path, std::ios::binary) << content;
    };
    int noticed = 0;
    for (std::size_t at = 0; at < original.size(); at += original[at] == 0 ? 31 : 1) {
        std::string changed = original;
        changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 8)));
        restore(changed);
        const std::string after = answers(directory.path());
        if (after.empty()) {
            ++noticed;
        } else {
            ASSERT_TRUE(after == before) << "byte " << at;
        }
    }
    EXPECT_GT(noticed, 300);
    for (std::size_t size = 0; size < original.size(); size += 512) {
        restore(std::string_view(original).substr(0, size));
        const std::string after = answers(directory.path());
        ASSERT_TRUE(after.empty() || after == before || size == 0) << "cut to " << size;
    }
}

TEST(Keyring, keeps_its_key_and_binds_secrets_to_their_access_key) {
    const Directory directory;
    core::SystemRng rng;
    const std::string path = directory.path() + "/keyring";
    EXPECT_FALSE(Keyring::open(path, false, rng));
    const auto made = Keyring::open(path, true, rng);
    ASSERT_TRUE(made) << made.error().message;
    const auto again = Keyring::open(path, false, rng);
    ASSERT_TRUE(again);
    EXPECT_EQ(made->derive("x"), again->derive("x"));
    EXPECT_NE(made->derive("x"), made->derive("y"));
    const std::string sealed = made->seal_secret("AKIA1", "secret", rng);
    EXPECT_EQ(again->open_secret("AKIA1", sealed), "secret");
    EXPECT_FALSE(again->open_secret("AKIA2", sealed));
    std::filesystem::permissions(path, std::filesystem::perms(0644));
    EXPECT_FALSE(Keyring::open(path, false, rng));
}

}  // namespace
}  // namespace riacho::catalog
