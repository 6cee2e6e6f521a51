"""Queues over on-demand streams (specification 2.13), through raw calls: no SDK supports them yet."""

import base64
import concurrent.futures
import copy
import pathlib
import re
import sqlite3
import threading
import time

import pytest
from conftest import put_many, wait_active


class Queue:
    def __init__(self, server, stream, name="q", **attributes):
        self.raw = server.raw()
        self.server = server
        self.stream_arn = server.client().describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
        start = attributes.pop("start", {"Type": "TRIM_HORIZON"})
        self.made = self.call("CreateQueue", QueueName=name, QueueAttributes=attributes, StreamConfigurationList=[
            {"StreamARN": self.stream_arn, "StartingPosition": start}])["QueueDescription"]
        self.arn = self.made["QueueARN"]
        while self.describe()["QueueStatus"] != "ACTIVE":
            pass

    def call(self, operation, status=200, **body):
        reply = self.raw.call(operation, body)
        assert reply.status == status, reply.body
        return reply.json if reply.body else {}

    def describe(self):
        return self.call("DescribeQueue", QueueARN=self.arn)["QueueDescription"]

    def receive(self, dead="", **options):
        return self.call(f"Receive{dead}QueueRecords", QueueARN=self.arn, **options)["QueueRecords"]

    def acknowledge(self, records, dead=""):
        return self.entries(f"Acknowledge{dead}QueueRecords", records)

    def entries(self, operation, records, **more):
        return self.call(operation, QueueARN=self.arn, Entries=[{"ReceiptHandle": r["ReceiptHandle"]} | more for r in records])

    def drain(self, dead=""):
        """Receives and acknowledges until the queue is empty; returns the data."""
        data = []
        while records := self.receive(dead):
            data += [base64.b64decode(r["Data"]) for r in records]
            assert not self.acknowledge(records, dead)["Failed"]
        return data

    def reconnect(self):
        self.raw = self.server.raw()


@pytest.fixture
def server(riacho_server):
    return riacho_server("--test-clock")


@pytest.fixture
def stream(server, name):
    client = server.client()
    client.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    wait_active(client, name)
    return name


def put(server, stream, count, prefix="r"):
    values = [f"{prefix}{i}".encode() for i in range(count)]
    entries = [{"Data": value, "PartitionKey": value.decode()} for value in values]
    reply = server.client().put_records(StreamName=stream, Records=entries)
    assert reply["FailedRecordCount"] == 0
    return values


def test_every_record_comes_out_once_and_is_acknowledged(server, stream):
    values = put(server, stream, 100)
    queue = Queue(server, stream)
    first = queue.receive(Limit=3)
    assert len(first) == 3
    for record in first:
        assert record["ReceiveCount"] == 1 and 1 <= len(record["ReceiptHandle"]) <= 1024
        assert base64.b64decode(record["Data"]).decode() == record["PartitionKey"]
        assert record["FirstReceiveTimestamp"] >= record["ApproximateArrivalTimestamp"]
    assert len(queue.acknowledge(first)["Successful"]) == 3
    rest = queue.drain()
    assert sorted(rest + [base64.b64decode(r["Data"]) for r in first]) == sorted(values)
    late = put(server, stream, 5, "late")
    assert sorted(queue.drain()) == sorted(late)


def test_what_is_not_acknowledged_comes_back(server, stream):
    put(server, stream, 1)
    queue = Queue(server, stream, VisibilityTimeoutSeconds=10)
    (first,) = queue.receive()
    assert queue.receive() == []
    server.advance_clock(11)
    (second,) = queue.receive()
    assert second["RecordId"] == first["RecordId"] and second["ReceiveCount"] == 2
    assert second["FirstReceiveTimestamp"] == first["FirstReceiveTimestamp"]
    failed = queue.acknowledge([first])["Failed"]
    assert [entry["ErrorCode"] for entry in failed] == ["ResourceNotFoundException"]
    assert queue.entries("UpdateQueueRecordsVisibility", [second], VisibilityTimeoutSeconds=0)["Successful"]
    (third,) = queue.receive(VisibilityTimeoutSeconds=3600)
    server.advance_clock(600)
    assert queue.receive() == []
    assert queue.acknowledge([third])["Failed"] == []
    server.advance_clock(3600)
    assert queue.receive() == []
    bad = queue.call("AcknowledgeQueueRecords", QueueARN=queue.arn, Entries=[{"ReceiptHandle": "nonsense"}])
    assert bad["Failed"][0]["ErrorCode"] == "InvalidArgumentException" and bad["Successful"] == []


def test_dead_letters(server, stream):
    put(server, stream, 3)
    queue = Queue(server, stream, VisibilityTimeoutSeconds=10,
                  DeadLetterConfiguration={"TargetType": "BUILT_IN", "MaxReceiveCount": 2})
    for count in (1, 2):
        records = queue.receive()
        assert [r["ReceiveCount"] for r in records] == [count] * 3
        server.advance_clock(11)
    assert queue.receive() == []
    dead = queue.receive("DeadLetter")
    assert len(dead) == 3
    assert queue.receive("DeadLetter") == []
    assert queue.acknowledge(dead[:1], "DeadLetter")["Failed"] == []
    assert queue.acknowledge(dead[1:2])["Failed"][0]["ErrorCode"] == "InvalidArgumentException"
    assert queue.entries("RestoreDeadLetterQueueRecords", dead[1:2])["Failed"] == []
    (restored,) = queue.receive()
    assert restored["RecordId"] == dead[1]["RecordId"] and restored["ReceiveCount"] == 1
    assert queue.acknowledge([restored])["Failed"] == []
    assert queue.entries("UpdateDeadLetterQueueRecordsVisibility", dead[2:], VisibilityTimeoutSeconds=0)["Failed"] == []
    (last,) = queue.receive("DeadLetter")
    assert last["RecordId"] == dead[2]["RecordId"]
    assert queue.acknowledge([last], "DeadLetter")["Failed"] == []
    server.advance_clock(60)
    assert queue.receive() == [] and queue.receive("DeadLetter") == []


def test_metrics_of_a_queue(server, stream):
    """[89]"""
    def figures():
        text = server.raw().request("GET", "/metrics").body.decode()
        found = re.findall(r'^riacho_kinesis_(\w+QueueRecords)\{.*queue="q".*\} (\d+)$', text, re.MULTILINE)
        return {figure.removesuffix("QueueRecords"): int(value) for figure, value in found}

    put(server, stream, 3)
    queue = Queue(server, stream, VisibilityTimeoutSeconds=10, DeadLetterConfiguration={"TargetType": "BUILT_IN", "MaxReceiveCount": 1})
    assert figures() == {"InFlight": 0, "Visible": 3, "VisibleDeadLetter": 0}
    first = queue.receive()
    put(server, stream, 20, "more")
    assert figures() == {"InFlight": 3, "Visible": 20, "VisibleDeadLetter": 0}
    queue.acknowledge(first[:1])
    assert figures() == {"InFlight": 2, "Visible": 20, "VisibleDeadLetter": 0}
    server.advance_clock(11)
    assert figures() == {"InFlight": 0, "Visible": 22, "VisibleDeadLetter": 0}
    received = queue.receive(Limit=5)
    assert figures() == {"InFlight": 5, "Visible": 15, "VisibleDeadLetter": 2}
    dead = queue.receive("DeadLetter", Limit=1)
    assert figures() == {"InFlight": 5, "Visible": 15, "VisibleDeadLetter": 1}
    queue.acknowledge(dead, "DeadLetter")
    queue.acknowledge(received)
    queue.drain()
    assert figures() == {"InFlight": 0, "Visible": 0, "VisibleDeadLetter": 1}
    server.kill()
    server.start()
    queue.reconnect()
    assert figures() == {"InFlight": 0, "Visible": 0, "VisibleDeadLetter": 1}
    (last,) = queue.receive("DeadLetter")
    queue.entries("RestoreDeadLetterQueueRecords", [last])
    assert figures() == {"InFlight": 0, "Visible": 1, "VisibleDeadLetter": 0}
    queue.drain()
    queue.call("DeleteQueue", QueueARN=queue.arn)
    assert figures() == {}


def test_acknowledgements_survive_a_kill(server, stream):
    values = put(server, stream, 60)
    queue = Queue(server, stream, DeadLetterConfiguration={"TargetType": "BUILT_IN", "MaxReceiveCount": 1})
    done, open_ones = [], []
    for i in range(6):
        records = queue.receive(VisibilityTimeoutSeconds=5)
        keep = records[::2] if i < 3 else records
        queue.acknowledge(keep)
        done += [base64.b64decode(r["Data"]) for r in keep]
        open_ones += [r for r in records if r not in keep]
    assert queue.receive() == []
    server.advance_clock(6)
    assert queue.receive() == []
    server.kill()
    server.start()
    queue.reconnect()
    buried = queue.drain("DeadLetter")
    assert sorted(done + buried) == sorted(values) and len(buried) == len(open_ones)
    assert queue.receive() == []
    server.stop()
    server.start()
    queue.reconnect()
    assert queue.receive() == [] and queue.receive("DeadLetter") == []


def test_a_receiver_can_wait(server, stream):
    queue = Queue(server, stream)
    began = time.monotonic()
    assert queue.receive(WaitTimeSeconds=1) == []
    assert 0.9 < time.monotonic() - began < 5
    put(server, stream, 1)
    assert len(queue.receive(WaitTimeSeconds=20)) == 1


def switches(server):
    """How often the server's threads have gone to sleep."""
    total = 0
    for status in pathlib.Path(f"/proc/{server.pid}/task").glob("*/status"):
        total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status.read_text(), re.MULTILINE)[1])
    return total


def receive_in_background(queue, **options):
    """A receiver on a connection of its own that has begun to wait; after join() its records and the elapsed time."""
    other = copy.copy(queue)
    other.reconnect()
    outcome = []

    def run():
        began = time.monotonic()
        records = other.receive(WaitTimeSeconds=20, **options)
        outcome.extend((records, time.monotonic() - began))

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.2)
    return thread, outcome


@pytest.mark.alone  # counts switches to threads
def test_a_waiting_receiver_sleeps(server, stream):
    """Between its looks, which are a second apart, no thread runs for it; also behind records that have all expired."""
    put(server, stream, 5)
    queue = Queue(server, stream)
    server.advance_clock(25 * 3600)
    counted = []
    for waiting in (False, True):
        thread = receive_in_background(queue)[0] if waiting else None
        time.sleep(1)
        before = switches(server)
        time.sleep(4)
        counted.append(switches(server) - before)
    assert counted[1] - counted[0] < 30, counted
    put(server, stream, 1)
    thread.join()


def test_what_happens_wakes_a_waiting_receiver(server, stream):
    """The receiver wakes at once, not at its next look."""
    queue = Queue(server, stream, VisibilityTimeoutSeconds=3600)

    def woken(make_event):
        for _ in range(5):
            event = make_event()
            thread, outcome = receive_in_background(queue)
            event()
            thread.join()
            records, seconds = outcome
            assert len(records) == 1
            if seconds < 0.9:
                return
        raise AssertionError("it slept until its next look")

    woken(lambda: lambda: put(server, stream, 1))

    def visibility_that_ends():
        put(server, stream, 1)
        (record,) = queue.receive()
        return lambda: queue.entries("UpdateQueueRecordsVisibility", [record], VisibilityTimeoutSeconds=0)

    woken(visibility_that_ends)


def test_where_a_queue_begins(server, stream):
    put(server, stream, 3, "old")
    server.advance_clock(60)
    middle = time.time() + 30
    latest = Queue(server, stream, "latest", start={"Type": "LATEST"})
    at = Queue(server, stream, "at", start={"Type": "AT_TIMESTAMP", "Timestamp": middle})
    new = put(server, stream, 2, "new")
    assert sorted(latest.drain()) == sorted(new) == sorted(at.drain())
    assert len(Queue(server, stream, "all").drain()) == 5
    assert "Timestamp" in latest.describe()["StreamConfigurationList"][0]["StartingPosition"]
    bad = {"Type": "LATEST", "Timestamp": middle}
    error = latest.call("CreateQueue", 400, QueueName="x", StreamConfigurationList=[
        {"StreamARN": latest.stream_arn, "StartingPosition": bad}])
    assert error["__type"] == "ValidationException"


def test_queues_are_listed_changed_and_deleted(server, stream):
    queue = Queue(server, stream)
    assert queue.made["QueueStatus"] == "CREATING" and queue.arn.split(":")[5].startswith("queue/")
    assert queue.made["QueueAttributes"]["VisibilityTimeoutSeconds"] == 30
    assert queue.call("CreateQueue", 400, QueueName="q", StreamConfigurationList=[{"StreamARN": queue.stream_arn}])["__type"] == (
        "ResourceInUseException")
    Queue(server, stream, "q2")
    page = queue.call("ListQueues", MaxResults=1)
    rest = queue.call("ListQueues", NextToken=page["NextToken"])
    assert {q["QueueName"] for q in page["QueueSummaries"] + rest["QueueSummaries"]} == {"q", "q2"}
    changed = queue.call("UpdateQueue", QueueARN=queue.arn, QueueAttributes={"VisibilityTimeoutSeconds": 5})["QueueDescription"]
    assert changed["QueueAttributes"]["VisibilityTimeoutSeconds"] == 5 and changed["QueueStatus"] == "UPDATING"
    client = server.client()
    with pytest.raises(client.exceptions.ResourceInUseException):
        client.delete_stream(StreamName=stream)
    queue.call("TagResource", ResourceARN=queue.arn, Tags={"a": "b"})
    assert queue.call("ListTagsForResource", ResourceARN=queue.arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    queue.call("DeleteQueue", QueueARN=queue.arn)
    while queue.raw.call("DescribeQueue", {"QueueARN": queue.arn}).status == 200:
        pass
    client.delete_stream(StreamName=stream, EnforceConsumerDeletion=True)
    while queue.call("ListQueues")["QueueSummaries"]:
        pass


def test_a_queue_needs_an_on_demand_stream(server, name):
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    arn = client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    reply = server.raw().call("CreateQueue", {"QueueName": "q", "StreamConfigurationList": [{"StreamARN": arn}]})
    assert reply.status == 400 and reply.json["__type"] == "ValidationException"


def test_what_retention_took_is_not_delivered(server, stream):
    put(server, stream, 20, "old")
    queue = Queue(server, stream)
    queue.receive(VisibilityTimeoutSeconds=1)
    # Past retention, but not yet deleted from the disk.
    server.advance_clock(24 * 3600 + 1800)
    new = put(server, stream, 20, "new")
    assert sorted(queue.drain()) == sorted(new)
    put_many(server.client(), stream, [b"more"])
    assert queue.drain() == [b"more"]
    # Expired records no longer hold back the queue's floor.
    visible = re.search(r"^riacho_kinesis_VisibleQueueRecords\{.*\} (\d+)", server.raw().request("GET", "/metrics").body.decode(), re.M)
    assert visible[1] == "0"


def test_tags_change_no_state(riacho_server, name):
    server = riacho_server("--test-clock", "--transition-delay", "60000")
    client, raw = server.client(), server.raw()
    client.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    server.advance_clock(61)
    arn = wait_active(client, name)["StreamARN"]
    start = [{"StreamARN": arn, "StartingPosition": {"Type": "LATEST"}}]
    queue = raw.call("CreateQueue", {"QueueName": "q", "StreamConfigurationList": start}).json["QueueDescription"]["QueueARN"]

    def status():
        return raw.call("DescribeQueue", {"QueueARN": queue}).json["QueueDescription"]["QueueStatus"]

    for change, expected in (("CreateQueue", "CREATING"), ("DeleteQueue", "DELETING")):
        if change == "DeleteQueue":
            raw.call("DeleteQueue", {"QueueARN": queue})
        assert status() == expected
        assert raw.call("TagResource", {"ResourceARN": queue, "Tags": {"a": "b"}}).status == 200
        assert status() == expected
    server.advance_clock(61)
    assert raw.call("DescribeQueue", {"QueueARN": queue}).json["__type"] == "ResourceNotFoundException"


def test_tags_and_settings_changed_at_the_same_moment_lose_nothing(server, stream):
    queue = Queue(server, stream)
    # Half of the writers change tags, half the settings, each over a connection of its own.

    def tag(i):
        assert server.raw().call("TagResource", {"ResourceARN": queue.arn, "Tags": {f"k{i}": "v"}}).status == 200

    def update(i):
        reply = server.raw().call("UpdateQueue", {"QueueARN": queue.arn, "QueueAttributes": {"VisibilityTimeoutSeconds": 100 + i}})
        return reply.status == 200

    updated = 0
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for round_ in range(5):
            tags = [pool.submit(tag, 8 * round_ + i) for i in range(8)]
            updates = [pool.submit(update, i) for i in range(4)]
            updated += sum(done.result() for done in updates)
            for done in tags:
                done.result()
            while queue.describe()["QueueStatus"] != "ACTIVE":
                pass
    assert updated >= 5
    tags = queue.call("ListTagsForResource", ResourceARN=queue.arn)["Tags"]
    assert {tag["Key"] for tag in tags} == {f"k{i}" for i in range(40)}
    assert queue.describe()["QueueAttributes"]["VisibilityTimeoutSeconds"] >= 100


def test_a_restored_record_comes_back_though_older_ones_are_open(server, stream):
    values = put(server, stream, 40)
    queue = Queue(server, stream, VisibilityTimeoutSeconds=600, DeadLetterConfiguration={"TargetType": "BUILT_IN", "MaxReceiveCount": 1})
    held = queue.receive(Limit=5)
    dying = queue.receive(VisibilityTimeoutSeconds=1)
    queue.drain()
    server.advance_clock(2)
    assert queue.receive() == []
    dead = queue.receive("DeadLetter")
    assert len(dead) == len(dying) == 10
    assert queue.entries("RestoreDeadLetterQueueRecords", dead)["Failed"] == []
    assert sorted(queue.drain()) == sorted(base64.b64decode(r["Data"]) for r in dying)
    queue.acknowledge(held)
    server.kill()
    server.start()
    queue.reconnect()
    assert queue.receive() == [] and queue.receive("DeadLetter") == [] and len(values) == 40


def test_one_record_that_is_never_acknowledged_holds_nothing_up(server, stream):
    count = 12_000
    for start in range(0, count, 500):
        entries = [{"Data": b"%d" % i, "PartitionKey": "k"} for i in range(start, start + 500)]
        assert server.client().put_records(StreamName=stream, Records=entries)["FailedRecordCount"] == 0
    queue = Queue(server, stream, VisibilityTimeoutSeconds=600)
    (stuck,) = queue.receive(Limit=1)
    assert len(queue.drain()) == count - 1
    server.stop()
    with sqlite3.connect(server.data_dir / "catalog.sqlite") as database:
        largest, rows = database.execute("SELECT MAX(LENGTH(value)), COUNT(*) FROM progress").fetchone()
    assert largest <= 64 and rows <= 8, "whole windows are ranges"
    server.start()
    queue.reconnect()
    (again,) = queue.receive(VisibilityTimeoutSeconds=600)
    assert again["RecordId"] == stuck["RecordId"]
    assert queue.receive() == []
    queue.acknowledge([again])
    late = put(server, stream, 3, "late")
    assert sorted(queue.drain()) == sorted(late)
