"""Delivery streams on full disks, with destinations that are not there, and through hard ends of the process."""

import json
import socket
import sys
import time

import pytest
from botocore.exceptions import ClientError

import conftest
from firehose.streams import create, destination, figure, files, flush, hints, put

sys.path.insert(0, str(conftest.ROOT / "tests" / "server"))
from test_disk import MIB, SmallDisk, health, needs_mount, wait_until  # noqa: E402


KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}


def s3(bucket, **members):
    return {"ExtendedS3DestinationConfiguration": destination(bucket, **{"BufferingHints": hints(), **members})}


@needs_mount
def test_more_goes_through_a_disk_than_it_holds(riacho_server, tmp_path, name):
    """What was delivered is cut off, so that a disk of 400 MiB takes more."""
    disk = SmallDisk(tmp_path, 400)
    server = riacho_server("--journal-mib", "192", data_dir=disk.data_dir, prefix=disk.prefix)
    firehose = server.client(service="firehose")
    create(firehose, name, **s3(name, CompressionFormat="GZIP", BufferingHints=hints(5, 60)))
    records = [{"Data": b"%04d" % i + b"x" * 8000} for i in range(500)]
    sent = 0
    deadline = time.monotonic() + 95
    while sent < 110:
        reply = firehose.put_record_batch(DeliveryStreamName=name, Records=records)
        if reply["FailedPutCount"] == 0:
            sent += 1
        else:
            assert {entry.get("ErrorMessage") for entry in reply["RequestResponses"]} == {"Slow down."}
            time.sleep(0.1)
        assert time.monotonic() < deadline, (sent, health(server))
    flush_inside(server, disk, name)
    assert figure(server, "DeliveryToS3_Records_total", name) == 110 * 500
    assert health(server)["store"] == "ok"


def flush_inside(server, disk, name):
    """The command line sees the data directory through the server's root."""
    class Seen:
        data_dir = disk.inside(server) / "data"

    flush(Seen, name)


@needs_mount
def test_a_full_disk_refuses_records_and_delivers_what_it_has(riacho_server, tmp_path, name):
    disk = SmallDisk(tmp_path, 400)
    server = riacho_server("--journal-mib", "192", data_dir=disk.data_dir, prefix=disk.prefix)
    firehose = server.client(service="firehose")
    create(firehose, name, **s3(name))
    put(firehose, name, *[b"kept"] * 100)
    refused = []

    def is_refused():
        # Again and again: the server gives spare journal files back first, and writes until it has looked.
        disk.fill(server, 20 * MIB)
        try:
            firehose.put_record(DeliveryStreamName=name, Record={"Data": b"x"})
        except ClientError as error:
            refused.append(error)
        return refused

    wait_until(is_refused, 30)
    assert refused[0].response["Error"] == {"Code": "ServiceUnavailableException", "Message": "Slow down."}
    reply = firehose.put_record_batch(DeliveryStreamName=name, Records=[{"Data": b"x"}] * 3)
    assert reply["FailedPutCount"] == 3
    assert reply["RequestResponses"] == [{"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."}] * 3
    flush_inside(server, disk, name)
    disk.clear(server)
    wait_until(lambda: health(server)["store"] == "ok", 30)
    put(firehose, name, b"more")
    flush_inside(server, disk, name)

    class Seen:
        data_dir = disk.inside(server) / "data"

    assert b"".join(files(Seen, name).values()).count(b"kept") == 100


@needs_mount
def test_a_disk_that_is_full_in_the_middle_of_a_file(riacho_server, tmp_path, name):
    """Files are written while they are made: of one that does not fit nothing is left, and it is made again."""
    disk = SmallDisk(tmp_path, 64)
    server = riacho_server(prefix=disk.prefix)
    (server.data_dir / "buckets").symlink_to(disk.directory)
    firehose = server.client(service="firehose")
    create(firehose, name, **s3(name, BufferingHints=hints(16, 900)))
    disk.fill(server, 6 * MIB)
    records = [b"%06d" % i + b"x" * 499_993 + b"\n" for i in range(36)]
    for start in range(0, len(records), 6):
        put(firehose, name, *records[start:start + 6])
    wait_until(lambda: "No space left on device" in server.log.read_text(), 30)
    inside = disk.inside(server)

    def objects():
        return [path for path in inside.rglob("*") if path.is_file() and path.name != "filler"]

    # A further attempt may be on its way.
    wait_until(lambda: objects() == [], 30)
    disk.clear(server)
    flush(server, name)
    found = objects()
    assert all(path.is_relative_to(inside / name) for path in found), found
    assert sorted(b"".join(path.read_bytes() for path in found).splitlines(True)) == records
    assert figure(server, "DeliveryToS3_Records_total", name) == len(records)


def test_error_lines_of_a_destination_that_is_not_there(riacho_server, name):
    """45, 70."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    server = riacho_server("--s3-endpoint", f"http://127.0.0.1:{port}", "--log-format", "json", environment=KEYS)
    firehose = server.client(service="firehose")
    arn = create(firehose, name, **s3(name, BufferingHints=hints(1, 0)))
    put(firehose, name, b"x")
    wait_until(lambda: "delivery failed" in server.log.read_text())
    put(firehose, name, b"y")
    assert figure(server, "DeliveryToS3_DataFreshness", name) is not None
    assert figure(server, "batches_failing", name) >= 1
    line = next(json.loads(text) for text in server.log.read_text().splitlines() if "delivery failed" in text)
    assert line["deliveryStreamARN"] == arn and line["destination"] == f"arn:aws:s3:::{name}"
    assert line["deliveryStreamVersionId"] == 1 and line["errorCode"] and line["message"]


def test_a_source_under_the_limits_of_aws(riacho_server, name):
    """A batch larger than what a shard gives in a second is made all the same: what is read again is not charged."""
    server = riacho_server("--limits=aws")
    kinesis, firehose = server.client(), server.client(service="firehose")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    time.sleep(0.5)
    firehose.create_delivery_stream(
        DeliveryStreamName=name, DeliveryStreamType="KinesisStreamAsSource", KinesisStreamSourceConfiguration={
            "KinesisStreamARN": f"arn:aws:kinesis:us-east-1:000000000000:stream/{name}", "RoleARN": "arn:aws:iam::000000000000:role/r"},
        **s3(name, BufferingHints=hints(64, 8)))
    time.sleep(0.5)
    sent = 0
    deadline = time.monotonic() + 30
    while sent < 6 and time.monotonic() < deadline:
        try:
            kinesis.put_record(StreamName=name, PartitionKey="k", Data=b"x" * 900_000)
            sent += 1
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ProvisionedThroughputExceededException"
            time.sleep(0.2)
    wait_until(lambda: sum(map(len, files(server, name).values())) == 6 * 900_000, 30)
