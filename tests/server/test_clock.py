"""The machine's clock steps, forward and back, while a node runs and while none does."""

import json
import signal
import urllib.request

import pytest

from conftest import iterator, read_all, wait_active

HOUR, DAY = 3_600_000, 86_400_000


def health(server):
    return json.load(urllib.request.urlopen(server.url + "/health"))


def metric(server, name):
    lines = urllib.request.urlopen(server.url + "/metrics").read().decode().splitlines()
    return float(next(line.rsplit(" ", 1)[1] for line in lines if line.startswith(name + " ")))


def restarted(server, offset_ms, with_signal=signal.SIGTERM):
    """The same directory under a clock that is off by so much."""
    server.stop(with_signal)
    server.flags = [flag for flag in server.flags if not flag.startswith("--test-clock-offset")] + [f"--test-clock-offset={offset_ms}"]
    return server.start()


def status(client, name):
    return client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"]


@pytest.mark.parametrize("restart", [False, True])
def test_a_clock_set_back_changes_nothing(riacho_server, name, restart):
    server = riacho_server("--test-clock")
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    first = client.put_record(StreamName=name, Data=b"1", PartitionKey="k")["SequenceNumber"]
    position = iterator(client, name)
    if restart:
        client = restarted(server, -2 * HOUR, signal.SIGKILL).client()
    else:
        server.clock("--step", str(-2 * HOUR))
    assert status(client, name) == "ACTIVE"
    second = client.put_record(StreamName=name, Data=b"2", PartitionKey="k")["SequenceNumber"]
    assert [record["SequenceNumber"] for record in client.get_records(ShardIterator=position)["Records"]] == [first, second]
    client.create_stream(StreamName=name + "-new", ShardCount=1)
    wait_active(client, name + "-new")
    client.delete_stream(StreamName=name + "-new")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        wait_active(client, name + "-new")
        pytest.fail("a deleted stream is there for good")
    assert metric(server, 'riacho_clock_jumps_total{direction="back"}') == 1
    assert health(server)["clock_ahead_ms"] > HOUR
    assert "clock" in server.log.read_text()


def test_transitions_end_after_an_excursion_ahead(riacho_server, name):
    server = riacho_server("--test-clock")
    client = server.client()
    server.clock("--step", str(30 * DAY))
    client.create_stream(StreamName=name, ShardCount=1)
    server.clock("--step", str(-30 * DAY))
    wait_active(client, name)
    client.put_record(StreamName=name, Data=b"1", PartitionKey="k")
    client = restarted(server, 0).client()
    assert status(client, name) == "ACTIVE"
    client.split_shard(StreamName=name, ShardToSplit="0", NewStartingHashKey=str(2**127))
    wait_active(client, name)
    assert len(read_all(client, name)) == 1


def test_a_start_with_the_clock_far_ahead_keeps_the_records(riacho_server, name):
    server = riacho_server("--test-clock")
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    client.put_record(StreamName=name, Data=b"old", PartitionKey="k")
    client = restarted(server, 30 * DAY).client()
    assert [record["Data"] for record in read_all(client, name)] == [b"old"]
    client.put_record(StreamName=name, Data=b"new", PartitionKey="k")
    assert health(server)["retention_waits_ms"] >= 29 * DAY
    assert "retention waits" in server.log.read_text()
    # The next start must not take the new record's time for a proof that the old one is too old.
    client = restarted(server, 30 * DAY, signal.SIGKILL).client()
    assert [record["Data"] for record in read_all(client, name)] == [b"old", b"new"]
    assert metric(server, "riacho_retention_waits_seconds") >= 29 * 86_400
    # After a day of running the records have had their retention.
    server.advance_clock(23 * 3600)
    assert [record["Data"] for record in read_all(client, name)] == [b"old", b"new"]
    server.advance_clock(3600)
    assert read_all(client, name) == []
    assert client.put_record(StreamName=name, Data=b"newer", PartitionKey="k")


def test_an_operator_accepts_the_clock(riacho_server, name):
    server = riacho_server("--test-clock")
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    client.put_record(StreamName=name, Data=b"old", PartitionKey="k")
    client = restarted(server, 30 * DAY).client()
    assert len(read_all(client, name)) == 1
    server.clock("--accept")
    assert read_all(client, name) == []
    assert health(server)["retention_waits_ms"] == 0
    client = restarted(server, 30 * DAY).client()
    assert read_all(client, name) == []
