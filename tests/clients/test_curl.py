"""One port, every transport: curl over HTTP/1.1 and HTTP/2, without and with TLS."""

import json
import subprocess

import pytest
import wire

HEADERS = [f"content-type: {wire.JSON}", "x-amz-target: Kinesis_20131202.ListStreams", "x-amz-date: 20260101T000000Z",
           f"authorization: {wire.AUTHORIZATION}"]


def curl(*arguments):
    done = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "20", "--write-out", "\n%{http_version} %{http_code}",
                           "--data", "{}", *(part for header in HEADERS for part in ("--header", header)), *arguments],
                          capture_output=True, text=True, check=True)
    body, _, trailer = done.stdout.rpartition("\n")
    version, status = trailer.split()
    assert status == "200", done.stdout
    return version, json.loads(body)


@pytest.mark.parametrize("flags, version", [(["--http1.1"], "1.1"), (["--http2-prior-knowledge"], "2"), (["--http1.0"], "1.1")])
def test_in_the_clear(riacho, flags, version):
    assert curl(*flags, riacho.url)[0] == version
    assert "StreamNames" in curl(*flags, f"{riacho.url}/any/path")[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("flags, version", [(["--http2"], "2"), (["--http1.1"], "1.1"), ([], "2")])
def test_under_tls(riacho, flags, version, host):
    """[18] ALPN negotiates either version. Numbers in brackets: items of the conformance list."""
    assert curl(*flags, "--cacert", riacho.certificate, f"https://{host}:{riacho.port}/")[0] == version


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_versions_of_tls(riacho, tls):
    flags = [f"--tlsv{tls}", "--tls-max", tls, "--cacert", riacho.certificate]
    assert "StreamNames" in curl(*flags, f"https://localhost:{riacho.port}/")[1]


def test_a_large_body_both_ways_over_http2(riacho, kinesis, make_stream, tmp_path):
    stream = make_stream()
    records = [{"Data": "A" * 16_000, "PartitionKey": str(i)} for i in range(500)]
    (tmp_path / "body").write_text(json.dumps({"StreamName": stream, "Records": records}))
    call = ["--header", "x-amz-target: Kinesis_20131202.PutRecords", "--data", f"@{tmp_path}/body"]
    headers = [part for header in HEADERS if "target" not in header for part in ("--header", header)]
    for flags in (["--http2-prior-knowledge", riacho.url], ["--http2", "--cacert", riacho.certificate, f"https://localhost:{riacho.port}"]):
        done = subprocess.run(["curl", "--silent", "--show-error", *headers, *call, *flags], capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["FailedRecordCount"] == 0
    position = kinesis.get_shard_iterator(StreamName=stream, ShardId="0", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    read = [part for header in HEADERS if "target" not in header for part in ("--header", header)]
    done = subprocess.run(["curl", "--silent", "--http2-prior-knowledge", *read, "--header", "x-amz-target: Kinesis_20131202.GetRecords",
                           "--data", json.dumps({"ShardIterator": position}), riacho.url], capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)["Records"]) > 800
