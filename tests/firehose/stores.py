"""Where delivery streams write in tests: folders, and real S3 servers, each started by its test on a port of its own."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import boto3
import botocore.config
import pytest

TESTS = pathlib.Path(__file__).resolve().parent.parent
BUCKET = "files"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class LocalFolders:
    """The embedded default: buckets/BUCKET/KEY in the data directory."""

    name = "local"
    environment = {}
    bucket = BUCKET

    def attach(self, server):
        self.root = server.data_dir / "buckets" / self.bucket
        return self

    def objects(self):
        """Every object's content by its key."""
        return {str(path.relative_to(self.root)): path.read_bytes() for path in self.root.rglob("*") if path.is_file()} if self.root.exists() else {}


class S3Server:
    """An S3 server as a process. Its home, and so what is stored, survives stop() and start()."""

    keys = ("test-key", "test-secret")
    bucket = BUCKET

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="riacho-s3-"))
        self.port = free_port()
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self):
        return {"AWS_ENDPOINT_URL_S3": self.url, "AWS_ACCESS_KEY_ID": self.keys[0], "AWS_SECRET_ACCESS_KEY": self.keys[1]}

    def attach(self, server):
        return self

    def start(self):
        with open(self.home / "log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.home,
                                            env=os.environ | {"ROOT_ACCESS_KEY": self.keys[0], "ROOT_SECRET_KEY": self.keys[1]})
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            assert self.process.poll() is None and time.monotonic() < deadline, (self.home / "log").read_text()
            time.sleep(0.05)

    def stop(self, with_signal=signal.SIGTERM):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(with_signal)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def close(self):
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def client(self):
        config = botocore.config.Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 2})
        return boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=self.keys[0],
                            aws_secret_access_key=self.keys[1], config=config)

    def make_bucket(self):
        self.client().create_bucket(Bucket=self.bucket)
        return self

    def objects(self):
        client = self.client()
        found = {}
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
            for entry in page.get("Contents", []):
                found[entry["Key"]] = client.get_object(Bucket=self.bucket, Key=entry["Key"])["Body"].read()
        return found

    def head(self, key):
        return self.client().head_object(Bucket=self.bucket, Key=key)


class S3rver(S3Server):
    name = "s3rver"
    keys = ("S3RVER", "S3RVER")

    def command(self):
        (self.home / "objects").mkdir(exist_ok=True)
        program = TESTS / "js" / "node_modules" / "s3rver" / "bin" / "s3rver.js"
        if not program.exists():
            pytest.skip("s3rver is not installed: tools/setup.sh test")
        return ["node", str(program), "-d", str(self.home / "objects"), "-a", "127.0.0.1", "-p", str(self.port), "-s"]


class Moto(S3Server):
    """Keeps everything in memory: what it stored is gone when it is stopped."""

    name = "moto"

    def command(self):
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]


class VersityGateway(S3Server):
    """Checks signatures and the payload's hash, which the others do not."""

    name = "versitygw"

    def __init__(self, program):
        super().__init__()
        self.program = program

    def command(self):
        (self.home / "objects").mkdir(exist_ok=True)
        return [str(self.program), "--port", f"127.0.0.1:{self.port}", "posix", str(self.home / "objects")]


@contextlib.contextmanager
def running(kind):
    """One of the stores by name, empty, with its bucket."""
    if kind == "local":
        yield LocalFolders()
        return
    store = {"s3rver": S3rver, "moto": Moto}[kind]()
    try:
        yield store.start().make_bucket()
    finally:
        store.close()
