#!/usr/bin/env python3
"""The cost of an acknowledgement behind many acknowledged records and one that never is acknowledged, compared with an empty queue.

    RIACHO_BIN=build/riacho .venv/bin/python tests/bench/queue_acknowledge.py [--records 1000000] [--out results.json]

Two servers: in one queue the first record is received and never acknowledged, and then --records others are; the other queue is fresh. Then
batches of ten are received and acknowledged in both, in turn, and the medians of the acknowledgements are compared. Also measured: a scrape of
/metrics, the largest row of progress on disk, and the first ReceiveQueueRecords after a kill."""

import argparse
import concurrent.futures
import json
import pathlib
import sqlite3
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from conftest import Riacho, wait_active  # noqa: E402

ROUNDS = 300


class Queue:
    def __init__(self, records):
        self.server = Riacho().start()
        client = self.server.client()
        client.create_stream(StreamName="s", StreamModeDetails={"StreamMode": "ON_DEMAND"})
        arn = wait_active(client, "s")["StreamARN"]
        self.raw = self.server.raw()
        self.arn = self.call(self.raw, "CreateQueue", QueueName="q", StreamConfigurationList=[
            {"StreamARN": arn, "StartingPosition": {"Type": "TRIM_HORIZON"}}],
            QueueAttributes={"VisibilityTimeoutSeconds": 43200})["QueueDescription"]["QueueARN"]
        while self.call(self.raw, "DescribeQueue", QueueARN=self.arn)["QueueDescription"]["QueueStatus"] != "ACTIVE":
            time.sleep(0.01)
        batch = [{"Data": b"x", "PartitionKey": "k"}] * 500
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: client.put_records(StreamName="s", Records=batch), range((records + 10 * ROUNDS) // 500 + 2)))

    @staticmethod
    def call(raw, operation, **body):
        reply = raw.call(operation, body)
        assert reply.status == 200, reply.body
        return reply.json if reply.body else {}

    def receive(self, raw=None, count=10):
        return self.call(raw or self.raw, "ReceiveQueueRecords", QueueARN=self.arn, Limit=count)["QueueRecords"]

    def acknowledge(self, records, raw=None):
        entries = [{"ReceiptHandle": record["ReceiptHandle"]} for record in records]
        assert not self.call(raw or self.raw, "AcknowledgeQueueRecords", QueueARN=self.arn, Entries=entries)["Failed"]

    def settle(self, count):
        """Receives and acknowledges `count` records, over several connections."""
        def work(batches):
            raw = self.server.raw()
            for _ in range(batches):
                self.acknowledge(self.receive(raw), raw)
            raw.close()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(work, [count // 160] * 16))

    def timed_acknowledge(self):
        records = self.receive()
        began = time.perf_counter()
        self.acknowledge(records)
        return (time.perf_counter() - began) * 1e6


def largest_row(server):
    time.sleep(1)
    with sqlite3.connect(server.data_dir / "catalog.sqlite") as database:
        return database.execute("SELECT MAX(LENGTH(value)), COUNT(*) FROM progress").fetchone()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--out")
    options = parser.parse_args()
    full, fresh = Queue(options.records), Queue(0)
    full.receive(count=1)  # the record that is never acknowledged
    full.settle(options.records)
    full.raw, fresh.raw = full.server.raw(), fresh.server.raw()  # the server has closed connections that were idle for so long
    times = {"full": [], "fresh": []}
    for _ in range(ROUNDS):
        times["full"].append(full.timed_acknowledge())
        times["fresh"].append(fresh.timed_acknowledge())
    began = time.perf_counter()
    assert full.server.raw().request("GET", "/metrics").status == 200
    scrape_ms = (time.perf_counter() - began) * 1e3
    row_bytes, rows = largest_row(full.server)
    full.server.kill()
    full.server.start()
    full.raw = full.server.raw()
    began = time.perf_counter()
    full.receive()
    first_ms = (time.perf_counter() - began) * 1e3
    medians = {name: statistics.median(values) for name, values in times.items()}
    result = {"records": options.records, "acknowledge_us": medians, "ratio": medians["full"] / medians["fresh"], "metrics_ms": scrape_ms,
              "largest_row_bytes": row_bytes, "rows": rows, "first_receive_after_kill_ms": first_ms}
    print(json.dumps(result, indent=1))
    if options.out:
        pathlib.Path(options.out).write_text(json.dumps(result, indent=1) + "\n")
    full.server.close()
    fresh.server.close()


if __name__ == "__main__":
    main()
