"""The figures of docs/sizing.md: what riacho takes of disk, memory and descriptors, by what is asked of it. Prints Markdown tables.

Needs build/riacho and only the Python standard library. Nothing here is a speed, so a busy machine does not change it; a figure per thing is
the difference between many of them and none, divided by their number.
"""

import argparse
import base64
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import tempfile
import time

import run

STEADY_S = 2.5  # threads give freed memory back when they were idle for a second


def disk_bytes(directory, *names):
    """What the file system has given to the files, and not how long they say they are."""
    total = 0
    for name in names or ("",):
        for folder, _, files in os.walk(directory / name):
            total += sum(os.stat(os.path.join(folder, file)).st_blocks * 512 for file in files)
    return total


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def resident_kib(server):
    time.sleep(STEADY_S)
    return server.resident_mib() * 1024


def row(what, figure, note=""):
    print(f"| {what} | {figure} | {note} |", flush=True)


def table(title, note="How"):
    print(f"\n### {title}\n\n| | | {note} |\n|---|---|---|")


def put_many(server, stream, size, count):
    """Different bytes each time; the partition keys have ten characters."""
    batch = max(1, min(500, 4_000_000 // size))
    for start in range(0, count, batch):
        records = [{"Data": base64.b64encode(os.urandom(size)).decode(), "PartitionKey": f"key{n:07}"} for n in range(start, min(start + batch, count))]
        while records:
            reply = json.loads(server.call("PutRecords", {"StreamName": stream, "Records": records}))
            records = [record for record, entry in zip(records, reply["Records"]) if "ErrorCode" in entry]


def measure_empty(work):
    directory = work / "empty"
    with run.Server(directory) as server:
        at_start = disk_bytes(directory)
        resident = resident_kib(server)
        opened = descriptors(server)
        server.create_stream("one", 1)
        put_many(server, "one", 100, 1)
        deadline, last = time.monotonic() + 60, -1
        while time.monotonic() < deadline and disk_bytes(directory) != last:  # until the journal has its spare files
            last = disk_bytes(directory)
            time.sleep(2)
        after_use = disk_bytes(directory)
    table("An empty store")
    row("Disk after the first start", f"{at_start / 2**20:.1f} MiB", "a first journal file of 1 MiB")
    row("Disk after the first record", f"{after_use / 2**20:.0f} MiB", "two journal files of 64 MiB are kept ready")
    row("Memory", f"{resident / 1024:.0f} MiB", f"{os.cpu_count()} CPUs")
    row("Descriptors", f"{opened}", "")


def measure_disk(work):
    table("Disk for each byte of payload, in segments")
    for size, count in ((100, 60_000), (1_024, 40_000), (10_240, 6_000), (1_000_000, 60)):
        directory = work / f"disk-{size}"
        server = run.Server(directory, "--journal-mib", "192")
        server.create_stream("s", 1)
        put_many(server, "s", size, count)
        server.end(signal.SIGTERM)
        taken = disk_bytes(directory, "data")
        row(f"Records of {size:,} bytes", f"{taken / (size * count):.3f}", f"{count:,} records; {taken / count - size:.0f} bytes more for each")
        shutil.rmtree(directory)


def measure_shards(work, shards):
    directory = work / "shards"
    with run.Server(directory) as server:
        before, opened = resident_kib(server), descriptors(server)
        for first in range(0, shards, 200):
            server.create_stream(f"s{first}", 200)
        idle = resident_kib(server)
        for first in range(0, shards, 200):
            put_many(server, f"s{first}", 100, 5_000)
        written = resident_kib(server)
        opened_then = descriptors(server)
    table("A shard")
    row("Memory, without records", f"{(idle - before) / shards:.1f} KiB", f"{shards:,} shards")
    row("Memory, with 25 records of 100 bytes", f"{(written - before) / shards:.1f} KiB", "its newest records are in memory, within the share for them")
    row("Disk, with these records, after the end", f"{disk_bytes(directory, 'data') / shards / 1024:.1f} KiB", "a segment")
    row("Descriptors", f"{(opened_then - opened) / shards:.2f}", f"at most {opened_then - opened} more for {shards:,} shards: files are opened when they are needed")


def get_request(port):
    return f"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n".encode()


def receive_reply(connection):
    reply = b""
    while b"\r\n\r\n" not in reply or not reply.endswith(b"}\n"):
        more = connection.recv(4096)
        if not more:
            raise RuntimeError(f"the server ended a connection: {reply!r}")
        reply += more


def measure_connections(work, count):
    table("A connection")
    for title, protocol in (("plain, kept alive", None), ("TLS, kept alive", "http/1.1")):
        directory = work / f"connections-{protocol is not None}"
        with run.Server(directory) as server:
            before, opened = resident_kib(server), descriptors(server)
            context = ssl._create_unverified_context()
            connections = []
            for _ in range(count):
                connection = socket.create_connection(("127.0.0.1", server.port))
                if protocol:
                    connection = context.wrap_socket(connection)
                connection.sendall(get_request(server.port))
                receive_reply(connection)
                connections.append(connection)
            grown = resident_kib(server) - before
            row(f"Memory, {title}", f"{grown / count:.1f} KiB", f"{count:,} connections that have had one reply")
            row(f"Descriptors, {title}", f"{(descriptors(server) - opened) / count:.2f}", "")
            for connection in connections:
                connection.close()


def measure_subscribers(work, consumers, shards):
    directory = work / "subscribers"
    with run.Server(directory) as server:
        server.create_stream("s", shards)
        arn = json.loads(server.call("DescribeStreamSummary", {"StreamName": "s"}))["StreamDescriptionSummary"]["StreamARN"]
        names = []
        for number in range(consumers):
            reply = json.loads(server.call("RegisterStreamConsumer", {"StreamARN": arn, "ConsumerName": f"c{number}"}))
            names.append(reply["Consumer"]["ConsumerARN"])
        time.sleep(1)
        before = resident_kib(server)
        connections = []
        for consumer in names:
            for shard in range(shards):
                body = json.dumps({"ConsumerARN": consumer, "ShardId": f"shardId-{shard:012}", "StartingPosition": {"Type": "LATEST"}}).encode()
                headers = run.aws_headers | {"host": f"127.0.0.1:{server.port}", "content-length": len(body),
                                             "x-amz-target": "Kinesis_20131202.SubscribeToShard"}
                head = "POST / HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
                connection = socket.create_connection(("127.0.0.1", server.port))
                connection.sendall(head.encode() + body)
                if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
                    raise RuntimeError("a subscription was refused")
                connections.append(connection)
        grown = resident_kib(server) - before
        table("A subscriber (SubscribeToShard)")
        row("Memory, with its connection", f"{grown / len(connections):.1f} KiB", f"{len(connections)} subscriptions of {consumers} consumers, waiting")
        for connection in connections:
            connection.close()


def main():
    parser = argparse.ArgumentParser(description="what riacho takes of disk, memory and descriptors")
    parser.add_argument("--shards", type=int, default=2_000)
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--consumers", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=run.root / "build", prefix="sizing-") as name:
        work = pathlib.Path(name)
        measure_empty(work)
        measure_disk(work)
        measure_shards(work, arguments.shards)
        measure_connections(work, arguments.connections)
        measure_subscribers(work, arguments.consumers, 20)


if __name__ == "__main__":
    main()
