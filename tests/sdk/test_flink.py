"""The Flink Kinesis connector. Numbers in brackets: items of the conformance list (data-streams specification, section 10)."""

import time

import pytest
from conftest import read_all

import programs

# Packages that Flink uses by reflection, which Java 17 forbids by default.
OPENED = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.lang", "java.util", "java.net", "java.io", "java.nio")]
pytestmark = pytest.mark.timeout(400)


@pytest.mark.parametrize("publisher, scheme", [("POLLING", "http"), ("EFO", "http"), ("EFO", "https")])
def test_a_job_copies_a_stream(riacho, kinesis, make_stream, tmp_path, publisher, scheme):
    """[88] Source and sink, in a local cluster, while records are written to the source and it is split."""
    source, sink = make_stream(2), make_stream(1)
    expected = set()
    command = programs.build_java("flink")
    flags = OPENED + (programs.truststore(riacho, tmp_path) if scheme == "https" else [])
    url = riacho.tls_url if scheme == "https" else riacho.url
    with programs.Running([command[0], *flags, *command[1:], "riacho.Copy", publisher, url, source, sink]) as job:
        for batch in range(10):
            entries = [{"PartitionKey": f"k{i}", "Data": f"key{i} {batch}".encode()} for i in range(50)]
            assert kinesis.put_records(StreamName=source, Records=entries)["FailedRecordCount"] == 0
            expected |= {f"KEY{i} {batch}" for i in range(50)}
            if batch == 5:
                kinesis.split_shard(StreamName=source, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**126))
                wait_copied(job, kinesis, sink, len(expected))
        got = wait_copied(job, kinesis, sink, len(expected))
    assert sorted(got) == sorted(expected)


def wait_copied(job, kinesis, sink, count):
    deadline = time.monotonic() + 120
    while len(records := read_all(kinesis, sink)) < count:
        job.check()
        assert time.monotonic() < deadline, f"{len(records)} of {count} records are copied"
        time.sleep(0.2)
    assert all(record["PartitionKey"] == record["Data"].decode().split(" ")[0] for record in records)
    return [record["Data"].decode() for record in records]
