// AWS's rules for requests, on the shapes of the real model: every row of data-streams spec 3.1 and 3.2.
#include "wire/decode.h"

#include <gtest/gtest.h>

#include <string>

#include "aws/gen/kinesis/operations.gen.h"
#include "aws/gen/kinesis/types_add_tags_to_stream.gen.h"
#include "aws/gen/kinesis/types_create_stream.gen.h"
#include "aws/gen/kinesis/types_delete_stream.gen.h"
#include "aws/gen/kinesis/types_enable_enhanced_monitoring.gen.h"
#include "aws/gen/kinesis/types_get_records.gen.h"
#include "aws/gen/kinesis/types_get_shard_iterator.gen.h"
#include "aws/gen/kinesis/types_list_shards.gen.h"
#include "aws/gen/kinesis/types_put_record.gen.h"
#include "aws/gen/kinesis/types_put_records.gen.h"
#include "aws/gen/kinesis/types_remove_tags_from_stream.gen.h"
#include "aws/gen/kinesis/types_split_shard.gen.h"
#include "aws/gen/kinesis/types_subscribe_to_shard.gen.h"
#include "aws/gen/kinesis/types_update_shard_count.gen.h"
#include "base/digest.h"

namespace riacho::api::kinesis {
namespace {

using wire::Decoded;
using wire::Document;
using wire::Format;
using wire::Verdict;

template <class Operation>
struct Request {
    Document document;
    typename Operation::Input input;
    Decoded decoded;
    std::string body;

    explicit Request(std::string text, Format format = Format::json) : body(std::move(text)) {
        const auto parsed = document.parse(format, body);
        EXPECT_TRUE(parsed.has_value()) << body;
        if (parsed) decoded = wire::decode(*Operation::input_shape, document, &input);
    }
};

template <class Operation>
std::string type_error(std::string body) {
    const Request<Operation> request(std::move(body));
    EXPECT_EQ(request.decoded.verdict, Verdict::type_error);
    return request.decoded.text;
}

template <class Operation>
std::string violation(std::string body) {
    const Request<Operation> request(std::move(body));
    EXPECT_EQ(request.decoded.verdict, Verdict::violation);
    return request.decoded.text;
}

constexpr std::string_view number_class = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber";

// ---- 3.1: types -----------------------------------------------------------------------------------------------------

TEST(TypeErrors, a_string_takes_neither_booleans_nor_numbers) {
    EXPECT_EQ(type_error<PutRecord>(R"({"StreamName":true})"),
              "class java.lang.Boolean can not be converted to an String");
    for (const char* number : {"34", "3.5", "-1", "1e5", "123456789012345678901234567890"}) {
        EXPECT_EQ(type_error<PutRecord>(std::string(R"({"StreamName":)") + number + "}"),
                  std::string(number_class) + " can not be converted to an String");
    }
}

TEST(TypeErrors, an_integer_takes_neither_strings_nor_booleans) {
    EXPECT_EQ(type_error<GetRecords>(R"({"Limit":"1"})"), "class java.lang.String can not be converted to an Integer");
    EXPECT_EQ(type_error<GetRecords>(R"({"Limit":false})"),
              "class java.lang.Boolean can not be converted to an Integer");
}

TEST(TypeErrors, an_integer_is_floored_and_clamped) {
    EXPECT_EQ(Request<GetRecords>(R"({"Limit":3.99,"ShardIterator":"x"})").input.limit, 3);
    EXPECT_EQ(Request<CreateStream>(R"({"ShardCount":2147483648,"StreamName":"x"})").input.shard_count, 2147483647);
    EXPECT_EQ(Request<CreateStream>(R"({"ShardCount":99999999999999999999999,"StreamName":"x"})").input.shard_count,
              2147483647);
    EXPECT_EQ(violation<CreateStream>(R"({"ShardCount":-99999999999999999999999,"StreamName":"x"})"),
              "1 validation error detected: Value '-2147483648' at 'shardCount' failed to satisfy constraint: Member "
              "must have value greater than or equal to 1");
    EXPECT_EQ(violation<CreateStream>(R"({"ShardCount":-0.5,"StreamName":"x"})"),
              "1 validation error detected: Value '-1' at 'shardCount' failed to satisfy constraint: Member "
              "must have value greater than or equal to 1");
}

TEST(TypeErrors, a_boolean_takes_truth_words_and_fractions_but_no_integers) {
    EXPECT_EQ(type_error<DeleteStream>(R"({"EnforceConsumerDeletion":"23"})"),
              "'23' can not be converted to an Boolean");
    EXPECT_EQ(type_error<DeleteStream>(R"({"EnforceConsumerDeletion":"abc"})"),
              "'ABC' can not be converted to an Boolean");
    EXPECT_EQ(type_error<DeleteStream>(R"({"EnforceConsumerDeletion":1})"),
              std::string(number_class) + " can not be converted to an Boolean");
    const auto flag = [](const char* value) {
        return Request<DeleteStream>(std::string(R"({"EnforceConsumerDeletion":)") + value + "}")
            .input.enforce_consumer_deletion;
    };
    for (const char* yes : {"true", R"("true")", R"("TRUE")", R"("1")", R"("yes")", "1.5"}) EXPECT_EQ(flag(yes), true);
    for (const char* no : {"false", R"("false")", R"("0")", R"("No")"}) EXPECT_EQ(flag(no), false);
}

TEST(TypeErrors, a_blob_takes_base64_only) {
    const auto error = [](const char* value) {
        return type_error<PutRecord>(std::string(R"({"StreamName":"a","PartitionKey":"k","Data":)") + value + "}");
    };
    EXPECT_EQ(error("true"), "class java.lang.Boolean can not be converted to a Blob");
    EXPECT_EQ(error("7"), std::string(number_class) + " can not be converted to a Blob");
    EXPECT_EQ(error(R"("23456")"),
              "'23456' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but "
              "found: 5");
    EXPECT_EQ(error(R"("=+/=")"), "'=+/=' can not be converted to a Blob: Invalid Base64 character: '='");
    EXPECT_EQ(error(R"("ab=c")"), "'ab=c' can not be converted to a Blob: Invalid Base64 character: '='");
    EXPECT_EQ(error(R"("aé€A=")"), "'aé€A=' can not be converted to a Blob: Invalid Base64 character: 'é'");
    EXPECT_EQ(error(R"("+/+=")"),
              "'+/+=' can not be converted to a Blob: Invalid last non-pad Base64 character dectected");
}

TEST(TypeErrors, a_timestamp_takes_numbers_only) {
    EXPECT_EQ(type_error<GetShardIterator>(R"({"Timestamp":"2020-01-01"})"),
              "class java.lang.String can not be converted to milliseconds since epoch");
    EXPECT_EQ(type_error<GetShardIterator>(R"({"Timestamp":true})"),
              "class java.lang.Boolean can not be converted to milliseconds since epoch");
}

TEST(TypeErrors, containers_are_told_what_they_expected) {
    for (const char* scalar : {R"("x")", "1", "true"}) {
        const auto with = [&](const char* member) { return std::string("{\"") + member + "\":" + scalar + "}"; };
        EXPECT_EQ(type_error<PutRecords>(with("Records")), "Expected list or null");
        EXPECT_EQ(type_error<AddTagsToStream>(with("Tags")), "Expected map or null");
        EXPECT_EQ(type_error<SubscribeToShard>(with("StartingPosition")), "Expected null");
        EXPECT_EQ(type_error<PutRecords>(std::string(R"({"Records":[)") + scalar + "]}"), "Expected null");
    }
}

TEST(TypeErrors, a_list_or_a_structure_in_the_wrong_place_is_named_by_its_start) {
    for (const char* body : {R"({"StreamName":[]})", R"({"Tags":[]})"}) {
        EXPECT_EQ(type_error<AddTagsToStream>(body), "Start of list found where not expected");
    }
    EXPECT_EQ(type_error<SubscribeToShard>(R"({"StartingPosition":[]})"), "Start of list found where not expected");
    EXPECT_EQ(type_error<PutRecord>("[]"), "Start of list found where not expected");
    EXPECT_EQ(type_error<PutRecord>(R"({"StreamName":{}})"), "Start of structure or map found where not expected.");
    EXPECT_EQ(type_error<PutRecords>(R"({"Records":{}})"), "Start of structure or map found where not expected.");
    EXPECT_EQ(type_error<GetShardIterator>(R"({"Timestamp":{}})"),
              "Start of structure or map found where not expected.");
}

TEST(TypeErrors, come_before_every_constraint_and_the_first_one_wins) {
    EXPECT_EQ(type_error<GetRecords>(R"({"Limit":0,"ShardIterator":5})"),
              std::string(number_class) + " can not be converted to an String");
    EXPECT_EQ(type_error<GetRecords>(R"({"Limit":true,"ShardIterator":5})"),
              "class java.lang.Boolean can not be converted to an Integer");
}

TEST(TypeErrors, unknown_members_of_any_type_are_ignored) {
    const Request<GetRecords> request(R"({"Nope":{"a":[1,{"b":null}]},"ShardIterator":"x","Limit":2})");
    EXPECT_TRUE(request.decoded);
    EXPECT_EQ(request.input.shard_iterator, "x");
    EXPECT_EQ(request.input.limit, 2);
}

TEST(TypeErrors, null_is_absence) {
    const Request<GetRecords> request(R"({"ShardIterator":"x","Limit":null})");
    EXPECT_TRUE(request.decoded);
    EXPECT_EQ(request.input.limit, std::nullopt);
}

TEST(TypeErrors, the_last_of_two_members_counts_also_when_the_first_was_wrong) {
    const Request<GetRecords> request(R"({"ShardIterator":"","Limit":0,"ShardIterator":"x","Limit":7})");
    EXPECT_TRUE(request.decoded) << request.decoded.text;
    EXPECT_EQ(request.input.shard_iterator, "x");
    EXPECT_EQ(request.input.limit, 7);
    EXPECT_EQ(
        violation<GetRecords>(R"({"ShardIterator":"x","ShardIterator":null})"),
        "1 validation error detected: Value null at 'shardIterator' failed to satisfy constraint: Member must not "
        "be null");
}

// ---- 3.2: constraints -----------------------------------------------------------------------------------------------

TEST(Violations, the_examples_of_the_specification) {
    EXPECT_EQ(
        violation<GetRecords>("{}"),
        "1 validation error detected: Value null at 'shardIterator' failed to satisfy constraint: Member must not "
        "be null");
    EXPECT_EQ(
        violation<PutRecord>(
            R"({"StreamName":"a","PartitionKey":"k","Data":"","ExplicitHashKey":"23456789012345678901234567890123456789012"})"),
        "1 validation error detected: Value '23456789012345678901234567890123456789012' at 'explicitHashKey' failed to "
        "satisfy constraint: Member must satisfy regular expression pattern: 0|([1-9]\\d{0,38})");
    EXPECT_EQ(violation<GetRecords>(R"({"ShardIterator":"","Limit":0})"),
              "2 validation errors detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value "
              "greater than or equal to 1; Value '' at 'shardIterator' failed to satisfy constraint: Member must have "
              "length greater than or equal to 1");
    EXPECT_EQ(
        violation<GetShardIterator>(R"({"ShardId":"s","ShardIteratorType":"foo","StreamName":"a"})"),
        "1 validation error detected: Value 'foo' at 'shardIteratorType' failed to satisfy constraint: Member must "
        "satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]");
}

TEST(Violations, the_value_of_a_blob_is_not_shown) {
    std::string too_long;
    too_long.resize(10485761, 'x');
    EXPECT_EQ(
        violation<PutRecord>(R"({"StreamName":"a","PartitionKey":"k","Data":")" + encode_base64(too_long) + "\"}"),
        "1 validation error detected: Value at 'data' "
        "failed to satisfy constraint: Member must have length less than or equal to 10485760");
    const Request<PutRecord> longest(R"({"StreamName":"a","PartitionKey":"k","Data":")" +
                                     encode_base64(too_long.substr(1)) + "\"}");
    EXPECT_TRUE(longest.decoded);
    EXPECT_EQ(longest.input.data.size(), 10485760U);
}

TEST(Violations, numbers_above_the_maximum) {
    EXPECT_EQ(violation<GetRecords>(R"({"ShardIterator":"x","Limit":100000})"),
              "1 validation error detected: Value '100000' at 'limit' failed to satisfy constraint: Member must have "
              "value less than or equal to 10000");
}

TEST(Violations, an_empty_name_breaks_its_pattern_and_then_its_length) {
    EXPECT_EQ(
        violation<CreateStream>(R"({"StreamName":""})"),
        "2 validation errors detected: Value '' at 'streamName' failed to satisfy constraint: Member must satisfy "
        "regular expression pattern: [a-zA-Z0-9_.-]+; Value '' at 'streamName' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1");
}

TEST(Violations, a_name_that_is_only_too_long_breaks_one_rule) {
    const std::string name(129, 'a');
    EXPECT_EQ(violation<CreateStream>(R"({"StreamName":")" + name + "\"}"),
              "1 validation error detected: Value '" + name +
                  "' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128");
    EXPECT_TRUE(Request<CreateStream>(R"({"StreamName":")" + name.substr(1) + "\"}").decoded);
}

TEST(Violations, members_come_in_the_recorded_order_whatever_the_request_says) {
    const std::string text = violation<PutRecord>(
        R"({"StreamName":"","Data":null,"ExplicitHashKey":"","PartitionKey":"","SequenceNumberForOrdering":""})");
    std::size_t last = 0;
    for (const char* path :
         {"'sequenceNumberForOrdering'", "'partitionKey'", "'explicitHashKey'", "'data'", "'streamName'"}) {
        const std::size_t at = text.find(path);
        ASSERT_NE(at, std::string::npos) << path;
        EXPECT_GT(at, last) << path;
        last = at;
    }
    EXPECT_EQ(text.substr(0, 30), "6 validation errors detected: ");
}

TEST(Violations, lists_of_structures_name_themselves_and_then_their_elements) {
    EXPECT_EQ(
        violation<PutRecords>(R"({"StreamName":"a","Records":[{"PartitionKey":"k"},{"Data":"","PartitionKey":""}]})"),
        "2 validation errors detected: Value null at 'records.1.member.data' failed to satisfy constraint: Member must "
        "not be null; Value '' at 'records.2.member.partitionKey' failed to satisfy constraint: Member must have "
        "length "
        "greater than or equal to 1");
    EXPECT_EQ(violation<PutRecords>(R"({"StreamName":"a","Records":[]})"),
              "1 validation error detected: Value at 'records' failed to satisfy constraint: Member must have length "
              "greater than or equal to 1");
    EXPECT_EQ(violation<PutRecords>(R"({"StreamName":"a","Records":[null]})"),
              "1 validation error detected: Value null at 'records.1.member' failed to satisfy constraint: Member must "
              "not be null");
}

TEST(Violations, ten_are_listed_at_most_the_lists_own_first) {
    std::string body = R"({"StreamName":"","Records":[)";
    for (int i = 0; i < 501; ++i) body += R"({"Data":"","PartitionKey":""},)";
    body.back() = ']';
    const std::string text = violation<PutRecords>(body + "}");
    EXPECT_TRUE(
        text.starts_with("10 validation errors detected: Value at 'records' failed to satisfy constraint: Member must "
                         "have length less than or equal to 500; Value '' at 'records.1.member.partitionKey'"))
        << text.substr(0, 300);
    EXPECT_NE(text.find("records.9.member.partitionKey"), std::string::npos);
    EXPECT_EQ(text.find("records.10.member"), std::string::npos);
    EXPECT_EQ(text.find("'streamName'"), std::string::npos);
}

TEST(Violations, list_elements_are_judged_together) {
    EXPECT_EQ(violation<RemoveTagsFromStream>(R"({"StreamName":"a","TagKeys":["a","","b"]})"),
              "1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must "
              "satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater "
              "than or equal to 1]");
    EXPECT_EQ(violation<RemoveTagsFromStream>(R"({"StreamName":"a","TagKeys":[]})"),
              "1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must have "
              "length greater than or equal to 1");
    EXPECT_EQ(violation<EnableEnhancedMonitoring>(R"({"StreamName":"a","ShardLevelMetrics":["foo"]})"),
              "1 validation error detected: Value at 'shardLevelMetrics' failed to satisfy constraint: Member "
              "must satisfy constraint: [Member must satisfy enum value set: [IncomingBytes, IncomingRecords, "
              "OutgoingBytes, OutgoingRecords, WriteProvisionedThroughputExceeded, ReadProvisionedThroughputExceeded, "
              "IteratorAgeMilliseconds, ALL]]");
}

TEST(Violations, map_keys_and_values_are_judged_together) {
    EXPECT_EQ(violation<AddTagsToStream>(R"({"StreamName":"a","Tags":{}})"),
              "1 validation error detected: Value '{}' at 'tags' failed to satisfy constraint: Member must have length "
              "greater than or equal to 1");
    EXPECT_EQ(violation<AddTagsToStream>(R"({"StreamName":"a","Tags":{"":"v"}})"),
              "1 validation error detected: Value '{=v}' at 'tags' failed to satisfy constraint: Map keys must satisfy "
              "constraint: [Member must have length less than or equal to 128, Member must have length greater than or "
              "equal to 1]");
    const std::string value(257, 'v');
    EXPECT_EQ(
        violation<AddTagsToStream>(R"({"StreamName":"a","Tags":{"k":"v","b":")" + value + "\"}}"),
        "1 validation error detected: Value '{b=" + value +
            ", k=v}' at 'tags' failed to satisfy constraint: Map value must satisfy constraint: [Member must have "
            "length less than or equal to 256, Member must have length greater than or equal to 0]");
}

TEST(Violations, nested_members_are_named_by_their_path) {
    EXPECT_EQ(
        violation<SubscribeToShard>(
            R"({"ConsumerARN":"arn:aws:kinesis:us-east-1:123456789012:stream/a/consumer/c:1","ShardId":"s","StartingPosition":{}})"),
        "1 validation error detected: Value null at 'startingPosition.type' failed to satisfy constraint: Member "
        "must not be null");
    EXPECT_EQ(violation<CreateStream>(R"({"StreamName":"a","StreamModeDetails":{"StreamMode":"x"}})"),
              "1 validation error detected: Value 'x' at 'streamModeDetails.streamMode' failed to satisfy constraint: "
              "Member must satisfy enum value set: [PROVISIONED, ON_DEMAND]");
    EXPECT_EQ(
        violation<UpdateShardCount>(R"({"StreamName":"a","TargetShardCount":1,"ScalingType":"x"})"),
        "1 validation error detected: Value 'x' at 'scalingType' failed to satisfy constraint: Member must satisfy "
        "enum value set: [UNIFORM_SCALING]");
}

TEST(Violations, lengths_count_utf16_units) {
    // U+1F600 is four bytes in UTF-8 and two UTF-16 units: 128 of them are 256 units.
    std::string key;
    for (int i = 0; i < 128; ++i) key += "\xF0\x9F\x98\x80";
    EXPECT_TRUE(Request<PutRecord>(R"({"StreamName":"a","Data":"","PartitionKey":")" + key + "\"}").decoded);
    EXPECT_EQ(Request<PutRecord>(R"({"StreamName":"a","Data":"","PartitionKey":")" + key + "x\"}").decoded.verdict,
              Verdict::violation);
    std::string accents;
    for (int i = 0; i < 256; ++i) accents += "é";
    EXPECT_TRUE(Request<PutRecord>(R"({"StreamName":"a","Data":"","PartitionKey":")" + accents + "\"}").decoded);
}

TEST(Violations, arns_must_match_as_a_whole) {
    const auto accepts = [](const std::string& arn) {
        return static_cast<bool>(
            Request<PutRecord>(R"({"Data":"","PartitionKey":"k","StreamARN":")" + arn + "\"}").decoded);
    };
    EXPECT_TRUE(accepts("arn:aws:kinesis:us-east-1:123456789012:stream/a"));
    EXPECT_TRUE(accepts("arn:aws-cn:kinesis:cn-north-1:000000000000:stream/a.b_c-d"));
    EXPECT_FALSE(accepts("arn:aws:kinesis:us-east-1:12345678901:stream/a"));
    EXPECT_FALSE(accepts("arn:aws:kinesis:us-east-1:1234567890123:stream/a"));
    EXPECT_FALSE(accepts("arn:aws:kinesis:us-east-1:123456789012:stream/"));
    EXPECT_FALSE(accepts("arn:aws:kinesis:us-east-1:123456789012:stream/a b"));
    EXPECT_FALSE(accepts("xarn:aws:kinesis:us-east-1:123456789012:stream/a"));
}

// ---- Decoded structs ------------------------------------------------------------------------------------------------

TEST(Decode, put_record_from_json) {
    const Request<PutRecord> request(R"({"StreamName":"a","Data":"aGk=","PartitionKey":"k","DryRun":true})");
    ASSERT_TRUE(request.decoded) << request.decoded.text;
    EXPECT_EQ(request.input.stream_name, "a");
    EXPECT_EQ(request.input.data.size(), 2U);
    EXPECT_EQ(request.input.data.encoding(), wire::Blob::Encoding::base64);
    EXPECT_EQ(request.input.data.to_string(), "hi");
    EXPECT_EQ(request.input.partition_key, "k");
    EXPECT_EQ(request.input.stream_arn, std::nullopt);
    EXPECT_EQ(request.input.dry_run, true);
}

TEST(Decode, put_record_from_the_cbor_that_java_sends) {
    const Request<PutRecord> request(*from_hex("bf6a53747265616d4e616d6561616444617461426869"
                                               "6c506172746974696f6e4b6579616bff"),
                                     Format::cbor);
    ASSERT_TRUE(request.decoded) << request.decoded.text;
    EXPECT_EQ(request.input.stream_name, "a");
    EXPECT_EQ(request.input.data.encoding(), wire::Blob::Encoding::raw);
    EXPECT_EQ(request.input.data.to_string(), "hi");
    EXPECT_EQ(request.input.partition_key, "k");
}

TEST(Decode, get_shard_iterator_from_the_cbor_that_java_sends) {
    const Request<GetShardIterator> request(
        *from_hex(
            "bf6a53747265616d4e616d65616167536861726449647473686172644964"
            "2d303030303030303030303030"
            "7153686172644974657261746f72547970656c41545f54494d455354414d506954696d657374616d70c11b0000018bcfe5687bff"),
        Format::cbor);
    ASSERT_TRUE(request.decoded) << request.decoded.text;
    EXPECT_EQ(request.input.shard_id, "shardId-000000000000");
    EXPECT_EQ(request.input.shard_iterator_type, ShardIteratorType::at_timestamp);
    EXPECT_EQ(request.input.timestamp, TimestampMs(1700000000123));
}

TEST(Decode, timestamps_have_milliseconds) {
    const auto timestamp = [](const char* text) {
        return Request<ListShards>(std::string(R"({"StreamCreationTimestamp":)") + text + "}")
            .input.stream_creation_timestamp;
    };
    EXPECT_EQ(timestamp("1459799926.480"), TimestampMs(1459799926480));
    EXPECT_EQ(timestamp("1.45979992648E9"), TimestampMs(1459799926480));
    EXPECT_EQ(timestamp("1700000000"), TimestampMs(1700000000000));
    EXPECT_EQ(timestamp("1700000000.9999"), TimestampMs(1700000000999));
    EXPECT_EQ(timestamp("1e300"), TimestampMs(std::numeric_limits<std::int64_t>::max()));
    // Milliseconds where seconds are meant, as clients send them by mistake: the error repeats them.
    EXPECT_EQ(timestamp("1796714571922.0"), TimestampMs(1796714571922000));
    EXPECT_EQ(timestamp("1795880488186.0"), TimestampMs(1795880488186000));
    for (int ms = 0; ms < 1000; ++ms) {
        const std::string digits = std::to_string(1000 + ms).substr(1);
        EXPECT_EQ(timestamp(("1700000000." + digits).c_str()), TimestampMs(1700000000000 + ms));
    }
}

TEST(Decode, put_records_and_maps) {
    const Request<PutRecords> records(
        R"({"StreamName":"a","Records":[{"PartitionKey":"a","Data":"aGk="},{"PartitionKey":"b","Data":"","ExplicitHashKey":"0"}]})");
    ASSERT_TRUE(records.decoded) << records.decoded.text;
    ASSERT_EQ(records.input.records.size(), 2U);
    EXPECT_EQ(records.input.records[0].data.to_string(), "hi");
    EXPECT_EQ(records.input.records[1].explicit_hash_key, "0");
    EXPECT_TRUE(records.input.records[1].data.empty());
    const Request<AddTagsToStream> tags(R"({"StreamName":"a","Tags":{"z":"1","a":"2","z":"3","n":null}})");
    ASSERT_TRUE(tags.decoded) << tags.decoded.text;
    const std::vector<std::pair<std::string_view, std::string_view>> expected{{"a", "2"}, {"z", "3"}};
    EXPECT_EQ(tags.input.tags, expected);
}

TEST(Decode, cbor_obeys_the_same_rules) {
    // {"ShardIterator": 1}, {"ShardIterator": h'00'}, {"Limit": 0, "ShardIterator": ""}
    EXPECT_EQ((Request<GetRecords>(*from_hex("a16d53686172644974657261746f7201"), Format::cbor).decoded.text),
              std::string(number_class) + " can not be converted to an String");
    EXPECT_EQ((Request<GetRecords>(*from_hex("a16d53686172644974657261746f724100"), Format::cbor).decoded.text),
              "class java.nio.HeapByteBuffer can not be converted to an String");
    EXPECT_EQ(
        (Request<GetRecords>(*from_hex("a2654c696d6974006d53686172644974657261746f7260"), Format::cbor).decoded.text)
            .substr(0, 28),
        "2 validation errors detected");
}

}  // namespace
}  // namespace riacho::api::kinesis
