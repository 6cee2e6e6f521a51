"""riacho tail: a stream's records on standard output."""

import base64
import datetime
import hashlib
import json
import os
import signal
import subprocess
import time

import pytest
from conftest import BINARY, TRANSITION_MS, iterator, put_many, read_all, wait_active


def tail(server, *arguments, status=0):
    done = subprocess.run([BINARY, "tail", *map(str, arguments), "--endpoint", server.url], capture_output=True, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout.decode() if status == 0 else done.stderr.decode()


def data_of(output):
    return [base64.b64decode(json.loads(line)["Data"]) for line in output.splitlines()]


class Following:
    """A `riacho tail --follow` whose output lines a test can wait for."""

    def __init__(self, server, *arguments):
        command = [BINARY, "tail", *map(str, arguments), "--follow", "--format", "json", "--endpoint", server.url]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.data = []

    def wait_for(self, count):
        while len(self.data) < count:
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            self.data.append(base64.b64decode(json.loads(line)["Data"]))
        return self.data

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        rest, told = self.process.communicate(timeout=60)
        self.data += data_of(rest.decode())
        return self.process.returncode, told.decode()

    def close(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def following():
    started = []

    def make(server, *arguments):
        started.append(Following(server, *arguments))
        return started[-1]

    yield make
    for one in started:
        one.close()


def test_every_position(riacho, kinesis, make_stream):
    stream = make_stream()
    numbers = put_many(kinesis, stream, [b"%d" % i for i in range(2500)])
    everything = [b"%d" % i for i in range(2500)]
    shown = lambda *flags: data_of(tail(riacho, stream, "--format", "json", *flags))  # noqa: E731
    assert shown() == shown("--from", "trim-horizon") == everything
    assert shown("--from", f"at:{numbers[2000]}") == everything[2000:]
    assert shown("--from", f"after:{numbers[2000]}") == everything[2001:]
    assert shown("--from", "1h") == everything
    assert shown("--from", "latest") == []
    time.sleep(0.01)
    between = datetime.datetime.now(datetime.timezone.utc)
    time.sleep(0.01)
    put_many(kinesis, stream, [b"late"])
    assert shown("--from", between.isoformat()) == shown("--from", f"{between.timestamp():.3f}") == [b"late"]
    assert shown("--records", "3") == everything[:3]


def test_formats(riacho, kinesis, make_stream, tmp_path):
    stream = make_stream()
    kinesis.put_record(StreamName=stream, PartitionKey="chave", Data=b'{"id":7}\n\x1b[2J')
    text = tail(riacho, stream)
    assert text.endswith(' shardId-000000000000 chave {"id":7}\\n\\x1b[2J\n') and text[:2] == "20"
    assert '|{"id":7}..[2J|' in tail(riacho, stream, "--format", "hex")
    lines = tail(riacho, stream, "--format", "json")
    file = tmp_path / "lines"
    file.write_text(lines)
    copy = make_stream()
    subprocess.run([BINARY, "import", copy, file, "--endpoint", riacho.url], check=True, capture_output=True)
    assert [(r["PartitionKey"], r["Data"]) for r in read_all(kinesis, copy)] == [("chave", b'{"id":7}\n\x1b[2J')]


def split(client, stream, shard):
    shards = {s["ShardId"]: s for s in client.list_shards(StreamName=stream)["Shards"]}
    hashes = shards[shard]["HashKeyRange"]
    middle = (int(hashes["StartingHashKey"]) + int(hashes["EndingHashKey"])) // 2
    client.split_shard(StreamName=stream, ShardToSplit=shard, NewStartingHashKey=str(middle))
    wait_active(client, stream)


def test_parents_before_children_through_reshards(riacho, kinesis, make_stream, following):
    stream = make_stream()

    def put(first):
        put_many(kinesis, stream, [b"%d" % (first * 1000 + i) for i in range(100)], key="one key")

    follower = following(riacho, stream, "--from", "trim-horizon")
    put(0)
    follower.wait_for(100)
    split(kinesis, stream, "shardId-000000000000")
    put(1)
    kinesis.merge_shards(StreamName=stream, ShardToMerge="shardId-000000000001", AdjacentShardToMerge="shardId-000000000002")
    wait_active(kinesis, stream)
    put(2)
    split(kinesis, stream, "shardId-000000000003")
    put(3)
    wanted = [b"%d" % (k * 1000 + i) for k in range(4) for i in range(100)]
    assert follower.wait_for(400) == wanted, "one key's records keep their order"
    status, told = follower.interrupt()
    assert status == 130 and told == "" and follower.data == wanted
    # Then without --follow, and from the middle: the shard of a sequence number and its descendants.
    assert data_of(tail(riacho, stream, "--format", "json")) == wanted
    number = kinesis.get_records(ShardIterator=iterator(kinesis, stream))["Records"][49]["SequenceNumber"]
    assert data_of(tail(riacho, stream, "--format", "json", "--from", f"after:{number}")) == wanted[50:]
    assert data_of(tail(riacho, stream, "--format", "json", "--shard", "shardId-000000000003")) == wanted[200:]


def test_follow_from_latest_is_bounded_by_count_and_time(riacho, kinesis, make_stream, following):
    stream = make_stream(3)
    put_many(kinesis, stream, [b"before"])
    follower = following(riacho, stream, "--records", "5")
    deadline = time.monotonic() + 30
    sent = 0
    while follower.process.poll() is None:
        assert time.monotonic() < deadline
        kinesis.put_record(StreamName=stream, PartitionKey=str(sent), Data=b"%d" % sent)
        sent += 1
        time.sleep(0.02)
    rest, _ = follower.process.communicate()
    assert follower.process.returncode == 0 and len(data_of(rest.decode())) == 5 and b"before" not in data_of(rest.decode())
    began = time.monotonic()
    assert tail(riacho, stream, "--follow", "--seconds", "1") == ""
    assert time.monotonic() - began >= 1


def test_a_follower_survives_a_restart_of_the_server(riacho_server, name, following):
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    put_many(client, name, [b"1"])
    follower = following(server, name, "--from", "trim-horizon")
    follower.wait_for(1)
    server.stop()
    server.start()
    put_many(server.client(), name, [b"2"])
    assert follower.wait_for(2) == [b"1", b"2"]
    assert follower.interrupt()[0] == 130


def aggregate(records):
    """The aggregate that the Kinesis Producer Library makes of (partition key, data) pairs."""

    def varint(value):
        out = b""
        while value > 0x7F:
            out += bytes([value & 0x7F | 0x80])
            value >>= 7
        return out + bytes([value])

    def field(number, content):
        return varint(number << 3 | 2) + varint(len(content)) + content

    keys = sorted({key for key, _ in records})
    message = b"".join(field(1, key.encode()) for key in keys)
    for key, data in records:
        message += field(3, varint(1 << 3) + varint(keys.index(key)) + field(3, data))
    return b"\xf3\x89\x9a\xc2" + message + hashlib.md5(message).digest()


def test_aggregates_are_taken_apart(riacho, kinesis, make_stream):
    stream = make_stream()
    kinesis.put_record(StreamName=stream, PartitionKey="a", Data=aggregate([("k1", b"one"), ("k2", b"two"), ("k1", b"three")]))
    kinesis.put_record(StreamName=stream, PartitionKey="plain", Data=b"\xf3\x89\x9a\xc2 no aggregate")
    lines = [json.loads(line) for line in tail(riacho, stream, "--format", "json").splitlines()]
    assert [(line["PartitionKey"], base64.b64decode(line["Data"]), line.get("SubSequenceNumber")) for line in lines] == [
        ("k1", b"one", 0), ("k2", b"two", 1), ("k1", b"three", 2), ("plain", b"\xf3\x89\x9a\xc2 no aggregate", None)]
    assert len({line["SequenceNumber"] for line in lines}) == 2


def test_what_it_refuses(riacho, make_stream):
    assert "ResourceNotFoundException" in tail(riacho, "missing", status=1)
    stream = make_stream()
    assert "has no shard shardId-000000000009" in tail(riacho, stream, "--shard", "shardId-000000000009", status=1)
    assert "--from = 'yesterday' is none of" in tail(riacho, stream, "--from", "yesterday", status=64)
    with open("/dev/full", "w") as full:
        riacho.client().put_record(StreamName=stream, PartitionKey="k", Data=b"x")
        done = subprocess.run([BINARY, "tail", stream, "--endpoint", riacho.url], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1 and "No space left" in done.stderr
