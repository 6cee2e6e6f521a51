#include <gtest/gtest.h>

#include "catalog/apply.h"

namespace riacho::catalog {
namespace {

using Action = QueueProgress::Action;
using Code = Verdict::Code;

constexpr TimestampMs now{1'700'000'000'000};
const StreamKey key{"000000000000", "us-east-1", "s"};

TimestampMs later(std::int64_t ms) { return TimestampMs(now.value() + ms); }

class Resources : public testing::Test {
protected:
    Resources() {
        CreateStream command;
        command.key = key;
        command.arn = "stream-arn";
        command.shard_count = 2;
        EXPECT_TRUE(apply(state, command, now).accepted);
    }
    std::shared_ptr<const StreamState> stream() { return state.snapshot->find(key.account, key.region, key.name); }

    PutResource queue(std::string name) {
        PutResource command;
        command.resource.kind = ResourceState::Kind::queue;
        command.resource.account = key.account;
        command.resource.region = key.region;
        command.resource.arn = name + "-arn";
        command.resource.name = std::move(name);
        command.resource.stream_uid = stream()->uid;
        command.transition_ms = 100;
        return command;
    }
    QueueShard progress(const std::vector<std::pair<Action, std::uint64_t>>& steps) {
        QueueProgress command{"q-arn", {}};
        for (const auto& [action, seq] : steps) command.steps.push_back({action, 7, seq});
        EXPECT_TRUE(apply(state, command, now).accepted);
        return state.snapshot->find_resource("q-arn")->queue_shards.at(7);
    }

    State state;
};

TEST_F(Resources, settings_change_one_by_one_and_only_in_the_right_state) {
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

TEST_F(Resources, are_made_over_streams_that_can_be_read) {
    CreateStream slow;
    slow.key = {key.account, key.region, "slow"};
    slow.shard_count = 1;
    slow.transition_ms = 100;
    ASSERT_TRUE(apply(state, slow, now).accepted);
    PutResource over_slow = queue("q");
    over_slow.resource.stream_uid = state.snapshot->find(key.account, key.region, "slow")->uid;
    EXPECT_EQ(apply(state, over_slow, now).verdict.code, Code::stream_not_active);
    PutResource over_nothing = queue("q");
    over_nothing.resource.stream_uid = 1'000;
    EXPECT_EQ(apply(state, over_nothing, now).verdict.code, Code::stream_missing);
    const PutResource late = queue("q");
    DeleteStream ending;
    ending.key = key;
    ending.transition_ms = 100;
    ASSERT_TRUE(apply(state, ending, now).accepted);
    EXPECT_EQ(apply(state, late, now).verdict, (Verdict{Code::stream_not_active, StreamStatus::deleting}));
    EXPECT_EQ(apply(state, late, later(100)).verdict.code, Code::stream_missing);
    EXPECT_EQ(state.snapshot->find_resource("q-arn"), nullptr);
}

TEST_F(Resources, new_tags_change_no_state) {
    ASSERT_TRUE(apply(state, queue("q"), now).accepted);
    PutResource tagged;
    tagged.resource = *state.snapshot->find_resource("q-arn");
    tagged.resource.tags["a"] = "b";
    tagged.replace = true;
    ASSERT_TRUE(apply(state, tagged, later(50)).accepted);
    EXPECT_EQ(state.snapshot->find_resource("q-arn")->status(later(99)), StreamStatus::creating);
    EXPECT_EQ(state.snapshot->find_resource("q-arn")->tags.at("a"), "b");
    // Seen before the deletion, applied after it.
    ASSERT_TRUE(apply(state, DeleteResource{"q-arn", 100}, later(200)).accepted);
    ASSERT_TRUE(apply(state, tagged, later(201)).accepted);
    EXPECT_EQ(state.snapshot->find_resource("q-arn")->status(later(299)), StreamStatus::deleting);
    EXPECT_TRUE(state.snapshot->find_resource("q-arn")->is_gone(later(300)));
}

TEST_F(Resources, data_keys_are_kept_for_older_records) {
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

TEST_F(Resources, an_on_demand_stream_has_four_shards) {
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

TEST_F(Resources, a_resource_has_a_name_of_its_own_until_it_is_gone) {
    ASSERT_TRUE(apply(state, queue("q"), now).accepted);
    PutResource same_name = queue("q");
    same_name.resource.arn = "other-arn";
    EXPECT_EQ(apply(state, same_name, now).verdict.code, Code::resource_exists);
    PutResource limited = queue("r");
    limited.count_max = 1;
    EXPECT_EQ(apply(state, limited, now).verdict.code, Code::too_many_resources);
    EXPECT_EQ(apply(state, PurgeResource{"q-arn"}, later(500)).verdict.code, Code::resource_missing);
    ASSERT_TRUE(apply(state, DeleteResource{"q-arn", 100}, later(200)).accepted);
    EXPECT_EQ(apply(state, same_name, later(250)).verdict.code, Code::resource_exists);
    ASSERT_TRUE(apply(state, same_name, later(300)).accepted);
    ASSERT_TRUE(apply(state, PurgeResource{"q-arn"}, later(300)).accepted);
    EXPECT_EQ(state.snapshot->find_resource("q-arn"), nullptr);
    EXPECT_NE(state.snapshot->find_resource("other-arn"), nullptr);
}

TEST_F(Resources, a_queue_counts_as_a_consumer_and_goes_with_its_stream) {
    ASSERT_TRUE(apply(state, queue("q"), now).accepted);
    EXPECT_EQ(apply(state, RegisterConsumer{key, "c", {}, 1, 0}, now).verdict.code, Code::too_many_consumers);
    EXPECT_EQ(apply(state, DeleteStream{key, 0, false}, now).verdict.code, Code::stream_has_consumers);
    ASSERT_TRUE(apply(state, DeleteStream{key, 0, true}, now).accepted);
    EXPECT_TRUE(state.snapshot->find_resource("q-arn")->is_gone(now));
}

TEST_F(Resources, a_stream_with_a_channel_stays) {
    PutResource channel = queue("c");
    channel.resource.kind = ResourceState::Kind::channel;
    ASSERT_TRUE(apply(state, channel, now).accepted);
    EXPECT_EQ(apply(state, DeleteStream{key, 0, true}, now).verdict.code, Code::stream_has_channels);
}

TEST_F(Resources, a_queue_forgets_what_was_acknowledged_without_a_gap) {
    ASSERT_TRUE(apply(state, queue("q"), now).accepted);
    QueueShard shard = progress({{Action::acknowledge, 2}, {Action::acknowledge, 4}});
    EXPECT_EQ(shard.floor, 1U);
    EXPECT_EQ(shard.done, (std::set<std::uint64_t>{2, 4}));
    shard = progress({{Action::acknowledge, 1}, {Action::acknowledge, 1}});
    EXPECT_EQ(shard.floor, 3U);
    EXPECT_EQ(shard.done, std::set<std::uint64_t>{4});
    shard = progress({{Action::bury, 3}});
    EXPECT_EQ(shard.floor, 5U);
    EXPECT_EQ(shard.dead, std::set<std::uint64_t>{3});
    EXPECT_TRUE(shard.done.empty());
}

TEST_F(Resources, a_dead_letter_can_come_back) {
    ASSERT_TRUE(apply(state, queue("q"), now).accepted);
    QueueShard shard = progress({{Action::bury, 1}, {Action::bury, 3}, {Action::restore, 1}, {Action::restore, 3}});
    EXPECT_EQ(shard.floor, 2U);
    EXPECT_EQ(shard.restored, std::set<std::uint64_t>{1});
    EXPECT_TRUE(shard.done.empty()) << "3 is behind the floor and simply not done";
    shard = progress({{Action::bury, 1}, {Action::acknowledge_dead, 1}, {Action::acknowledge, 1}});
    EXPECT_TRUE(shard.dead.empty() && shard.restored.empty());
    shard = progress({{Action::skip, 10}});
    EXPECT_EQ(shard.floor, 10U);
}

TEST_F(Resources, survive_their_encoding_and_a_changed_byte_never_crashes) {
    ASSERT_TRUE(apply(state, queue("q"), now).accepted);
    progress({{Action::bury, 2}, {Action::acknowledge, 5}});
    const auto resource = state.snapshot->find_resource("q-arn");
    const std::string bytes = encode(*resource);
    ASSERT_TRUE(decode_resource(bytes));
    EXPECT_EQ(*decode_resource(bytes), *resource);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        EXPECT_FALSE(decode_resource(bytes.substr(0, i)));
        std::string changed = bytes;
        changed[i] = static_cast<char>(changed[i] ^ 0x40);
        static_cast<void>(decode_resource(changed));
    }
}

}  // namespace
}  // namespace riacho::catalog
