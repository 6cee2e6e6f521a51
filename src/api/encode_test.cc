// Replies in both formats, byte for byte, and the generated errors. AWS: data-streams spec 1.4, 1.7, 2.14.
#include "wire/encode.h"

#include <gtest/gtest.h>

#include <string>

#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/operations.gen.h"
#include "aws/gen/kinesis/types_describe_stream_summary.gen.h"
#include "aws/gen/kinesis/types_get_records.gen.h"
#include "aws/gen/kinesis/types_list_tags_for_stream.gen.h"
#include "aws/gen/kinesis/types_put_records.gen.h"
#include "aws/gen/kinesis/types_subscribe_to_shard.gen.h"
#include "base/digest.h"
#include "wire/document.h"

namespace riacho::api::kinesis {
namespace {

using wire::Format;

template <class Operation>
std::string encoded(const typename Operation::Output& output, Format format = Format::json) {
    Buffer buffer;
    wire::encode(*Operation::output_shape, &output, format, buffer);
    return std::string(buffer.view());
}

PutRecordsOutput two_results() {
    PutRecordsOutput output;
    output.failed_record_count = 1;
    output.records.resize(2);
    output.records[0].shard_id = "shardId-000000000000";
    output.records[0].sequence_number = "49646437577108476416916876405825929425585429676275269634";
    output.records[1].error_code = "ProvisionedThroughputExceededException";
    output.records[1].error_message = "Rate exceeded.";
    return output;
}

TEST(Encode, unset_members_are_left_out_of_json) {
    EXPECT_EQ(encoded<PutRecords>(two_results()),
              R"({"FailedRecordCount":1,"Records":[{"SequenceNumber":)"
              R"("49646437577108476416916876405825929425585429676275269634","ShardId":"shardId-000000000000"},)"
              R"({"ErrorCode":"ProvisionedThroughputExceededException","ErrorMessage":"Rate exceeded."}]})");
}

TEST(Encode, a_structure_without_members_set_is_an_empty_object) {
    EXPECT_EQ(encoded<GetRecords>({}), R"({"Records":[]})");
    PutRecordsOutput output;
    output.records.resize(1);
    EXPECT_EQ(encoded<PutRecords>(output), R"({"FailedRecordCount":0,"Records":[{}]})");
    EXPECT_EQ(to_hex(encoded<GetRecords>({}, Format::cbor)), "a1675265636f72647380");
}

GetRecordsOutput one_record(std::string_view data) {
    GetRecordsOutput output;
    Record& record = output.records.emplace_back();
    record.sequence_number = "4964";
    record.approximate_arrival_timestamp = TimestampMs(1700000003456);
    record.data = data;
    record.partition_key = "k";
    output.millis_behind_latest = 0;
    return output;
}

TEST(Encode, records_carry_base64_and_seconds_in_json) {
    EXPECT_EQ(encoded<GetRecords>(one_record("hi")),
              R"({"Records":[{"SequenceNumber":"4964","ApproximateArrivalTimestamp":1700000003.456,"Data":"aGk=",)"
              R"("PartitionKey":"k"}],"MillisBehindLatest":0})");
}

TEST(Encode, records_carry_bytes_and_tagged_milliseconds_in_cbor) {
    EXPECT_EQ(to_hex(encoded<GetRecords>(one_record("hi"), Format::cbor)),
              "a2"
              "675265636f726473"
              "81"
              "a4"
              "6e53657175656e63654e756d626572"
              "6434393634"
              "781b417070726f78696d6174654172726976616c54696d657374616d70"
              "c11b0000018bcfe57580"
              "6444617461"
              "426869"
              "6c506172746974696f6e4b6579"
              "616b"
              "724d696c6c6973426568696e644c6174657374"
              "00");
}

TEST(Encode, timestamps_have_one_to_three_digits) {
    const auto timestamp = [](std::int64_t ms) {
        GetRecordsOutput output = one_record("");
        output.records[0].approximate_arrival_timestamp = TimestampMs(ms);
        const std::string text = encoded<GetRecords>(output);
        const std::size_t at = text.find("Timestamp\":") + 11;
        return text.substr(at, text.find(',', at) - at);
    };
    EXPECT_EQ(timestamp(1700000002000), "1700000002.0");
    EXPECT_EQ(timestamp(1700000002100), "1700000002.1");
    EXPECT_EQ(timestamp(1700000002120), "1700000002.12");
    EXPECT_EQ(timestamp(1700000002003), "1700000002.003");
    EXPECT_EQ(timestamp(0), "0.0");
    EXPECT_EQ(timestamp(-1500), "-1.5");
}

TEST(Encode, texts_are_escaped_wherever_the_character_stands) {
    for (std::size_t place = 0; place < 40; ++place) {
        for (int byte = 0; byte < 128; ++byte) {
            std::string key(40, 'a');
            key[place] = static_cast<char>(byte);
            GetRecordsOutput output = one_record("");
            output.records[0].partition_key = key;
            const std::string text = encoded<GetRecords>(output);
            wire::Document document;
            ASSERT_TRUE(document.parse(Format::json, text).has_value()) << text;
            bool found = false;
            for (const wire::Node& node : document.nodes()) {
                found |= node.kind == wire::NodeKind::text && node.view() == key;
            }
            ASSERT_TRUE(found) << place << " " << byte;
        }
    }
}

TEST(Encode, enumerations_and_nested_structures) {
    DescribeStreamSummaryOutput output;
    auto& summary = output.stream_description_summary;
    summary.stream_name = "s1";
    summary.stream_arn = "arn:aws:kinesis:us-east-1:123456789012:stream/s1";
    summary.stream_status = StreamStatus::active;
    summary.stream_mode_details = StreamModeDetails{.stream_mode = StreamMode::provisioned};
    summary.retention_period_hours = 24;
    summary.stream_creation_timestamp = TimestampMs(1700000002000);
    summary.enhanced_monitoring.resize(1);
    summary.enhanced_monitoring[0].shard_level_metrics.emplace();
    summary.encryption_type = EncryptionType::none;
    summary.open_shard_count = 1;
    summary.consumer_count = 0;
    summary.max_record_size_in_kib = 1024;
    EXPECT_EQ(encoded<DescribeStreamSummary>(output),
              R"({"StreamDescriptionSummary":{"StreamName":"s1","StreamARN":)"
              R"("arn:aws:kinesis:us-east-1:123456789012:stream/s1","StreamStatus":"ACTIVE",)"
              R"("StreamModeDetails":{"StreamMode":"PROVISIONED"},"RetentionPeriodHours":24,)"
              R"("StreamCreationTimestamp":1700000002.0,"EnhancedMonitoring":[{"ShardLevelMetrics":[]}],)"
              R"("EncryptionType":"NONE","OpenShardCount":1,"ConsumerCount":0,"MaxRecordSizeInKiB":1024}})");
    EXPECT_EQ(name_of(StreamStatus::creating), "CREATING");
}

TEST(Encode, the_end_of_a_shard_has_no_continuation) {
    SubscribeToShardEvent event;
    event.millis_behind_latest = 0;
    event.child_shards.emplace();
    Buffer buffer;
    wire::encode(*SubscribeToShard::event_shape, &event, Format::json, buffer);
    EXPECT_EQ(buffer.view(), R"({"Records":[],"MillisBehindLatest":0,"ChildShards":[]})");
}

TEST(Encode, many_records_need_one_allocation) {
    const std::string data(1024, 'x');
    GetRecordsOutput output = one_record(data);
    output.records.resize(1000, output.records[0]);
    Buffer buffer;
    wire::encode(*GetRecords::output_shape, &output, Format::json, buffer);
    EXPECT_GE(buffer.capacity(), buffer.size());
    EXPECT_LT(buffer.capacity(), buffer.size() * 5 / 4);
}

TEST(Encode, error_bodies) {
    const auto body = [](std::string_view key, Format format) {
        Buffer buffer;
        wire::encode_error("ResourceNotFoundException", key, "No \"x\".", format, buffer);
        return std::string(buffer.view());
    };
    EXPECT_EQ(body("message", Format::json), R"({"__type":"ResourceNotFoundException","message":"No \"x\"."})");
    EXPECT_EQ(body("Message", Format::json), R"({"__type":"ResourceNotFoundException","Message":"No \"x\"."})");
    EXPECT_EQ(body("", Format::json), R"({"__type":"ResourceNotFoundException"})");
    EXPECT_EQ(to_hex(body("message", Format::cbor)), "a2665f5f747970657819" + to_hex("ResourceNotFoundException") +
                                                         "67" + to_hex("message") + "67" + to_hex("No \"x\"."));
    EXPECT_EQ(to_hex(body("", Format::cbor)), "a1665f5f747970657819" + to_hex("ResourceNotFoundException"));
    Buffer buffer;
    wire::encode_error("UnableToDetectSchemaException", "message", "No.", Format::json, buffer);
    const std::vector<std::string> records = {"a\nb", "c"};
    wire::add_texts("RawInputRecords", records, buffer);
    EXPECT_EQ(buffer.view(),
              R"({"__type":"UnableToDetectSchemaException","message":"No.","RawInputRecords":["a\nb","c"]})");
}

TEST(Errors, templates_become_constructors) {
    const aws::ApiError missing = errors::stream_not_found("s", "123456789012");
    EXPECT_EQ(missing.code, "ResourceNotFoundException");
    EXPECT_EQ(missing.message, "Stream s under account 123456789012 not found.");
    EXPECT_EQ(missing.status, 400);
    EXPECT_EQ(missing.key, aws::MessageKey::message);
    EXPECT_EQ(errors::internal_failure().status, 500);
    EXPECT_EQ(errors::internal_failure().key, aws::MessageKey::none);
    EXPECT_EQ(errors::type_error("x").key, aws::MessageKey::capital_message);
    EXPECT_EQ(errors::retention_too_short(24, 23).message,
              "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short.");
    EXPECT_EQ(
        errors::split_key_out_of_range("5", "shardId-000000000000", "s", "1", "0", "9").message,
        "NewStartingHashKey 5 used in SplitShard() on shard shardId-000000000000 in stream s under account 1 is not "
        "both greater than one plus the shard's StartingHashKey 0 and less than the shard's EndingHashKey 9.");
    EXPECT_EQ(
        errors::on_demand_stream_limit_exceeded("1", "r", 50, 50).message,
        "This request would exceed the limit on the number of On-Demand streams for the account `1` in `r`. Current "
        "On-Demand streams count: 50. Limit: 50.");
}

TEST(Operations, the_model_knows_57) {
    const auto count = []<class... Operations>(TypeList<Operations...>) { return sizeof...(Operations); };
    EXPECT_EQ(count(AllOperations{}), 57U);
    EXPECT_EQ(model.target_prefix, "Kinesis_20131202");
    EXPECT_EQ(PutRecord::name, "PutRecord");
}

}  // namespace
}  // namespace riacho::api::kinesis
