"""The envelope of a call. Numbers in brackets: items of the conformance list (data-streams specification, section 10)."""

import base64
import email.utils
import json
import re
import time
import uuid

import pytest
import wire
from conftest import put_many, read_all, wait_active

SUMMARY = "Kinesis_20131202.DescribeStreamSummary"
EXPOSED = "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date"
UNROUTABLE = ("<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be authorized</Message>\n"
              "</AccessDeniedException>\n")
ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/"


@pytest.fixture(scope="module")
def stream(kinesis):
    name = f"transport-{uuid.uuid4().hex[:8]}"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    wait_active(kinesis, name)
    yield name
    kinesis.delete_stream(StreamName=name)


def error(kind, message=None, key="message"):
    return {"__type": kind} if message is None else {"__type": kind, key: message}


@pytest.mark.parametrize("path", ["/", "/anything", "/a/b?c=d"])
def test_the_path_does_not_matter(raw, stream, path):
    """[1]"""
    reply = raw.call("DescribeStreamSummary", {"StreamName": stream}, path=path)
    assert reply.status == 200
    assert reply.json["StreamDescriptionSummary"]["StreamName"] == stream


@pytest.mark.parametrize("given", [wire.JSON, wire.JSON + "; charset=utf-8", wire.JSON + ";charset=UTF-8", wire.JSON + " ; x"])
def test_the_media_type_may_have_parameters(raw, stream, given):
    """[2]"""
    reply = raw.call("DescribeStreamSummary", {"StreamName": stream}, content_type=given)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == wire.JSON


@pytest.mark.parametrize("given", [wire.JSON.upper(), "Application/X-Amz-Json-1.1", wire.CBOR.title(), wire.CBOR.upper()])
def test_media_types_are_compared_without_case(raw, stream, given):
    """RFC 9110, 8.3.1: type and subtype are case-insensitive."""
    kind = given.lower()
    body = {"StreamName": stream}
    reply = raw.call("DescribeStreamSummary", wire.encode_cbor(body) if kind == wire.CBOR else body, content_type=given)
    assert (reply.status, reply.headers["Content-Type"]) == (200, kind)
    assert raw.call("DescribeStreamSummary", "{}", content_type="Application/JSON").headers["Content-Type"] == "application/json"
    form = {"Content-Type": "Application/X-WWW-Form-URLencoded", "X-Amz-Date": "20260101T000000Z", "Authorization": wire.AUTHORIZATION}
    assert b"GetCallerIdentityResult" in raw.request("POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15", form).body


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "deflate", "br", "aws-chunked", "identity, gzip", "nonsense"])
@pytest.mark.parametrize("kind", [wire.JSON, wire.CBOR, "application/json", "text/plain"])
def test_a_body_in_an_unknown_coding_is_refused_with_a_sentence(raw, stream, kind, coding):
    """Never guessed: without the Content-Encoding header the same body would be accepted."""
    body = {"StreamName": stream}
    reply = raw.call("DescribeStreamSummary", wire.encode_cbor(body) if kind == wire.CBOR else body, content_type=kind,
                     **{"Content-Encoding": coding})
    assert reply.status == 415
    assert (reply.cbor if kind == wire.CBOR else reply.json) == error(
        "UnsupportedMediaTypeException", "The Content-Encoding of the body is not supported; send the body without one.", key="Message")


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
def test_the_identity_coding_is_none(raw, stream, coding):
    reply = raw.call("DescribeStreamSummary", {"StreamName": stream}, **{"Content-Encoding": coding})
    assert reply.status == 200


def every_kind_of_reply(raw, stream):
    yield raw.call("DescribeStreamSummary", {"StreamName": stream})
    yield raw.call("DescribeStreamSummary", {"StreamName": stream}, content_type=wire.CBOR)
    yield raw.call("AddTagsToStream", {"StreamName": stream, "Tags": {"a": "b"}})
    yield raw.call("DescribeStreamSummary", {"StreamName": "missing"})
    yield raw.call("DescribeStreamSummary", {"StreamName": 1})
    yield raw.call("DescribeStreamSummary", {"StreamName": stream}, authorization=None)
    yield raw.call("Nothing", {})
    yield raw.call("DescribeStreamSummary", "nonsense")
    yield raw.call("DescribeStreamSummary", b"")
    yield raw.call("DescribeStreamSummary", "{}", content_type="application/json")
    yield raw.call("DescribeStreamSummary", "{}", content_type="text/plain")
    yield raw.request("PUT", "/", b"x")


def test_every_reply_can_be_told_from_every_other(raw, stream):
    """[3]"""
    seen = set()
    for reply in every_kind_of_reply(raw, stream):
        request_id = reply.headers["x-amzn-RequestId"]
        assert str(uuid.UUID(request_id)) == request_id
        extended = base64.b64decode(reply.headers["x-amz-id-2"], validate=True)
        assert 64 <= len(extended) <= 80
        date = email.utils.parsedate_to_datetime(reply.headers["Date"])
        assert reply.headers["Date"].endswith(" GMT") and abs(date.timestamp() - time.time()) < 5
        assert int(reply.headers["Content-Length"]) == len(reply.body)
        assert "x-amz-crc32" not in reply.headers
        seen |= {request_id, extended}
    assert len(seen) == 2 * 12


def test_operations_without_output_reply_with_nothing(raw, kinesis, name):
    """[4]"""
    arn = ARN + name
    calls = [("CreateStream", {"StreamName": name, "ShardCount": 1}), ("AddTagsToStream", {"StreamName": name, "Tags": {"a": "b"}}),
             ("RemoveTagsFromStream", {"StreamName": name, "TagKeys": ["a"]}),
             ("IncreaseStreamRetentionPeriod", {"StreamName": name, "RetentionPeriodHours": 30}),
             ("DecreaseStreamRetentionPeriod", {"StreamName": name, "RetentionPeriodHours": 24}),
             ("StartStreamEncryption", {"StreamName": name, "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}),
             ("StopStreamEncryption", {"StreamName": name, "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}),
             ("SplitShard", {"StreamName": name, "ShardToSplit": "0", "NewStartingHashKey": str(2**127)}),
             ("MergeShards", {"StreamName": name, "ShardToMerge": "1", "AdjacentShardToMerge": "2"}),
             ("UpdateStreamMode", {"StreamARN": arn, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}}),
             ("TagResource", {"ResourceARN": arn, "Tags": {"c": "d"}}), ("UntagResource", {"ResourceARN": arn, "TagKeys": ["c"]}),
             ("DeleteStream", {"StreamName": name})]
    for operation, body in calls:
        reply = raw.call(operation, body)
        assert (reply.status, reply.body) == (200, b""), f"{operation}: {reply.body}"
        assert reply.headers["Content-Length"] == "0"
        assert reply.headers["Content-Type"] == wire.JSON
        if operation != "DeleteStream":
            wait_active(kinesis, name)


@pytest.mark.parametrize("target", ["Kinesis_20131202.Nothing", "Kinesis_20131202.", "Kinesis_20131202", "Whatever", "Whatever.ListStreams",
                                    "Kinesis_20131202.liststreams", "kinesis_20131202.ListStreams", "Kinesis_20131202.ListStreams2"])
def test_unknown_targets(raw, target):
    """[5]"""
    reply = raw.call("", {}, target=target)
    assert (reply.status, reply.json) == (400, error("UnknownOperationException"))
    assert reply.headers["Content-Type"] == wire.JSON


@pytest.mark.parametrize("body", ["hello", "null", "true", "12", '"text"', "{", '{"a":}', "{} {}", '{"StreamName":"\xff"}', "\ufeff{}"])
def test_bodies_that_are_no_object(raw, body):
    """[6]"""
    reply = raw.call("DescribeStreamSummary", body.encode("latin-1" if "\xff" in body else "utf-8"))
    assert (reply.status, reply.json) == (400, error("SerializationException"))


def test_an_array_counts_as_an_object(raw):
    reply = raw.call("DescribeStreamSummary", "[]")
    assert (reply.status, reply.json) == (400, error("SerializationException", "Start of list found where not expected", key="Message"))


@pytest.mark.parametrize("target, kind", [(SUMMARY, "SerializationException"), ("Kinesis_20131202.Nothing", "UnknownOperationException"),
                                          (None, "UnknownOperationException")])
def test_empty_bodies(raw, target, kind):
    """[7] Refused before the signature is checked; requests that are not JSON are answered in CBOR."""
    fields = {"X-Amz-Target": target} if target else {}
    reply = raw.request(headers=fields | {"Content-Type": wire.JSON})
    assert (reply.status, reply.headers["Content-Type"], reply.json) == (400, wire.JSON, error(kind))
    for content_type in (None, wire.CBOR, "text/plain", "application/json"):
        reply = raw.request(headers=fields | ({"Content-Type": content_type} if content_type else {}))
        assert (reply.status, reply.headers["Content-Type"], reply.cbor) == (400, wire.CBOR, error(kind))


def test_the_legacy_envelope(raw):
    """[8]"""
    for body, status, kind in [("{}", 404, "UnknownOperationException"), ('{"StreamName":1}', 404, "UnknownOperationException"),
                               ("hello", 400, "SerializationException")]:
        reply = raw.call("DescribeStreamSummary", body, content_type="application/json")
        assert reply.status == status
        assert reply.headers["Content-Type"] == "application/json"
        assert reply.json == {"Output": {"__type": "com.amazon.coral.service#" + kind}, "Version": "1.0"}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods(raw, method):
    """[9]"""
    for headers in ({}, {"Content-Type": wire.JSON, "X-Amz-Target": SUMMARY, "Authorization": wire.AUTHORIZATION}):
        reply = raw.request(method, "/", b"", headers)
        assert (reply.status, reply.body.decode()) == (403, UNROUTABLE)
        assert "Content-Type" not in reply.headers


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-amz-json-1.0", "application/x-www-form-urlencoded", ""])
def test_other_media_types(raw, content_type):
    """Spec 1.9, step 5."""
    fields = {"Authorization": wire.AUTHORIZATION} | ({} if content_type is None else {"Content-Type": content_type})
    for target, status, body in [(None, 403, UNROUTABLE), ("Whatever", 403, UNROUTABLE), ("Kinesis_20131202.", 403, UNROUTABLE),
                                 (SUMMARY, 404, "<UnknownOperationException/>\n")]:
        reply = raw.request("POST", "/", b"{}", fields | ({"X-Amz-Target": target} if target else {}))
        assert (reply.status, reply.body.decode()) == (status, body)
        assert "Content-Type" not in reply.headers


def test_a_browser_may_ask_first(raw):
    """[10]"""
    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Headers": "x-amz-target,authorization",
             "Access-Control-Request-Method": "POST"}
    reply = raw.request("OPTIONS", "/", b"", asked)
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert reply.headers["Access-Control-Allow-Headers"] == "x-amz-target,authorization"
    assert reply.headers["Access-Control-Allow-Methods"] == "POST"
    assert reply.headers["Access-Control-Max-Age"] == "172800"
    assert reply.headers["Content-Length"] == "0"
    assert uuid.UUID(reply.headers["x-amzn-RequestId"])
    assert "x-amz-id-2" not in reply.headers and "Content-Type" not in reply.headers
    bare = raw.request("OPTIONS", "/", b"", {"Origin": "http://127.0.0.1:3000"})
    assert bare.status == 200
    assert "Access-Control-Allow-Headers" not in bare.headers and "Access-Control-Allow-Methods" not in bare.headers


def test_a_browser_may_read_every_reply(raw, stream):
    """[11]"""
    replies = [raw.call("DescribeStreamSummary", {"StreamName": stream}, Origin="http://localhost:3000"),
               raw.call("DescribeStreamSummary", {"StreamName": "missing"}, Origin="http://localhost:3000"),
               raw.call("DescribeStreamSummary", "{}", content_type="text/plain", Origin="http://localhost:3000"),
               raw.call("DescribeStreamSummary", "", Origin="http://localhost:3000"),
               raw.request("GET", "/", b"", {"Origin": "http://localhost:3000"})]
    assert [reply.status for reply in replies] == [200, 400, 404, 400, 403]
    for reply in replies:
        assert reply.headers["Access-Control-Allow-Origin"] == "*"
        assert reply.headers["Access-Control-Expose-Headers"] == EXPOSED
    assert "Access-Control-Allow-Origin" not in raw.call("DescribeStreamSummary", {"StreamName": stream}).headers


def missing_parts(*names, date=False):
    text = "".join(f"Authorization header requires '{name}' parameter. " for name in names)
    return text + ("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " if date else "")


def test_a_signature_must_be_there_and_complete(raw, stream):
    """[12]"""
    body = {"StreamName": stream}
    reply = raw.call("DescribeStreamSummary", body, authorization=None)
    assert (reply.status, reply.json) == (400, error("MissingAuthenticationTokenException", "Missing Authentication Token"))
    everything = ("Credential", "Signature", "SignedHeaders")
    for header, date, text in [
            ("a", None, missing_parts(*everything, date=True) + "Authorization=a"),
            ("a", "20260101T000000Z", missing_parts(*everything) + "Authorization=a"),
            ("AWS4-HMAC-SHA256 Signature=b", "20260101T000000Z",
             missing_parts("Credential", "SignedHeaders") + "Authorization=AWS4-HMAC-SHA256 Signature=b"),
            (wire.AUTHORIZATION, None, missing_parts(date=True) + "Authorization=" + wire.AUTHORIZATION)]:
        reply = raw.call("DescribeStreamSummary", body, authorization=header, **{"X-Amz-Date": date})
        assert (reply.status, reply.json) == (400, error("IncompleteSignatureException", text))


def test_a_signature_in_the_query_must_be_complete(raw, stream):
    """[12] An empty value counts as none."""
    def text(*names):
        return "".join(f"AWS query-string parameters must include '{name}'. " for name in names) + "Re-examine the query-string parameters."

    for query, names in [("X-Amz-Algorithm=AWS4-HMAC-SHA256", ["X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"]),
                         ("X-Amz-Algorithm=", ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"]),
                         ("X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Date=c&X-Amz-Signature=", ["X-Amz-Signature", "X-Amz-SignedHeaders"])]:
        reply = raw.call("DescribeStreamSummary", {"StreamName": stream}, authorization=None, path="/?" + query, **{"X-Amz-Date": None})
        assert (reply.status, reply.json) == (400, error("IncompleteSignatureException", text(*names)))
    reply = raw.call("DescribeStreamSummary", {"StreamName": stream}, authorization=None, path="/?X-Amz-Credential=b&X-Amz-Signature=c")
    assert reply.json["__type"] == "MissingAuthenticationTokenException"


def test_one_signature_and_not_two(raw, stream):
    """[13]"""
    reply = raw.call("DescribeStreamSummary", {"StreamName": stream}, path="/?X-Amz-Algorithm=a")
    assert (reply.status, reply.json) == (400, error(
        "InvalidSignatureException", "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."))


def test_what_is_judged_first(raw, stream):
    """Spec 1.9: each request has every fault from its own on, and gets the error of the first."""
    unknown = "Kinesis_20131202.Nothing"
    faults = [
        (raw.call("", "hello", target=unknown, authorization=None), "SerializationException"),
        (raw.call("", {"StreamName": 1}, target=unknown, authorization=None), "UnknownOperationException"),
        (raw.call("GetRecords", {"ShardIterator": 1, "Limit": 0}, authorization=None), "MissingAuthenticationTokenException"),
        (raw.call("GetRecords", {"ShardIterator": 1, "Limit": 0}), "SerializationException"),
        (raw.call("GetRecords", {"ShardIterator": "not one", "Limit": 0}), "ValidationException"),
        (raw.call("GetRecords", {"ShardIterator": "not one"}), "InvalidArgumentException"),
        (raw.call("GetShardIterator", {"StreamName": "!", "ShardId": "x", "ShardIteratorType": "LATEST"}), "ValidationException"),
        (raw.call("IncreaseStreamRetentionPeriod", {"StreamName": "missing", "RetentionPeriodHours": 1}), "ResourceNotFoundException"),
        (raw.call("IncreaseStreamRetentionPeriod", {"StreamName": stream, "RetentionPeriodHours": 1}), "InvalidArgumentException")]
    for reply, kind in faults:
        assert reply.status == 400
        assert reply.json["__type"] == kind, reply.body


def put_body(stream, data):
    """A PutRecord as the Java SDK writes it."""
    return {"StreamName": stream, "Data": data, "PartitionKey": "k"}


def test_records_in_cbor(raw, kinesis, make_stream):
    """[19]"""
    stream = make_stream()
    body = wire.encode_cbor(put_body(stream, b"\x00\xff caf\xc3\xa9"))
    assert (body[0], body[-1]) == (0xBF, 0xFF)
    put = raw.call("PutRecord", body, content_type=wire.CBOR)
    assert put.status == 200 and put.headers["Content-Type"] == wire.CBOR
    assert put.cbor.keys() == {"ShardId", "SequenceNumber"}
    definite = raw.call("PutRecord", wire.encode_cbor(put_body(stream, b"definite"), indefinite=False), content_type=wire.CBOR)
    assert definite.status == 200
    before = wire.Milliseconds(0)
    start = raw.call("GetShardIterator", {"StreamName": stream, "ShardId": "0", "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": before},
                     content_type=wire.CBOR).cbor["ShardIterator"]
    read = raw.call("GetRecords", {"ShardIterator": start}, content_type=wire.CBOR)
    records = read.cbor["Records"]
    assert [record["Data"] for record in records] == [b"\x00\xff caf\xc3\xa9", b"definite"]
    assert records[0]["SequenceNumber"] == put.cbor["SequenceNumber"]
    for record in records:
        arrival = record["ApproximateArrivalTimestamp"]
        assert type(arrival) is wire.Milliseconds and abs(arrival / 1000 - time.time()) < 10
        assert b"\xc1\x1b" + arrival.to_bytes(8, "big") in read.body
    assert read.cbor["MillisBehindLatest"] == 0
    seen = [round(r["ApproximateArrivalTimestamp"].timestamp() * 1000) for r in read_all(kinesis, stream)]
    assert seen == [record["ApproximateArrivalTimestamp"] for record in records]


def test_times_in_cbor_are_whole_milliseconds_everywhere(raw, kinesis, stream):
    """[19] Java reads tag 1 as milliseconds and refuses a double."""
    reply = raw.call("DescribeStreamSummary", {"StreamName": stream}, content_type=wire.CBOR)
    created = reply.cbor["StreamDescriptionSummary"]["StreamCreationTimestamp"]
    assert type(created) is wire.Milliseconds
    shown = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamCreationTimestamp"]
    assert round(shown.timestamp() * 1000) == created
    future = wire.Milliseconds(int(time.time() * 1000) + 60_000)
    reply = raw.call("GetShardIterator", {"StreamName": stream, "ShardId": "0", "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": future},
                     content_type=wire.CBOR)
    assert reply.cbor["__type"] == "InvalidArgumentException" and f"timestampInMillis: {future}," in reply.cbor["message"]


def chunked(value, major):
    """An indefinite-length text (3) or byte (2) string in chunks of three bytes."""
    pieces = b"".join(bytes([major << 5 | len(value[at:at + 3])]) + value[at:at + 3] for at in range(0, len(value), 3))
    return bytes([major << 5 | 31]) + pieces + b"\xff"


def test_strings_in_pieces(raw, kinesis, make_stream):
    """[19] Jackson writes long texts in this way."""
    stream = make_stream()
    text = wire.encode_cbor
    body = b"".join([b"\xbf", chunked(b"StreamName", 3), chunked(stream.encode(), 3), text("Data"), chunked(b"0123456789", 2),
                     text("PartitionKey"), chunked(b"key", 3), b"\xff"])
    for envelope in (body, b"\xd9\xd9\xf7" + body):
        reply = raw.call("PutRecord", envelope, content_type=wire.CBOR)
        assert reply.status == 200, reply.cbor
    assert [(r["Data"], r["PartitionKey"]) for r in read_all(kinesis, stream)] == [(b"0123456789", "key")] * 2


def test_errors_in_cbor(raw, stream):
    """[20]"""
    def refusal(operation, body):
        reply = raw.call(operation, body, content_type=wire.CBOR)
        assert (reply.status, reply.headers["Content-Type"]) == (400, wire.CBOR)
        return reply.cbor

    assert refusal("DescribeStreamSummary", {"StreamName": "missing"}) == error(
        "ResourceNotFoundException", "Stream missing under account 000000000000 not found.")
    assert refusal("GetRecords", {}) == error(
        "ValidationException", "1 validation error detected: Value null at 'shardIterator' failed to satisfy constraint: Member must not be null")
    assert refusal("Nothing", {}) == error("UnknownOperationException")
    for unreadable in (b"\xff", b"\xbf", b"\xf6", b"hello", wire.encode_cbor({"StreamName": "a"})[:-1], b"\xa0\xa0"):
        assert refusal("DescribeStreamSummary", unreadable) == error("SerializationException"), unreadable
    assert refusal("DescribeStreamSummary", {"StreamName": True})["__type"] == "SerializationException"


def test_empty_structures_in_cbor(raw):
    """Spec 1.4: the bytes that Java and others send for an empty input."""
    for body in (b"\xbf\xff", b"\xa0"):
        reply = raw.call("DescribeLimits", body, content_type=wire.CBOR)
        assert reply.status == 200 and reply.cbor["ShardLimit"] > 0


def test_the_same_records_in_json(raw, kinesis, make_stream):
    """[21] Base64, and seconds with up to three digits behind the point."""
    stream = make_stream()
    put_many(kinesis, stream, [b"\x00\xff", b"", b"\xfb\xef\xbe"])
    start = raw.call("GetShardIterator", {"StreamName": stream, "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"}).json["ShardIterator"]
    as_json = raw.call("GetRecords", {"ShardIterator": start})
    as_cbor = raw.call("GetRecords", {"ShardIterator": start}, content_type=wire.CBOR).cbor["Records"]
    assert [record["Data"] for record in as_json.json["Records"]] == ["AP8=", "", "++++"]
    times = re.findall(rb'"ApproximateArrivalTimestamp":(\d{10}(?:\.\d{1,3})?)[,}]', as_json.body)
    assert [round(float(at) * 1000) for at in times] == [record["ApproximateArrivalTimestamp"] for record in as_cbor]
    assert b"null" not in as_json.body


def test_texts_come_back_as_they_were(raw, kinesis, make_stream):
    stream = make_stream()
    keys = ['quote " and \\', "tab\tnew\nline\x00\x1f\x7f", "日本 é 🜁", "</script>"]
    for key in keys:
        body = json.dumps({"StreamName": stream, "Data": "", "PartitionKey": key})
        assert raw.call("PutRecord", body).status == 200
    start = raw.call("GetShardIterator", {"StreamName": stream, "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"}).json["ShardIterator"]
    for content_type, decode in ((wire.JSON, json.loads), (wire.CBOR, wire.decode_cbor)):
        reply = raw.call("GetRecords", {"ShardIterator": start}, content_type=content_type)
        assert [record["PartitionKey"] for record in decode(reply.body)["Records"]] == keys
