"""A riacho process and its clients for the tests. Every server listens on a free port and is ended by its process id."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

import boto3
import botocore.config
import pytest

import video_client
import wire

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Removed from the environment of the tests' processes, which would warn of RIACHO_ variables that are not settings.
BINARY = os.path.abspath(os.environ.pop("RIACHO_BIN", str(ROOT / "build" / "riacho")))
TRANSITION_MS = 100


class Riacho:
    """One server and its data directory, which outlives the process."""

    START_SECONDS = 20

    def __init__(self, *flags, data_dir=None, environment=None, prefix=()):
        self.flags = list(flags)
        self.prefix = list(prefix)  # a command that execs the server
        self.environment = environment or {}
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="riacho-test-"))
        self.data_dir = pathlib.Path(data_dir or self.home / "data")
        self.log = self.home / "log"
        self.process = None
        self.binary = BINARY
        self.host = "127.0.0.1"
        self.port = 0

    def start(self):
        port_file = self.home / "port"
        port_file.unlink(missing_ok=True)
        command = [*self.prefix, self.binary, "serve", "--listen", f"{self.host}:{self.port}", "--port-file", str(port_file),
                   "--data-dir", str(self.data_dir), "--transition-delay", str(TRANSITION_MS), *self.flags]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stderr=log, env=os.environ | self.environment)
        deadline = time.monotonic() + self.START_SECONDS
        while not port_file.exists():
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}:\n{self.log.read_text()}"
            assert time.monotonic() < deadline, f"the server did not start:\n{self.log.read_text()}"
            time.sleep(0.002)
        self.port = int(port_file.read_text())
        return self

    def stop(self, with_signal=signal.SIGTERM):
        """Ends the process and returns its exit code."""
        self.process.send_signal(with_signal)
        return self.process.wait(timeout=20)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def pid(self):
        return self.process.pid

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    @property
    def tls_url(self):
        return f"https://{self.host}:{self.port}"

    @property
    def certificate(self):
        return str(self.data_dir / "tls-cert.pem")

    def client(self, region="us-east-1", key="AKIDEXAMPLE", secret="secret", token=None, service="kinesis", **options):
        options.setdefault("endpoint_url", self.url)
        config = botocore.config.Config(retries={"total_max_attempts": 1}, max_pool_connections=64,
                                        parameter_validation=False)
        return boto3.client(service, region_name=region, aws_access_key_id=key, aws_secret_access_key=secret,
                            aws_session_token=token, config=config, **options)

    def user(self, *arguments):
        done = subprocess.run([BINARY, "user", *arguments, "--data-dir", str(self.data_dir), "--json"], capture_output=True,
                              text=True, check=True)
        return json.loads(done.stdout)

    def advance_clock(self, seconds):
        """For servers started with --test-clock."""
        self.clock(str(int(seconds * 1000)))

    def clock(self, *arguments):
        subprocess.run([BINARY, "clock", *arguments, "--data-dir", str(self.data_dir)], check=True)

    def raw(self):
        return wire.Connection(self.host, self.port)


@pytest.fixture(scope="session")
def riacho():
    """A server with default settings, shared by all tests."""
    server = Riacho().start()
    yield server
    server.close()


@pytest.fixture
def riacho_server():
    """Starts servers for one test: riacho_server("--auth", "sigv4")."""
    with contextlib.ExitStack() as servers:

        def make(*flags, started=True, **options):
            server = Riacho(*flags, **options)
            servers.callback(server.close)
            return server.start() if started else server

        yield make


@pytest.fixture(scope="session")
def kinesis(riacho):
    return riacho.client()


@pytest.fixture(scope="session")
def slow_kinesis():
    """A client of a shared server whose transitions last long enough to be observed on a busy machine."""
    server = Riacho("--transition-delay", "1000").start()
    yield server.client()
    server.close()


@pytest.fixture(scope="session")
def video(riacho):
    """The five services of Video Streams on the shared server."""
    return video_client.Video(riacho)


@pytest.fixture
def raw(riacho):
    """One keep-alive connection to the shared server."""
    connection = riacho.raw()
    yield connection
    connection.close()


@pytest.fixture
def name():
    """A unique stream name."""
    return f"t-{uuid.uuid4().hex[:12]}"


def wait_active(client, name, timeout=10):
    """Polls until the stream is ACTIVE; returns its summary."""
    deadline = time.monotonic() + timeout
    while True:
        summary = client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        if summary["StreamStatus"] == "ACTIVE":
            return summary
        assert time.monotonic() < deadline, f"{name} is still {summary['StreamStatus']}"
        time.sleep(0.005)


@pytest.fixture
def make_stream(kinesis):
    """Creates streams that are ACTIVE when it returns, and deletes them afterwards."""
    made = []

    def make(shards=1, client=None, **options):
        client = client or kinesis
        stream = f"t-{uuid.uuid4().hex[:12]}"
        client.create_stream(StreamName=stream, ShardCount=shards, **options)
        made.append((client, stream))
        wait_active(client, stream)
        return stream

    yield make
    for client, stream in made:
        with contextlib.suppress(Exception):
            client.delete_stream(StreamName=stream, EnforceConsumerDeletion=True)


def iterator(client, stream, shard="0", kind="TRIM_HORIZON", **options):
    return client.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType=kind, **options)["ShardIterator"]


def read_all(client, stream, shard="0", start=None):
    """Every record of a shard, in order, until the reader has caught up or the shard ends."""
    records = []
    position = start or iterator(client, stream, shard)
    while position is not None:
        reply = client.get_records(ShardIterator=position)
        records += reply["Records"]
        position = reply.get("NextShardIterator")
        if not reply["Records"] and reply["MillisBehindLatest"] == 0:
            break
    return records


def put_many(client, stream, values, key="k"):
    """PutRecords in batches; returns the sequence numbers."""
    numbers = []
    for start in range(0, len(values), 500):
        entries = [{"Data": value, "PartitionKey": key} for value in values[start:start + 500]]
        reply = client.put_records(StreamName=stream, Records=entries)
        assert reply["FailedRecordCount"] == 0
        numbers += [entry["SequenceNumber"] for entry in reply["Records"]]
    return numbers
