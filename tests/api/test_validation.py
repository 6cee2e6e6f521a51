"""Validation errors and their texts. Numbers in brackets: items of the conformance list (data-streams specification, section 10)."""

import base64
import itertools
import re

import pytest
import wire

NAME_PATTERN = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
NUMBER = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to "
LIST_FOUND = "Start of list found where not expected"
STRUCTURE_FOUND = "Start of structure or map found where not expected."


def item(value, path, rule):
    """value is None for lists and blobs, whose values are not printed."""
    return f"Value{'' if value is None else ' ' + value} at '{path}' failed to satisfy constraint: {rule}"


def length(least=None, most=None):
    bound = f"greater than or equal to {least}" if most is None else f"less than or equal to {most}"
    return f"Member must have length {bound}"


def amount(least=None, most=None):
    return length(least, most).replace("length", "value")


def violations(raw, operation, body, content_type=wire.JSON):
    """The items of a ValidationException, after their number was checked."""
    reply = raw.call(operation, body, content_type=content_type)
    error = reply.cbor if content_type == wire.CBOR else reply.json
    assert (reply.status, error["__type"]) == (400, "ValidationException"), error
    assert error.keys() == {"__type", "message"}
    match = re.fullmatch(r"(\d+) validation error(s?) detected: (.*)", error["message"], re.DOTALL)
    assert match, error
    items = re.split(r"; (?=Value |Map )", match[3])
    assert int(match[1]) == len(items) and bool(match[2]) == (len(items) > 1)
    return items


def type_error(raw, operation, body):
    reply = raw.call(operation, body)
    assert reply.status == 400
    assert reply.json.keys() == {"__type", "Message"}, reply.json
    assert reply.json["__type"] == "SerializationException"
    return reply.json["Message"]


def test_what_is_required(raw):
    """[22]"""
    reply = raw.call("GetRecords", {})
    assert reply.json == {"__type": "ValidationException",
                          "message": "1 validation error detected: Value null at 'shardIterator' failed to satisfy constraint: "
                                     "Member must not be null"}
    assert set(violations(raw, "GetShardIterator", {"StreamName": "a"})) == {
        item("null", "shardId", "Member must not be null"), item("null", "shardIteratorType", "Member must not be null")}
    assert violations(raw, "PutRecords", {"StreamName": "a", "Records": [{"PartitionKey": "k"}]}) == [
        item("null", "records.1.member.data", "Member must not be null")]
    assert violations(raw, "UpdateStreamMode", {"StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/a", "StreamModeDetails": {}}) == [
        item("null", "streamModeDetails.streamMode", "Member must not be null")]


@pytest.mark.parametrize("operation, rest", [
    ("DescribeStream", {}), ("DescribeStreamSummary", {}), ("DeleteStream", {}), ("PutRecord", {"Data": "", "PartitionKey": "k"}),
    ("GetShardIterator", {"ShardId": "0", "ShardIteratorType": "LATEST"}), ("ListTagsForStream", {}), ("CreateStream", {"ShardCount": 1}),
    ("IncreaseStreamRetentionPeriod", {"RetentionPeriodHours": 25}), ("SplitShard", {"ShardToSplit": "0", "NewStartingHashKey": "2"}),
    ("MergeShards", {"ShardToMerge": "0", "AdjacentShardToMerge": "1"}), ("AddTagsToStream", {"Tags": {"a": "b"}})])
def test_stream_names(raw, operation, rest):
    """[23]"""
    assert violations(raw, operation, rest | {"StreamName": ""}) == [
        item("''", "streamName", NAME_PATTERN), item("''", "streamName", length(1))]
    assert violations(raw, operation, rest | {"StreamName": "a" * 129}) == [item(f"'{'a' * 129}'", "streamName", length(most=128))]
    assert violations(raw, operation, rest | {"StreamName": "a b"}) == [item("'a b'", "streamName", NAME_PATTERN)]
    assert violations(raw, operation, rest | {"StreamName": "é" * 129}) == [
        item(f"'{'é' * 129}'", "streamName", NAME_PATTERN), item(f"'{'é' * 129}'", "streamName", length(most=128))]


def test_numbers_have_bounds(raw):
    """[24]"""
    for operation, body in [("DescribeStream", {"StreamName": "a"}), ("GetRecords", {"ShardIterator": "a"}), ("ListStreams", {})]:
        assert violations(raw, operation, body | {"Limit": 0}) == [item("'0'", "limit", amount(1))]
        assert violations(raw, operation, body | {"Limit": 10001}) == [item("'10001'", "limit", amount(most=10000))]
        assert violations(raw, operation, body | {"Limit": -1}) == [item("'-1'", "limit", amount(1))]
    assert violations(raw, "ListShards", {"StreamName": "a", "MaxResults": 10001}) == [item("'10001'", "maxResults", amount(most=10000))]
    assert violations(raw, "ListTagsForStream", {"StreamName": "a", "Limit": 51}) == [item("'51'", "limit", amount(most=50))]
    assert violations(raw, "UpdateShardCount", {"StreamName": "a", "TargetShardCount": 0, "ScalingType": "UNIFORM_SCALING"}) == [
        item("'0'", "targetShardCount", amount(1))]
    assert set(violations(raw, "GetRecords", {"ShardIterator": "", "Limit": 0})) == {
        item("'0'", "limit", amount(1)), item("''", "shardIterator", length(1))}


def test_ten_violations_are_told_at_most(raw):
    """[25]"""
    records = [{"Data": "", "PartitionKey": ""} for _ in range(501)]
    found = violations(raw, "PutRecords", {"StreamName": "", "Records": records})
    assert len(found) == 10
    assert found[0] == item(None, "records", length(most=500))
    assert found[1:] == [item("''", f"records.{i}.member.partitionKey", length(1)) for i in range(1, 10)]
    few = violations(raw, "PutRecords", {"StreamName": "a", "Records": records[:2]})
    assert few == [item("''", f"records.{i}.member.partitionKey", length(1)) for i in (1, 2)]
    assert violations(raw, "PutRecords", {"StreamName": "a", "Records": []}) == [item(None, "records", length(1))]


ANY_RECORD = {"Data": "", "PartitionKey": "k"}
TYPES = {
    "String": ("DescribeStream", lambda value: {"StreamName": value}),
    "Integer": ("DescribeStream", lambda value: {"StreamName": "a", "Limit": value}),
    "Boolean": ("DeleteStream", lambda value: {"StreamName": "a", "EnforceConsumerDeletion": value}),
    "Blob": ("PutRecord", lambda value: {"StreamName": "a", "PartitionKey": "k", "Data": value}),
    "Timestamp": ("GetShardIterator", lambda value: {"StreamName": "a", "ShardId": "0", "ShardIteratorType": "AT_TIMESTAMP",
                                                     "Timestamp": value}),
    "List": ("PutRecords", lambda value: {"StreamName": "a", "Records": value}),
    "Map": ("AddTagsToStream", lambda value: {"StreamName": "a", "Tags": value}),
    "Structure": ("PutRecords", lambda value: {"StreamName": "a", "Records": [value]}),
    "Enum": ("GetShardIterator", lambda value: {"StreamName": "a", "ShardId": "0", "ShardIteratorType": value}),
    "ListOfStrings": ("RemoveTagsFromStream", lambda value: {"StreamName": "a", "TagKeys": [value]}),
    "MapOfStrings": ("AddTagsToStream", lambda value: {"StreamName": "a", "Tags": {"k": value}}),
}
BOOLEAN = "class java.lang.Boolean can not be converted to "


@pytest.mark.parametrize("kind, value, text", [
    ("String", True, BOOLEAN + "an String"), ("String", False, BOOLEAN + "an String"), ("String", 12, NUMBER + "an String"),
    ("String", 1.5, NUMBER + "an String"), ("String", [], LIST_FOUND), ("String", ["a"], LIST_FOUND), ("String", {}, STRUCTURE_FOUND),
    ("Enum", True, BOOLEAN + "an String"), ("Enum", 3, NUMBER + "an String"), ("Enum", [], LIST_FOUND), ("Enum", {}, STRUCTURE_FOUND),
    ("ListOfStrings", True, BOOLEAN + "an String"), ("ListOfStrings", 5, NUMBER + "an String"), ("ListOfStrings", [], LIST_FOUND),
    ("MapOfStrings", True, BOOLEAN + "an String"), ("MapOfStrings", 5, NUMBER + "an String"), ("MapOfStrings", {}, STRUCTURE_FOUND),
    ("Integer", "1", "class java.lang.String can not be converted to an Integer"), ("Integer", True, BOOLEAN + "an Integer"),
    ("Integer", [], LIST_FOUND), ("Integer", {}, STRUCTURE_FOUND),
    ("Boolean", "abc", "'ABC' can not be converted to an Boolean"), ("Boolean", 23, NUMBER + "an Boolean"), ("Boolean", [], LIST_FOUND),
    ("Boolean", {}, STRUCTURE_FOUND),
    ("Blob", True, BOOLEAN + "a Blob"), ("Blob", 3, NUMBER + "a Blob"), ("Blob", [], LIST_FOUND), ("Blob", {}, STRUCTURE_FOUND),
    ("Timestamp", "2026-01-01", "class java.lang.String can not be converted to milliseconds since epoch"),
    ("Timestamp", True, BOOLEAN + "milliseconds since epoch"), ("Timestamp", [], LIST_FOUND), ("Timestamp", {}, STRUCTURE_FOUND),
    ("List", "a", "Expected list or null"), ("List", 1, "Expected list or null"), ("List", True, "Expected list or null"),
    ("List", {}, STRUCTURE_FOUND),
    ("Map", "a", "Expected map or null"), ("Map", 1, "Expected map or null"), ("Map", True, "Expected map or null"), ("Map", [], LIST_FOUND),
    ("Structure", "a", "Expected null"), ("Structure", 1, "Expected null"), ("Structure", True, "Expected null"),
    ("Structure", [], LIST_FOUND)])
def test_types(raw, kind, value, text):
    """[26]"""
    operation, body = TYPES[kind]
    assert type_error(raw, operation, body(value)) == text


@pytest.mark.parametrize("value", ["true", "FALSE", "1", "0", "Yes", "no", 1.5])
def test_what_counts_as_a_boolean(raw, value):
    """[26] Texts of the table, and a fraction."""
    reply = raw.call("DeleteStream", {"StreamName": "missing", "EnforceConsumerDeletion": value})
    assert reply.json["__type"] == "ResourceNotFoundException"


def test_one_type_error_is_told_before_any_constraint(raw):
    """[26] The first type error of the body."""
    text = type_error(raw, "PutRecords", {"StreamName": "", "Records": [{"PartitionKey": "", "Data": "23456"}, {"PartitionKey": 1}, 2]})
    assert text == "'23456' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: 5"
    assert type_error(raw, "GetRecords", {"Limit": "x", "ShardIterator": ""}).endswith("an Integer")


@pytest.mark.parametrize("given, limit", [(0.9, 0), (10001.7, 10001), (1e30, 2147483647), (99999999999, 2147483647)])
def test_numbers_are_made_whole_and_kept_in_range(raw, given, limit):
    """[26]"""
    expected = item(f"'{limit}'", "limit", amount(1) if limit == 0 else amount(most=10000))
    assert violations(raw, "DescribeStream", {"StreamName": "a", "Limit": given}) == [expected]


@pytest.mark.parametrize("data, text", [
    ("23456", "'23456' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: 5"),
    ("=+/=", "'=+/=' can not be converted to a Blob: Invalid Base64 character: '='"),
    ("+/+=", "'+/+=' can not be converted to a Blob: Invalid last non-pad Base64 character dectected"),
    ("a\nb=", "'a\nb=' can not be converted to a Blob: Invalid Base64 character: '\n'"),
    ("a_b-", "'a_b-' can not be converted to a Blob: Invalid Base64 character: '_'")])
def test_blobs(raw, data, text):
    """[27]"""
    assert type_error(raw, "PutRecord", {"StreamName": "a", "PartitionKey": "k", "Data": data}) == text
    assert type_error(raw, "PutRecords", {"StreamName": "a", "Records": [ANY_RECORD, ANY_RECORD | {"Data": data}]}) == text


def test_enumerations(raw):
    """[28]"""
    body = {"StreamName": "a", "ShardId": "0", "ShardIteratorType": "foo"}
    assert violations(raw, "GetShardIterator", body) == [item(
        "'foo'", "shardIteratorType",
        "Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]")]
    for wrong in ("latest", "LATEST ", ""):
        assert len(violations(raw, "GetShardIterator", body | {"ShardIteratorType": wrong})) == 1
    found = violations(raw, "ListShards", {"StreamName": "a", "ShardFilter": {"Type": "x"}})
    assert len(found) == 1
    prefix = "Value 'x' at 'shardFilter.type' failed to satisfy constraint: Member must satisfy enum value set: ["
    assert found[0].startswith(prefix) and set(found[0][len(prefix):-1].split(", ")) == {
        "AFTER_SHARD_ID", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON", "AT_LATEST", "AT_TIMESTAMP", "FROM_TIMESTAMP"}


def test_unknown_and_null_members_count_for_nothing(raw, make_stream):
    """[29]"""
    stream = make_stream()
    body = {"StreamName": stream, "StreamARN": None, "Unknown": 1, "limit": "x", "Limit": None, "Other": {"StreamName": [None, {}]}}
    for content_type in (wire.JSON, wire.CBOR):
        reply = raw.call("DescribeStream", body, content_type=content_type)
        assert reply.status == 200, reply.body
    assert violations(raw, "GetRecords", {"ShardIterator": None}) == violations(raw, "GetRecords", {})
    put = {"StreamName": stream, "Data": "", "PartitionKey": "k", "ExplicitHashKey": None, "SequenceNumberForOrdering": None}
    assert raw.call("PutRecord", put).status == 200
    assert violations(raw, "PutRecord", put | {"Data": None}) == [item("null", "data", "Member must not be null")]


def test_the_last_of_two_equal_keys_counts(raw, make_stream):
    stream = make_stream()
    assert raw.call("DescribeStreamSummary", f'{{"StreamName":"missing","StreamName":"{stream}"}}').status == 200


def test_constraints_come_before_the_stream(raw):
    """[30]"""
    assert violations(raw, "DescribeStream", {"StreamName": "missing", "Limit": 0}) == [item("'0'", "limit", amount(1))]
    assert violations(raw, "DescribeStream", {"StreamName": "no such"}) == [item("'no such'", "streamName", NAME_PATTERN)]
    assert raw.call("DescribeStream", {"StreamName": "missing"}).json["__type"] == "ResourceNotFoundException"


def test_data_that_is_too_long(raw):
    """[31]"""
    size = 10 * 1024 * 1024 + 1
    expected = item(None, "data", length(most=size - 1))
    put = {"StreamName": "a", "PartitionKey": "k"}
    assert violations(raw, "PutRecord", put | {"Data": base64.b64encode(bytes(size)).decode()}) == [expected]
    assert violations(raw, "PutRecord", put | {"Data": bytes(size)}, content_type=wire.CBOR) == [expected]
    reply = raw.call("PutRecord", put | {"Data": bytes(size - 1)}, content_type=wire.CBOR)
    assert reply.cbor["__type"] == "ResourceNotFoundException"


def test_elements_and_keys_that_are_too_long(raw):
    """[31]"""
    both = "[Member must have length less than or equal to {}, Member must have length greater than or equal to {}]"
    key = "k" * 129
    assert violations(raw, "RemoveTagsFromStream", {"StreamName": "a", "TagKeys": ["a", key]}) == [
        item(None, "tagKeys", "Member must satisfy constraint: " + both.format(128, 1))]
    assert violations(raw, "RemoveTagsFromStream", {"StreamName": "a", "TagKeys": []}) == [item(None, "tagKeys", length(1))]
    assert violations(raw, "AddTagsToStream", {"StreamName": "a", "Tags": {key: "v"}}) == [
        item(f"'{{{key}=v}}'", "tags", "Map keys must satisfy constraint: " + both.format(128, 1))]
    value = "v" * 257
    assert violations(raw, "AddTagsToStream", {"StreamName": "a", "Tags": {"k": value}}) == [
        item(f"'{{k={value}}}'", "tags", "Map value must satisfy constraint: " + both.format(256, 0))]
    assert violations(raw, "AddTagsToStream", {"StreamName": "a", "Tags": {}}) == [item("'{}'", "tags", length(1))]
    many = {f"k{i}": "v" for i in range(201)}
    assert violations(raw, "AddTagsToStream", {"StreamName": "a", "Tags": many})[0].endswith(length(most=200))


def test_patterns_of_numbers(raw):
    hash_key = r"Member must satisfy regular expression pattern: 0|([1-9]\d{0,38})"
    sequence = r"Member must satisfy regular expression pattern: 0|([1-9]\d{0,128})"
    put = {"StreamName": "a", "Data": "", "PartitionKey": "k"}
    for wrong in ("-1", "00", "01", "1.0", "1" * 40, " 1", "1 ", "x", "٣"):
        assert violations(raw, "PutRecord", put | {"ExplicitHashKey": wrong}) == [item(f"'{wrong}'", "explicitHashKey", hash_key)]
    for wrong in ("-1", "00", "1" * 130):
        assert violations(raw, "PutRecord", put | {"SequenceNumberForOrdering": wrong}) == [
            item(f"'{wrong}'", "sequenceNumberForOrdering", sequence)]
    assert raw.call("PutRecord", put | {"ExplicitHashKey": "9" * 39}).json["__type"] == "ResourceNotFoundException"


def test_lengths_count_utf_16_units(raw):
    """Spec 3.2: as Java counts. The bound is the key's, 256."""
    put = {"StreamName": "a", "Data": ""}
    assert raw.call("PutRecord", put | {"PartitionKey": "🜁" * 128}).json["__type"] == "ResourceNotFoundException"
    assert violations(raw, "PutRecord", put | {"PartitionKey": "🜁" * 128 + "a"}) == [
        item(f"'{'🜁' * 128}a'", "partitionKey", length(most=256))]


def test_arns_are_patterns_too(raw):
    for operation, body in [("DescribeStream", {}), ("RegisterStreamConsumer", {"ConsumerName": "c"})]:
        for wrong in ("arn:aws:s3:::bucket", "arn:aws:kinesis:us-east-1:1234:stream/a", "arn:aws:kinesis:us-east-1:000000000000:stream/", "x"):
            found = violations(raw, operation, body | {"StreamARN": wrong})
            assert len(found) == 1 and found[0].startswith(f"Value '{wrong}' at 'streamARN' failed to satisfy constraint: "
                                                           "Member must satisfy regular expression pattern: arn:aws")


def test_the_same_words_in_cbor(raw):
    bodies = [("GetRecords", {}), ("DescribeStream", {"StreamName": "", "Limit": 0}), ("PutRecords", {"StreamName": "a", "Records": []}),
              ("CreateStream", {"StreamName": "a", "ShardCount": 0}), ("RemoveTagsFromStream", {"StreamName": "a", "TagKeys": ["k" * 129]})]
    for operation, body in bodies:
        assert violations(raw, operation, body, content_type=wire.CBOR) == violations(raw, operation, body)


def test_every_combination_of_faults_is_told_whole(raw):
    """[25] All members are checked, in whatever order they are sent."""
    faults = {"ShardId": ("", 2), "ShardIteratorType": ("x", 1), "StartingSequenceNumber": ("00", 1), "StreamName": ("", 2)}
    legal = {"ShardId": "0", "ShardIteratorType": "LATEST", "StreamName": "a"}
    for count in range(1, 5):
        for chosen in itertools.combinations(faults, count):
            body = legal | {member: faults[member][0] for member in chosen}
            for members in (list(body), list(reversed(body))):
                found = violations(raw, "GetShardIterator", {member: body[member] for member in members})
                assert len(found) == sum(faults[member][1] for member in chosen)
