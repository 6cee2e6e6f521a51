"""Delivery streams for tests, and the files that they write."""

import re
import subprocess
import time
import urllib.request

import conftest

ROLE = "arn:aws:iam::111111111111:role/delivery"


def destination(bucket="bucket", **members):
    return {"RoleARN": ROLE, "BucketARN": f"arn:aws:s3:::{bucket}", **members}


def hints(size=1, interval=900):
    return {"SizeInMBs": size, "IntervalInSeconds": interval}


def create(client, name, wait=True, **members):
    """A DirectPut stream with extended S3 unless told otherwise; ACTIVE when it returns."""
    if not any(key.endswith("DestinationConfiguration") for key in members):
        members["ExtendedS3DestinationConfiguration"] = destination()
    arn = client.create_delivery_stream(DeliveryStreamName=name, **members)["DeliveryStreamARN"]
    if wait:
        wait_status(client, name, "ACTIVE")
    return arn


def describe(client, name):
    return client.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]


def wait_status(client, name, status, timeout=10):
    deadline = time.monotonic() + timeout
    while True:
        found = describe(client, name)
        if found["DeliveryStreamStatus"] == status:
            return found
        assert time.monotonic() < deadline, found["DeliveryStreamStatus"]
        time.sleep(0.01)


def put(client, name, *records):
    reply = client.put_record_batch(DeliveryStreamName=name, Records=[{"Data": data} for data in records])
    assert reply["FailedPutCount"] == 0
    return reply


def flush(server, name):
    """`riacho firehose flush`: everything accepted is delivered when it returns."""
    subprocess.run([conftest.BINARY, "firehose", "flush", name, "--data-dir", str(server.data_dir)], check=True)


def files(server, bucket="bucket"):
    """What lies in a local bucket: {key: bytes}, in the order of the keys."""
    root = server.data_dir / "buckets" / bucket
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and ".riacho-tmp" not in path.parts:
            found[str(path.relative_to(root))] = path.read_bytes()
    return found


def wait_files(server, count, bucket="bucket", timeout=20):
    deadline = time.monotonic() + timeout
    while len(found := files(server, bucket)) < count:
        assert time.monotonic() < deadline, list(found)
        time.sleep(0.05)
    return found


def figure(server, figure_name, stream):
    """A figure of /metrics; None while it is not shown."""
    with urllib.request.urlopen(server.url + "/metrics", timeout=10) as reply:
        page = reply.read().decode()
    pattern = rf'^riacho_firehose_{figure_name}\{{[^}}]*delivery_stream="{re.escape(stream)}"[^}}]*\}} (\S+)$'
    found = re.search(pattern, page, re.MULTILINE)
    return float(found[1]) if found else None
