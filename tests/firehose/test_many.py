"""A thousand delivery streams at work on a node of 512 MiB."""

import concurrent.futures
import re
import threading
import urllib.request

import pytest

from firehose import stores
from firehose.delivery import lines_of, numbered, wait_active, wait_for_objects

STREAMS = 1_000
LIMIT_MIB = 512


class Watch(threading.Thread):
    """The greatest resident size of a process, in MiB."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.stopping, self.peak = pid, threading.Event(), 0

    def run(self):
        while not self.stopping.wait(0.05):
            with open(f"/proc/{self.pid}/status") as status:
                self.peak = max(self.peak, int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) // 1024)


@pytest.mark.timeout(300)
def test_the_memory_limit_holds_and_everything_arrives(riacho_server):
    server = riacho_server("--memory-limit", f"{LIMIT_MIB}MiB")
    store = stores.LocalFolders().attach(server)
    client = server.client(service="firehose")
    options = {"CompressionFormat": "GZIP", "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 2}}

    def make(number):
        client.create_delivery_stream(DeliveryStreamName=f"s{number}", ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::000000000000:role/f", "BucketARN": f"arn:aws:s3:::{store.bucket}", **options})

    def put(number):
        records = [{"Data": line.strip() + b" " * 900 + b"\n"} for line in numbered(100, start=number * 100)]
        return client.put_record_batch(DeliveryStreamName=f"s{number % STREAMS}", Records=records)["FailedPutCount"]

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        list(threads.map(make, range(STREAMS)))
        wait_active(client, f"s{STREAMS - 1}")
        watch = Watch(server.pid)
        watch.start()
        assert not any(threads.map(put, range(STREAMS)))
    objects = wait_for_objects(store, lambda objects: len(objects) >= STREAMS and len(lines_of(objects)) >= STREAMS * 100, timeout=120)
    watch.stopping.set()
    watch.join()
    assert len(set(lines_of(objects))) == len(lines_of(objects)) == STREAMS * 100
    assert watch.peak < LIMIT_MIB * 0.95, f"{watch.peak} MiB"
    with urllib.request.urlopen(server.url + "/metrics", timeout=10) as reply:
        assert reply.read().decode().count("riacho_firehose_DeliveryToS3_Records_total{") == STREAMS
