"""The Kinesis Producer Library 1. Numbers in brackets: items of the conformance list (data-streams specification, section 10)."""

import base64
import collections
import hashlib

import aws_kinesis_agg.deaggregator
import pytest
from conftest import read_all

import programs
from programs import dynamodb  # noqa: F401, a fixture

ROUNDS = 100
EXPECTED = {"ahead": ["ahead 0"]} | {f"key-{key}": sorted(f"key-{key} {i}" for i in range(ROUNDS)) for key in range(20)}
EXPLICIT = {"key-18": 0, "key-19": 2**128 - 1}
pytestmark = pytest.mark.timeout(400)


def produce(server, stream, certificate="none"):
    """Runs the producer; its daemon is unpacked into the build directory."""
    native = programs.OUT / "kpl" / "native"
    command = programs.build_java("kpl")
    native.mkdir(exist_ok=True)
    arguments = [server.host, str(server.port), certificate, stream, str(ROUNDS)]
    seen = programs.run([command[0], f"-Djava.io.tmpdir={native}", *command[1:], "riacho.Producer", *arguments])
    assert seen == {"succeeded": ROUNDS * 20, "attempts": ROUNDS * 20}


@pytest.mark.parametrize("trust", ["nothing", "certificate"])
def test_aggregated_records_are_those_that_were_put(riacho, kinesis, make_stream, trust):
    """[18] [88] De-aggregated by aws-kinesis-agg: every record once, in the shard of its hash. The first run does not verify the certificate."""
    stream = make_stream(2)
    produce(riacho, stream, riacho.certificate if trust == "certificate" else "none")
    got, stored = collections.defaultdict(list), 0
    for shard in (0, 1):
        records = read_all(kinesis, stream, str(shard))
        stored += len(records)
        for record in (one["kinesis"] for one in take_apart(records)):
            key = record["partitionKey"]
            got[key].append(base64.b64decode(record["data"]).decode())
            place = EXPLICIT.get(key, int(hashlib.md5(key.encode()).hexdigest(), 16))
            assert place >> 127 == shard
    assert {key: sorted(values) for key, values in got.items()} == EXPECTED
    assert stored < ROUNDS // 2


def take_apart(records):
    """aws-kinesis-agg expects records in Lambda's format."""
    return aws_kinesis_agg.deaggregator.deaggregate_records([
        {"kinesis": {"kinesisSchemaVersion": "1.0", "sequenceNumber": record["SequenceNumber"], "partitionKey": record["PartitionKey"],
                     "data": base64.b64encode(record["Data"]).decode(),
                     "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"].timestamp()},
         "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventID": record["SequenceNumber"], "eventName": "aws:kinesis:record",
         "invokeIdentityArn": "arn:aws:iam::000000000000:role/reader", "awsRegion": "us-east-1", "eventSourceARN": "arn"}
        for record in records])


def test_kcl_takes_aggregated_records_apart(riacho, make_stream, dynamodb):  # noqa: F811
    """[88] With their partition keys, explicit hash keys and indexes within the aggregate."""
    stream = make_stream(2)
    produce(riacho, stream)
    with programs.Running([*programs.build_java("kcl"), "riacho.Consumer", "polling", riacho.url, dynamodb, stream]) as worker:
        lines = worker.wait(lambda lines: sum("key" in line for line in lines) >= ROUNDS * 20 + 1)
    records = [line for line in lines if "key" in line]
    got = collections.defaultdict(list)
    for record in records:
        got[record["key"]].append(base64.b64decode(record["data"]).decode())
    assert {key: sorted(values) for key, values in got.items()} == EXPECTED
    assert {record["key"]: record["hash"] for record in records if record["hash"]} == {key: str(hash) for key, hash in EXPLICIT.items()}
    assert all(record["aggregated"] for record in records if record["key"] != "ahead")
    places = [(record["number"], record["sub"]) for record in records]
    assert len(set(places)) == len(places) and max(sub for _, sub in places) > 0
