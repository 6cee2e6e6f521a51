"""The Kinesis Client Library, 3 and 2. Numbers in brackets: items of the conformance list (data-streams specification, section 10)."""

import base64
import collections
import threading
import time

import pytest
from conftest import wait_active

import programs
from programs import dynamodb  # noqa: F401, a fixture

KEYS = [f"key-{i}" for i in range(20)]
ROUNDS = 300
pytestmark = pytest.mark.timeout(400)


class Writer(threading.Thread):
    """One record for each key in each round: the records of a key count up."""

    def __init__(self, client, stream):
        super().__init__(daemon=True)
        self.client, self.stream = client, stream
        self.rounds = 0
        self.failure = None
        self.resharded = threading.Event()

    def run(self):
        try:
            while self.rounds < ROUNDS or not self.resharded.is_set():
                entries = [{"PartitionKey": key, "Data": f"{key} {self.rounds}".encode()} for key in KEYS]
                assert self.client.put_records(StreamName=self.stream, Records=entries)["FailedRecordCount"] == 0
                self.rounds += 1
                time.sleep(0.01)
        except Exception as failure:
            self.failure = failure

    def wait(self, rounds):
        """Waits until it has written `rounds` more rounds."""
        end = self.rounds + rounds
        while self.rounds < end and self.is_alive():
            time.sleep(0.01)


def reshard(client, stream, writer):
    """Splits the first of two shards and merges its upper half with the second, while the writer writes."""
    writer.wait(50)
    client.split_shard(StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**126))
    wait_active(client, stream)
    writer.wait(50)
    client.merge_shards(StreamName=stream, ShardToMerge="shardId-000000000003", AdjacentShardToMerge="shardId-000000000001")
    wait_active(client, stream)
    writer.wait(50)
    writer.resharded.set()
    writer.join()
    if writer.failure:
        raise writer.failure


@pytest.mark.parametrize("version, mode, scheme", [("kcl", "polling", "http"), ("kcl", "fan-out", "http"), ("kcl", "fan-out", "https"),
                                                   ("kcl2", "polling", "http"), ("kcl2", "fan-out", "http")])
def test_a_stream_is_consumed_through_a_split_and_a_merge(riacho, kinesis, make_stream, dynamodb, tmp_path, version, mode, scheme):
    """[88] Every record once, in order for each partition key; closed shards are finished before their children begin."""
    flags = programs.truststore(riacho, tmp_path) if scheme == "https" else []
    url = riacho.tls_url if scheme == "https" else riacho.url
    stream = make_stream(2)
    writer = Writer(kinesis, stream)
    with programs.Running([*programs.build_java(version), *flags, "riacho.Consumer", mode, url, dynamodb, stream]) as worker:
        worker.wait(lambda lines: any("started" in line for line in lines))
        writer.start()
        reshard(kinesis, stream, writer)
        total = writer.rounds * len(KEYS)
        lines = worker.wait(lambda lines: sum("key" in line for line in lines) >= total)
    check_order(lines, writer.rounds)
    check_shards(lines)


def check_order(lines, rounds):
    got = collections.defaultdict(list)
    for line in lines:
        if "key" in line:
            got[line["key"]].append(base64.b64decode(line["data"]).decode())
    assert got == {key: [f"{key} {i}" for i in range(rounds)] for key in KEYS}


def check_shards(lines):
    """The order in which shards began and ended: 0 is split into 2 and 3, 3 and 1 are merged into 4."""
    ended = {line["ended"]: i for i, line in enumerate(lines) if "ended" in line}
    begun = {line["started"]: i for i, line in enumerate(lines) if "started" in line}
    shard = "shardId-00000000000{}".format
    assert set(ended) == {shard(0), shard(1), shard(3)}
    assert set(begun) == {shard(i) for i in range(5)}
    for child, parents in ((2, [0]), (3, [0]), (4, [1, 3])):
        for parent in parents:
            assert ended[shard(parent)] < begun[shard(child)]
    assert {line["shard"] for line in lines if "key" in line} == set(begun)
