#include <gtest/gtest.h>

#include "catalog/apply.h"
#include "catalog/queue_progress.h"

namespace riacho::catalog {
namespace {

using Action = QueueProgress::Action;
using Code = Verdict::Code;

constexpr TimestampMs now{1'700'000'000'000};
const StreamKey key{"000000000000", "us-east-1", "s"};

TimestampMs later(std::int64_t ms) { return TimestampMs(now.value() + ms); }

class Objects : public testing::Test {
protected:
    Objects() {
        CreateStream command;
        command.key = key;
        command.arn = "stream-arn";
        command.shard_count = 2;
        EXPECT_TRUE(apply(state, command, now).accepted);
    }
    std::shared_ptr<const StreamState> stream() { return state.snapshot->find(key.account, key.region, key.name); }

    CreateObject queue(std::string name) {
        CreateObject command;
        command.object.kind = ObjectState::Kind::queue;
        command.object.account = key.account;
        command.object.region = key.region;
        command.object.arn = name + "-arn";
        command.object.name = std::move(name);
        command.object.stream_uid = stream()->uid;
        command.transition_ms = 100;
        return command;
    }
    std::shared_ptr<const ObjectState> find(std::string_view arn) { return state.snapshot->find_object(arn); }

    State state;
};

TEST_F(Objects, settings_change_one_by_one_and_only_in_the_right_state) {
    ConfigureStream change;
    change.key = key;
    change.transition_ms = 100;
    change.max_record_size_kib = 2048;
    change.metrics_on = 0b101;
    ASSERT_TRUE(apply(state, change, now).accepted);
    EXPECT_EQ(stream()->max_record_size_kib, 2048);
    EXPECT_EQ(stream()->status(now), StreamStatus::updating);
    EXPECT_EQ(apply(state, change, now).verdict.code, Code::stream_not_active);
    ConfigureStream quiet;
    quiet.key = key;
    quiet.metrics_off = 0b001;
    quiet.policy = "{}";
    ASSERT_TRUE(apply(state, quiet, now).accepted) << "without a transition any state but DELETING will do";
    EXPECT_EQ(stream()->shard_metrics, 0b100);
    EXPECT_EQ(stream()->max_record_size_kib, 2048);
    EXPECT_EQ(*decode_stream(encode(*stream())), *stream());
}

TEST_F(Objects, are_made_over_streams_that_can_be_read) {
    CreateStream slow;
    slow.key = {key.account, key.region, "slow"};
    slow.shard_count = 1;
    slow.transition_ms = 100;
    ASSERT_TRUE(apply(state, slow, now).accepted);
    CreateObject over_slow = queue("q");
    over_slow.object.stream_uid = state.snapshot->find(key.account, key.region, "slow")->uid;
    EXPECT_EQ(apply(state, over_slow, now).verdict.code, Code::stream_not_active);
    CreateObject over_nothing = queue("q");
    over_nothing.object.stream_uid = 1'000;
    EXPECT_EQ(apply(state, over_nothing, now).verdict.code, Code::stream_missing);
    const CreateObject late = queue("q");
    DeleteStream ending;
    ending.key = key;
    ending.transition_ms = 100;
    ASSERT_TRUE(apply(state, ending, now).accepted);
    EXPECT_EQ(apply(state, late, now).verdict, (Verdict{Code::stream_not_active, StreamStatus::deleting}));
    EXPECT_EQ(apply(state, late, later(100)).verdict.code, Code::stream_missing);
    EXPECT_EQ(find("q-arn"), nullptr);
}

TEST_F(Objects, new_tags_change_neither_state_nor_version) {
    ASSERT_TRUE(apply(state, queue("q"), now).accepted);
    const TagObject tag{{0, "q-arn"}, {{"a", "b"}}, {}};
    ASSERT_TRUE(apply(state, tag, later(50)).accepted);
    EXPECT_EQ(find("q-arn")->status(later(99)), StreamStatus::creating);
    EXPECT_EQ(find("q-arn")->tags.at("a"), "b");
    EXPECT_EQ(find("q-arn")->version, 1U);
    ASSERT_TRUE(apply(state, DeleteObject{{0, "q-arn"}, 0, 100}, later(200)).accepted);
    ASSERT_TRUE(apply(state, tag, later(201)).accepted);
    EXPECT_EQ(find("q-arn")->status(later(299)), StreamStatus::deleting);
    EXPECT_TRUE(find("q-arn")->is_gone(later(300)));
    EXPECT_EQ(apply(state, tag, later(300)).verdict.code, Code::object_missing);
    TagObject many{{0, "r-arn"}, {}, {}};
    ASSERT_TRUE(apply(state, queue("r"), later(300)).accepted);
    for (int i = 0; i < 51; ++i) many.add["k" + std::to_string(i)] = "v";
    EXPECT_EQ(apply(state, many, later(300)).verdict.code, Code::too_many_tags);
}

ReplaceObjects replacement(const ObjectState& seen, std::string settings, std::int64_t transition_ms = -1) {
    ReplaceObjects command;
    auto& change = command.replacements.emplace_back();
    change.object.uid = seen.uid;
    change.version = seen.version;
    change.settings = std::move(settings);
    change.transition_ms = transition_ms;
    return command;
}

TEST_F(Objects, are_replaced_only_from_the_version_that_was_read) {
    ASSERT_TRUE(apply(state, queue("q"), now).accepted);
    const auto seen = find("q-arn");
    ASSERT_TRUE(apply(state, TagObject{{seen->uid, ""}, {{"a", "b"}}, {}}, later(150)).accepted);
    ASSERT_TRUE(apply(state, replacement(*seen, "one", 100), later(150)).accepted);
    EXPECT_EQ(find("q-arn")->settings, "one");
    EXPECT_EQ(find("q-arn")->tags.at("a"), "b") << "a replacement loses no tag";
    EXPECT_EQ(find("q-arn")->status(later(200)), StreamStatus::updating);
    EXPECT_EQ(apply(state, replacement(*seen, "two"), later(400)).verdict,
              (Verdict{Code::object_changed, StreamStatus::active, 2, {}}));
    EXPECT_EQ(apply(state, replacement(*find("q-arn"), "two", 100), later(200)).verdict.code, Code::object_not_active);
    EXPECT_TRUE(apply(state, replacement(*find("q-arn"), "two"), later(200)).accepted);
    EXPECT_EQ(find("q-arn")->version, 3U);
}

TEST_F(Objects, that_belong_together_are_replaced_together_or_not_at_all) {
    ASSERT_TRUE(apply(state, queue("q"), now).accepted);
    ASSERT_TRUE(apply(state, queue("r"), now).accepted);
    ReplaceObjects both = replacement(*find("q-arn"), "new");
    both.replacements.push_back(replacement(*find("r-arn"), "new").replacements.front());
    ReplaceObjects stale = both;
    stale.replacements.back().version = 9;
    EXPECT_EQ(apply(state, stale, now).verdict.code, Code::object_changed);
    EXPECT_EQ(find("q-arn")->settings, "");
    ASSERT_TRUE(apply(state, both, now).accepted);
    EXPECT_EQ(find("q-arn")->settings, "new");
    EXPECT_EQ(find("r-arn")->settings, "new");
}

TEST_F(Objects, own_shards_that_come_and_go_with_them) {
    CreateObject command = queue("q");
    command.shards = {ShardClass::media, ShardClass::records};
    EXPECT_EQ(effects_max(state, command), 2U);
    const Outcome made = apply(state, command, now);
    ASSERT_TRUE(made.accepted);
    EXPECT_EQ(made.effects.create, find("q-arn")->shards);
    const auto first = find("q-arn")->shards.front();
    ReplaceObjects change = replacement(*find("q-arn"), "s");
    change.replacements.front().drop_shards = {first.uid};
    change.replacements.front().add_shards = {ShardClass::media};
    EXPECT_EQ(effects_max(state, change), 2U);
    const Outcome changed = apply(state, change, now);
    ASSERT_TRUE(changed.accepted);
    EXPECT_EQ(changed.effects.drop, std::vector<std::uint64_t>{first.uid});
    EXPECT_EQ(changed.effects.create.size(), 1U);
    ReplaceObjects foreign = replacement(*find("q-arn"), "s");
    foreign.replacements.front().drop_shards = {stream()->shards.front().uid};
    EXPECT_EQ(apply(state, foreign, now).verdict.code, Code::shard_missing);
    ASSERT_TRUE(apply(state, DeleteObject{{0, "q-arn"}, 0, 0}, now).accepted);
    EXPECT_EQ(effects_max(state, PurgeObject{{0, "q-arn"}}), 2U);
    EXPECT_EQ(apply(state, PurgeObject{{0, "q-arn"}}, now).effects.drop.size(), 2U);
}

TEST_F(Objects, progress_moves_from_what_the_mover_saw) {
    CreateObject command = queue("q");
    command.shards = {ShardClass::records};
    command.progress = {{"a", "1"}};
    ASSERT_TRUE(apply(state, command, now).accepted);
    ASSERT_TRUE(apply(state, queue("r"), now).accepted);
    const auto before = find("q-arn");
    const std::uint64_t q = before->uid;
    const std::uint64_t r = find("r-arn")->uid;
    const auto value = [&](std::uint64_t owner, const std::string& name) {
        const ProgressValue* found = state.snapshot->progress().find(ProgressKey{owner, name});
        return found == nullptr ? std::string("none") : **found;
    };
    const std::uint64_t shard = before->shards.front().uid;
    const Outcome moved = apply(
        state, MoveProgress{{{q, 0, {{"a", "1", "2"}, {"b", "", "x"}}, {{shard, 5}}}, {r, 0, {{"a", "7", "8"}}, {}}}},
        now);
    ASSERT_TRUE(moved.accepted);
    EXPECT_EQ(moved.verdict.refused, std::vector<std::uint32_t>{1}) << "one owner's moves do not hinder another's";
    ASSERT_EQ(moved.effects.trim.size(), 1U);
    EXPECT_EQ(moved.effects.trim.front().first_seq, 5U);
    EXPECT_EQ(value(q, "a") + value(q, "b") + value(r, "a"), "2xnone");
    EXPECT_EQ(find("q-arn"), before) << "moving progress copies no object";
    // The moves of an owner are made together or not at all; a command of which every move is refused writes nothing.
    EXPECT_EQ(apply(state, MoveProgress{{{q, 0, {{"b", {}, "y"}, {"a", "1", "3"}}, {}}}}, now).verdict.code,
              Code::progress_refused);
    EXPECT_EQ(value(q, "b"), "x");
    EXPECT_FALSE(apply(state, MoveProgress{{{q, 0, {{"a", {}, std::string(1'025, 'x')}}, {}}}}, now).accepted);
    EXPECT_FALSE(apply(state, MoveProgress{{{q, 0, {}, {{stream()->shards.front().uid, 5}}}}}, now).accepted);
    EXPECT_FALSE(apply(state, MoveProgress{{{r + 1, 0, {{"a", {}, "x"}}, {}}}}, now).accepted);
    ASSERT_TRUE(apply(state, MoveProgress{{{q, 0, {{"a", "2", {}}}, {}}}}, now).accepted);
    EXPECT_EQ(value(q, "a"), "none");
    ASSERT_TRUE(apply(state, DeleteObject{{q, ""}, 0, 0}, now).accepted);
    ASSERT_TRUE(apply(state, PurgeObject{{q, ""}}, now).accepted);
    EXPECT_TRUE(state.snapshot->progress().empty());
}

// AWS: expired closed shards are no longer listed; their children still name them as parents.
TEST_F(Objects, closed_shards_are_forgotten_when_their_records_have_expired) {
    ASSERT_TRUE(apply(state, queue("q"), now).accepted);
    const std::int64_t hours = 3'600'000;
    Reshard split{key, {PendingReshard::Kind::split, 0, 0, u128_max / 4, 0}, 0, false};
    ASSERT_TRUE(apply(state, split, now).accepted);
    ASSERT_TRUE(apply(state, ContinueReshard{stream()->uid}, now).accepted);
    const std::uint64_t parent = stream()->shards.front().uid;
    const std::uint64_t open = stream()->shards.back().uid;
    ASSERT_TRUE(apply(state, QueueProgress{"q-arn", {{Action::bury, parent, 3}, {Action::acknowledge, open, 3}}}, now)
                    .accepted);
    const ForgetShards forget{stream()->uid, {parent, open}};
    EXPECT_EQ(apply(state, forget, later(24 * hours)).verdict.code, Code::shards_not_expired);
    EXPECT_EQ(effects_max(state, forget), 2U);
    const Outcome forgotten = apply(state, forget, later(24 * hours + 1));
    ASSERT_TRUE(forgotten.accepted);
    EXPECT_EQ(forgotten.effects.drop, std::vector<std::uint64_t>{parent}) << "an open shard stays";
    EXPECT_EQ(stream()->find_shard(0), nullptr);
    EXPECT_EQ(stream()->find_shard(2)->parent, 0);
    const auto again = decode_stream(encode(*stream()));
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *stream());
    EXPECT_EQ(QueueShardView(state.snapshot->progress(), find("q-arn")->uid, parent).dead_count(), 0U);
    EXPECT_TRUE(QueueShardView(state.snapshot->progress(), find("q-arn")->uid, open).is_done(3));
    // Later shards get unused indexes.
    Reshard merge{key, {PendingReshard::Kind::merge, 2, 3, 0, 0}, 0, false};
    ASSERT_TRUE(apply(state, merge, later(24 * hours + 1)).accepted);
    ASSERT_TRUE(apply(state, ContinueReshard{stream()->uid}, later(24 * hours + 1)).accepted);
    EXPECT_EQ(stream()->shards.back().index, 4);
}

TEST_F(Objects, data_keys_are_kept_for_older_records) {
    for (const char* sealed : {"one", "two"}) {
        ConfigureStream change;
        change.key = key;
        change.key_id = "alias/k";
        change.new_data_key = sealed;
        ASSERT_TRUE(apply(state, change, now).accepted);
    }
    ConfigureStream stop;
    stop.key = key;
    stop.key_id = "";
    ASSERT_TRUE(apply(state, stop, now).accepted);
    EXPECT_EQ(stream()->key_id, "");
    EXPECT_EQ(stream()->data_keys, (std::vector<std::string>{"one", "two"}));
}

TEST_F(Objects, an_on_demand_stream_has_four_shards) {
    ConfigureStream change;
    change.key = key;
    change.transition_ms = 100;
    change.mode = StreamMode::on_demand;
    ASSERT_TRUE(apply(state, change, now).accepted);
    EXPECT_EQ(stream()->status(now), StreamStatus::updating);
    for (int step = 0; step < 20 && stream()->reshard; ++step) {
        ASSERT_TRUE(apply(state, ContinueReshard{stream()->uid}, later(100 + step)).accepted);
    }
    EXPECT_EQ(stream()->open_shard_count(), 4);
    Reshard by_user{key, {PendingReshard::Kind::uniform, 0, 0, 0, 8}, 0, false};
    EXPECT_EQ(apply(state, by_user, later(150)).verdict.code, Code::stream_on_demand);
    by_user.by_service = true;
    EXPECT_TRUE(apply(state, by_user, later(150)).accepted);
}

TEST_F(Objects, a_resource_has_a_name_of_its_own_until_it_is_gone) {
    ASSERT_TRUE(apply(state, queue("q"), now).accepted);
    CreateObject same_name = queue("q");
    same_name.object.arn = "other-arn";
    EXPECT_EQ(apply(state, same_name, now).verdict.code, Code::object_exists);
    CreateObject limited = queue("r");
    limited.count_max = 1;
    EXPECT_EQ(apply(state, limited, now).verdict.code, Code::too_many_objects);
    EXPECT_EQ(apply(state, PurgeObject{{0, "q-arn"}}, later(500)).verdict.code, Code::object_missing);
    ASSERT_TRUE(apply(state, DeleteObject{{0, "q-arn"}, 0, 100}, later(200)).accepted);
    EXPECT_EQ(apply(state, same_name, later(250)).verdict.code, Code::object_exists);
    ASSERT_TRUE(apply(state, same_name, later(300)).accepted);
    ASSERT_TRUE(apply(state, PurgeObject{{0, "q-arn"}}, later(300)).accepted);
    EXPECT_EQ(find("q-arn"), nullptr);
    EXPECT_NE(find("other-arn"), nullptr);
}

TEST_F(Objects, a_queue_counts_as_a_consumer_and_goes_with_its_stream) {
    ASSERT_TRUE(apply(state, queue("q"), now).accepted);
    EXPECT_EQ(apply(state, RegisterConsumer{key, "c", {}, 1, 0}, now).verdict.code, Code::too_many_consumers);
    EXPECT_EQ(apply(state, DeleteStream{key, 0, false}, now).verdict.code, Code::stream_has_consumers);
    ASSERT_TRUE(apply(state, DeleteStream{key, 0, true}, now).accepted);
    EXPECT_TRUE(find("q-arn")->is_gone(now));
}

TEST_F(Objects, a_stream_with_a_channel_stays) {
    CreateObject channel = queue("c");
    channel.object.kind = ObjectState::Kind::channel;
    ASSERT_TRUE(apply(state, channel, now).accepted);
    EXPECT_EQ(apply(state, DeleteStream{key, 0, true}, now).verdict.code, Code::stream_has_channels);
}

TEST_F(Objects, survive_their_encoding_and_a_changed_byte_never_crashes) {
    CreateObject command = queue("q");
    command.object.tags = {{"a", "b"}};
    command.shards = {ShardClass::media};
    ASSERT_TRUE(apply(state, command, now).accepted);
    const auto object = find("q-arn");
    const std::string bytes = encode(*object);
    ASSERT_TRUE(decode_object(bytes));
    EXPECT_EQ(*decode_object(bytes), *object);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        EXPECT_FALSE(decode_object(bytes.substr(0, i)));
        std::string changed = bytes;
        changed[i] = static_cast<char>(changed[i] ^ 0x40);
        static_cast<void>(decode_object(changed));
    }
}

}  // namespace
}  // namespace riacho::catalog
