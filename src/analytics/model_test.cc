#include "analytics/model.h"

#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "analytics/app/output.h"
#include "analytics/app/turn.h"
#include "base/digest.h"

namespace riacho::analytics {
namespace {

ApplicationSettings some_settings() {
    ApplicationSettings settings;
    settings.version = 7;
    settings.phase = Phase::running;
    settings.run = 3;
    settings.updated_at = TimestampMs(1'700'000'000'123);
    settings.started_at = TimestampMs(1'700'000'000'456);
    settings.description = "tickers";
    settings.role = "arn:aws:iam::000000000000:role/r";
    settings.user = "alice";
    settings.code = "CREATE STREAM S (A INTEGER);";
    InputSettings& input = settings.inputs.emplace_back();
    input.id = "1.1";
    input.name_prefix = "SOURCE_SQL_STREAM";
    input.source = {Endpoint::Kind::stream, "arn:aws:kinesis:us-east-1:000000000000:stream/in", "role"};
    input.parallelism = 2;
    input.schema = {RecordFormat::json, true, "$", "\n", ",", "UTF-8", {{"A", "$.A", "INTEGER"}, {"B", {}, "DOUBLE"}}};
    input.position = Position::last_stopped_point;
    settings.outputs.push_back({"2.1",
                                "S",
                                {Endpoint::Kind::delivery_stream, "arn:aws:firehose:us-east-1:0:deliverystream/d", ""},
                                RecordFormat::csv});
    settings.logging.push_back({"3.1", "arn:aws:logs:us-east-1:0:log-group:g:log-stream:s", ""});
    return settings;
}

Turn some_turn() {
    return {3, 42, TimestampMs(1'700'000'000'789), {{17, 2, 1'699'999'000, 100, 104}, {18, 3, 1'699'999'000, 1, 2}}};
}

Checkpoint some_checkpoint() {
    return {3, 42, TimestampMs(1'700'000'000'789), 50, 7, 9, 2, 3, 99, TimestampMs(1'700'000'000'000)};
}

TEST(Model, settings_survive_the_catalog) {
    const ApplicationSettings settings = some_settings();
    const std::string bytes = encode(settings);
    const auto again = decode_application(bytes);
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, settings);
    EXPECT_EQ(stream_names_of(settings.inputs.front()),
              (std::vector<std::string>{"SOURCE_SQL_STREAM_001", "SOURCE_SQL_STREAM_002"}));
    for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_application(bytes.substr(0, size)));
}

TEST(Turn, formats_are_those_of_version_1) {
    // docs/formats/applications.md: these bytes are on disks.
    EXPECT_EQ(to_hex(encode(some_turn())),
              "010300000000000000"
              "2a00000000000000"
              "156be5cf8b010000"
              "02"
              "1100000000000000"
              "02"
              "98dacfaa06"
              "64"
              "04"
              "1200000000000000"
              "03"
              "98dacfaa06"
              "01"
              "01");
    EXPECT_EQ(to_hex(encode_chunk(3, 5, "abc")),
              "0100"
              "0300000000000000"
              "0500000000000000"
              "03616263");
    EXPECT_EQ(to_hex(encode_positions(3, 42, {5, {{17, 2, 104, false}, {16, 0, 9, true}}})),
              "0101"
              "0300000000000000"
              "2a00000000000000"
              "0500000000000000"
              "02"
              "1100000000000000"
              "02"
              "68"
              "00"
              "1000000000000000"
              "00"
              "09"
              "01");
    EXPECT_EQ(to_hex(encode(some_checkpoint())),
              "010300000000000000"
              "2a00000000000000"
              "156be5cf8b010000"
              "3200000000000000"
              "0700000000000000"
              "0900000000000000"
              "0200000000000000"
              "0300000000000000"
              "6300000000000000"
              "0068e5cf8b010000");
}

TEST(Turn, what_is_written_is_read_and_nothing_else) {
    EXPECT_EQ(decode_turn(encode(some_turn())), some_turn());
    EXPECT_EQ(decode_checkpoint(encode(some_checkpoint())), some_checkpoint());
    const std::string chunk = encode_chunk(3, 5, "abc");
    const auto record = decode_state_record(chunk);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->kind, StateRecord::Kind::chunk);
    EXPECT_EQ(std::tuple(record->run, record->number, record->bytes), std::tuple(3U, 5U, "abc"));
    const Positions positions{5, {{17, 2, 104, false}, {16, 0, 9, true}}};
    const std::string written = encode_positions(3, 42, positions);
    EXPECT_EQ(decode_state_record(written)->positions, positions);
    const auto parts_are_refused = [](const std::string& bytes, const auto& decode) {
        for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode(bytes.substr(0, size)));
        EXPECT_FALSE(decode(bytes + "x"));
    };
    parts_are_refused(encode(some_turn()), decode_turn);
    parts_are_refused(encode(some_checkpoint()), decode_checkpoint);
    parts_are_refused(chunk, decode_state_record);
    parts_are_refused(written, decode_state_record);
}

std::string row_key(std::uint64_t high, std::uint64_t low, std::uint64_t ordinal) {
    std::string key(RowKeys::size, '\0');
    RowKeys(high, low).write(ordinal, key.data());
    return key;
}

TEST(Output, a_row_has_one_key_and_no_other_row_has_it) {
    const std::string key = row_key(1, 2, 3);
    EXPECT_EQ(key, row_key(1, 2, 3));
    EXPECT_EQ(key.size(), 36U);
    EXPECT_EQ(key[14], '8');                                                    // a UUID of version 8
    EXPECT_NE(std::string_view("89ab").find(key[19]), std::string_view::npos);  // of RFC 9562
    std::set<std::string> keys;
    for (std::uint64_t ordinal = 0; ordinal < 10'000; ++ordinal) keys.insert(row_key(1, 2, ordinal));
    keys.insert(row_key(2, 2, 0));
    keys.insert(row_key(1, 3, 0));
    EXPECT_EQ(keys.size(), 10'002U);
}

}  // namespace
}  // namespace riacho::analytics
