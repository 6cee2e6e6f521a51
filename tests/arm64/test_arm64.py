"""riacho for arm64, run by qemu-user on another machine: `make test-arm64` alone runs these tests.

They show that the packages are of that architecture and that the same bytes come out; nothing about speed, the sandbox of child processes,
or weak memory order, which qemu-user has not.
"""

import contextlib
import gzip
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tarfile

import pytest
from conftest import ROOT, Riacho, iterator, read_all, wait_active

sys.path.insert(0, str(ROOT / "tests" / "package"))

from test_image import Image  # noqa: E402

PACKAGES = ROOT / "build" / "package"
QEMU = ["qemu-aarch64-static", "-L"]
SYSROOT = ROOT / "build" / "sysroot-arm64"
AARCH64 = 183  # of ELF


class Emulated(Riacho):
    """A server under qemu-user, which takes its time to start."""

    START_SECONDS = 100

    def __init__(self, binary, root, **options):
        super().__init__("--cores", "2", prefix=[*QEMU, str(root)], **options)
        self.binary = str(binary)


@pytest.fixture
def emulated():
    """Starts servers for one test: emulated(binary, root, data_dir=...)."""
    with contextlib.ExitStack() as servers:

        def make(*arguments, **options):
            server = Emulated(*arguments, **options)
            servers.callback(server.close)
            return server.start()

        yield make


def newest(pattern):
    found = sorted(PACKAGES.glob(pattern), key=os.path.getmtime)
    assert found, f"make package-arm64 has not made a {pattern}"
    return found[-1]


def unpacked_tarball(folder):
    archive = newest("riacho-*-linux-arm64.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def machine_of(program):
    return int.from_bytes(program.read_bytes()[18:20], "little")


def noise(size):
    return random.Random(size).randbytes(size)


def test_records_are_put_and_read_and_survive_a_kill(emulated, tmp_path):
    binary = unpacked_tarball(tmp_path) / "bin" / "riacho"
    assert machine_of(binary) == AARCH64
    server = emulated(binary, SYSROOT, data_dir=tmp_path / "data")
    kinesis = server.client()
    kinesis.create_stream(StreamName="orders", ShardCount=2)
    wait_active(kinesis, "orders", timeout=60)
    # Every length that leaves another rest behind whole vectors of base64, and a record that is written straight to its segment.
    values = [noise(size) for size in [*range(1, 200), 1_000, 100_000, 1_000_000]]
    keys = [f"key-{i}" for i in range(len(values))]
    places = {"shardId-000000000000": [], "shardId-000000000001": []}
    for start in range(0, len(values), 100):
        chosen = range(start, min(start + 100, len(values)))
        reply = kinesis.put_records(StreamName="orders", Records=[{"Data": values[i], "PartitionKey": keys[i]} for i in chosen])
        assert reply["FailedRecordCount"] == 0
        for i, entry in zip(chosen, reply["Records"], strict=True):
            places[entry["ShardId"]].append((keys[i], values[i]))
    half = 1 << 127
    for key, value in zip(keys, values, strict=True):
        shard = int(int.from_bytes(hashlib.md5(key.encode()).digest()) >= half)
        assert (key, value) in places[f"shardId-{shard:012d}"], "MD5 decides about the shard"

    def check():
        for shard, expected in places.items():
            read = read_all(server.client(), "orders", start=iterator(server.client(), "orders", shard))
            assert [(record["PartitionKey"], record["Data"]) for record in read] == expected

    check()
    server.kill()
    server.start()
    check()
    assert server.stop() == 0
    verified = subprocess.run([*QEMU, SYSROOT, binary, "verify", "--data-dir", server.data_dir], capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_directory_that_x86_wrote_is_opened(emulated, tmp_path):
    """tests/golden: what the first version wrote on x86-64."""
    with tarfile.open(ROOT / "tests" / "golden" / "data-directory-v1.tar.xz") as archive:
        archive.extractall(tmp_path / "data", filter="data")
    data_dir = next(path.parent for path in (tmp_path / "data").rglob("catalog.sqlite"))
    server = emulated(ROOT / "build" / "arm64" / "bin" / "riacho", SYSROOT, data_dir=data_dir)
    assert set(server.client().list_streams()["StreamNames"]) == {"plain", "sealed", "load", "last"}
    assert server.stop() == 0


def test_the_deb_is_for_arm64(tmp_path):
    package = newest("riacho_*_arm64.deb")
    fields = subprocess.run(["dpkg-deb", "--field", package, "Architecture", "Depends"], capture_output=True, text=True, check=True).stdout
    assert "Architecture: arm64" in fields and "libc6 (>= 2." in fields
    subprocess.run(["dpkg-deb", "-x", package, tmp_path], check=True)
    assert machine_of(tmp_path / "usr/bin/riacho") == AARCH64
    manual = gzip.decompress((tmp_path / "usr/share/man/man1/riacho.1.gz").read_bytes()).decode()
    assert "riacho" in manual and manual.count(".SH") > 3
    licences = (tmp_path / "usr/share/doc/riacho/copyright").read_text()
    assert "libssl-dev" in licences and "libisal-dev" in licences, "of the sysroot, which has both"


def test_the_image_has_all_that_riacho_needs(emulated, tmp_path):
    """Its layers as a root file system: qemu-user finds the loader and the C library there, as a kernel would."""
    image = Image(newest("riacho-*-oci-arm64.tar"))
    assert image.configuration["architecture"] == "arm64" and image.index["manifests"][0]["platform"]["architecture"] == "arm64"
    root = tmp_path / "root"
    root.mkdir()
    image.lay_into(root)
    programs = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o111]
    assert {path.name for path in programs} == {"riacho", "libc.so.6", "libm.so.6", "ld-linux-aarch64.so.1"}
    assert {machine_of(path) for path in programs} == {AARCH64}
    assert (root / "lib").is_symlink() and (root / "lib/ld-linux-aarch64.so.1").is_symlink(), "where the binary names its loader"
    server = emulated(root / "usr/bin/riacho", root)
    kinesis = server.client()
    kinesis.create_stream(StreamName="orders", ShardCount=1)
    wait_active(kinesis, "orders", timeout=60)
    kinesis.put_record(StreamName="orders", Data=b"one", PartitionKey="k")
    assert [record["Data"] for record in read_all(kinesis, "orders")] == [b"one"]
    assert server.stop() == 0
    shutil.rmtree(root)
