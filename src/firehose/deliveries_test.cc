// Pipelines against a destination with scripted failures, in virtual time.
#include "firehose/deliveries.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "base/digest.h"
#include "firehose/test_world.h"

namespace riacho::firehose {
namespace {

using Answer = TestStore::Answer;
using Kind = RowKey::Kind;

// A KPL aggregate of these records.
std::string aggregate(const std::vector<std::string>& records) {
    std::string message = "\x0A\x01k";
    for (const std::string& data : records) {
        std::string entry = "\x08";
        entry += '\0';
        entry += "\x1A";
        entry += static_cast<char>(data.size());
        entry += data;
        message += "\x1A";
        message += static_cast<char>(entry.size());
        message += entry;
    }
    const Md5 digest = md5(message);
    return "\xF3\x89\x9A\xC2" + message + std::string(digest.begin(), digest.end());
}

class DeliveriesTest : public testing::Test {
protected:
    World world;
};

TEST_F(DeliveriesTest, an_interval_after_the_first_record_one_file_holds_them_all) {
    world.start();
    world.create(test_settings(1, 60));
    ASSERT_TRUE(world.put({"abc", "abc"}));
    world.advance(30 * 1'000);
    ASSERT_TRUE(world.put({"abc"}));
    world.advance(29 * 1'000);
    EXPECT_TRUE(world.store.objects.empty()) << "the interval is not over";
    world.advance(2 * 1'000);
    ASSERT_EQ(world.store.objects.size(), 1U);
    const auto& [name, body] = *world.store.objects.begin();
    EXPECT_EQ(body, "abcabcabc");
    EXPECT_TRUE(name.starts_with("bucket/2026/09/21/14/stream-1-2026-09-21-14-13-20-")) << name;
    EXPECT_EQ(world.row_count(Kind::batch), 0U);
    EXPECT_EQ(world.counters()->delivered_records, 3U);
    EXPECT_EQ(world.counters()->oldest_ms, 0);
    world.advance(10 * minute_ms);
    EXPECT_EQ(world.store.objects.size(), 1U) << "nothing comes of nothing";
}

TEST_F(DeliveriesTest, a_full_buffer_leaves_at_once_and_no_record_is_split) {
    world.start();
    world.create(test_settings(1, 900));
    const std::size_t size = 100 << 10;
    for (int i = 0; i < 25; ++i) ASSERT_TRUE(world.put({record(i, size)}));
    ASSERT_EQ(world.store.objects.size(), 2U);
    for (const auto& [name, body] : world.store.objects) EXPECT_EQ(body.size(), 11 * size) << "overshoots by one";
    world.advance(901 * 1'000);
    EXPECT_EQ(world.store.objects.size(), 3U);
}

TEST_F(DeliveriesTest, zero_buffering_waits_a_second) {
    world.start();
    world.create(test_settings(1, 0));
    ASSERT_TRUE(world.put({"x"}));
    world.advance(1'500, 100);
    EXPECT_EQ(world.delivered(), "x");
}

TEST_F(DeliveriesTest, a_delimiter_follows_each_record) {
    world.start();
    Settings settings = test_settings();
    auto& processing = settings.s3.processing_configuration.emplace();
    processing.enabled = true;
    processing.processors.emplace().emplace_back().type = api::ProcessorType::append_delimiter_to_record;
    world.create(settings);
    ASSERT_TRUE(world.put({"abc", "", "abc"}));
    world.advance(61 * 1'000);
    EXPECT_EQ(world.delivered(), "abc\n\nabc\n");
}

TEST_F(DeliveriesTest, a_destination_that_is_down_costs_time_and_nothing_else) {
    world.start();
    world.create(test_settings(1, 60));
    world.store.script = [](const ports::ObjectName&) { return Answer::down; };
    std::string expected;
    for (int i = 0; i < 30; ++i) {
        expected += record(i);
        ASSERT_TRUE(world.put({record(i)}));
        world.advance(20 * 1'000);
    }
    EXPECT_TRUE(world.store.objects.empty());
    EXPECT_GT(world.counters()->batches_failing, 0U);
    const auto oldest = world.counters()->oldest_ms.load();
    EXPECT_EQ(world.clock.now().value() - oldest, 600 * 1'000) << "the age of the oldest record";
    const std::size_t attempts = world.store.attempts.size();
    EXPECT_LT(attempts, 60U) << "attempts become rare";
    EXPECT_GT(attempts, 8U);
    world.store.script = {};
    world.advance(5 * minute_ms);
    EXPECT_EQ(world.delivered(), expected);
    EXPECT_EQ(world.counters()->batches, 0U);
    EXPECT_FALSE(world.errors.empty());
    EXPECT_EQ(world.row_count(Kind::batch), 0U);
}

TEST_F(DeliveriesTest, at_most_eight_batches_wait_and_the_rest_stays_in_the_log) {
    world.start();
    world.create(test_settings(1, 1));
    world.store.script = [](const ports::ObjectName&) { return Answer::denied; };
    std::string expected;
    for (int i = 0; i < 40; ++i) {
        expected += record(i);
        ASSERT_TRUE(world.put({record(i)}));
        world.advance(2'000);
    }
    EXPECT_EQ(world.counters()->batches, 8U);
    EXPECT_EQ(world.row_count(Kind::batch), 8U);
    world.store.script = {};
    world.advance(10 * minute_ms);
    EXPECT_EQ(world.delivered(), expected);
    EXPECT_LE(world.store.objects.size(), 12U) << "the backlog goes into few files";
}

TEST_F(DeliveriesTest, no_file_is_larger_than_the_memory_for_all_of_them) {
    world.start();
    world.create(test_settings(128, 900));
    std::size_t most = 0;
    world.store.script = [&](const ports::ObjectName&) {
        most = std::max(most, world.memory.used(core::MemoryUse::deliveries));
        return Answer::ok;
    };
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(world.put({record(i, 100 << 10)}));
    world.advance(901 * 1'000);
    EXPECT_EQ(world.delivered().size(), std::size_t{100} * 100 << 10);
    EXPECT_GE(world.store.objects.size(), 3U);
    EXPECT_LE(most, world.memory.share(core::MemoryUse::deliveries));
    EXPECT_EQ(world.memory.used(core::MemoryUse::deliveries), 0U);
}

TEST(DeliveriesDraftTest, a_file_that_is_written_while_it_is_made_is_never_in_memory_as_a_whole) {
    World world(std::size_t{64} << 20);
    world.store.takes_drafts = true;
    std::size_t used_most = 0;
    std::size_t writes = 0;
    world.store.drafts_take = [&](std::size_t) {
        ++writes;
        used_most = std::max(used_most, world.memory.used(core::MemoryUse::deliveries));
        return true;
    };
    world.start();
    world.create(test_settings(64, 60));
    std::string expected;
    for (int i = 0; i < 200; ++i) {
        ASSERT_TRUE(world.put({record(i, 100 << 10)}));
        expected += record(i, 100 << 10);
    }
    world.advance(61 * 1'000);
    ASSERT_EQ(world.store.objects.size(), 1U);
    EXPECT_TRUE(world.delivered() == expected);
    EXPECT_GE(writes, 8U);
    EXPECT_GT(used_most, 0U);
    EXPECT_LT(used_most, std::size_t{6} << 20);
    EXPECT_EQ(world.memory.used(core::MemoryUse::deliveries), 0U);
}

TEST(DeliveriesDraftTest, what_ends_in_the_middle_of_a_file_is_made_again) {
    for (const auto format : {api::CompressionFormat::uncompressed, api::CompressionFormat::gzip}) {
        World w;
        w.store.takes_drafts = true;
        int failures = 0;
        w.store.drafts_take = [&](std::size_t size) { return size == 0 || ++failures > 3; };
        w.start();
        Settings settings = test_settings(3, 60);
        settings.s3.compression_format = format;
        w.create(settings);
        std::string expected;
        for (int i = 0; i < 25; ++i) {
            std::string noise(100 << 10, '\0');
            for (char& c : noise) c = static_cast<char>(w.rng.next());
            ASSERT_TRUE(w.put({noise}));
            expected += noise;
        }
        w.advance(61 * 1'000);
        EXPECT_TRUE(w.store.objects.empty());
        EXPECT_GE(failures, 1);
        EXPECT_EQ(w.counters()->batches_failing, 1U);
        ASSERT_FALSE(w.errors.empty());
        w.advance(5 * minute_ms);
        ASSERT_EQ(w.store.objects.size(), 1U);
        if (format == api::CompressionFormat::uncompressed) EXPECT_TRUE(w.delivered() == expected);
        EXPECT_EQ(w.counters()->delivered_records, 25U);
        EXPECT_EQ(w.counters()->delivered_bytes, expected.size());
        EXPECT_EQ(w.row_count(Kind::batch), 0U);
        EXPECT_EQ(w.memory.used(core::MemoryUse::deliveries), 0U);
    }
}

TEST_F(DeliveriesTest, an_answer_that_is_lost_makes_no_second_object) {
    world.start();
    world.create(test_settings());
    int attempt = 0;
    world.store.script = [&](const ports::ObjectName&) {
        return ++attempt == 1 ? Answer::stored_and_lost : Answer::ok;
    };
    ASSERT_TRUE(world.put({"once"}));
    world.advance(3 * minute_ms);
    EXPECT_EQ(world.store.objects.size(), 1U);
    EXPECT_EQ(world.store.attempts.size(), 2U);
    EXPECT_EQ(world.store.attempts[0], world.store.attempts[1]);
    EXPECT_EQ(world.counters()->delivered_objects, 1U);
}

TEST_F(DeliveriesTest, a_sealed_batch_has_the_same_name_after_a_restart) {
    world.start();
    world.create(test_settings());
    world.store.script = [](const ports::ObjectName&) { return Answer::down; };
    ASSERT_TRUE(world.put({"first"}));
    world.advance(62 * 1'000);
    ASSERT_FALSE(world.store.attempts.empty());
    world.restart();
    ASSERT_TRUE(world.put({"second"}));
    world.store.script = {};
    world.advance(10 * minute_ms);
    EXPECT_EQ(world.store.objects.size(), 2U);
    EXPECT_EQ(world.delivered(), "firstsecond");
    EXPECT_TRUE(world.store.objects.contains(world.store.attempts.front()));
}

// The number of a batch is part of the file's name: a counter that starts again would make the next process overwrite
// the first file.
TEST_F(DeliveriesTest, a_process_never_gives_a_name_that_an_earlier_one_gave) {
    world.start();
    world.create(test_settings(1, 0));
    for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(world.put({record(i)}));
        world.advance(1'000);
        world.restart();
    }
    EXPECT_EQ(world.store.objects.size(), 5U);
    EXPECT_TRUE(world.store.overwritten.empty());
}

TEST_F(DeliveriesTest, records_that_were_not_sealed_are_delivered_after_a_restart) {
    world.start();
    world.create(test_settings(1, 300));
    ASSERT_TRUE(world.put({"a", "b"}));
    world.advance(200 * 1'000);
    world.restart();
    world.advance(99 * 1'000);
    EXPECT_TRUE(world.store.objects.empty());
    world.advance(3 * 1'000);
    EXPECT_EQ(world.delivered(), "ab") << "the interval goes on from the record's arrival";
}

TEST_F(DeliveriesTest, an_update_seals_what_is_open_and_later_files_have_the_new_version) {
    world.start();
    world.create(test_settings());
    ASSERT_TRUE(world.put({"old"}));
    world.update([](Settings& settings) { settings.s3.prefix = "new/"; });
    EXPECT_EQ(world.store.objects.size(), 1U) << "at once, under the old version";
    EXPECT_TRUE(world.store.objects.begin()->first.contains("/stream-1-"));
    ASSERT_TRUE(world.put({"fresh"}));
    world.advance(61 * 1'000);
    ASSERT_EQ(world.store.objects.size(), 2U);
    const auto found = std::ranges::find_if(world.store.objects, [](const auto& o) { return o.second == "fresh"; });
    EXPECT_TRUE(found->first.starts_with("bucket/new/2026/")) << found->first;
    EXPECT_TRUE(found->first.contains("/stream-2-")) << found->first;
}

TEST_F(DeliveriesTest, an_update_of_a_wrong_bucket_frees_what_was_stuck) {
    world.start();
    world.create(test_settings());
    world.store.script = [](const ports::ObjectName& name) {
        return name.bucket == "bucket" ? Answer::no_bucket : Answer::ok;
    };
    ASSERT_TRUE(world.put({"stuck"}));
    world.advance(5 * minute_ms);
    EXPECT_TRUE(world.store.objects.empty());
    EXPECT_GT(std::ranges::count(world.errors, "S3.NoSuchBucket"), 0);
    world.update([](Settings& settings) { settings.s3.bucket_arn = "arn:aws:s3:::other"; });
    world.advance(2'000);
    ASSERT_EQ(world.store.objects.size(), 1U);
    EXPECT_TRUE(world.store.objects.begin()->first.starts_with("other/"));
    EXPECT_TRUE(world.store.objects.begin()->first.contains("/stream-2-"));
}

TEST_F(DeliveriesTest, what_cannot_be_delivered_for_a_day_is_dropped_and_counted) {
    world.start();
    world.create(test_settings(1, 60));
    world.store.script = [](const ports::ObjectName&) { return Answer::down; };
    for (int i = 0; i < 26; ++i) {
        ASSERT_TRUE(world.put({record(i)}));
        world.advance(hour_ms, 10'000);
    }
    world.store.script = {};
    world.advance(10 * minute_ms);
    const std::uint64_t expired = world.counters()->expired_records;
    EXPECT_GE(expired, 2U);
    EXPECT_LE(expired, 4U);
    EXPECT_EQ(world.counters()->delivered_records + expired, 26U);
    EXPECT_TRUE(world.delivered().ends_with(record(25)));
    EXPECT_EQ(world.row_count(Kind::batch), 0U);
}

TEST_F(DeliveriesTest, positions_do_not_move_while_the_log_takes_no_commands_and_no_byte_leaves_before_its_row) {
    world.start();
    world.create(test_settings());
    ASSERT_TRUE(world.put({"a"}));
    world.log.commands_fault = log::LogError::disk_full;
    world.advance(5 * minute_ms);
    EXPECT_TRUE(world.store.attempts.empty());
    world.log.commands_fault.reset();
    world.advance(5'000);
    EXPECT_EQ(world.delivered(), "a");
    ASSERT_TRUE(world.put({"b"}));
    world.advance(59 * 1'000);
    world.store.script = [&](const ports::ObjectName&) {
        world.log.commands_fault = log::LogError::disk_full;
        return Answer::ok;
    };
    world.advance(10 * 1'000);
    EXPECT_EQ(world.store.attempts.size(), 2U) << "delivered once, although its row stays";
    EXPECT_EQ(world.row_count(Kind::batch), 1U);
    world.log.commands_fault.reset();
    world.advance(3'000);
    EXPECT_EQ(world.row_count(Kind::batch), 0U);
    EXPECT_EQ(world.store.attempts.size(), 2U);
}

TEST_F(DeliveriesTest, what_was_delivered_is_trimmed_and_what_was_not_is_not) {
    world.start();
    const std::uint64_t uid = world.create(test_settings(1, 60));
    const std::uint64_t shard = world.log.snapshot()->find_object(uid)->shards.front().uid;
    EXPECT_EQ(world.log.retention.at(shard), 24 * hour_ms);
    ASSERT_TRUE(world.put({"a", "b", "c"}));
    world.store.script = [](const ports::ObjectName&) { return Answer::down; };
    world.advance(3 * minute_ms);
    EXPECT_EQ(world.log.first_available(shard), 1U);
    world.store.script = {};
    world.advance(5 * minute_ms);
    EXPECT_EQ(world.log.first_available(shard), 4U);
}

TEST_F(DeliveriesTest, a_deleted_stream_sends_nothing_any_more) {
    world.start();
    const std::uint64_t uid = world.create(test_settings());
    ASSERT_TRUE(world.put({"dropped"}));
    catalog::DeleteObject command;
    command.object.uid = uid;
    command.transition_ms = 1'000;
    world.submit(command);
    world.advance(5 * minute_ms);
    EXPECT_TRUE(world.store.attempts.empty());
    world.submit(catalog::PurgeObject{{uid, {}}});
    EXPECT_EQ(world.row_count(Kind::cursor), 0U);
}

TEST_F(DeliveriesTest, a_stream_that_is_creating_begins_when_it_is_active) {
    world.start();
    catalog::CreateObject command;
    command.object.kind = catalog::ObjectState::Kind::delivery_stream;
    command.object.account = "111111111111";
    command.object.region = "us-east-1";
    command.object.name = "stream";
    command.object.arn = "arn";
    command.object.settings = encode(test_settings(1, 0));
    command.shards = {catalog::ShardClass::records};
    command.transition_ms = 30'000;
    world.submit(std::move(command));
    ASSERT_TRUE(world.put({"early"}));
    world.advance(25 * 1'000);
    EXPECT_TRUE(world.store.objects.empty());
    world.advance(10 * 1'000);
    EXPECT_EQ(world.delivered(), "early");
}

TEST_F(DeliveriesTest, batches_behind_one_that_fails_are_not_sent_again_after_a_restart) {
    constexpr std::size_t size = 600 << 10;
    world.start();
    world.create(test_settings(1, 10));
    std::string stuck;
    world.store.script = [&](const ports::ObjectName& name) {
        if (stuck.empty()) stuck = name.key;
        return name.key == stuck ? Answer::late : Answer::ok;
    };
    ASSERT_TRUE(world.put({record(0, size), record(1, size), record(2, size), record(3, size)}));
    ASSERT_EQ(world.store.objects.size(), 2U);
    ASSERT_EQ(world.row_count(Kind::batch), 2U) << "the lower one is not known to be there";
    world.store.attempts.clear();
    world.store.script = {};
    world.restart();
    world.advance(3'000);
    ASSERT_EQ(world.store.attempts.size(), 1U);
    EXPECT_TRUE(world.store.attempts[0].ends_with(stuck));
    EXPECT_EQ(world.delivered().size(), 4 * size);
}

TEST_F(DeliveriesTest, a_source_is_read_from_its_tip_and_aggregates_are_taken_apart) {
    TestSource& source = *world.streams.stream;
    source.add(50);
    source.put(50, world.clock.now(), "before");
    world.start();
    world.create(source_settings(), rows_at_tips(source));
    source.put(50, world.clock.now(), "one;");
    source.put(50, world.clock.now(), aggregate({"two;", "three;"}));
    source.put(50, world.clock.now(), "\xF3\x89\x9A\xC2 not an aggregate");
    world.settle();
    world.advance(61 * 1'000);
    EXPECT_EQ(world.delivered(), "one;two;three;\xF3\x89\x9A\xC2 not an aggregate");
    EXPECT_EQ(world.counters()->source_records, 3U);
}

TEST_F(DeliveriesTest, reshards_are_followed_and_children_come_after_their_parents) {
    TestSource& source = *world.streams.stream;
    source.add(50);
    world.start();
    world.create(source_settings(), rows_at_tips(source));
    source.put(50, world.clock.now(), "a;");
    source.add(51, 0);
    source.add(52, 0);
    source.close(50);
    source.put(51, world.clock.now(), "b;");
    source.put(52, world.clock.now(), "b;");
    world.settle();
    source.add(53, 1, 2);
    source.close(51);
    source.close(52);
    source.put(53, world.clock.now(), "c;");
    world.settle();
    world.advance(61 * 1'000);
    EXPECT_EQ(world.delivered(), "a;b;b;c;");
    EXPECT_EQ(world.row_count(Kind::cursor), 1U) << "shards that are over have no rows";
    world.restart();
    source.put(53, world.clock.now(), "d;");
    world.settle();
    world.advance(61 * 1'000);
    EXPECT_EQ(world.delivered(), "a;b;b;c;d;");
}

TEST_F(DeliveriesTest, a_merge_across_lanes_waits_for_both_parents) {
    TestSource& source = *world.streams.stream;
    constexpr int shards = 60;  // two lanes
    for (int i = 0; i < shards; ++i) source.add(static_cast<std::uint64_t>(100 + i));
    world.start();
    world.create(source_settings(), rows_at_tips(source));
    EXPECT_EQ(world.row_count(Kind::cursor), 60U);
    for (int i = 0; i < shards; ++i) source.put(static_cast<std::uint64_t>(100 + i), world.clock.now(), "x");
    source.add(300, 0, 59);
    source.put(300, world.clock.now(), "z");
    source.close(100);
    world.settle();
    world.advance(61 * 1'000);
    EXPECT_EQ(world.delivered(), std::string(60, 'x'));
    source.close(159);
    world.settle();
    world.advance(61 * 1'000);
    EXPECT_EQ(std::ranges::count(world.delivered(), 'z'), 1);
    EXPECT_EQ(world.row_count(Kind::cursor), 59U);
}

TEST_F(DeliveriesTest, a_shard_that_cannot_be_read_holds_up_no_other) {
    TestSource& source = *world.streams.stream;
    source.add(50);
    source.add(51);
    world.start();
    world.create(source_settings(), rows_at_tips(source));
    source.put(50, world.clock.now(), "before;");
    world.settle();
    source.faults[50] = ports::SourceFault::damaged;
    source.put(50, world.clock.now(), "late;");
    source.put(51, world.clock.now(), "healthy;");
    world.settle();
    world.advance(61 * 1'000);
    EXPECT_EQ(world.store.objects.size(), 0U) << "what was read cannot be read again, either";
    source.put(51, world.clock.now(), "more;");
    world.settle();
    source.faults.clear();
    world.advance(5 * minute_ms);
    std::string all = world.delivered();
    for (const char* text : {"before;", "late;", "healthy;", "more;"}) EXPECT_TRUE(all.contains(text)) << text;
}

TEST_F(DeliveriesTest, what_was_read_leaves_at_its_interval_beside_a_shard_that_cannot_be_read) {
    TestSource& source = *world.streams.stream;
    source.add(50);
    source.add(51);
    source.faults[50] = ports::SourceFault::damaged;
    world.start();
    world.create(source_settings(), rows_at_tips(source));
    for (int i = 0; i < 3; ++i) {
        source.put(50, world.clock.now(), "unreadable;");
        source.put(51, world.clock.now(), record(i));
        world.settle();
        world.advance(61 * 1'000);
        EXPECT_EQ(world.store.objects.size(), static_cast<std::size_t>(i + 1));
    }
    EXPECT_LT(source.reads, 40U) << "it is asked now and then";
}

TEST_F(DeliveriesTest, a_batch_that_cannot_be_read_any_more_is_told_and_tried_seldom) {
    TestSource& source = *world.streams.stream;
    source.add(50);
    world.start();
    world.create(source_settings(), rows_at_tips(source));
    source.put(50, world.clock.now(), "x");
    world.settle();
    source.faults[50] = ports::SourceFault::damaged;
    const std::size_t before = source.reads;
    world.advance(hour_ms, 500);
    EXPECT_GT(std::ranges::count(world.errors, "Kinesis.Damaged"), 5);
    EXPECT_LT(source.reads - before, 100U);
    source.faults.clear();
    world.advance(3 * minute_ms);
    EXPECT_EQ(world.delivered(), "x");
}

TEST_F(DeliveriesTest, a_grandchild_is_followed_when_what_lies_between_has_expired) {
    TestSource& source = *world.streams.stream;
    source.add(50);
    world.start();
    world.create(source_settings(), rows_at_tips(source));
    source.put(50, world.clock.now(), "first;");
    world.settle();
    world.advance(61 * 1'000);
    world.stop();
    source.add(51, 0);
    source.close(50);
    source.add(52, 1);
    source.close(51);
    source.expire(50);
    source.expire(51);
    source.put(52, world.clock.now(), "last;");
    world.start();
    world.advance(61 * 1'000);
    EXPECT_EQ(world.delivered(), "first;last;");
    EXPECT_GT(std::ranges::count(world.errors, "DataReadFromKinesisStream.Lost"), 0);
    EXPECT_EQ(world.row_count(Kind::cursor), 1U);
}

TEST_F(DeliveriesTest, a_source_that_is_deleted_leaves_the_stream_idle) {
    TestSource& source = *world.streams.stream;
    source.add(50);
    world.start();
    world.create(source_settings(), rows_at_tips(source));
    source.put(50, world.clock.now(), "x");
    world.settle();
    world.advance(61 * 1'000);
    source.is_gone = true;
    source.close(50);
    world.settle();
    world.advance(hour_ms, 10'000);
    EXPECT_EQ(world.delivered(), "x");
    EXPECT_LE(std::ranges::count(world.errors, "DataReadFromKinesisStream.Lost"), 1);
}

}  // namespace
}  // namespace riacho::firehose
