#include "cli/record_format.h"

#include <gtest/gtest.h>

namespace riacho::cli {
namespace {

std::string shown(std::string_view data, RecordFormat format, std::string_view key = "k") {
    RecordView record;
    record.shard_id = "shardId-000000000007";
    record.sequence_number = "49";
    record.partition_key = key;
    record.data = data;
    record.arrival = TimestampMs(1'763'900'000'007);
    std::string out;
    append_record(out, record, format);
    return out;
}

TEST(RecordFormat, text_is_one_line) {
    EXPECT_EQ(shown("{\"id\":7}", RecordFormat::text), "2025-11-23T12:13:20.007Z shardId-000000000007 k {\"id\":7}\n");
    EXPECT_EQ(shown("a\nb\tc\r", RecordFormat::text, "ção"),
              "2025-11-23T12:13:20.007Z shardId-000000000007 ção a\\nb\\tc\\r\n");
}

TEST(RecordFormat, nothing_in_a_record_steers_a_terminal) {
    const std::string out = shown(
        "\x1b]0;title\x07 \xC2\x9B"
        "31m \xff\xC0\x80\xED\xA0\x80 \x7f",
        RecordFormat::text, "\x1b[2J");
    for (const char c : out.substr(0, out.size() - 1)) EXPECT_TRUE(c >= 0x20 && c != 0x7F) << out;
    EXPECT_NE(out.find("\\x1b[2J"), std::string::npos) << out;
    EXPECT_NE(out.find("\\xc2\\x9b31m \\xff\\xc0\\x80\\xed\\xa0\\x80 \\x7f"), std::string::npos) << out;
}

TEST(RecordFormat, json_is_a_line_of_an_export) {
    EXPECT_EQ(shown("x", RecordFormat::json, "\"k\""),
              R"({"PartitionKey":"\"k\"","Data":"eA==","ShardId":"shardId-000000000007","SequenceNumber":"49",)"
              R"("ApproximateArrivalTimestamp":1763900000.007})"
              "\n");
    RecordView record;
    record.sub_sequence = 3;
    record.explicit_hash_key = "5";
    std::string out;
    append_record(out, record, RecordFormat::json);
    EXPECT_NE(out.find(R"("ExplicitHashKey":"5",)"), std::string::npos);
    EXPECT_NE(out.find(R"("SubSequenceNumber":3,)"), std::string::npos);
}

TEST(RecordFormat, hex_is_a_dump) {
    EXPECT_EQ(shown("0123456789abcdef\n\xff", RecordFormat::hex),
              "2025-11-23T12:13:20.007Z shardId-000000000007 k 18 bytes\n"
              "00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n"
              "00000010  0a ff                                             |..|\n");
    EXPECT_EQ(shown("", RecordFormat::hex), "2025-11-23T12:13:20.007Z shardId-000000000007 k 0 bytes\n");
}

}  // namespace
}  // namespace riacho::cli
