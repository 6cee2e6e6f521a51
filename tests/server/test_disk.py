"""Full, failing and slow disks, and the server's behaviour on them. Uses private mounts and strace, as root."""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import botocore.exceptions
import pytest
from conftest import BINARY, put_many, read_all, wait_active

MIB = 1 << 20


def can_mount():
    return subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False).returncode == 0


needs_mount = pytest.mark.skipif(not can_mount(), reason="no permission to mount file systems")
needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None or subprocess.run(["strace", "-e", "trace=none", "true"], capture_output=True, check=False).returncode != 0,
    reason="no strace, or no permission to use it")


def health(server):
    try:
        with urllib.request.urlopen(server.url + "/health", timeout=10) as reply:
            return json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return json.loads(error.read())


def figure(server, name):
    with urllib.request.urlopen(server.url + "/metrics", timeout=10) as reply:
        return float(re.search(rf"^{name} (\S+)$", reply.read().decode(), re.MULTILINE).group(1))


def wait_until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class SmallDisk:
    """A file system for one server, accessed from outside through the server's root."""

    def __init__(self, tmp_path, megabytes):
        self.directory = tmp_path / "disk"
        self.directory.mkdir()
        script = 'mountpoint -q "$0" || mount -t tmpfs -o size="$1"m riacho-test "$0"; shift; exec "$@"'
        self.prefix = ["unshare", "-m", "sh", "-c", script, str(self.directory), str(megabytes)]
        self.data_dir = self.directory / "data"

    def inside(self, server):
        return pathlib.Path(f"/proc/{server.pid}/root{self.directory}")

    def fill(self, server, leave):
        inside = self.inside(server)
        with open(inside / "filler", "ab") as filler:
            while True:
                space = os.statvfs(inside)
                free = space.f_bavail * space.f_frsize
                if free <= leave:
                    return
                try:
                    filler.write(bytes(min(MIB, free - leave)))
                    filler.flush()
                except OSError:
                    return

    def clear(self, server):
        (self.inside(server) / "filler").unlink()


@needs_mount
def test_a_full_disk_refuses_writes_and_nothing_else(riacho_server, tmp_path, name):
    disk = SmallDisk(tmp_path, 400)
    server = riacho_server("--journal-mib", "192", data_dir=disk.data_dir, prefix=disk.prefix)
    client = server.client()
    for stream in (name, "other"):
        client.create_stream(StreamName=stream, ShardCount=1)
        wait_active(client, stream)
    client.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=48)
    numbers = put_many(client, name, [b"%d" % i for i in range(100)])

    # Little space is left: reported before any write fails.
    disk.fill(server, 20 * MIB)
    wait_until(lambda: health(server)["store"] == "disk_low")
    for flags, told, code in (([], "not ready, log disk_low\n", 1), (["--live"], "live\n", 0)):
        asked = subprocess.run([BINARY, "health", *flags, "--endpoint", server.url], capture_output=True, text=True, timeout=60, check=False)
        assert (asked.returncode, asked.stdout) == (code, told), "no writes, though a restart would not help"
    with pytest.raises(botocore.exceptions.ClientError, match="ServiceUnavailable"):
        client.put_record(StreamName=name, Data=b"x", PartitionKey="k")
    refused = client.put_records(StreamName=name, Records=[{"Data": b"x", "PartitionKey": "k"}] * 3)
    assert refused["FailedRecordCount"] == 3
    assert [entry["ErrorCode"] for entry in refused["Records"]] == ["InternalFailure"] * 3
    assert [record["SequenceNumber"] for record in read_all(client, name)] == numbers
    client.decrease_stream_retention_period(StreamName=name, RetentionPeriodHours=24)

    # No space is left: writes outside the journal wait.
    disk.fill(server, 0)
    client.delete_stream(StreamName="other")
    for i in range(20):
        client.add_tags_to_stream(StreamName=name, Tags={f"tag{i}": "x" * 200})
    time.sleep(3)
    assert server.process.poll() is None, server.log.read_text()
    assert [record["SequenceNumber"] for record in read_all(client, name)] == numbers
    assert client.list_streams()["StreamNames"] == [name]

    disk.clear(server)
    wait_until(lambda: health(server)["store"] == "ok")
    more = put_many(client, name, [b"more"] * 10)
    time.sleep(1.5)
    tags = client.list_tags_for_stream(StreamName=name)["Tags"]
    assert len(tags) == 20
    copy = tmp_path / "copy"
    shutil.copytree(disk.inside(server) / "data", copy, ignore=shutil.ignore_patterns("admin.json"))
    assert server.stop() == 0
    # A copy made while the server ran is recovered as after a crash.
    again = riacho_server(data_dir=copy)
    assert [record["SequenceNumber"] for record in read_all(again.client(), name)] == numbers + more
    assert again.client().list_tags_for_stream(StreamName=name)["Tags"] == tags


@needs_mount
def test_a_start_on_a_full_disk_serves_reads(riacho_server, tmp_path, name):
    disk = SmallDisk(tmp_path, 400)
    # The mount ends with its last process: this process keeps it between two servers.
    server = riacho_server("--journal-mib", "192", data_dir=disk.data_dir, prefix=disk.prefix)
    with subprocess.Popen(["nsenter", "-t", str(server.pid), "-m", "sleep", "600"]) as keeper:
        try:
            time.sleep(0.3)
            client = server.client()
            client.create_stream(StreamName=name, ShardCount=1)
            wait_active(client, name)
            numbers = put_many(client, name, [b"%d" % i for i in range(100)])
            disk.fill(server, 0)
            assert server.stop() == 0
            server.prefix = ["nsenter", "-t", str(keeper.pid), "-m"]
            for end in (signal.SIGKILL, signal.SIGTERM, signal.SIGTERM):
                server.start()
                client = server.client()
                assert [record["SequenceNumber"] for record in read_all(client, name)] == numbers
                with pytest.raises(botocore.exceptions.ClientError, match="ServiceUnavailable"):
                    client.put_record(StreamName=name, Data=b"x", PartitionKey="k")
                assert server.stop(end) == (-end if end == signal.SIGKILL else 0)
            server.start()
            disk.clear(server)
            client = server.client()
            stored = []

            def put():
                with contextlib.suppress(botocore.exceptions.ClientError):
                    stored.append(client.put_record(StreamName=name, Data=b"more", PartitionKey="k")["SequenceNumber"])
                return stored

            wait_until(put)
            numbers += stored
            assert health(server)["store"] == "ok"
            assert [record["SequenceNumber"] for record in read_all(server.client(), name)] == numbers
            assert server.stop() == 0
        finally:
            keeper.kill()


@contextlib.contextmanager
def traced(server, tmp_path, *options):
    """Yields a function that ends the tracing and returns the traced calls."""
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-y", "-s", "64", "-o", str(trace), "-p", str(server.pid), *map(str, options)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        def calls():
            if strace.poll() is None:
                strace.send_signal(signal.SIGINT)
            strace.wait(10)
            return trace.read_text().splitlines()
        try:
            assert "attached" in strace.stderr.readline()
            time.sleep(0.3)  # time to attach to the other threads
            yield calls
        finally:
            strace.kill()


@needs_strace
def test_one_record_costs_one_durable_write_before_its_reply(riacho_server, tmp_path, name):
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    raw = server.raw()
    body = {"StreamName": name, "Data": "eA==", "PartitionKey": "k"}
    assert raw.call("PutRecord", body).status == 200
    checkpoints = figure(server, "riacho_checkpoints_total")
    wait_until(lambda: figure(server, "riacho_checkpoints_total") > checkpoints)
    wanted = "pwritev,pwrite64,fdatasync,fsync,syncfs,sendmsg,sendto,writev,write"
    with traced(server, tmp_path, "-e", f"trace={wanted}") as calls:
        assert raw.call("PutRecord", body).status == 200
        lines = calls()
    reply = next(i for i, line in enumerate(lines) if "HTTP/1.1 200" in line)
    before = [line for line in lines[:reply] if "/data/" in line or "sync" in line]
    assert len(before) == 1, before
    assert re.search(r"pwritev?(64)?\(\d+<[^>]*/journal/", before[0]) and "unfinished" not in before[0], before
    (descriptor,) = re.findall(r"pwritev?(?:64)?\((\d+)<", before[0])
    flags = pathlib.Path(f"/proc/{server.pid}/fdinfo/{descriptor}").read_text()
    assert int(re.search(r"flags:\s*(\d+)", flags).group(1), 8) & os.O_DSYNC


@needs_strace
@pytest.mark.parametrize("call, error", [("pwritev", "EIO"), ("pwritev", "EROFS"), ("fdatasync", "EIO")])
def test_a_failed_disk_ends_the_process_and_loses_nothing(riacho_server, tmp_path, name, call, error):
    """fdatasync is a segment's: the records that it did not write are written again from the journal, only by the next process."""
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    numbers = put_many(client, name, [b"%d" % i for i in range(100)])
    wait_until(lambda: any((server.data_dir / "data").rglob("*.rks")))
    acknowledged = []
    (segment,) = (server.data_dir / "data").rglob("*.rks")
    (journal,) = (server.data_dir / "journal").glob("j-*.rkj")
    path = journal if call == "pwritev" else segment
    with traced(server, tmp_path, "-P", path, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when=1") as calls:
        deadline = time.monotonic() + 20
        refused = False
        # The disk works again after one failure; the server must not rely on it.
        while time.monotonic() < deadline and server.process.poll() is None:
            try:
                acknowledged.append(client.put_record(StreamName=name, Data=b"x" * 1000, PartitionKey="k")["SequenceNumber"])
                assert not refused, "acknowledged after a failure"
            except botocore.exceptions.ClientError as failure:
                assert failure.response["Error"]["Code"] in ("ServiceUnavailable", "InternalFailure")
                refused = True
                with contextlib.suppress(OSError):
                    assert health(server)["store"] == "failed"
            except botocore.exceptions.BotoCoreError:
                pass
            time.sleep(0.01)
        assert refused
        assert server.process.wait(30) == 74
        if call == "fdatasync":
            assert len([line for line in calls() if "fdatasync(" in line]) == 1
    server.start()
    stored = [record["SequenceNumber"] for record in read_all(server.client(), name)]
    assert stored[:len(numbers) + len(acknowledged)] == numbers + acknowledged
    assert server.stop() == 0


def test_damage_met_by_a_read_is_told_counted_and_logged_once(riacho_server, name):
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    put_many(client, name, [b"x" * 100] * 10)
    assert server.stop() == 0
    (segment,) = (server.data_dir / "data").rglob("*.rks")
    content = bytearray(segment.read_bytes())
    content[4096 + 100] ^= 1
    segment.write_bytes(content)
    server.start()
    client = server.client()
    for _ in range(3):
        iterator = client.get_shard_iterator(StreamName=name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            client.get_records(ShardIterator=iterator)
        assert caught.value.response["Error"]["Code"] == "InternalFailure"
        assert f"shardId-000000000000 in stream {name}" in caught.value.response["Error"]["Message"]
        assert "damaged" in caught.value.response["Error"]["Message"]
    assert health(server)["damaged_shards"] == 1
    assert figure(server, "riacho_damaged_shards") == 1
    (line,) = [line for line in server.log.read_text().splitlines() if "records cannot be read" in line]
    assert segment.name in line


def test_the_directory_is_locked_before_the_catalog_is_opened(riacho_server):
    server = riacho_server()
    assert server.stop() == 0
    (server.data_dir / "catalog.sqlite").write_bytes(b"another process is writing this" * 1000)
    with open(server.data_dir / "LOCK", "r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        second = subprocess.run([BINARY, "serve", "--listen", "127.0.0.1:0", "--data-dir", str(server.data_dir)],
                                capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 2, second.stderr
    assert "in use by another process" in second.stderr


def test_a_directory_removed_under_a_running_server_is_a_failed_disk(riacho_server, name):
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    put_many(client, name, [b"x"] * 10)
    while server.data_dir.exists():  # the server may be writing meanwhile
        shutil.rmtree(server.data_dir, ignore_errors=True)
    assert server.process.wait(60) == 74
    # Whichever notices first reports it: the log at its next look or its next file, or the catalog at its next write.
    assert re.search('event="storage failed".*(was removed or replaced|cannot be opened|No such file)', server.log.read_text())
    assert not server.data_dir.exists()


def test_few_open_files_are_warned_of(riacho_server):
    server = riacho_server(prefix=["prlimit", "--nofile=512:512"])
    assert "few open files" in server.log.read_text()
    assert server.stop() == 0


@pytest.mark.alone  # measures processor time
def test_too_many_connections_leave_the_files_alone(riacho_server, name):
    server = riacho_server(prefix=["prlimit", "--nofile=400:400"])
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=8)
    wait_active(client, name)
    put_many(client, name, [b"x"] * 10)
    with contextlib.ExitStack() as stack:
        for _ in range(400):
            connection = stack.enter_context(socket.socket())
            connection.setblocking(False)
            connection.connect_ex((server.host, server.port))
        time.sleep(0.5)

        def cpu_seconds():
            fields = pathlib.Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        used = cpu_seconds()
        # Enough time for a checkpoint, which opens a file for each shard.
        for i in range(7):
            client.put_records(StreamName=name, Records=[{"Data": b"y", "PartitionKey": str(key)} for key in range(100)])
            time.sleep(1)
        assert cpu_seconds() - used < 0.2 * 7
        assert server.process.poll() is None, server.log.read_text()
    assert len(server.log.read_text().splitlines()) < 60
    wait_until(lambda: health(server)["store"] == "ok")
    assert sum(len(read_all(server.client(), name, str(shard))) for shard in range(8)) == 710
    assert server.stop() == 0


def test_a_stream_of_ten_thousand_shards(riacho_server, name):
    server = riacho_server()
    client = server.client(region="us-east-1")
    client.create_stream(StreamName=name, ShardCount=10_000)
    wait_active(client, name)
    server.kill()
    server.start()
    client = server.client()
    assert client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["OpenShardCount"] == 10_000
    client.update_shard_count(StreamName=name, TargetShardCount=5_000, ScalingType="UNIFORM_SCALING")
    wait_active(client, name)
    client.delete_stream(StreamName=name)
    wait_until(lambda: figure(server, "riacho_shards") == 0, 30)
    assert server.stop() == 0
