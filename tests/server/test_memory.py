"""A node with 512 MiB, under loads that once exceeded its limit: it stays within the limit, and other clients are served.

In a control group where this machine lets the tests make one (as root), and always with --memory-limit and a check of the
resident size. LOAD_SECONDS makes the loads longer.
"""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import re
import socket
import threading
import time
import urllib.request
import uuid

import pytest
import wire
from conftest import iterator, wait_active

MIB = 1 << 20
LIMIT = 512 * MIB
SECONDS = float(os.environ.get("LOAD_SECONDS", "4"))
VERSION_1 = pathlib.Path("/sys/fs/cgroup/memory")
VERSION_2 = pathlib.Path("/sys/fs/cgroup")


@contextlib.contextmanager
def control_group():
    """A control group with the limit; skips, with a message, where none can be made."""
    version_1 = (VERSION_1 / "memory.limit_in_bytes").exists()
    directory = (VERSION_1 if version_1 else VERSION_2) / f"riacho-test-{uuid.uuid4().hex[:8]}"
    try:
        directory.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        try:
            (directory / ("memory.limit_in_bytes" if version_1 else "memory.max")).write_text(str(LIMIT))
        except OSError as error:
            pytest.skip(f"the control group takes no memory limit: {error}")
        yield directory
    finally:
        with contextlib.suppress(OSError):
            directory.rmdir()


@pytest.fixture(params=["control group", "memory-limit"])
def limited_server(request, riacho_server):
    """Makes a server with 512 MiB; on exit its resident size must have stayed within 95 % of that."""
    with contextlib.ExitStack() as stack:
        if request.param == "control group":
            group = stack.enter_context(control_group())
            prefix = ["sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh"]
            options = []
        else:
            prefix, options = [], ["--memory-limit", "512MiB"]

        def make(*flags):
            server = riacho_server(*options, *flags, prefix=prefix)
            stack.callback(server.close)
            assert figure(server, "riacho_memory_limit_bytes") == LIMIT
            stack.enter_context(resident_size_within(server, 0.95 * LIMIT))
            return server

        yield make


def figure(server, name):
    with urllib.request.urlopen(server.url + "/metrics", timeout=30) as reply:
        return float(re.search(rf"^{re.escape(name)} (\S+)$", reply.read().decode(), re.MULTILINE).group(1))


def resident(server):
    pages = pathlib.Path(f"/proc/{server.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")


@contextlib.contextmanager
def resident_size_within(server, most):
    peak = 0
    ended = threading.Event()

    def watch():
        nonlocal peak
        while not ended.is_set():
            with contextlib.suppress(OSError, IndexError):
                peak = max(peak, resident(server))
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
        assert server.process.poll() is None, server.log.read_text()
    finally:
        ended.set()
        watcher.join()
    assert peak <= most, f"{peak / MIB:.0f} MiB"


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def request_bytes(server, operation, body, authorization=wire.AUTHORIZATION, length=None):
    head = (f"POST / HTTP/1.1\r\nHost: {server.host}:{server.port}\r\nX-Amz-Target: Kinesis_20131202.{operation}\r\n"
            f"X-Amz-Date: 20260101T000000Z\r\nAuthorization: {authorization}\r\nContent-Type: {wire.JSON}\r\n"
            f"Content-Length: {length or len(body)}\r\n\r\n")
    return head.encode() + body


class Others:
    """A client with ordinary requests beside the load; it retries after a 503, as SDKs do."""

    def __init__(self, client, stream):
        self.client, self.stream = client, stream
        self.done = 0

    def go_on_for(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.one()

    def one(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                self.client.put_record(StreamName=self.stream, Data=b"others", PartitionKey=str(self.done))
                self.client.describe_stream_summary(StreamName=self.stream)
                self.done += 1
                return
            except self.client.exceptions.ClientError as error:
                assert error.response["Error"]["Code"] in ("ServiceUnavailable", "InternalFailure"), error
                assert time.monotonic() < deadline, "the others are kept waiting"
                time.sleep(0.2)


def load(server, count, requests, seconds):
    """Threads that repeat the same request; returns the number of responses with each status."""
    statuses = {}
    lock = threading.Lock()
    until = time.monotonic() + seconds

    def send(body):
        connection = None
        while time.monotonic() < until:
            try:
                connection = connection or http.client.HTTPConnection(server.host, server.port, timeout=60)
                connection.request("POST", "/", body, {
                    "X-Amz-Target": "Kinesis_20131202.PutRecords", "X-Amz-Date": "20260101T000000Z",
                    "Authorization": wire.AUTHORIZATION, "Content-Type": wire.JSON})
                status = connection.getresponse()
                status.read()
                status = status.status
            except (OSError, http.client.HTTPException):
                connection.close()
                connection, status = None, 0
            with lock:
                statuses[status] = statuses.get(status, 0) + 1

    threads = [threading.Thread(target=send, args=(requests[i % len(requests)],)) for i in range(count)]
    for thread in threads:
        thread.start()
    return threads, statuses


def put_records_body(stream, count, size):
    data = base64.b64encode(os.urandom(size)).decode()
    entries = [{"Data": data, "PartitionKey": str(i)} for i in range(count)]
    return json.dumps({"StreamName": stream, "Records": entries}).encode()


@pytest.fixture
def streams(name):
    def make(client):
        for stream, shards in ((name, 4), (name + "-others", 1)):
            client.create_stream(StreamName=stream, ShardCount=shards)
            wait_active(client, stream)
        return name, name + "-others"

    return make


def test_four_writers_of_half_a_mebibyte(limited_server, streams):
    server = limited_server()
    client = server.client()
    loaded, others = streams(client)
    threads, statuses = load(server, 4, [put_records_body(loaded, 500, 1024)], SECONDS)
    Others(client, others).go_on_for(SECONDS)
    for thread in threads:
        thread.join()
    assert statuses.get(200, 0) > 3 and set(statuses) <= {200, 503}, statuses


def test_sixty_four_writers_of_large_requests(limited_server, streams):
    server = limited_server()
    client = server.client()
    loaded, others = streams(client)
    threads, statuses = load(server, 64, [put_records_body(loaded, 5, 720_000)], SECONDS)
    Others(client, others).go_on_for(SECONDS)
    for thread in threads:
        thread.join()
    assert statuses.get(200, 0) > 3, statuses
    assert set(statuses) <= {0, 200, 503}, statuses  # 0: refused while the body was being sent
    # Memory is released, and returned to the system.
    for use in ("bodies", "large_bodies", "calls"):
        wait_until(lambda use=use: figure(server, f'riacho_memory_used_bytes{{use="{use}"}}') == 0)
    wait_until(lambda: resident(server) < 200 * MIB, 60)


def test_unfinished_bodies_of_strangers(limited_server, name):
    server = limited_server("--auth", "sigv4")
    key = server.user("add", "ana")
    client = server.client(key=key["access_key_id"], secret=key["secret_access_key"])
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    part = request_bytes(server, "PutRecord", b"x" * (15 * MIB), length=15 * MIB + 1000)
    with contextlib.ExitStack() as stack:
        def send():
            connection = stack.enter_context(socket.create_connection((server.host, server.port)))
            with contextlib.suppress(OSError):
                connection.sendall(part)

        threads = [threading.Thread(target=send) for _ in range(34)]
        for thread in threads:
            thread.start()
        others = Others(client, name)
        others.go_on_for(SECONDS)
        assert others.done > 0
        for thread in threads:
            thread.join()
    wait_until(lambda: figure(server, 'riacho_memory_used_bytes{use="large_bodies"}') == 0, 60)


def test_unread_replies(limited_server, streams):
    server = limited_server()
    client = server.client()
    loaded, others = streams(client)
    body = json.loads(put_records_body(loaded, 7, 1_000_000))
    for entry in body["Records"]:
        entry["PartitionKey"] = "one"
    raw = server.raw()
    for _ in range(3):
        wait_until(lambda: raw.call("PutRecords", body).json.get("FailedRecordCount") == 0)
    shards = client.list_shards(StreamName=loaded)["Shards"]
    positions = [iterator(client, loaded, shard["ShardId"]) for shard in shards]
    position = next(p for p in positions if client.get_records(ShardIterator=p, Limit=1)["Records"])
    asked = request_bytes(server, "GetRecords", json.dumps({"ShardIterator": position}).encode())
    with contextlib.ExitStack() as stack:
        for _ in range(400):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect((server.host, server.port))
            connection.sendall(asked)
        Others(client, others).go_on_for(SECONDS)
        # A reader that reads is served as well.
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(client.exceptions.ClientError):
                if client.get_records(ShardIterator=position)["Records"]:
                    break
            assert time.monotonic() < deadline
            time.sleep(0.5)
    wait_until(lambda: figure(server, 'riacho_memory_used_bytes{use="replies"}') == 0, 60)
