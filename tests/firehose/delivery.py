"""What tests of delivery streams share. Numbers in brackets: items of the conformance list (firehose specification, section 21)."""

import gzip
import json
import re
import time

ROLE = "arn:aws:iam::000000000000:role/firehose"
SUFFIX = re.compile(r"-(\d+)-\d{4}(?:-\d\d){5}-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.[a-z.]+)?$")


def configuration(bucket, **more):
    """An extended S3 configuration that delivers at once."""
    return {"RoleARN": ROLE, "BucketARN": f"arn:aws:s3:::{bucket}", "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0}} | more


def create(client, name, bucket, kind="DirectPut", source=None, **more):
    arguments = {"KinesisStreamSourceConfiguration": source} if source else {}
    client.create_delivery_stream(DeliveryStreamName=name, DeliveryStreamType=kind,
                                  ExtendedS3DestinationConfiguration=configuration(bucket, **more), **arguments)
    return wait_active(client, name)


def wait_active(client, name, timeout=10):
    deadline = time.monotonic() + timeout
    while True:
        description = client.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
        if description["DeliveryStreamStatus"] == "ACTIVE":
            return description
        assert time.monotonic() < deadline, description["DeliveryStreamStatus"]
        time.sleep(0.02)


def put_all(client, name, records):
    """Puts them in batches, again as long as any is refused."""
    for start in range(0, len(records), 500):
        left = records[start:start + 500]
        deadline = time.monotonic() + 30
        while left:
            reply = client.put_record_batch(DeliveryStreamName=name, Records=[{"Data": record} for record in left])
            left = [record for record, result in zip(left, reply["RequestResponses"]) if "RecordId" not in result]
            assert not left or time.monotonic() < deadline
            if left:
                time.sleep(0.05)


def content_of(key, body):
    return gzip.decompress(body) if key.endswith(".gz") or body.startswith(b"\x1f\x8b") else body


def lines_of(objects):
    """The lines of all objects, in the order of their keys."""
    return [line for key, body in sorted(objects.items()) for line in content_of(key, body).splitlines()]


def wait_for_objects(store, done, timeout=30):
    """Polls until done(objects); returns them."""
    deadline = time.monotonic() + timeout
    while True:
        objects = store.objects()
        if done(objects):
            return objects
        assert time.monotonic() < deadline, f"{len(objects)} objects: {sorted(objects)[:5]}"
        time.sleep(0.1)


def wait_for_lines(store, count, timeout=30):
    return lines_of(wait_for_objects(store, lambda objects: len(set(lines_of(objects))) >= count, timeout))


def numbered(count, start=0):
    """JSON lines with a number each, of about 40 bytes."""
    return [json.dumps({"seq": i, "name": f"sensor-{i % 7}"}).encode() + b"\n" for i in range(start, start + count)]


def wait_for_log(server, text, timeout=20):
    deadline = time.monotonic() + timeout
    while text not in server.log.read_text():
        assert time.monotonic() < deadline, server.log.read_text()[-2000:]
        time.sleep(0.05)
