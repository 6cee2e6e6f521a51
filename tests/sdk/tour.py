"""Checks the observations of the tour programs in tests/sdk (Java, Go, Rust) against those of boto3."""

import base64
import operator

from conftest import read_all

SIZES = (0, 1, 256, 1_000_000)


def blob(size):
    return bytes((i * 31 + size) % 256 for i in range(size))


def check(seen, client, stream):
    """[81] The records, times and errors of one tour; `client` is boto3's."""
    summary = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert seen["arn"] == summary["StreamARN"]
    assert seen["created_ms"] == round(summary["StreamCreationTimestamp"].timestamp() * 1000)
    assert seen["failed"] == 0
    stored = {shard: [_plain(record) for record in read_all(client, stream, shard)] for shard in ("0", "1")}
    before_live = [record for record in stored["0"] + stored["1"] if record["key"] != "live"]
    by_number = operator.itemgetter("number")
    assert sorted(seen["read"], key=by_number) == sorted(before_live, key=by_number)
    data = {record["number"]: (record["key"], base64.b64decode(record["data"])) for record in seen["read"]}
    assert [data[number] for number in seen["put"]] == [("first", blob(256)), *((f"ação-{size}", blob(size)) for size in SIZES)]
    _check_errors(seen["errors"], stream)
    return stored


def check_subscription(seen, stored):
    """[81] All of the first shard in order, the record written meanwhile, and the children at the end."""
    assert stored["0"][-1]["key"] == "live"
    assert seen["pushed"] == stored["0"]
    assert seen["children"] == ["shardId-000000000002", "shardId-000000000003"]


def _plain(record):
    return {"number": record["SequenceNumber"], "key": record["PartitionKey"], "data": base64.b64encode(record["Data"]).decode(),
            "arrived_ms": round(record["ApproximateArrivalTimestamp"].timestamp() * 1000)}


def _check_errors(errors, stream):
    expected = {
        "missing": ("ResourceNotFoundException", f"Stream {stream}-missing under account 000000000000 not found."),
        "taken": ("ResourceInUseException", f"Stream {stream} under account 000000000000 already exists."),
        "iterator": ("InvalidArgumentException", "Invalid ShardIterator."),
        "invalid": ("ValidationException", "1 validation error detected: Value 'no spaces' at 'streamName' failed to satisfy constraint: "
                                           "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
    }
    for what, (kind, message) in expected.items():
        assert errors[what] == {"type": kind, "code": kind, "message": message, "status": 400}, what
