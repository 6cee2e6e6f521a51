"""Kills the server at random moments while producers keep sending. RIACHO_SEED repeats a run's choices."""

import collections
import contextlib
import os
import random
import subprocess
import threading
import time

import botocore.exceptions
import pytest
from conftest import BINARY, iterator, wait_active

KILLS = 32
STREAMS = {"one": 1, "three": 3}
# Errors that a producer gets from a server that is killed, or from a stream between two states.
EXPECTED = (botocore.exceptions.ClientError, botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError)


class Producer(threading.Thread):
    """Sends records one after the other, each with its own number, and keeps the acknowledged ones."""

    def __init__(self, server, stream, key, batch, seed):
        super().__init__(daemon=True)
        self.server, self.stream, self.key, self.batch = server, stream, key, batch
        self.rng = random.Random(seed)
        self.stopping = threading.Event()
        self.acknowledged = []  # (shard id, sequence number, data), in the order of the acknowledgements
        self.number = 0

    def run(self):
        client = self.server.client()
        while not self.stopping.is_set():
            try:
                if self.batch:
                    self.put_batch(client)
                else:
                    self.put_one(client)
            except EXPECTED:
                time.sleep(0.002)
                client = self.server.client()

    def next_data(self, size=None):
        self.number += 1
        return f"{self.key}:{self.number}:".encode() + self.rng.randbytes(self.rng.choice((0, 10, 200, 3000)) if size is None else size)

    def put_one(self, client):
        data = self.next_data()
        reply = client.put_record(StreamName=self.stream, Data=data, PartitionKey=self.key)
        self.acknowledged.append((reply["ShardId"], reply["SequenceNumber"], data))

    def put_batch(self, client):
        if self.rng.random() < 0.1:
            # Large enough to be written to its segment directly.
            batch = [self.next_data(self.rng.randint(8_000, 20_000)) for _ in range(self.rng.randint(25, 40))]
        else:
            batch = [self.next_data() for _ in range(self.rng.randint(1, 50))]
        reply = client.put_records(StreamName=self.stream, Records=[{"Data": data, "PartitionKey": self.key} for data in batch])
        for entry, data in zip(reply["Records"], batch):
            if "SequenceNumber" in entry:
                self.acknowledged.append((entry["ShardId"], entry["SequenceNumber"], data))


def read_everything(client, stream):
    """{shard id: [(sequence number, data)]}"""
    shards = {}
    for shard in client.list_shards(StreamName=stream)["Shards"]:
        position, records = iterator(client, stream, shard["ShardId"]), []
        while position is not None:
            reply = client.get_records(ShardIterator=position)
            records += [(r["SequenceNumber"], r["Data"]) for r in reply["Records"]]
            position = reply.get("NextShardIterator")
            if reply["MillisBehindLatest"] == 0:
                break
        shards[shard["ShardId"]] = records
    return shards


def check(client, producers):
    # Copied before reading: records acknowledged later need not be among those read.
    promised = [(producer.stream, list(producer.acknowledged)) for producer in producers]
    for stream in STREAMS:
        stored = read_everything(client, stream)
        every_number = [number for records in stored.values() for number, _ in records]
        assert len(set(every_number)) == len(every_number)
        for records in stored.values():
            assert [int(number) for number, _ in records] == sorted(int(number) for number, _ in records)
        by_number = {(shard, number): data for shard, records in stored.items() for number, data in records}
        for acknowledged in (records for of, records in promised if of == stream):
            last = collections.defaultdict(int)
            for shard, number, data in acknowledged:
                assert by_number.get((shard, number)) == data, f"lost or changed: {stream} {shard} {number}"
                assert int(number) > last[shard], "acknowledged out of order"
                last[shard] = int(number)


def reshard(client, rng):
    """One split or merge, if the stream's state allows it."""
    shards = [s for s in client.list_shards(StreamName="three")["Shards"] if "EndingSequenceNumber" not in s["SequenceNumberRange"]]
    shards.sort(key=lambda s: int(s["HashKeyRange"]["StartingHashKey"]))
    if len(shards) < 6 and rng.random() < 0.6:
        shard = rng.choice(shards)
        low, high = (int(shard["HashKeyRange"][f"{side}HashKey"]) for side in ("Starting", "Ending"))
        client.split_shard(StreamName="three", ShardToSplit=shard["ShardId"], NewStartingHashKey=str((low + high) // 2))
    elif len(shards) > 1:
        at = rng.randrange(len(shards) - 1)
        client.merge_shards(StreamName="three", ShardToMerge=shards[at]["ShardId"], AdjacentShardToMerge=shards[at + 1]["ShardId"])


@pytest.mark.timeout(240)
def test_no_acknowledged_record_is_lost(riacho_server):
    """[53]"""
    seed = int(os.environ.get("RIACHO_SEED", random.randrange(1 << 32)))
    print(f"RIACHO_SEED={seed}")
    rng = random.Random(seed)
    server = riacho_server()
    client = server.client()
    for stream, shards in STREAMS.items():
        client.create_stream(StreamName=stream, ShardCount=shards)
        wait_active(client, stream)
    producers = [Producer(server, stream, f"{stream}-{i}", batch=i % 2 == 1, seed=rng.random()) for stream in STREAMS for i in range(3)]
    for producer in producers:
        producer.start()
    for kill in range(KILLS):
        if rng.random() < 0.4:
            with contextlib.suppress(*EXPECTED):
                reshard(server.client(), rng)
        time.sleep(rng.uniform(0.0, 0.4))
        server.kill()
        server.start()  # on the same port, so that the producers reconnect
        if kill % 8 == 7:
            check(server.client(), producers)
    for producer in producers:
        producer.stopping.set()
    for producer in producers:
        producer.join(30)
        assert not producer.is_alive()
        assert len(producer.acknowledged) > 20, "a producer that gets nothing through shows nothing"
    check(server.client(), producers)
    assert len(server.client().list_shards(StreamName="three")["Shards"]) > STREAMS["three"], "no shard was ever split or merged"
    assert server.stop() == 0
    done = subprocess.run([BINARY, "verify", "--data-dir", str(server.data_dir)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
