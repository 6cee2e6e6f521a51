"""`riacho backup` of a server that works: the copy is what a kill would have left, and no server notices it."""

import contextlib
import os
import random
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.request

import pytest
from conftest import BINARY, put_many, read_all, wait_active
from test_kill import EXPECTED, STREAMS, Producer, check, read_everything

DAMAGED, USAGE, CONFIGURATION = 65, 64, 78


def backup(server, target, *flags, prefix=()):
    return subprocess.run([*prefix, BINARY, "backup", str(target), "--data-dir", str(server.data_dir), *flags], capture_output=True, text=True,
                          timeout=100, check=False)


def check_copy(client, promised):
    """promised: {producer: how many records it had acknowledged before the backup}. Those are in the copy, and of the later ones of each
    shard a first part is: nothing is missing in the middle."""
    for producer, count in promised.items():
        acknowledged = list(producer.acknowledged)
        stored = read_everything(client, producer.stream)
        by_number = {(shard, number): data for shard, records in stored.items() for number, data in records}
        ended = set()
        for at, (shard, number, data) in enumerate(acknowledged):
            found = by_number.get((shard, number))
            if found is None and at >= count:
                ended.add(shard)
            else:
                assert found == data, f"lost or changed: {producer.stream} {shard} {number}"
                assert shard not in ended, f"a hole before {producer.stream} {shard} {number}"


@pytest.mark.timeout(240)
def test_a_backup_under_load_has_everything_that_was_acknowledged(riacho_server, tmp_path):
    """Small journal files and a small cache, so that files are recycled and segments written all the time."""
    server = riacho_server("--journal-mib", "192", "--cache-mib", "16")
    client = server.client()
    for stream, shards in STREAMS.items():
        client.create_stream(StreamName=stream, ShardCount=shards)
        wait_active(client, stream)
    producers = [Producer(server, stream, f"{stream}-{i}", batch=True, seed=random.random()) for stream in STREAMS for i in range(3)]
    for producer in producers:
        producer.start()
    try:
        deadline = time.monotonic() + 60
        while not all(producer.acknowledged for producer in producers):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for copy in (tmp_path / "first", tmp_path / "second"):
            promised = {producer: len(producer.acknowledged) for producer in producers}
            client.create_stream(StreamName=f"before-{copy.name}", ShardCount=1)
            done = backup(server, copy)
            assert done.returncode == 0, done.stdout + done.stderr
            assert "no damage found" in done.stdout
            restored = riacho_server(data_dir=copy)
            assert f"before-{copy.name}" in restored.client().list_streams()["StreamNames"]
            check_copy(restored.client(), promised)
            # What was restored goes on as any server does.
            put_many(restored.client(), f"before-{copy.name}", [b"after"])
            assert restored.stop() == 0
            shutil.rmtree(copy)
    finally:
        for producer in producers:
            producer.stopping.set()
        for producer in producers:
            producer.join()
    check(client, producers)
    assert server.stop() == 0


class LargeProducer(Producer):
    """Batches of 3 MB, which go to their segments at once, and which the journal only refers to."""

    def run(self):
        client = self.server.client()
        # As many as can be read back: while a backup waits for its turn, producers would fill the disk.
        while not self.stopping.is_set() and self.number < 48:
            batch = [f"{self.key}:{self.number + n}:".encode() + self.rng.randbytes(750_000) for n in range(4)]
            self.number += 4
            with contextlib.suppress(*EXPECTED):
                reply = client.put_records(StreamName=self.stream, Records=[{"Data": data, "PartitionKey": self.key} for data in batch])
                self.acknowledged += [(entry["ShardId"], entry["SequenceNumber"], data)
                                      for entry, data in zip(reply["Records"], batch) if "SequenceNumber" in entry]


@pytest.mark.timeout(240)
def test_a_backup_has_large_batches(riacho_server, tmp_path):
    server = riacho_server("--journal-mib", "192")
    client = server.client()
    client.create_stream(StreamName="one", ShardCount=1)
    wait_active(client, "one")
    producers = [LargeProducer(server, "one", f"one-{i}", batch=True, seed=i) for i in range(4)]
    for producer in producers:
        producer.start()
    try:
        for turn in range(2):
            deadline = time.monotonic() + 60
            while not all(len(producer.acknowledged) >= 8 + 16 * turn for producer in producers):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            promised = {producer: len(producer.acknowledged) for producer in producers}
            copy = tmp_path / f"copy-{turn}"
            done = backup(server, copy)
            assert done.returncode == 0, done.stdout + done.stderr
            restored = riacho_server(data_dir=copy)
            check_copy(restored.client(), promised)
            assert restored.stop() == 0
            shutil.rmtree(copy)
        with urllib.request.urlopen(server.url + "/metrics", timeout=10) as reply:
            journal = int(re.search(r"^riacho_journal_bytes_total (\d+)$", reply.read().decode(), re.MULTILINE)[1])
        payload = sum(len(data) for producer in producers for _, _, data in producer.acknowledged)
        assert journal < payload / 2, "the batches went through the journal"
    finally:
        for producer in producers:
            producer.stopping.set()
        for producer in producers:
            producer.join()


@pytest.mark.timeout(180)
def test_kills_of_server_and_backup_harm_neither(riacho_server, tmp_path):
    server = riacho_server("--journal-mib", "192", "--cache-mib", "16")
    client = server.client()
    for stream, shards in STREAMS.items():
        client.create_stream(StreamName=stream, ShardCount=shards)
        wait_active(client, stream)
    producers = [Producer(server, stream, f"{stream}-{i}", batch=i == 0, seed=random.random()) for stream in STREAMS for i in range(2)]
    for producer in producers:
        producer.start()
    try:
        for turn in range(6):
            promised = {producer: len(producer.acknowledged) for producer in producers}
            copy = tmp_path / f"copy-{turn}"
            process = subprocess.Popen([BINARY, "backup", str(copy), "--data-dir", str(server.data_dir)], stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, text=True)
            time.sleep(random.uniform(0, 0.05))
            if turn % 2 == 0:
                process.kill()
                process.wait()
                assert not copy.exists() or (copy / "STORE").exists(), "a copy has its name when it is whole"
                shutil.rmtree(f"{copy}.partial", ignore_errors=True)
                continue
            server.kill()
            server.start()
            output = process.communicate(timeout=60)[0]
            assert process.returncode == 0, output
            restored = riacho_server(data_dir=copy)
            check_copy(restored.client(), promised)
            assert restored.stop() == 0
    finally:
        for producer in producers:
            producer.stopping.set()
        for producer in producers:
            producer.join()
    check(server.client(), producers)


def test_a_backup_has_users_encryption_and_delivered_files(riacho_server, name, tmp_path):
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    client.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId="alias/k")
    wait_active(client, name)
    put_many(client, name, [b"sealed"])
    server.user("add", "ana")
    delivered = server.data_dir / "buckets" / "bucket" / "folder"
    delivered.mkdir(parents=True)
    (delivered / "object").write_bytes(b"rows")
    done = backup(server, tmp_path / "copy")
    assert done.returncode == 0, done.stdout + done.stderr
    server.kill()
    shutil.rmtree(server.data_dir)
    restored = riacho_server(data_dir=tmp_path / "copy")
    assert [record["Data"] for record in read_all(restored.client(), name)] == [b"sealed"]
    assert [user["user"] for user in restored.user("list")] == ["ana"]
    assert (tmp_path / "copy" / "buckets" / "bucket" / "folder" / "object").read_bytes() == b"rows"
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0


def test_folders_that_come_and_go_do_not_end_a_backup(riacho_server, tmp_path):
    """The server removes folders that have become empty."""
    server = riacho_server()
    assert server.stop() == 0
    bucket = server.data_dir / "buckets" / "bucket"
    bucket.mkdir(parents=True)
    for number in range(300):
        (bucket / f"kept-{number}").mkdir()
        (bucket / f"kept-{number}" / "object").write_bytes(b"rows")
    stopping = threading.Event()

    def come_and_go():
        while not stopping.is_set():
            for call in (os.mkdir, os.rmdir):
                for number in range(100):
                    call(bucket / f"passing-{number}")

    churn = threading.Thread(target=come_and_go)
    churn.start()
    try:
        for turn in range(5):
            done = backup(server, tmp_path / f"copy-{turn}", "--no-verify")
            assert done.returncode == 0, done.stderr
            copied = tmp_path / f"copy-{turn}" / "buckets" / "bucket"
            assert all((copied / f"kept-{number}" / "object").read_bytes() == b"rows" for number in range(300))
            shutil.rmtree(tmp_path / f"copy-{turn}")
    finally:
        stopping.set()
        churn.join()


def test_a_backup_says_which_links_it_does_not_follow(riacho_server, tmp_path):
    server = riacho_server()
    assert server.stop() == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "object").write_bytes(b"rows")
    buckets = server.data_dir / "buckets"
    buckets.mkdir()
    (buckets / "folder").symlink_to(elsewhere)
    (buckets / "nothing").symlink_to(tmp_path / "missing")
    (buckets / "file").symlink_to(elsewhere / "object")
    done = backup(server, tmp_path / "copy", "--no-verify")
    assert done.returncode == 0, done.stderr
    copied = tmp_path / "copy" / "buckets"
    assert (copied / "folder").readlink() == elsewhere and (copied / "nothing").readlink() == tmp_path / "missing"
    assert not (copied / "file").is_symlink() and (copied / "file").read_bytes() == b"rows"
    said = [line for line in done.stderr.splitlines() if "is a link to" in line]
    assert len(said) == 2 and any(f"{buckets}/folder is a link to {elsewhere}:" in line for line in said)


def test_a_backup_leaves_out_what_is_not_a_file(riacho_server, tmp_path):
    server = riacho_server()
    assert server.stop() == 0
    bucket = server.data_dir / "buckets" / "bucket"
    bucket.mkdir(parents=True)
    (bucket / "object").write_bytes(b"rows")
    os.mkfifo(bucket / "pipe")
    (bucket / "link").symlink_to(bucket / "pipe")
    here = os.getcwd()
    os.chdir(bucket)  # a socket's name is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        os.chdir(here)
        done = backup(server, tmp_path / "copy", "--no-verify")
    assert done.returncode == 0, done.stderr
    copied = tmp_path / "copy" / "buckets" / "bucket"
    assert sorted(entry.name for entry in copied.iterdir()) == ["link", "object"] and (copied / "object").read_bytes() == b"rows"
    for name in ("pipe", "socket"):
        assert f"{bucket}/{name} is not a file: the backup does not have it\n" in done.stderr


def test_a_plain_copy_of_a_running_server_is_no_backup_and_of_a_stopped_one_is(riacho_server, name, tmp_path):
    """docs/operations.md says so. `cp -a` copies what it finds first; here that is the journal, and the rest when the journal has moved on."""
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    put_many(client, name, [b"first"])
    torn = tmp_path / "torn"
    torn.mkdir()
    subprocess.run(["cp", "-a", server.data_dir / "journal", torn], check=True)
    client.create_stream(StreamName=f"{name}-later", ShardCount=1)
    wait_active(client, f"{name}-later")
    deadline = time.monotonic() + 60
    while True:  # until the catalog on disk has the later stream, which the copied journal lacks
        # Without files that exist only during a write: they may be gone before cp has come to them.
        rest = [entry for entry in server.data_dir.iterdir()
                if entry.name not in ("journal", "admin.json") and not entry.name.endswith(("-journal", ".tmp"))]
        subprocess.run(["cp", "-a", *rest, torn], check=True)
        refused = subprocess.run([BINARY, "verify", "--data-dir", torn], capture_output=True, text=True, check=False)
        if refused.returncode == DAMAGED and "catalog.sqlite holds commands up to position" in refused.stdout:
            break  # a catalog that was copied while it was written is damaged, too
        assert time.monotonic() < deadline, refused.stdout
        time.sleep(0.2)
    started = subprocess.run([BINARY, "serve", "--data-dir", torn, "--listen", "127.0.0.1:0"], capture_output=True, text=True, check=False)
    assert started.returncode == DAMAGED, "what verify finds a start finds"
    assert server.stop() == 0
    whole = tmp_path / "whole"
    subprocess.run(["cp", "-a", server.data_dir, whole], check=True)
    copied = riacho_server(data_dir=whole)
    assert {name, f"{name}-later"} <= set(copied.client().list_streams()["StreamNames"])
    assert read_all(copied.client(), name) == read_all(server.start().client(), name)


def test_a_backup_of_a_stopped_server_is_the_same(riacho_server, name, tmp_path):
    server = riacho_server()
    server.client().create_stream(StreamName=name, ShardCount=1)
    wait_active(server.client(), name)
    put_many(server.client(), name, [b"a", b"b"])
    for ending in (server.stop, server.kill):
        ending()
        copy = tmp_path / ending.__name__
        assert backup(server, copy, "--no-verify").returncode == 0
        assert [record["Data"] for record in read_all(riacho_server(data_dir=copy).client(), name)] == [b"a", b"b"]
        server.start()


def test_a_backup_says_what_is_wrong(riacho_server, name, tmp_path):
    server = riacho_server("--cache-mib", "1")
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    (tmp_path / "there").mkdir()
    refused = backup(server, tmp_path / "there")
    assert refused.returncode == USAGE and "exists" in refused.stderr and not list((tmp_path / "there").iterdir())
    (tmp_path / "interrupted.partial").mkdir()
    refused = backup(server, tmp_path / "interrupted")
    assert refused.returncode == USAGE and f"{tmp_path}/interrupted.partial exists" in refused.stderr and "remove that directory" in refused.stderr
    assert (tmp_path / "interrupted.partial").exists(), "it may be another backup's"
    inside = backup(server, server.data_dir / "copy")
    assert inside.returncode == USAGE and "inside" in inside.stderr
    missing = backup(server, tmp_path / "no" / "folder")
    assert missing.returncode == 74 and str(tmp_path / "no") in missing.stderr
    put_many(client, name, [bytes(500_000)] * 10)
    server.stop()
    segment = next(server.data_dir.glob("data/*/*/*.rks"))
    with open(segment, "r+b") as file:
        file.seek(5000)
        file.write(b"damage")
    damaged = backup(server, tmp_path / "damaged")
    assert damaged.returncode == DAMAGED and "DAMAGE" in damaged.stdout and (tmp_path / "damaged" / "STORE").exists()
    shutil.rmtree(server.data_dir)
    server.data_dir.mkdir()
    nothing = backup(server, tmp_path / "nothing")
    assert nothing.returncode == CONFIGURATION and "no riacho store" in nothing.stderr


def test_a_full_disk_leaves_no_half_a_backup(riacho_server, name, tmp_path):
    server = riacho_server()
    server.client().create_stream(StreamName=name, ShardCount=1)
    wait_active(server.client(), name)
    # Files of at most 1 MiB: the journal's are larger. SIGXFSZ is ignored, so that the call fails as it does on a full disk.
    limited = backup(server, tmp_path / "copy", prefix=["sh", "-c", "trap '' XFSZ; ulimit -f 256; exec \"$@\"", "sh"])
    assert limited.returncode == 74 and limited.stderr.startswith("riacho: ")
    assert not list(tmp_path.glob("copy*"))
    done = backup(server, tmp_path / "copy")
    assert done.returncode == 0, done.stdout + done.stderr
