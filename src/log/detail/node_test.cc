// The log as a whole, without threads: records are read back, from memory and from segments, before and after restarts.
#include "log/detail/test_node.h"

namespace riacho::log::detail {
namespace {

class NodeTest : public testing::Test {
protected:
    NodeTest() { EXPECT_TRUE(fs_.mkdir("/")); }

    std::unique_ptr<TestNode> open(Options options = TestNode::small_options()) {
        auto node = std::make_unique<TestNode>(fs_, clock_, applier_, std::move(options));
        EXPECT_TRUE(node->is_open()) << (node->error ? node->error->message : "");
        return node;
    }

    io::SimulatedFileSystem fs_;
    core::ManualClock clock_{TimestampMs(1'700'000'000'000)};
    TestApplier applier_;
};

std::vector<std::string> texts(const std::vector<TestRecord>& records) {
    std::vector<std::string> data;
    data.reserve(records.size());
    for (const TestRecord& record : records) data.push_back(record.data);
    return data;
}

TEST_F(NodeTest, records_are_numbered_from_the_shards_first_number_and_read_back) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1 2=100"));
    const auto first = node->append(1, {"a", "b"});
    ASSERT_TRUE(first);
    EXPECT_EQ(first->first, SeqIx(1));
    EXPECT_EQ(first->count, 2U);
    EXPECT_EQ(first->arrival, clock_.now());
    EXPECT_EQ(node->append(1, {"c"})->first, SeqIx(3));
    EXPECT_EQ(node->append(2, {"x"})->first, SeqIx(100));
    EXPECT_EQ(texts(node->read_all(1)), (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_EQ(texts(node->read_all(2)), (std::vector<std::string>{"x"}));
}

TEST_F(NodeTest, a_request_for_several_shards_is_one_group_and_each_batch_fails_alone) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1 2 3"));
    ASSERT_TRUE(node->command("close 2"));
    const std::uint64_t groups = node->store.counters.groups;
    std::vector<ShardBatch> batches;
    for (const std::uint64_t shard : {1U, 2U, 3U, 9U}) {
        batches.push_back({.shard = ShardUid(shard), .batch = make_batch({"x"})});
    }
    const auto results = node->append_all(std::move(batches));
    EXPECT_TRUE(results[0]);
    EXPECT_EQ(results[1].error(), LogError::sealed);
    EXPECT_TRUE(results[2]);
    EXPECT_EQ(results[3].error(), LogError::unknown_shard);
    EXPECT_EQ(node->store.counters.groups, groups + 1);
}

TEST_F(NodeTest, arrival_times_of_a_shard_never_go_back) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    const TimestampMs late = node->append(1, {"a"})->arrival;
    clock_.set(TimestampMs(late.value() - 3'600'000));
    EXPECT_EQ(node->append(1, {"b"})->arrival, late);
    clock_.set(TimestampMs(late.value() + 5));
    EXPECT_EQ(node->append(1, {"c"})->arrival.value(), late.value() + 5);
}

TEST_F(NodeTest, a_rejected_command_leaves_no_trace) {
    const auto node = open();
    const std::uint64_t bytes = node->store.counters.journal_bytes;
    const auto result = node->command("reject");
    ASSERT_TRUE(result);
    EXPECT_FALSE(result->accepted);
    EXPECT_EQ(result->reply, "no");
    EXPECT_EQ(node->store.counters.journal_bytes, bytes);
    EXPECT_EQ(applier_.durable, Lsn(0));
}

TEST_F(NodeTest, a_command_may_name_as_many_shards_as_a_journal_file_has_room_for) {
    auto node = open();
    const auto create = [](int from, int to) {
        std::string text = "create";
        for (int uid = from; uid < to; ++uid) text += fmt::format(" {}", uid);
        return text;
    };
    // Two thirds of a whole file, in a first file of half that size.
    ASSERT_TRUE(node->command(create(1, 801)));
    ASSERT_TRUE(node->append(800, {"a"}));
    // Larger than any file: refused, without delaying other requests.
    CommandRequest large;
    NoWakeup woken;
    large.command = create(10'000, 12'000);
    large.wakeup = &woken;
    node->sequencer.submit(large);
    EXPECT_TRUE(node->append(1, {"b"}));
    EXPECT_EQ(woken.count, 1);
    EXPECT_EQ(large.result.error(), LogError::overloaded);
    EXPECT_EQ(applier_.sequenced.size(), 1U);
    const std::string before = node->describe();
    node.reset();
    const auto again = open();
    EXPECT_EQ(again->describe(), before);
}

TEST_F(NodeTest, a_command_takes_effect_for_everything_queued_after_it) {
    const auto node = open();
    AppendRequest append;
    CommandRequest create;
    CommandRequest close;
    AppendRequest late;
    std::vector<NoWakeup> wakeups(4);
    std::size_t submitted = 0;
    std::vector<ShardBatch> early_batch;
    early_batch.push_back({.shard = ShardUid(1), .batch = make_batch({"in time"})});
    std::vector<ShardBatch> late_batch;
    late_batch.push_back({.shard = ShardUid(1), .batch = make_batch({"late"})});
    append.batches = early_batch;
    late.batches = late_batch;
    create.command = "create 1";
    close.command = "close 1";
    const auto submit = [&](QueueItem& item) {
        item.wakeup = &wakeups[submitted++];
        node->sequencer.submit(item);
    };
    submit(create);
    submit(append);
    submit(close);
    submit(late);
    ASSERT_TRUE(node->sequencer.step());
    for (const NoWakeup& wakeup : wakeups) EXPECT_EQ(wakeup.count, 1);
    EXPECT_TRUE(early_batch[0].result);
    EXPECT_EQ(late_batch[0].result.error(), LogError::sealed);
    EXPECT_EQ(node->store.counters.groups, 1U);
    EXPECT_TRUE(node->find(1)->closed);
    // The close command's view included the record before it.
    EXPECT_EQ(applier_.sequenced[1].next, (std::vector<std::uint64_t>{2}));
}

TEST_F(NodeTest, nothing_is_visible_before_it_is_durable) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    ASSERT_TRUE(node->append(1, {"a"}));
    fs_.fail_call("pwritev", 1, EIO);
    EXPECT_EQ(node->append(1, {"b"}).error(), LogError::poisoned);
    EXPECT_EQ(texts(node->read_all(1)), (std::vector<std::string>{"a"}));
}

TEST_F(NodeTest, a_failed_write_is_final_even_if_the_disk_recovers) {
    std::string reason;
    Options options = TestNode::small_options();
    options.on_failure = [&](std::string_view text) { reason = text; };
    const auto node = open(options);
    ASSERT_TRUE(node->command("create 1"));
    fs_.fail_call("pwritev", 1, EIO);
    EXPECT_EQ(node->append(1, {"a"}).error(), LogError::poisoned);
    EXPECT_NE(reason.find("pwritev"), std::string::npos) << reason;
    const std::uint64_t changes = fs_.change_count();
    EXPECT_EQ(node->append(1, {"b"}).error(), LogError::poisoned);
    EXPECT_EQ(node->command("create 2").error(), LogError::poisoned);
    EXPECT_FALSE(node->checkpoint());
    EXPECT_EQ(fs_.change_count(), changes) << "something was written after the failure";
    EXPECT_EQ(node->store.state(), StoreState::failed);
}

TEST_F(NodeTest, a_failed_checkpoint_sync_is_final) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    ASSERT_TRUE(node->append(1, {"a"}));
    ASSERT_TRUE(node->flusher.process());
    fs_.fail_call("fdatasync", 1, EIO);
    EXPECT_FALSE(node->flusher.checkpoint());
    EXPECT_EQ(node->append(1, {"b"}).error(), LogError::poisoned);
}

TEST_F(NodeTest, records_survive_a_restart_with_and_without_a_checkpoint) {
    for (const bool has_checkpoint : {false, true}) {
        fs_ = io::SimulatedFileSystem();
        applier_ = {};
        ASSERT_TRUE(fs_.mkdir("/"));
        std::string before;
        {
            const auto node = open();
            ASSERT_TRUE(node->command("create 1 2"));
            for (int i = 0; i < 50; ++i)
                ASSERT_TRUE(node->append(1 + static_cast<std::uint64_t>(i % 2), {std::to_string(i)}));
            if (has_checkpoint) ASSERT_TRUE(node->checkpoint());
            for (int i = 50; i < 60; ++i) ASSERT_TRUE(node->append(1, {std::to_string(i)}));
            ASSERT_TRUE(node->command("close 2"));
            before = node->describe();
        }
        fs_.crash({});
        EXPECT_EQ(open()->describe(), before);
        fs_.crash({});
        const auto node = open();
        EXPECT_EQ(node->describe(), before);
        EXPECT_EQ(node->append(1, {"next"})->first, SeqIx(36));
        EXPECT_EQ(node->append(2, {"late"}).error(), LogError::sealed);
    }
}

TEST_F(NodeTest, a_clean_shutdown_leaves_nothing_to_replay) {
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1"));
        ASSERT_TRUE(node->append(1, {"a"}));
        node->shut_down();
    }
    const auto node = open();
    EXPECT_EQ(node->store.counters.recovery_replayed_bytes, 0U);
    EXPECT_EQ(node->store.counters.recovery_truncated_bytes, 0U);
    EXPECT_EQ(texts(node->read_all(1)), (std::vector<std::string>{"a"}));
}

TEST_F(NodeTest, commands_are_replayed_with_their_time_and_what_they_saw) {
    applier_.stores_at_once = false;
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1"));
        clock_.advance_ms(1000);
        ASSERT_TRUE(node->append(1, {"a", "b"}));
        ASSERT_TRUE(node->command("close 1"));
        ASSERT_TRUE(node->checkpoint());
        clock_.advance_ms(1000);
        ASSERT_TRUE(node->command("drop 1"));
    }
    fs_.crash({});
    clock_.advance_ms(5000);
    open();
    EXPECT_EQ(applier_.replayed, applier_.sequenced);
    EXPECT_EQ(applier_.replayed[1].next, (std::vector<std::uint64_t>{3}));
}

TEST_F(NodeTest, commands_the_applier_has_stored_are_replayed_only_after_the_checkpoint) {
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1"));
        ASSERT_TRUE(node->checkpoint());
        ASSERT_TRUE(node->command("create 2"));
    }
    fs_.crash({});
    open();
    ASSERT_EQ(applier_.replayed.size(), 1U);
    EXPECT_EQ(applier_.replayed[0].command, "create 2");
}

TEST_F(NodeTest, journal_files_wait_for_the_applier_and_are_recycled_then) {
    applier_.stores_at_once = false;
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(node->append(1, {std::string(1000, 'x')}));
    ASSERT_GT(node->store.journal.retained_count(), 0U);
    ASSERT_TRUE(node->checkpoint());
    EXPECT_GT(node->store.journal.retained_count(), 0U);
    EXPECT_EQ(applier_.requests, 1);
    applier_.applied = applier_.durable;
    ASSERT_TRUE(node->append(1, {"x"}));
    ASSERT_TRUE(node->checkpoint());
    EXPECT_EQ(node->store.journal.retained_count(), 0U);
}

TEST_F(NodeTest, journal_files_wait_for_the_checkpoint) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(node->append(1, {std::string(1000, 'x')}));
    const std::size_t retained = node->store.journal.retained_count();
    ASSERT_GT(retained, 0U);
    ASSERT_TRUE(node->flusher.process());
    clock_.advance_ms(2000);
    node->flusher.tick();
    EXPECT_EQ(node->store.journal.retained_count(), retained);
    ASSERT_TRUE(node->flusher.checkpoint());
    EXPECT_EQ(node->store.journal.retained_count(), 0U);
}

TEST_F(NodeTest, reads_from_segments_give_what_reads_from_memory_gave) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1 2"));
    for (int i = 0; i < 200; ++i) {
        clock_.advance_ms(7);
        std::vector<std::string> batch;
        for (int k = 0; k <= i % 4; ++k)
            batch.push_back(fmt::format("{}-{}-{}", i, k, std::string(static_cast<std::size_t>(i), '.')));
        ASSERT_TRUE(node->append(1 + static_cast<std::uint64_t>(i % 2), batch));
        if (i % 50 == 0) ASSERT_TRUE(node->checkpoint());
    }
    ASSERT_TRUE(node->checkpoint());
    const std::string from_memory = node->describe();
    const auto some = node->read_all(1, SeqIx(77), {.records_max = 3});
    node->empty_cache();
    EXPECT_EQ(node->describe(), from_memory);
    EXPECT_EQ(node->read_all(1, SeqIx(77), {.records_max = 3}), some);
    EXPECT_GT(fs_.list("/store/data/0/0000000000000001")->size(), 2U) << "the segment never rolled";
}

TEST_F(NodeTest, limits_count_records_and_bytes_and_give_at_least_one) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    ASSERT_TRUE(node->append(1, {std::string(97, 'a'), std::string(97, 'b'), std::string(97, 'c')}));
    ASSERT_TRUE(node->append(1, {std::string(97, 'd')}));
    for (const bool cold : {false, true}) {
        if (cold) {
            ASSERT_TRUE(node->checkpoint());
            node->empty_cache();
        }
        auto result = node->read(1, SeqIx(1), {.records_max = 2});
        EXPECT_EQ(result->record_count, 2U);
        EXPECT_EQ(result->next, SeqIx(3));
        EXPECT_FALSE(result->at_tip);
        EXPECT_EQ(result->next_arrival, clock_.now());
        // Key and data of one record are 100 bytes.
        EXPECT_EQ(node->read(1, SeqIx(1), {.bytes_max = 199})->record_count, 1U);
        EXPECT_EQ(node->read(1, SeqIx(1), {.bytes_max = 200})->record_count, 2U);
        EXPECT_EQ(node->read(1, SeqIx(2), {.bytes_max = 1})->record_count, 1U);
        result = node->read(1, SeqIx(2));
        EXPECT_EQ(result->record_count, 3U);
        EXPECT_TRUE(result->at_tip);
        EXPECT_FALSE(result->next_arrival);
        EXPECT_EQ(result->payload_bytes, 300U);
    }
}

TEST_F(NodeTest, a_read_beyond_the_end_is_an_empty_one_at_the_tip) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    ASSERT_TRUE(node->append(1, {"a"}));
    const auto result = node->read(1, SeqIx(2));
    ASSERT_TRUE(result);
    EXPECT_TRUE(result->at_tip);
    EXPECT_FALSE(result->closed);
    EXPECT_EQ(result->next, SeqIx(2));
    ASSERT_TRUE(node->command("close 1"));
    EXPECT_TRUE(node->read(1, SeqIx(2))->closed);
    EXPECT_FALSE(node->read(1, SeqIx(1), {.records_max = 1})->slices.empty());
}

TEST_F(NodeTest, records_before_the_horizon_are_passed_over) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    for (int i = 0; i < 300; ++i) {
        clock_.advance_ms(10);
        ASSERT_TRUE(node->append(1, {std::to_string(i)}));
        if (i % 50 == 49) ASSERT_TRUE(node->checkpoint());
    }
    ASSERT_TRUE(node->checkpoint());
    const TimestampMs horizon(clock_.now().value() - 100);
    for (const bool cold : {false, true}) {
        if (cold) node->empty_cache();
        const auto result = node->read(1, SeqIx(1), {.records_max = 4}, horizon);
        ASSERT_TRUE(result);
        EXPECT_EQ(result->slices.front().first, SeqIx(290));
        EXPECT_EQ(result->next, SeqIx(294));
        EXPECT_TRUE(node->read(1, SeqIx(1), {}, TimestampMs(clock_.now().value() + 1))->at_tip);
    }
}

TEST_F(NodeTest, a_time_is_found_in_memory_and_on_disk) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    const std::int64_t start = clock_.now().value();
    for (int i = 0; i < 300; ++i) {
        // Three batches share each arrival time.
        if (i % 3 == 0) clock_.advance_ms(10);
        ASSERT_TRUE(node->append(1, {std::to_string(i), "second"}));
        if (i % 50 == 49) ASSERT_TRUE(node->checkpoint());
    }
    ASSERT_TRUE(node->checkpoint());
    const ShardPtr shard = node->store.shards.find(ShardUid(1));
    const auto find = [&](std::int64_t at) {
        const TailSearch search = search_tail(*shard, TimestampMs(at));
        if (search.answer) return *search.answer;
        return node->store.segments.find_by_time(*shard, TimestampMs(at), search.from, search.stop).value();
    };
    for (const bool cold : {false, true}) {
        if (cold) node->empty_cache();
        EXPECT_EQ(find(0), SeqIx(1));
        for (int step = 1; step <= 100; ++step) {
            const std::uint64_t expected = static_cast<std::uint64_t>(step - 1) * 6 + 1;
            ASSERT_EQ(find(start + step * 10), SeqIx(expected));
            ASSERT_EQ(find(start + step * 10 - 9), SeqIx(expected));
        }
        EXPECT_EQ(find(start + 1001), SeqIx(601));
    }
}

TEST_F(NodeTest, dirty_frames_stay_in_memory_and_clean_ones_leave_when_there_are_too_many) {
    Options options = TestNode::small_options();
    options.cache_bytes = 20'000;
    const auto node = open(options);
    ASSERT_TRUE(node->command("create 1"));
    for (int i = 0; i < 40; ++i) ASSERT_TRUE(node->append(1, {std::string(1000, 'x')}));
    ASSERT_TRUE(node->flusher.process());
    EXPECT_GT(node->store.counters.cached_bytes, 40'000U) << "an unsynced frame was evicted";
    EXPECT_EQ(node->store.counters.cached_bytes, node->store.counters.dirty_bytes);
    ASSERT_TRUE(node->flusher.checkpoint());
    EXPECT_LE(node->store.counters.cached_bytes, 20'000U);
    EXPECT_EQ(node->store.counters.dirty_bytes, 0U);
    EXPECT_EQ(node->read_all(1).size(), 40U);
}

TEST_F(NodeTest, a_missing_or_wrong_index_is_made_again) {
    auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    for (int i = 0; i < 60; ++i) ASSERT_TRUE(node->append(1, {std::string(3000, 'x'), std::to_string(i)}));
    ASSERT_TRUE(node->command("close 1"));
    ASSERT_TRUE(node->checkpoint());
    const std::string before = node->describe();
    int broken = 0;
    for (const std::string& path : fs_.paths()) {
        if (!path.ends_with(".rki")) continue;
        auto content = *fs_.content(path);
        content[content.size() / 2] ^= std::byte{1};
        if (++broken % 2 == 0) content.clear();
        fs_.set_content(path, content);
    }
    ASSERT_GT(broken, 5);
    node->shut_down();
    node.reset();
    const auto again = open();
    EXPECT_EQ(again->describe(), before);
    EXPECT_EQ(again->read_all(1, SeqIx(99)).front().seq, 99U);
}

TEST_F(NodeTest, retention_trims_first_and_deletes_whole_segments_after_the_checkpoint) {
    Options options = TestNode::small_options();
    options.retention_slack_ms = 1000;
    auto node = open(options);
    ASSERT_TRUE(node->command("create 1"));
    for (int i = 0; i < 60; ++i) {
        clock_.advance_ms(1000);
        ASSERT_TRUE(node->append(1, {std::string(1000, 'x')}));
    }
    ASSERT_TRUE(node->checkpoint());
    const std::size_t files = fs_.paths().size();
    node->store.shards.find(ShardUid(1))->retention_ms = 20'000;
    clock_.advance_ms(2000);
    node->flusher.tick();
    ASSERT_TRUE(node->sequencer.step()) << "no trim was asked for";
    const SeqIx first = node->find(1)->first_available;
    EXPECT_GT(first, SeqIx(10));
    EXPECT_LT(first, SeqIx(40));
    ASSERT_TRUE(node->flusher.process());
    EXPECT_EQ(fs_.paths().size(), files) << "deleted before the trim was checkpointed";
    ASSERT_TRUE(node->checkpoint());
    EXPECT_LT(fs_.paths().size(), files);
    EXPECT_EQ(node->read_all(1).front().seq, first.value());
    const std::string before = node->describe();
    node.reset();
    fs_.crash({});
    EXPECT_EQ(open(options)->describe(), before);
}

TEST_F(NodeTest, a_trim_moves_the_first_record_and_never_back) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    ASSERT_TRUE(node->append(1, {"a", "b", "c", "d"}));
    ASSERT_TRUE(node->command("trim 1=3"));
    EXPECT_EQ(texts(node->read_all(1)), (std::vector<std::string>{"c", "d"}));
    ASSERT_TRUE(node->command("trim 1=2"));
    EXPECT_EQ(node->find(1)->first_available, SeqIx(3));
    ASSERT_TRUE(node->command("trim 1=99"));
    EXPECT_EQ(node->find(1)->first_available, SeqIx(5));
    EXPECT_TRUE(node->read_all(1).empty());
    EXPECT_EQ(node->append(1, {"e"})->first, SeqIx(5));
}

TEST_F(NodeTest, a_dropped_shard_is_gone_at_once_and_its_files_after_the_checkpoint) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1 2"));
    ASSERT_TRUE(node->append(1, {"a"}));
    ASSERT_TRUE(node->append(2, {"b"}));
    ASSERT_TRUE(node->checkpoint());
    ASSERT_TRUE(fs_.list("/store/data/0/0000000000000001"));
    ASSERT_TRUE(node->command("drop 1"));
    EXPECT_FALSE(node->find(1));
    EXPECT_EQ(node->read(1, SeqIx(1)).error(), LogError::unknown_shard);
    EXPECT_EQ(node->append(1, {"x"}).error(), LogError::unknown_shard);
    ASSERT_TRUE(node->checkpoint());
    EXPECT_FALSE(fs_.list("/store/data/0/0000000000000001"));
    EXPECT_EQ(texts(node->read_all(2)), (std::vector<std::string>{"b"}));
    EXPECT_EQ(node->store.counters.cached_bytes, cached_size(*node->read(2, SeqIx(1))->slices[0].frame));
}

TEST_F(NodeTest, nothing_of_a_dropped_shard_stays_in_memory) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    ASSERT_TRUE(node->append(1, {"the oldest frame in the cache"}));
    ASSERT_TRUE(node->command("create 2"));
    ASSERT_TRUE(node->append(2, {"a"}));
    const std::weak_ptr<Shard> dropped = node->store.shards.find(ShardUid(2));
    ASSERT_TRUE(node->command("drop 2"));
    ASSERT_TRUE(node->append(1, {"b"}));
    ASSERT_TRUE(node->checkpoint());
    EXPECT_TRUE(dropped.expired());
}

TEST_F(NodeTest, the_writers_get_overloaded_when_no_journal_file_is_left_and_go_on_afterwards) {
    Options options = TestNode::small_options();
    options.journal_files_max = 3;
    const auto node = open(options);
    ASSERT_TRUE(node->command("create 1"));
    node->store.journal.stop_waiting();
    int written = 0;
    Expected<Appended, LogError> last = Appended{};
    while (written < 200 && (last = node->append(1, {std::string(2000, 'x')}))) ++written;
    ASSERT_FALSE(last);
    EXPECT_EQ(last.error(), LogError::overloaded);
    EXPECT_EQ(node->read_all(1).size(), static_cast<std::size_t>(written));
    ASSERT_TRUE(node->checkpoint());
    const auto again = node->append(1, {"y"});
    ASSERT_TRUE(again);
    EXPECT_EQ(again->first.value(), static_cast<std::uint64_t>(written) + 1) << "a refused record used up a number";
}

TEST_F(NodeTest, the_queue_is_bounded) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    std::vector<std::vector<ShardBatch>> batches(queue_frames_max + 1);
    std::vector<AppendRequest> requests(queue_frames_max + 1);
    std::vector<NoWakeup> wakeups(queue_frames_max + 1);
    for (std::size_t i = 0; i < requests.size(); ++i) {
        batches[i].push_back({.shard = ShardUid(1), .batch = make_batch({"x"})});
        requests[i].batches = batches[i];
        requests[i].wakeup = &wakeups[i];
        node->sequencer.submit(requests[i]);
    }
    EXPECT_EQ(wakeups.front().count, 0);
    EXPECT_EQ(wakeups.back().count, 1);
    EXPECT_EQ(batches.back()[0].result.error(), LogError::overloaded);
    node->sequencer.stop();
    while (node->store.counters.queue_frames > 0) {
        ASSERT_TRUE(node->sequencer.step());
        node->checkpoint();
        node->make_spares();
    }
    EXPECT_EQ(node->append(1, {"x"}).error(), LogError::shutting_down);
}

TEST_F(NodeTest, a_waiter_is_woken_once_per_group_and_can_be_disarmed) {
    // LocalLog implements arm and disarm: see local_log_test.cc. This test covers the removal of the waiter by the
    // sequencer.
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    NoWakeup wakeup;
    Waiter waiter;
    waiter.wakeup = &wakeup;
    {
        const ShardPtr shard = node->store.shards.find(ShardUid(1));
        const MutexLock lock(shard->mutex);
        waiter.link = &shard->waiters;
        shard->waiters = &waiter;
    }
    ASSERT_TRUE(node->append(1, {"a", "b"}));
    EXPECT_EQ(wakeup.count, 1);
    ASSERT_TRUE(node->append(1, {"c"}));
    EXPECT_EQ(wakeup.count, 1);
}

TEST_F(NodeTest, a_second_process_is_refused) {
    const auto node = open();
    TestNode second(fs_, clock_, applier_);
    ASSERT_TRUE(second.error);
    EXPECT_EQ(second.error->fault, OpenFault::locked);
}

TEST_F(NodeTest, a_directory_with_other_peoples_files_is_refused) {
    ASSERT_TRUE(fs_.mkdir("/store"));
    fs_.set_content("/store/thesis.tex", {});
    TestNode node(fs_, clock_, applier_);
    ASSERT_TRUE(node.error);
    EXPECT_EQ(node.error->fault, OpenFault::configuration);
    EXPECT_NE(node.error->message.find("/store"), std::string::npos);
}

}  // namespace
}  // namespace riacho::log::detail
