"""kill -9 while SQL applications run: what comes out is what would have come without. RIACHO_SEED repeats a run."""

import json
import os
import pathlib
import random
import sys
import threading
import time
import uuid

import botocore.exceptions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "analytics"))
from applications import Api, rows_of  # noqa: E402
from conftest import wait_active  # noqa: E402

KILLS = int(os.environ.get("RIACHO_KILLS", "30"))
COPY = """CREATE STREAM "OUT" (K VARCHAR(8), N INTEGER);
CREATE PUMP "P" AS INSERT INTO "OUT" SELECT STREAM K, N FROM "SOURCE_SQL_STREAM_001";"""
COUNT = """CREATE STREAM "OUT" (K VARCHAR(8), N INTEGER, TOTAL INTEGER);
CREATE PUMP "P" AS INSERT INTO "OUT" SELECT STREAM K, COUNT(*), SUM(N) FROM "SOURCE_SQL_STREAM_001"
GROUP BY K, STEP("SOURCE_SQL_STREAM_001".ROWTIME BY INTERVAL '1' SECOND);"""
COLUMNS = [{"Name": "K", "Mapping": "$.K", "SqlType": "VARCHAR(8)"}, {"Name": "N", "Mapping": "$.N", "SqlType": "INTEGER"}]


class Producer(threading.Thread):
    """Puts numbered records until it is told to stop; a put that failed is made again, so a number may come twice."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.done, self.acknowledged, self.attempts = server, threading.Event(), 0, {}

    def run(self):
        client = self.server.client()
        number = 0
        while not self.done.is_set():
            records = [{"Data": json.dumps({"K": f"k{n % 7}", "N": n}).encode(), "PartitionKey": uuid.uuid4().hex} for n in range(number, number + 50)]
            for record in records:
                self.attempts[json.loads(record["Data"])["N"]] = 0
            while records and not self.done.is_set():
                try:
                    for record in records:
                        self.attempts[json.loads(record["Data"])["N"]] += 1
                    reply = client.put_records(StreamName="in", Records=records)
                    records = [record for record, entry in zip(records, reply["Records"]) if "ErrorCode" in entry]
                except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError):
                    client = self.server.client()
                    time.sleep(0.05)
            if not records:
                number += 50
                self.acknowledged = number
            time.sleep(0.01)


def patiently(call, *arguments):
    """Tries again as SDKs do; the clients of these tests do not."""
    for _ in range(100):
        try:
            return call(*arguments)
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "ServiceUnavailable":
                raise
            time.sleep(0.1)
    return call(*arguments)


def test_nothing_is_missing_and_no_window_differs(riacho_server):
    """K88, also through reshards of the source and a stop with LAST_STOPPED_POINT."""
    seed = int(os.environ.get("RIACHO_SEED", random.randrange(1 << 30)))
    print(f"RIACHO_SEED={seed}")
    chance = random.Random(seed)
    server = riacho_server()
    kinesis = server.client()
    for stream, shards in (("in", 2), ("copied", 2), ("counted", 1)):
        kinesis.create_stream(StreamName=stream, ShardCount=shards)
        wait_active(kinesis, stream)
    api = Api(server, 2)
    for name, code, sink in (("copy", COPY, "copied"), ("count", COUNT, "counted")):
        api.create(name, code, [api.input(columns=COLUMNS)], [api.output(sink)])
        api.run(name, "NOW")
    producer = Producer(server)
    producer.start()
    for kill in range(KILLS):
        time.sleep(chance.uniform(0.05, 0.8))
        if kill % 10 == 4:
            kinesis = server.client()
            shards = kinesis.describe_stream_summary(StreamName="in")["StreamDescriptionSummary"]["OpenShardCount"]
            target = 3 if shards == 2 else 2
            patiently(lambda: kinesis.update_shard_count(StreamName="in", TargetShardCount=target, ScalingType="UNIFORM_SCALING"))
            time.sleep(chance.uniform(0, 0.3))
        if kill % 10 == 8:
            api = Api(server, 2)
            for name in ("copy", "count"):
                api.wait(name, "RUNNING")
                patiently(api.stop, name)
                api.wait(name, "READY")
            time.sleep(0.2)
            for name in ("copy", "count"):
                patiently(api.start, name, "LAST_STOPPED_POINT")
        server.kill()
        server.start()
    api, kinesis = Api(server, 2), server.client()
    assert producer.is_alive()
    producer.done.set()
    producer.join(timeout=30)
    for name in ("copy", "count"):
        api.wait(name, "RUNNING")
    deadline = time.monotonic() + 60
    # Each number was read at least once, and not more often than it was put; rows that were sent twice are known by their key.
    while True:
        copied = rows_of(kinesis, "copied")
        seen = {}
        for row in copied:
            seen[row["N"]] = seen.get(row["N"], 0) + 1
        counted = rows_of(kinesis, "counted")
        if len(seen) >= producer.acknowledged and sum(row["N"] for row in counted) >= len(copied):
            break
        missing = [n for n in range(producer.acknowledged) if n not in seen]
        assert time.monotonic() < deadline, (missing[:20], len(missing), sum(row["N"] for row in counted), len(copied))
        time.sleep(0.5)
    assert all(seen.get(n, 0) >= 1 for n in range(producer.acknowledged))
    assert all(count <= producer.attempts[n] for n, count in seen.items())
    # The windows of the other application hold the same records, each once.
    time.sleep(2)
    counted = rows_of(kinesis, "counted")
    copied = rows_of(kinesis, "copied")
    assert sum(row["N"] for row in counted) == len(copied)
    for key in {row["K"] for row in copied}:
        assert sum(row["TOTAL"] for row in counted if row["K"] == key) == sum(row["N"] for row in copied if row["K"] == key), key
