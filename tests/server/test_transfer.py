"""riacho export and riacho import: a stream as JSON lines."""

import base64
import json
import os
import subprocess

import pytest
from conftest import BINARY, read_all, wait_active


def transfer(server, *arguments, stdin=None, status=0, **environment):
    done = subprocess.run([BINARY, *map(str, arguments), "--endpoint", server.url], input=stdin, capture_output=True, timeout=60,
                          env=os.environ | environment, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout, done.stderr.decode()


def test_what_is_exported_can_be_imported(riacho, kinesis, make_stream, tmp_path):
    source, target = make_stream(3), make_stream(2)
    entries = [{"Data": os.urandom(i % 700), "PartitionKey": f"chave \"{i % 40}\" ção\t"} for i in range(3000)]
    for start in range(0, len(entries), 500):
        assert kinesis.put_records(StreamName=source, Records=entries[start:start + 500])["FailedRecordCount"] == 0
    file = tmp_path / "records.jsonl"
    _, told = transfer(riacho, "export", source, file, "--progress")
    assert "100 %" in told and "3000 records" in told
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    stored = {r["SequenceNumber"]: r for shard in "012" for r in read_all(kinesis, source, shard)}
    assert len(lines) == len(stored) == 3000
    for line in lines:
        record = stored[line["SequenceNumber"]]
        assert base64.b64decode(line["Data"]) == record["Data"] and line["PartitionKey"] == record["PartitionKey"]
        assert abs(line["ApproximateArrivalTimestamp"] - record["ApproximateArrivalTimestamp"].timestamp()) < 0.001
    _, told = transfer(riacho, "import", target, file)
    assert told == "3000 records\n"

    def by_key(stream, shards):
        found = {}
        for shard in shards:
            for record in read_all(kinesis, stream, shard):
                found.setdefault(record["PartitionKey"], []).append(record["Data"])
        return found

    assert by_key(target, "01") == by_key(source, "012")


def test_through_pipes_and_signed(riacho_server, name):
    server = riacho_server("--auth", "sigv4")
    user = server.user("add", "ana")
    keys = {"AWS_ACCESS_KEY_ID": user["access_key_id"], "AWS_SECRET_ACCESS_KEY": user["secret_access_key"], "AWS_REGION": "sa-east-1"}
    client = server.client(region="sa-east-1", key=user["access_key_id"], secret=user["secret_access_key"])
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    lines = b'{"PartitionKey":"a","Data":"eA==","ExplicitHashKey":"0"}\n\n{"Data":"","PartitionKey":"b","SequenceNumber":"1"}\n'
    transfer(server, "import", name, stdin=lines, **keys)
    assert [(r["PartitionKey"], r["Data"]) for r in read_all(client, name)] == [("a", b"x"), ("b", b"")]
    out, _ = transfer(server, "export", name, **keys)
    assert [json.loads(line)["PartitionKey"] for line in out.splitlines()] == ["a", "b"]
    _, told = transfer(server, "export", name, status=1, **keys | {"AWS_SECRET_ACCESS_KEY": "wrong"})
    assert "InvalidSignatureException" in told


def test_refused_records_are_sent_again(riacho_server, name):
    server = riacho_server("--fault", "partial=30,throttle=20")
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    lines = "".join(json.dumps({"PartitionKey": str(i), "Data": "eA=="}) + "\n" for i in range(1200))
    _, told = transfer(server, "import", name, stdin=lines.encode())
    assert told == "1200 records\n"
    out, _ = transfer(server, "export", name)
    assert sorted(int(json.loads(line)["PartitionKey"]) for line in out.splitlines()) == list(range(1200))


@pytest.mark.parametrize("line, problem", [("nonsense", "line 2 is not a JSON object"), ('{"Data":"eA=="}', "line 2 has no PartitionKey"),
                                           ('{"PartitionKey":"k","Data":"*"}', "SerializationException")])
def test_a_bad_line_is_named(riacho, make_stream, line, problem):
    good = '{"PartitionKey":"k","Data":""}\n'
    _, told = transfer(riacho, "import", make_stream(), stdin=(good + line + "\n").encode(), status=1)
    assert problem in told


def test_what_cannot_be_reached(riacho, tmp_path):
    assert "ResourceNotFoundException" in transfer(riacho, "export", "missing", status=1)[1]
    done = subprocess.run([BINARY, "export", "s", "--endpoint", "http://127.0.0.1:1"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "cannot connect" in done.stderr
    done = subprocess.run([BINARY, "export", "s", "--endpoint", "ftp://x"], capture_output=True, text=True, check=False)
    assert done.returncode == 64
