// A process of Firehose ends at each of its calls, and another one continues: the crash points of
// docs/formats/firehose.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/command.h"
#include "firehose/deliveries.h"
#include "firehose/test_world.h"

namespace riacho::firehose {
namespace {

using Answer = TestStore::Answer;
using Kind = RowKey::Kind;

// The work of a process until it ends; fills in the acknowledged records.
using Scenario = std::function<void(World&, std::vector<std::string>&)>;

// The crash points, by their numbers in docs/formats/firehose.md. Points of features that do not exist yet are missing.
enum class Point : std::uint8_t {
    none = 0,
    frame_not_durable = 1,
    put_not_answered = 2,
    batch_not_sealed = 5,
    batch_sealed = 6,
    file_not_stored = 7,
    completion_not_durable = 8,  // and: the file is stored, the answer lost
    later_batch_complete = 10,
    floor_moved = 12,
    floor_moved_and_trimmed = 13,
    updating = 14,
    deleted = 16,
    created = 18
};

// One command may make several changes.
std::vector<Point> points_of(const std::string& call, bool has_effect) {
    if (call == "append") return {has_effect ? Point::put_not_answered : Point::frame_not_durable};
    if (call == "store") return {has_effect ? Point::completion_not_durable : Point::file_not_stored};
    if (call == "update") return {Point::updating};
    if (call == "delete") return {has_effect ? Point::deleted : Point::none};
    if (call == "create") return {has_effect ? Point::created : Point::none};
    std::vector<Point> points;
    const auto does = [&call](std::string_view what) { return call.contains(what); };
    if (does("seal")) points.push_back(has_effect ? Point::batch_sealed : Point::batch_not_sealed);
    if (does("plan")) points.push_back(Point::updating);
    if (does("complete")) points.push_back(has_effect ? Point::later_batch_complete : Point::completion_not_durable);
    if (does("floor")) points.push_back(has_effect ? Point::floor_moved : Point::completion_not_durable);
    if (does("trim") && has_effect) points.push_back(Point::floor_moved_and_trimmed);
    EXPECT_FALSE(points.empty()) << "a call that no crash point covers: " << call;
    return points;
}

// The number of processes that ended at each point.
using Ends = std::map<Point, std::size_t>;

// Every call to the log or the destination may be the last of a process.
Ends die_at_every_call(const Scenario& scenario, std::size_t doubles_max) {
    Ends ends;
    std::uint64_t calls = 0;
    {
        World whole;
        std::vector<std::string> acknowledged;
        whole.start();
        scenario(whole, acknowledged);
        calls = whole.life.calls();
    }
    EXPECT_GE(calls, 6U);
    for (std::uint64_t call = 1; call <= calls; ++call) {
        for (const bool has_effect : {false, true}) {
            SCOPED_TRACE("call " + std::to_string(call) + (has_effect ? " with" : " without") + " effect");
            World w;
            std::vector<std::string> acknowledged;
            w.start({call, has_effect});
            scenario(w, acknowledged);
            EXPECT_TRUE(w.life.is_over());
            for (const Point point : points_of(w.life.last(), has_effect)) ++ends[point];
            w.store.script = {};
            w.restart();
            w.advance(5 * minute_ms);
            const std::string all = w.delivered();
            for (const std::string& one : acknowledged) {
                std::size_t count = 0;
                for (auto at = all.find(one); at != std::string::npos; at = all.find(one, at + 1)) ++count;
                EXPECT_GE(count, 1U) << one;
                EXPECT_LE(count, 1 + doubles_max) << one;
            }
            EXPECT_TRUE(w.store.overwritten.empty());
            EXPECT_EQ(w.row_count(Kind::batch), 0U);
        }
    }
    return ends;
}

void expect_ends(const Ends& ends, std::initializer_list<Point> points) {
    for (const Point point : points) {
        EXPECT_TRUE(ends.contains(point)) << "no process ended at point " << static_cast<int>(point);
    }
}

TEST(DeliveriesCrash, whatever_call_a_process_dies_at_each_acknowledged_record_is_delivered) {
    bool takes_drafts = false;
    const auto scenario = [&](World& w, std::vector<std::string>& acknowledged) {
        w.store.takes_drafts = takes_drafts;
        w.create(test_settings(1, 10));
        int attempt = 0;
        w.store.script = [attempt](const ports::ObjectName&) mutable {
            ++attempt;
            return attempt == 2 ? Answer::stored_and_lost : attempt == 4 ? Answer::down : Answer::ok;
        };
        for (int i = 0; i < 6; ++i) {
            if (w.put({record(i)})) acknowledged.push_back(record(i));
            w.advance(7'000);
            if (i == 3) w.update([](Settings& settings) { settings.s3.prefix = "p/"; });
        }
    };
    for (const bool as_draft : {false, true}) {
        takes_drafts = as_draft;
        // A batch that was planned anew under another version may lie under both names.
        expect_ends(die_at_every_call(scenario, 1),
                    {Point::frame_not_durable, Point::put_not_answered, Point::batch_not_sealed, Point::batch_sealed,
                     Point::file_not_stored, Point::completion_not_durable, Point::floor_moved, Point::updating,
                     Point::created});
    }
}

TEST(DeliveriesCrash, without_an_update_there_are_no_doubles) {
    bool takes_drafts = false;
    const auto scenario = [&](World& w, std::vector<std::string>& acknowledged) {
        w.store.takes_drafts = takes_drafts;
        w.create(test_settings(1, 10));
        int attempt = 0;
        w.store.script = [attempt](const ports::ObjectName&) mutable {
            return ++attempt % 3 == 1 ? Answer::stored_and_lost : Answer::ok;
        };
        for (int i = 0; i < 6; ++i) {
            if (w.put({record(i)})) acknowledged.push_back(record(i));
            w.advance(11'000);
        }
        w.advance(2 * minute_ms);
    };
    for (const bool as_draft : {false, true}) {
        takes_drafts = as_draft;
        expect_ends(die_at_every_call(scenario, 0),
                    {Point::frame_not_durable, Point::put_not_answered, Point::batch_not_sealed, Point::batch_sealed,
                     Point::file_not_stored, Point::completion_not_durable, Point::floor_moved, Point::created});
    }
}

TEST(DeliveriesCrash, a_batch_delivered_behind_one_that_fails_is_not_made_again) {
    constexpr std::size_t size = 600 << 10;
    const auto scenario = [](World& w, std::vector<std::string>& acknowledged) {
        w.create(test_settings(1, 10));
        std::string stuck;
        w.store.script = [stuck](const ports::ObjectName& name) mutable {
            if (stuck.empty()) stuck = name.key;
            return name.key == stuck ? Answer::late : Answer::ok;
        };
        if (w.put({record(0, size), record(1, size), record(2, size), record(3, size)})) {
            for (int i = 0; i < 4; ++i) acknowledged.push_back(record(i, size));
        }
        w.store.script = {};
        w.advance(minute_ms);
    };
    expect_ends(die_at_every_call(scenario, 0), {Point::later_batch_complete, Point::completion_not_durable});
}

TEST(DeliveriesCrash, records_are_trimmed_once_whenever_the_process_that_trims_ends) {
    // Trims wait until 8 MiB were delivered.
    constexpr std::size_t size = 900 << 10;
    const auto scenario = [](World& w, std::vector<std::string>& acknowledged) {
        w.create(test_settings(1, 10));
        for (int i = 0; i < 12; ++i) {
            if (w.put({record(i, size), record(100 + i, size)})) acknowledged.push_back(record(i, size));
        }
        w.advance(2 * minute_ms);
    };
    expect_ends(die_at_every_call(scenario, 0), {Point::floor_moved, Point::floor_moved_and_trimmed});
}

// Point 3: no row of the batch is durable yet.
TEST(DeliveriesCrash, records_that_are_only_collected_are_collected_again) {
    World w;
    w.start();
    w.create(test_settings(1, 10));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(w.put({record(i)}));
    w.advance(5'000);
    ASSERT_EQ(w.row_count(Kind::batch), 0U);
    w.restart();
    w.advance(minute_ms);
    EXPECT_EQ(w.delivered(), record(0) + record(1) + record(2));
    EXPECT_EQ(w.store.attempts.size(), 1U);
}

// Point 16: undelivered records are dropped with the stream, as on AWS; nothing is sent after the deletion.
TEST(DeliveriesCrash, a_process_that_ends_while_it_deletes_leaves_nothing_to_send) {
    for (const bool has_effect : {false, true}) {
        World w;
        const auto scenario = [&] {
            const std::uint64_t uid = w.create(test_settings(1, 10));
            EXPECT_TRUE(w.put({record(0)}));
            catalog::DeleteObject command;
            command.object.uid = uid;
            command.transition_ms = 1'000;
            w.submit(command);
        };
        constexpr std::uint64_t delete_call = 3;
        w.start({delete_call, has_effect});
        scenario();
        ASSERT_TRUE(w.life.is_over());
        ASSERT_EQ(w.life.last(), "delete");
        w.restart();
        w.advance(minute_ms);
        EXPECT_EQ(w.store.attempts.size(), has_effect ? 0U : 1U);
        if (!has_effect) continue;
        w.submit(catalog::PurgeObject{{w.object()->uid, {}}});
        EXPECT_EQ(w.row_count(Kind::cursor), 0U);
    }
}

TEST(DeliveriesCrash, a_source_that_is_resharded_on_the_way_loses_nothing) {
    const auto scenario = [](World& w, std::vector<std::string>& acknowledged) {
        TestSource& source = *w.streams.stream;
        source.add(50);
        w.create(source_settings(), rows_at_tips(source));
        int next = 0;
        const auto put = [&](std::uint64_t shard) {
            if (w.object() != nullptr) acknowledged.push_back(record(next));
            source.put(shard, w.clock.now(), record(next++));
            w.settle();
        };
        put(50);
        source.add(51, 0);
        source.add(52, 0);
        source.close(50);
        put(51);
        put(52);
        w.advance(61 * 1'000);
        source.add(53, 1, 2);
        source.close(51);
        source.close(52);
        put(53);
        w.advance(61 * 1'000);
        put(53);
        w.advance(61 * 1'000);
    };
    expect_ends(die_at_every_call(scenario, 0), {Point::created, Point::batch_sealed, Point::completion_not_durable});
}

}  // namespace
}  // namespace riacho::firehose
