"""Enhanced fan-out. Numbers in brackets: items of the conformance list (data-streams specification, section 10)."""

import base64
import io
import json
import os
import pathlib
import re
import socket
import struct
import threading
import time
import urllib.request

import botocore.exceptions
import pytest
import sequence
import wire
from conftest import Riacho, iterator, put_many, read_all, wait_active
from event_stream import Subscription, read_frame, subscribe

ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/"
MIB = 1 << 20
LIFETIME_S = 300
EXCLUSIVE_S = 5


def wait_consumer(client, arn, timeout=10):
    deadline = time.monotonic() + timeout
    while True:
        described = client.describe_stream_consumer(ConsumerARN=arn)["ConsumerDescription"]
        if described["ConsumerStatus"] == "ACTIVE":
            return described
        assert time.monotonic() < deadline
        time.sleep(0.005)


def register(client, stream, name="c"):
    """The ARN of a consumer that is ACTIVE."""
    arn = client.register_stream_consumer(StreamARN=ARN + stream, ConsumerName=name)["Consumer"]["ConsumerARN"]
    wait_consumer(client, arn)
    return arn


@pytest.fixture
def consumer(kinesis, make_stream):
    """A stream of one shard and a consumer's ARN."""
    stream = make_stream()
    return stream, register(kinesis, stream)


@pytest.fixture(scope="module")
def moved():
    """A server whose clock can be moved."""
    server = Riacho("--test-clock").start()
    yield server
    server.close()


@pytest.fixture
def moved_consumer(moved, name):
    """A client of that server, a stream of one shard and a consumer's ARN."""
    client = moved.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    return client, name, register(client, name)


def values_of(records):
    return [base64.b64decode(record["Data"]) for record in records]


def missing(client):
    return pytest.raises(client.exceptions.ResourceNotFoundException)


def test_a_consumer_comes_and_goes(slow_kinesis, make_stream):
    """[79]"""
    kinesis = slow_kinesis
    stream = make_stream(client=kinesis)
    before = int(time.time())
    made = kinesis.register_stream_consumer(StreamARN=ARN + stream, ConsumerName="my-consumer.1")["Consumer"]
    assert made["ConsumerName"] == "my-consumer.1" and made["ConsumerStatus"] == "CREATING"
    epoch = int(made["ConsumerCreationTimestamp"].timestamp())
    assert before <= epoch <= time.time()
    assert made["ConsumerARN"] == f"{ARN}{stream}/consumer/my-consumer.1:{epoch}"
    with pytest.raises(kinesis.exceptions.ResourceInUseException, match="my-consumer.1"):
        kinesis.register_stream_consumer(StreamARN=ARN + stream, ConsumerName="my-consumer.1")
    described = wait_consumer(kinesis, made["ConsumerARN"])
    assert described == made | {"ConsumerStatus": "ACTIVE", "StreamARN": ARN + stream}
    assert kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["ConsumerCount"] == 1
    assert kinesis.list_stream_consumers(StreamARN=ARN + stream)["Consumers"] == [made | {"ConsumerStatus": "ACTIVE"}]
    kinesis.deregister_stream_consumer(ConsumerARN=made["ConsumerARN"])
    assert [c["ConsumerStatus"] for c in kinesis.list_stream_consumers(StreamARN=ARN + stream)["Consumers"]] == ["DELETING"]
    deadline = time.monotonic() + 5
    while kinesis.list_stream_consumers(StreamARN=ARN + stream)["Consumers"]:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    with missing(kinesis):
        kinesis.describe_stream_consumer(ConsumerARN=made["ConsumerARN"])


def test_a_consumer_registered_again_is_another(moved, moved_consumer):
    """[79]"""
    client, stream, first = moved_consumer
    client.deregister_stream_consumer(ConsumerARN=first)
    moved.advance_clock(2)
    second = register(client, stream)
    assert second.rsplit(":", 1)[0] == first.rsplit(":", 1)[0] and second != first
    with missing(client):
        client.describe_stream_consumer(ConsumerARN=first)
    assert Subscription(moved, first).error["__type"] == "ResourceNotFoundException"


def test_a_stream_has_twenty_consumers_at_most(kinesis, make_stream):
    """[79]"""
    stream = make_stream()
    names = [f"consumer-{i:02}" for i in range(20)]
    for name in reversed(names):
        kinesis.register_stream_consumer(StreamARN=ARN + stream, ConsumerName=name)
    with pytest.raises(kinesis.exceptions.LimitExceededException, match="20"):
        kinesis.register_stream_consumer(StreamARN=ARN + stream, ConsumerName="one-more")
    first = kinesis.list_stream_consumers(StreamARN=ARN + stream, MaxResults=15)
    rest = kinesis.list_stream_consumers(StreamARN=ARN + stream, NextToken=first["NextToken"])
    assert [c["ConsumerName"] for c in first["Consumers"] + rest["Consumers"]] == names and "NextToken" not in rest
    with pytest.raises(kinesis.exceptions.ResourceInUseException, match="there are consumers associated with this data stream"):
        kinesis.delete_stream(StreamName=stream)


def test_how_a_consumer_is_named(kinesis, consumer):
    """[80]"""
    stream, arn = consumer
    stream_arn = ARN + stream
    for names in ({"ConsumerARN": arn}, {"StreamARN": stream_arn, "ConsumerName": "c"},
                  {"ConsumerARN": arn, "StreamARN": stream_arn, "ConsumerName": "c"}):
        assert kinesis.describe_stream_consumer(**names)["ConsumerDescription"]["ConsumerARN"] == arn
    for call in (kinesis.describe_stream_consumer, kinesis.deregister_stream_consumer):
        for names in ({}, {"StreamARN": stream_arn}, {"ConsumerName": "c"}, {"ConsumerARN": arn, "ConsumerName": "d"},
                      {"ConsumerARN": arn, "StreamARN": stream_arn + "x"}):
            with pytest.raises(kinesis.exceptions.InvalidArgumentException):
                call(**names)
        for names, shown in (({"StreamARN": stream_arn, "ConsumerName": "d"}, "d"), ({"ConsumerARN": arn[:-1] + "x1"}, None),
                             ({"ConsumerARN": arn + "1"}, arn + "1")):
            if shown is None:
                with pytest.raises(botocore.exceptions.ClientError, match="ValidationException"):
                    call(**names)
                continue
            with pytest.raises(kinesis.exceptions.ResourceNotFoundException,
                               match=re.escape(f"Consumer {shown}, account 000000000000 not found.")):
                call(**names)
        with missing(kinesis):
            call(StreamARN=stream_arn + "-missing", ConsumerName="c")
    kinesis.deregister_stream_consumer(StreamARN=stream_arn, ConsumerName="c")


def test_the_vectors(riacho, consumer):
    """[81] Decodes known bytes with the test's decoder, then the server's first frame."""
    initial = bytes.fromhex(
        "0000007200000060ab820d9e0b3a6576656e742d74797065070010696e697469616c2d726573706f6e73650d3a636f6e74656e742d7479706507001a6170706c"
        "69636174696f6e2f782d616d7a2d6a736f6e2d312e310d3a6d6573736167652d747970650700056576656e747b7dacae6b7d")
    exception = bytes.fromhex(
        "0000008d0000006e865ee7150f3a657863657074696f6e2d747970650700165265736f75726365496e557365457863657074696f6e0d3a636f6e74656e742d74"
        "79706507001a6170706c69636174696f6e2f782d616d7a2d6a736f6e2d312e310d3a6d6573736167652d74797065070009657863657074696f6e7b226d657373"
        "616765223a2278227dcef16312")
    decoded = read_frame(io.BytesIO(initial).read)
    assert decoded.headers == {":event-type": "initial-response", ":content-type": wire.JSON, ":message-type": "event"}
    assert read_frame(io.BytesIO(exception).read).json == {"message": "x"}
    for at in range(len(initial)):
        with pytest.raises(AssertionError):
            read_frame(io.BytesIO(initial[:at] + bytes([initial[at] ^ 1]) + initial[at + 1:]).read)
    connection, response = subscribe(riacho, {"ConsumerARN": consumer[1], "ShardId": "0", "StartingPosition": {"Type": "LATEST"}})
    assert response.read(len(initial)) == initial
    connection.close()


def test_what_comes_first(riacho, kinesis, consumer):
    """[82] The head arrives before any record exists, and a new record at once."""
    stream, arn = consumer
    with Subscription(riacho, arn, "LATEST") as subscription:
        headers = subscription.response.headers
        assert headers["Content-Type"] == "application/vnd.amazon.eventstream"
        assert headers["Transfer-Encoding"] == "chunked" and "Content-Length" not in headers
        assert headers["x-amzn-RequestId"] and headers["x-amz-id-2"] and headers["Date"]
        for i in range(5):
            put = kinesis.put_record(StreamName=stream, Data=f"{i}".encode(), PartitionKey="kéy")
            done = time.monotonic()
            frame = subscription.next()
            assert time.monotonic() - done < 1
            assert frame.headers == {":message-type": "event", ":event-type": "SubscribeToShardEvent", ":content-type": wire.JSON}
            event = frame.json
            assert event.keys() == {"Records", "ContinuationSequenceNumber", "MillisBehindLatest"}
            assert event["MillisBehindLatest"] == 0
            record, = event["Records"]
            assert record.keys() == {"SequenceNumber", "ApproximateArrivalTimestamp", "Data", "PartitionKey"}
            assert (record["SequenceNumber"], record["PartitionKey"]) == (put["SequenceNumber"], "kéy")
            assert base64.b64decode(record["Data"]) == f"{i}".encode()
            assert abs(record["ApproximateArrivalTimestamp"] - time.time()) < 5
            assert event["ContinuationSequenceNumber"] == put["SequenceNumber"]


def test_silence_is_no_longer_than_five_seconds(riacho, kinesis, consumer):
    """[82] Java gives up after ten seconds."""
    stream, arn = consumer
    with Subscription(riacho, arn, "LATEST", timeout=6) as subscription:
        began = time.monotonic()
        event = subscription.event()
        assert time.monotonic() - began <= 5.5
        assert event["Records"] == [] and event["MillisBehindLatest"] == 0


def test_what_a_quiet_subscription_says_to_go_on_from(moved, moved_consumer):
    """[82] The continuation number advances, and as a position it neither skips nor repeats records, for both kinds of readers."""
    client, stream, arn = moved_consumer
    numbers = []
    seen = []
    with Subscription(moved, arn, "LATEST") as subscription:
        for value in (b"1", b"2", None):
            moved.advance_clock(5)
            event = subscription.event()
            assert event["Records"] == []
            seen.append(event["ContinuationSequenceNumber"])
            if value:
                numbers += put_many(client, stream, [value])
                assert [r["SequenceNumber"] for r in subscription.event()["Records"]] == numbers[-1:]
    assert [int(number) for number in seen] == sorted({int(number) for number in seen})
    assert all(sequence.parse(number).shard == 0 for number in seen)
    numbers += put_many(client, stream, [b"3"])
    for kind in ("AFTER_SEQUENCE_NUMBER", "AT_SEQUENCE_NUMBER"):
        for i, number in enumerate(seen):
            start = iterator(client, stream, kind=kind, StartingSequenceNumber=number)
            assert [r["SequenceNumber"] for r in read_all(client, stream, start=start)] == numbers[i:], (kind, i)
            moved.advance_clock(EXCLUSIVE_S)
            with Subscription(moved, arn, kind, SequenceNumber=number) as subscription:
                records, _ = subscription.records(len(numbers) - i)
                assert [r["SequenceNumber"] for r in records] == numbers[i:]


def test_a_subscription_ends_after_five_minutes_and_the_next_goes_on(moved, moved_consumer):
    """[83] During writes, continuing with the number of the last event: no record is lost or repeated."""
    client, stream, arn = moved_consumer
    halt = threading.Event()
    written = []

    def write():
        while not halt.is_set():
            written.extend(put_many(client, stream, [b"x"] * 7))

    writer = threading.Thread(target=write)
    writer.start()
    read = []
    position = {"kind": "TRIM_HORIZON"}
    try:
        for _ in range(3):
            with Subscription(moved, arn, **position) as subscription:
                assert subscription.error is None
                records, event = subscription.records(20)
                moved.advance_clock(LIFETIME_S + 1)
                read += records
                while frame := subscription.next():
                    assert frame.kind == "SubscribeToShardEvent"
                    event = frame.json
                    read += event["Records"]
                assert subscription.response.isclosed()
            position = {"kind": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": event["ContinuationSequenceNumber"]}
    finally:
        halt.set()
        writer.join()
    with Subscription(moved, arn, **position) as subscription:
        records, _ = subscription.records(len(written) - len(read))
    assert [r["SequenceNumber"] for r in read + records] == written


def another(stream):
    return f"Another active subscription exists for this consumer: 000000000000:{stream}:shardId-000000000000:c"


def test_one_subscription_for_a_consumer_and_a_shard(moved, moved_consumer):
    """[84]"""
    client, stream, arn = moved_consumer
    refused = {"__type": "ResourceInUseException", "message": another(stream)}
    with Subscription(moved, arn, "LATEST") as first:
        assert Subscription(moved, arn, "LATEST").error == refused
        put_many(client, stream, [b"first"])
        assert values_of(first.records(1)[0]) == [b"first"]
        moved.advance_clock(EXCLUSIVE_S)
        with Subscription(moved, arn, "LATEST") as second:
            assert second.error is None
            frame = first.next()
            while frame.kind == "SubscribeToShardEvent":
                assert frame.json["Records"] == []
                frame = first.next()
            assert frame.headers == {":message-type": "exception", ":exception-type": "ResourceInUseException", ":content-type": wire.JSON}
            assert frame.json == {"message": another(stream)}
            assert first.next() is None
            put_many(client, stream, [b"second"])
            assert values_of(second.records(1)[0]) == [b"second"]
    assert Subscription(moved, arn, "LATEST").error == refused, "it counts from the call, not from its end"
    moved.advance_clock(EXCLUSIVE_S)
    with Subscription(moved, arn, "LATEST") as third:
        assert third.error is None


def test_consumers_and_shards_do_not_exclude_each_other(riacho, kinesis, make_stream):
    """[84]"""
    stream = make_stream(2)
    arns = [register(kinesis, stream, name) for name in ("c", "d")]
    subscriptions = [Subscription(riacho, arn, "LATEST", shard) for arn in arns for shard in ("0", "1")]
    for key, pushed in ((0, subscriptions[0::2]), (2**128 - 1, subscriptions[1::2])):
        kinesis.put_record(StreamName=stream, Data=str(key).encode(), PartitionKey="k", ExplicitHashKey=str(key))
        for subscription in pushed:
            assert values_of(subscription.records(1)[0]) == [str(key).encode()]
    for subscription in subscriptions:
        subscription.close()


def awake_seconds(server):
    """How long the server's threads have run or wanted to run: on a busy machine a busy loop shows as much as on an idle one."""
    total = 0
    for path in pathlib.Path(f"/proc/{server.pid}/task").glob("*/schedstat"):
        ran, waited, _ = path.read_text().split()
        total += int(ran) + int(waited)
    return total / 1e9


def test_a_subscription_behind_expired_records_sleeps(moved, moved_consumer):
    """At a position whose records have all expired the server has nothing to send and must not run."""
    client, stream, consumer = moved_consumer
    put_many(client, stream, [b"old"] * 10)
    moved.advance_clock(25 * 3600)
    with Subscription(moved, consumer, kind="TRIM_HORIZON") as subscription:
        before = awake_seconds(moved)
        time.sleep(2)
        assert awake_seconds(moved) - before < 1
        new = put_many(client, stream, [b"new"])
        assert [r["SequenceNumber"] for r in subscription.records(1)[0]] == new


def test_a_subscription_to_an_empty_shard_sleeps(moved, moved_consumer):
    _, _, consumer = moved_consumer
    with Subscription(moved, consumer, kind="TRIM_HORIZON"):
        before = awake_seconds(moved)
        time.sleep(2)
        assert awake_seconds(moved) - before < 1


def test_the_end_of_a_shard(moved, moved_consumer):
    """[85] Children and no continuation, then the end; for a later subscriber at once."""
    client, stream, arn = moved_consumer
    with Subscription(moved, arn) as subscription:
        put_many(client, stream, [b"1", b"2"])
        assert values_of(subscription.records(2)[0]) == [b"1", b"2"]
        client.split_shard(StreamName=stream, ShardToSplit="0", NewStartingHashKey=str(2**127))
        event = subscription.event()
        while "ChildShards" not in event:
            assert event["ContinuationSequenceNumber"]
            event = subscription.event()
        assert subscription.next() is None
    wait_active(client, stream)
    children = [{"ShardId": shard["ShardId"], "ParentShards": [shard["ParentShardId"]], "HashKeyRange": shard["HashKeyRange"]}
                for shard in client.list_shards(StreamName=stream)["Shards"][1:]]
    end = {"Records": [], "MillisBehindLatest": 0, "ChildShards": children}
    assert len(children) == 2 and event == end
    moved.advance_clock(EXCLUSIVE_S)
    with Subscription(moved, arn, "LATEST") as late:
        assert late.event() == end
        assert late.next() is None
    moved.advance_clock(EXCLUSIVE_S)
    with Subscription(moved, arn) as again:
        event = again.event()
        assert values_of(event["Records"]) == [b"1", b"2"]
        if "ChildShards" not in event:
            event = again.event()
        assert event["ChildShards"] == children and "ContinuationSequenceNumber" not in event
        assert again.next() is None


def events(stream):
    return [event["SubscribeToShardEvent"] for event in stream]


def test_a_stream_or_consumer_that_goes_away(kinesis, consumer):
    """[85] The errors that boto3 raises."""
    stream, arn = consumer
    other = register(kinesis, stream, "other")
    pushed = [kinesis.subscribe_to_shard(ConsumerARN=a, ShardId="0", StartingPosition={"Type": "LATEST"})["EventStream"] for a in (arn, other)]
    kinesis.deregister_stream_consumer(ConsumerARN=other)
    with pytest.raises(botocore.exceptions.EventStreamError) as raised:
        events(pushed[1])
    error = raised.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("ResourceNotFoundException", f"Consumer {other}, account 000000000000 not found.")
    kinesis.delete_stream(StreamName=stream, EnforceConsumerDeletion=True)
    with pytest.raises(botocore.exceptions.EventStreamError) as raised:
        events(pushed[0])
    assert raised.value.response["Error"]["Code"] == "ResourceNotFoundException"


def resident_mib(server):
    """The resident size without the tail cache, which grows while a busy disk has not taken the records."""
    cached = re.search(r"^riacho_cache_bytes (\d+)", server.raw().request("GET", "/metrics").body.decode(), re.MULTILINE)
    with open(f"/proc/{server.pid}/statm") as statm:
        return (int(statm.read().split()[1]) * 4096 - int(cached[1])) / MIB


def test_readers_that_stop_reading(riacho_server, name):
    """[86] Writers and other readers go on, memory stays bounded, and the stalled readers receive every record when they go on."""
    server = riacho_server("--cache-mib=32")
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    arns = [register(client, name, f"c{i}") for i in range(9)]
    put_many(client, name, [b"warm" * 1000] * 100)
    stalled = [Subscription(server, arn, timeout=60) for arn in arns[1:]]
    before = resident_mib(server)
    highest = before
    count = 120
    received = []

    def follow():
        with Subscription(server, arns[0], "LATEST", timeout=30) as subscription:
            ready.set()
            received.extend(record["SequenceNumber"] for record in subscription.records(count)[0])

    ready = threading.Event()
    reader = threading.Thread(target=follow)
    reader.start()
    assert ready.wait(10)
    written = []
    for i in range(count):
        data = i.to_bytes(4, "big") * (MIB // 4 - 1)
        written.append(client.put_record(StreamName=name, Data=data, PartitionKey="k")["SequenceNumber"])
        highest = max(highest, resident_mib(server))
    reader.join(30)
    assert received == written
    assert highest - before < 9 * 8, "a few pieces for each subscription"
    records, _ = stalled[0].records(100 + count)
    assert [record["SequenceNumber"] for record in records][100:] == written
    assert values_of(records[-1:]) == [(count - 1).to_bytes(4, "big") * (MIB // 4 - 1)]
    for subscription in stalled:
        subscription.close()
    assert server.stop() == 0


def test_boto3(kinesis, consumer):
    """[81] [87] All starting positions."""
    stream, arn = consumer
    values = [str(i).encode() for i in range(10)]
    numbers = put_many(kinesis, stream, values)
    others = [register(kinesis, stream, f"c{i}") for i in range(4)]
    starts = [({"Type": "TRIM_HORIZON"}, values), ({"Type": "AT_SEQUENCE_NUMBER", "SequenceNumber": numbers[4]}, values[4:]),
              ({"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": numbers[4]}, values[5:]), ({"Type": "AT_TIMESTAMP", "Timestamp": 0}, values)]
    for other, (start, expected) in zip(others, starts):
        reply = kinesis.subscribe_to_shard(ConsumerARN=other, ShardId="shardId-000000000000", StartingPosition=start)
        seen = []
        for event in reply["EventStream"]:
            seen += [record["Data"] for record in event["SubscribeToShardEvent"]["Records"]]
            if len(seen) >= len(expected):
                break
        reply["EventStream"].close()
        assert seen == expected


def test_a_large_backlog_comes_in_order(riacho, kinesis, make_stream):
    """[83] Records of all sizes up to ten mebibytes."""
    stream = make_stream(MaxRecordSizeInKiB=10240)
    arn = register(kinesis, stream)
    values = [bytes([i]) * size for i, size in enumerate([0, 1, 100_000, MIB, 3 * MIB, 10 * MIB - 1, 7, MIB - 1, MIB - 1])]
    for value in values:
        kinesis.put_record(StreamName=stream, Data=value, PartitionKey="k")
    small = put_many(kinesis, stream, [b"s"] * 12_000)
    with Subscription(riacho, arn) as subscription:
        first = subscription.event()
        assert first["MillisBehindLatest"] > 0
        rest, last = subscription.records(len(values) + len(small) - len(first["Records"]))
        assert last["MillisBehindLatest"] == 0
    read = first["Records"] + rest
    assert values_of(read[:len(values)]) == values
    assert [record["SequenceNumber"] for record in read[len(values):]] == small


def test_what_is_refused_before_the_first_frame(riacho, kinesis, raw, make_stream):
    """[80] [84]"""
    stream = make_stream()
    arn = kinesis.register_stream_consumer(StreamARN=ARN + stream, ConsumerName="c")["Consumer"]["ConsumerARN"]
    error = Subscription(riacho, arn).error
    assert error["__type"] == "ResourceInUseException"
    assert re.fullmatch(rf"Consumer c with creation timestamp \d{{10}} under stream: {stream} , account 000000000000 is not in ACTIVE status[.]",
                        error["message"])
    wait_consumer(kinesis, arn)
    assert Subscription(riacho, arn + "1").error["__type"] == "ResourceNotFoundException"
    assert Subscription(riacho, arn, shard="7").error["__type"] == "ResourceNotFoundException"
    assert Subscription(riacho, arn, shard="foo").error["message"] == f"Could not find shard foo in stream {stream} under account 000000000000."
    assert Subscription(riacho, arn, "AT_SEQUENCE_NUMBER").error["__type"] == "InvalidArgumentException"
    assert Subscription(riacho, arn, "LATEST", SequenceNumber="5").error["__type"] == "InvalidArgumentException"
    assert Subscription(riacho, arn, "AT_TIMESTAMP").error["__type"] == "InvalidArgumentException"
    assert Subscription(riacho, arn, "AT_TIMESTAMP", Timestamp=time.time() + 60).error["__type"] == "InvalidArgumentException"
    assert Subscription(riacho, arn, "SOON").error["message"].startswith(
        "1 validation error detected: Value 'SOON' at 'startingPosition.type' failed to satisfy constraint: Member must satisfy enum")
    dry = {"ConsumerARN": arn, "ShardId": "0", "StartingPosition": {"Type": "LATEST"}, "DryRun": True}
    assert raw.call("SubscribeToShard", dry).json["__type"] == "DryRunOperationException"
    with Subscription(riacho, arn) as subscription:
        assert subscription.error is None, "what was refused counts for nothing"


def test_a_request_in_cbor_is_pushed_json(riacho, kinesis, consumer):
    """[87] Java's client sends JSON for this operation, whatever its configuration."""
    stream, arn = consumer
    put_many(kinesis, stream, [b"x"])
    body = {"ConsumerARN": arn, "ShardId": "0", "StartingPosition": {"Type": "TRIM_HORIZON"}}
    connection, response = subscribe(riacho, body, wire.CBOR)
    assert response.headers["Content-Type"] == "application/vnd.amazon.eventstream"
    assert read_frame(response.read).kind == "initial-response"
    assert values_of(read_frame(response.read).json["Records"]) == [b"x"]
    connection.close()


def test_a_server_that_stops_ends_its_subscriptions(riacho_server, name):
    """The body ends cleanly, so that clients subscribe again instead of reporting an error."""
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    subscription = Subscription(server, register(client, name), "LATEST")
    assert server.stop() == 0
    while frame := subscription.next():
        assert frame.kind == "SubscribeToShardEvent"
    assert subscription.response.isclosed()


def test_clients_that_vanish_leave_nothing(riacho_server, name):
    """[86]"""
    server = riacho_server("--test-clock")
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    arn = register(client, name)

    def descriptors():
        return len(os.listdir(f"/proc/{server.pid}/fd"))

    before = descriptors()
    for _ in range(20):
        Subscription(server, arn, "LATEST").close()
        put_many(client, name, [b"x"])
        server.advance_clock(EXCLUSIVE_S)
    deadline = time.monotonic() + 10
    while descriptors() > before + 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def h2_frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def h2_request(body, headers):
    """Preface, a window of zero bytes for every stream, and one POST / as stream 1."""
    fields = {":method": "POST", ":scheme": "http", ":path": "/", ":authority": "test"} | headers
    block = b"".join(b"\x00" + b"".join(hpack_text(text) for text in field) for field in fields.items())
    settings = struct.pack(">HI", 4, 0)
    return (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2_frame(4, 0, 0, settings) + h2_frame(1, 4, 1, block) +
            h2_frame(0, 1, 1, body))


def hpack_text(text):
    data = text.encode()
    if len(data) < 127:
        return bytes([len(data)]) + data
    rest = len(data) - 127
    return bytes([127, 128 | rest & 127, rest >> 7]) + data


def test_a_client_that_goes_before_the_first_frame_leaves_nothing_behind(riacho_server, name):
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    consumer = register(client, name)

    def subscriptions():
        with urllib.request.urlopen(server.url + "/metrics") as page:
            return re.search(r"^riacho_subscriptions (\d+)$", page.read().decode(), re.MULTILINE)[1]

    def wait_for(count):
        deadline = time.monotonic() + 5
        while subscriptions() != count:
            assert time.monotonic() < deadline

    body = json.dumps({"ConsumerARN": consumer, "ShardId": "0", "StartingPosition": {"Type": "LATEST"}}).encode()
    with socket.create_connection((server.host, server.port)) as connection:
        connection.sendall(h2_request(body, {
            "x-amz-target": "Kinesis_20131202.SubscribeToShard", "content-type": wire.JSON, "x-amz-date": "20260101T000000Z",
            "authorization": wire.AUTHORIZATION}))
        wait_for("1")
        connection.sendall(h2_frame(3, 0, 1, struct.pack(">I", 8)))
        wait_for("0")
