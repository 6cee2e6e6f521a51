"""riacho export and riacho import: a stream as JSON lines."""

import base64
import contextlib
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest
from conftest import BINARY, put_many, read_all, wait_active


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


@pytest.mark.parametrize("line, problem", [
    ("nonsense", "line 2 is not a JSON object"), ('{"Data":"eA=="}', "line 2 has no PartitionKey"),
    ('{"PartitionKey":"k"}', "line 2 has no Data"), ('{"PartitionKey":"k","Data":"*"}', "line 2 has Data that is not base64"),
    ('{"PartitionKey":"k","Data":7}', "line 2 has Data that is not base64"),
    ('{"PartitionKey":"k","Data":"","ExplicitHashKey":0}', "line 2 has an ExplicitHashKey that is not a string"),
    (json.dumps({"PartitionKey": "k" * 257, "Data": ""}), "line 2 was refused: ValidationException")])
def test_a_bad_line_is_named(riacho, kinesis, make_stream, line, problem):
    good = '{"PartitionKey":"k","Data":"eA=="}\n'
    stream = make_stream()
    _, told = transfer(riacho, "import", stream, stdin=(good + line + "\n" + good).encode(), status=1)
    assert problem in told
    # Continuing from the printed line puts every line once.
    go_on = told.split("--from-line ")[1].split()[0] if "--from-line" in told else "1"
    assert ("no line was taken" in told) == (go_on == "1")
    transfer(riacho, "import", stream, "--from-line", go_on, stdin=(good + good * 2).encode())
    assert len(read_all(kinesis, stream)) == 3


def test_a_failed_export_leaves_the_file_alone(riacho, make_stream, tmp_path):
    file = tmp_path / "good.jsonl"
    file.write_text("good\n")
    link = tmp_path / "link"
    link.symlink_to(file)
    file.chmod(0o640)
    assert "ResourceNotFoundException" in transfer(riacho, "export", "missing", file, status=1)[1]
    assert file.read_text() == "good\n" and sorted(os.listdir(tmp_path)) == ["good.jsonl", "link"]
    stream = make_stream()
    riacho.client().put_record(StreamName=stream, Data=b"x", PartitionKey="k")
    transfer(riacho, "export", stream, link)
    assert link.is_symlink() and json.loads(file.read_text())["PartitionKey"] == "k" and file.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["good.jsonl", "link"]


def test_a_full_target_is_an_error(riacho, kinesis, make_stream):
    stream = make_stream()
    put_many(kinesis, stream, [b"x" * 1000] * 600)
    assert "No space left" in transfer(riacho, "export", stream, "/dev/full", status=1)[1]
    for command in (["config"], ["export", stream, "--endpoint", riacho.url], ["--version"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run([BINARY, *command], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        assert done.returncode == 1 and ("No space left" in done.stderr or "cannot write the output" in done.stderr), done


def test_where_the_endpoint_comes_from(riacho, make_stream):
    dead = "http://127.0.0.1:1"

    def export(*flags, **variables):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_ENDPOINT")}
        return subprocess.run([BINARY, "export", stream, *flags], capture_output=True, text=True, timeout=60, check=False,
                              env=clean | variables)

    stream = make_stream()
    for flags, variables in ((["--endpoint", riacho.url], {"RIACHO_ENDPOINT": dead}),
                             ([], {"RIACHO_ENDPOINT": riacho.url, "AWS_ENDPOINT_URL_KINESIS": dead, "AWS_ENDPOINT_URL": dead}),
                             ([], {"AWS_ENDPOINT_URL_KINESIS": riacho.url, "AWS_ENDPOINT_URL": dead}),
                             ([], {"AWS_ENDPOINT_URL": riacho.url})):
        done = export(*flags, **variables)
        assert done.returncode == 0, (flags, variables, done.stderr)
    done = export(AWS_ENDPOINT_URL=dead)
    assert done.returncode == 1 and "cannot connect to 127.0.0.1 port 1" in done.stderr and "(AWS_ENDPOINT_URL)" in done.stderr
    done = export(AWS_ENDPOINT_URL=riacho.url, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true", RIACHO_ENDPOINT=dead)
    assert done.returncode == 1 and "(RIACHO_ENDPOINT)" in done.stderr


def read_until(pipe, text):
    """The output of a process up to the text."""
    found = b""
    while text not in found:
        piece = os.read(pipe.fileno(), 4096)
        assert piece, found
        found += piece
    return found


@pytest.mark.parametrize("ended", ["by Ctrl-C", "by a lost server"])
def test_an_export_that_was_stopped_goes_on(riacho_server, name, tmp_path, ended):
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=2)
    wait_active(client, name)
    values = [b"%d" % i for i in range(8_000)]
    for start in range(0, len(values), 500):
        client.put_records(StreamName=name, Records=[{"Data": v, "PartitionKey": v.decode()} for v in values[start:start + 500]])
    server.stop()
    server.flags += ["--fault", "delay=400"]
    server.start()
    file = tmp_path / "records.jsonl"
    file.write_text("good\n")
    export = [BINARY, "export", name, str(file), "--endpoint", server.url]
    with subprocess.Popen([*export, "--progress"], stderr=subprocess.PIPE) as process:
        read_until(process.stderr, b" 1000 records")
        if ended == "by Ctrl-C":
            process.send_signal(signal.SIGINT)
        else:
            server.kill()
        told = process.stderr.read().decode()
        assert process.wait(60) == (130 if ended == "by Ctrl-C" else 1), told
    assert f"{file} is as it was" in told and f"riacho export {name} {file} --resume" in told
    assert file.read_text() == "good\n"
    if ended == "by Ctrl-C":
        server.stop()
    with open(f"{file}.partial", "ab") as partial:
        partial.write(b'{"PartitionKey":"cut o')
    server.flags = server.flags[:-2]
    server.start()
    done = subprocess.run([*export, "--resume"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and done.stderr == "8000 records\n"
    found = sorted(int(base64.b64decode(json.loads(line)["Data"])) for line in file.read_text().splitlines())
    assert found == list(range(8_000)) and os.listdir(tmp_path) == ["records.jsonl"]


def position_in(process, path):
    """How far a process has read an open file, in bytes; -1 if it has not opened it."""
    for number in os.listdir(f"/proc/{process.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            if os.readlink(f"/proc/{process.pid}/fd/{number}") == str(path):
                return int(re.search(r"pos:\s+(\d+)", open(f"/proc/{process.pid}/fdinfo/{number}").read())[1])
    return -1


def test_a_resume_that_is_interrupted_cuts_nothing(riacho, kinesis, make_stream, tmp_path):
    stream = make_stream()
    put_many(kinesis, stream, [b"0", b"1"])
    file, partial = tmp_path / "records.jsonl", tmp_path / "records.jsonl.partial"
    first, last = transfer(riacho, "export", stream)[0].splitlines(keepends=True)
    count = (200 << 20) // len(first)
    partial.write_bytes(first * count)
    size = partial.stat().st_size
    export = [BINARY, "export", stream, str(file), "--endpoint", riacho.url, "--resume"]
    with subprocess.Popen(export, stderr=subprocess.PIPE) as process:
        while position_in(process, partial) <= 0:
            assert process.poll() is None, process.stderr.read()
        process.send_signal(signal.SIGSTOP)
        while open(f"/proc/{process.pid}/stat").read().rsplit(")", 1)[1].split()[0] != "T":
            time.sleep(0.001)
        assert 0 < position_in(process, partial) < size
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGCONT)
        told = process.stderr.read().decode()
        assert process.wait(60) == 130 and "interrupted" in told, told
    assert partial.stat().st_size == size and not file.exists()
    _, told = transfer(riacho, "export", stream, file, "--resume")
    assert told == f"{count + 1} records\n" and file.stat().st_size == size + len(last) and not partial.exists()


def test_a_resume_cuts_no_file_that_it_cannot_read(riacho, kinesis, make_stream, tmp_path):
    stream = make_stream()
    put_many(kinesis, stream, [b"0"])
    partial = tmp_path / "records.jsonl.partial"
    line = transfer(riacho, "export", stream)[0]
    partial.write_bytes(line + b"x" * (17 << 20) + b"\n" + line)
    size = partial.stat().st_size
    _, told = transfer(riacho, "export", stream, tmp_path / "records.jsonl", "--resume", status=1)
    assert f"line 2 of {partial} is longer than 16 MiB" in told and partial.stat().st_size == size


class Impostor:
    """A server whose replies are given: a list of (status, body) for each operation, the last one repeated."""

    def __init__(self, **replies):
        self.replies = {operation: list(given) for operation, given in replies.items()}
        self.calls = []
        impostor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                operation = self.headers["X-Amz-Target"].split(".")[1]
                impostor.calls.append(operation)
                left = impostor.replies[operation]
                status, body = left.pop(0) if len(left) > 1 else left[0]
                body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def impostor():
    made = []

    def make(**replies):
        made.append(Impostor(**replies))
        return made[-1]

    yield make
    for one in made:
        one.server.shutdown()
        one.server.server_close()


SHARDS = {"Shards": [{"ShardId": "shardId-000000000000", "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "1"},
                      "SequenceNumberRange": {"StartingSequenceNumber": "1"}}]}
RECORD = {"PartitionKey": "k", "Data": "eA==", "SequenceNumber": "1", "ApproximateArrivalTimestamp": 1.5}
PAGE = {"Records": [RECORD], "NextShardIterator": "b", "MillisBehindLatest": 0}


@pytest.mark.parametrize("replies, problem", [
    ({"ListShards": {}}, "no Shards"), ({"GetShardIterator": {}}, "no ShardIterator"),
    *(({"GetRecords": page}, "no Records or no MillisBehindLatest")
      for page in ({}, {"Records": [RECORD], "NextShardIterator": "b"}, PAGE | {"MillisBehindLatest": "0"},
                   PAGE | {"MillisBehindLatest": None}, PAGE | {"Records": {}}))])
def test_a_reply_that_lacks_a_member_is_no_end_of_an_export(impostor, tmp_path, replies, problem):
    given = {"ListShards": SHARDS, "GetShardIterator": {"ShardIterator": "a"}, "GetRecords": PAGE}
    sound = impostor(**{operation: [(200, reply)] for operation, reply in given.items()})
    assert transfer(sound, "export", "s", tmp_path / "sound")[1] == "1 record\n"
    server = impostor(**{operation: [(200, reply)] for operation, reply in (given | replies).items()})
    assert problem in transfer(server, "export", "s", tmp_path / "file", status=1)[1]
    assert not (tmp_path / "file").exists()


def test_a_list_of_streams_that_breaks_off_is_an_error(impostor):
    server = impostor(ListStreams=[(200, {"StreamNames": ["a"], "HasMoreStreams": True}), (200, {"StreamNames": [], "HasMoreStreams": True})])
    out, told = transfer(server, "streams", "--names", status=1)
    assert out == b"" and "a page of the list is empty although there are more streams" in told


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_a_gateway_refuses_for_a_moment_is_called_again(impostor, status):
    refusal = (status, "<html>one moment</html>")
    server = impostor(ListStreams=[refusal] * 5 + [(200, {"StreamNames": ["a"], "HasMoreStreams": False})])
    assert transfer(server, "streams", "--names")[0] == b"a\n" and len(server.calls) == 6
    refused = impostor(ListStreams=[(403, "<html>never</html>")])
    assert "status 403" in transfer(refused, "streams", "--names", status=1)[1] and len(refused.calls) == 1


@pytest.mark.parametrize("ended", ["by Ctrl-C", "by a lost server"])
def test_an_import_that_was_stopped_says_how_to_go_on(riacho_server, name, ended):
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    lines = [json.dumps({"PartitionKey": str(i), "Data": "eA=="}).encode() + b"\n" for i in range(1, 2001)]
    command = [BINARY, "import", name, "--endpoint", server.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(b"".join(lines[:1300]))
        process.stdin.flush()
        deadline = time.monotonic() + 30
        while len(read_all(client, name)) < 1000:  # two batches; the third is not full
            assert time.monotonic() < deadline
        if ended == "by Ctrl-C":
            process.send_signal(signal.SIGINT)
        else:
            server.kill()
            process.stdin.write(b"".join(lines[1300:]))
            process.stdin.close()
        told = process.stderr.read().decode()
        assert process.wait(60) == (130 if ended == "by Ctrl-C" else 1), told
    assert "lines 1 to 1000 are in the stream" in told and f"riacho import {name} < the same lines --from-line 1001" in told
    if ended == "by a lost server":
        server.start()
    transfer(server, "import", name, "--from-line", "1001", stdin=b"".join(lines))
    assert sorted(int(r["PartitionKey"]) for r in read_all(server.client(), name)) == list(range(1, 2001))


def test_https_is_verified(riacho_server, name, tmp_path):
    server = riacho_server("--create-stream", name)
    wait_active(server.client(), name)
    line = b'{"PartitionKey":"k","Data":"eA=="}\n'

    def run(*arguments, **environment):
        return subprocess.run([BINARY, *map(str, arguments), "--endpoint", server.tls_url], input=line, capture_output=True, timeout=60,
                              env=os.environ | environment, check=False)

    for done in (run("import", name, "--ca-file", server.certificate), run("import", name, AWS_CA_BUNDLE=server.certificate)):
        assert done.returncode == 0 and done.stderr == b"1 record\n", done.stderr
    for command in ("export", "tail"):
        done = run(command, name, "--ca-file", server.certificate)
        assert done.returncode == 0 and len(done.stdout.splitlines()) == 2, done.stderr
    other = riacho_server()
    for refused in (run("export", name), run("tail", name, "--ca-file", other.certificate), run("export", name, "--ca-file", tmp_path / "no")):
        assert refused.returncode == 1 and refused.stdout == b"", refused.stderr
        assert b"certificate" in refused.stderr or str(tmp_path / "no").encode() in refused.stderr, refused.stderr


class Proxy:
    """Forwards requests in absolute form, and CONNECT, to one server, whatever host the client names."""

    def __init__(self, port):
        self.port = port
        self.lines = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.forward, args=(client,), daemon=True).start()

    def forward(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        line, rest = head.split(b"\r\n", 1)
        self.lines.append(line.decode())
        server = socket.create_connection(("127.0.0.1", self.port))
        if line.startswith(b"CONNECT"):
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            method, url, version = line.split(b" ")
            server.sendall(b" ".join([method, b"/" + url.split(b"/", 3)[3], version]) + b"\r\n" + rest)
        threading.Thread(target=self.pipe, args=(client, server), daemon=True).start()
        self.pipe(server, client)

    @staticmethod
    def pipe(source, target):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)


def test_through_a_proxy(riacho_server, name):
    server = riacho_server("--create-stream", name)
    wait_active(server.client(), name)
    server.client().put_record(StreamName=name, PartitionKey="k", Data=b"x")
    proxy = Proxy(server.port)
    host = socket.gethostname()  # a host name in the certificate
    clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    for flags, variables, line in ((["--endpoint", "http://kinesis.example:4566"], {"HTTP_PROXY": proxy.url}, "POST http://kinesis.example:4566/ "),
                                   (["--endpoint", f"https://{host}:4566", "--ca-file", server.certificate], {"HTTPS_PROXY": proxy.url},
                                    f"CONNECT {host.lower()}:4566 ")):
        done = subprocess.run([BINARY, "export", name, *flags], capture_output=True, timeout=60, env=clean | variables, check=False)
        assert done.returncode == 0 and len(done.stdout.splitlines()) == 1, done.stderr
        assert proxy.lines and proxy.lines[-1].startswith(line)


def test_what_is_not_there_leaves_nothing_to_go_on_with(riacho):
    line = b'{"PartitionKey":"k","Data":"eA=="}\n'
    _, told = transfer(riacho, "import", "missing", stdin=line, status=1)
    assert "ResourceNotFoundException" in told and told.endswith("no line was taken\n")
    _, told = transfer(riacho, "put", "missing", "x", status=1)
    assert "ResourceNotFoundException" in told and told.endswith("no record was written\n")


def test_what_cannot_be_reached(riacho, tmp_path):
    assert "ResourceNotFoundException" in transfer(riacho, "export", "missing", status=1)[1]
    done = subprocess.run([BINARY, "export", "s", "--endpoint", "http://127.0.0.1:1"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "cannot connect" in done.stderr
    done = subprocess.run([BINARY, "export", "s", "--endpoint", "ftp://x"], capture_output=True, text=True, check=False)
    assert done.returncode == 64


def test_progress_says_how_long_the_rest_takes(riacho_server, name, tmp_path):
    server = riacho_server("--fault", "delay=60")
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=3)
    wait_active(client, name)
    file = tmp_path / "records.jsonl"
    file.write_text("".join(json.dumps({"PartitionKey": str(i), "Data": "eA=="}) + "\n" for i in range(4000)))
    _, told = transfer(server, "import", name, file, "--progress")
    shown = told.split("\r")
    assert any(re.search(r"\[#+\.+\]  ?\d+ %  \d+ records  \d+/s  \d+:\d\d left *$", line) for line in shown), shown
    assert re.search(r"\[#{30}\] 100 %  4000 records  \d+/s  in \d+:\d\d *\n4000 records\n$", shown[-1])
    _, told = transfer(server, "export", name, tmp_path / "copy", "--progress")
    shown = told.split("\r")
    # How much is done is known by the records' numbers: these came all at once, a moment ago.
    assert any(re.search(r"\[#+\.+\]  ?\d+ %  \d+ records  \d+/s  \d+:\d\d left *$", line) for line in shown), shown
    parts = [int(part) for part in re.findall(r"(\d+) %", told)]
    assert parts == sorted(parts) and len(parts) == len(shown) - 1
    assert re.search(r"100 %  4000 records  \d+/s  in \d+:\d\d *\n4000 records\n$", shown[-1])
    # The size of what comes through a pipe is not known: no bar is drawn, and no time left is claimed.
    _, told = transfer(server, "import", name, "--progress", stdin=file.read_bytes())
    assert "%" not in told and "left" not in told and "4000 records" in told


def damage(path, marker):
    """Changes one bit of the first record with the marker."""
    content = bytearray(path.read_bytes())
    content[content.index(marker) + 3] ^= 0x40
    path.write_bytes(content)


@pytest.fixture
def damaged(riacho_server, name):
    """A server that has lost records in the middle of a shard, and the records before and after them."""
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    put_many(client, name, [b"before %d" % i for i in range(700)])
    put_many(client, name, [b"lost %d, a marker" % i for i in range(3)])
    # More than one entry of the segment's index behind the damage.
    for i in range(40):
        put_many(client, name, [b"after %d " % i + bytes(100_000)])
    server.stop()
    (segment,) = [path for path in (server.data_dir / "data").rglob("*.rks") if b"a marker" in path.read_bytes()]
    damage(segment, b"lost 1, a marker")
    server.start()
    return server


def test_damage_is_skipped_only_when_asked_for(damaged, name, tmp_path):
    file = tmp_path / "records.jsonl"
    _, told = transfer(damaged, "export", name, file, status=1)
    assert "are damaged on disk" in told and "--skip-damaged goes on" in told and not file.exists()
    _, told = transfer(damaged, "export", name, file, "--skip-damaged")
    found = [base64.b64decode(json.loads(line)["Data"]).split()[:2] for line in file.read_text().splitlines()]
    first_after = int(found[700][1])
    assert found == [[b"before", b"%d" % i] for i in range(700)] + [[b"after", b"%d" % i] for i in range(first_after, 40)]
    assert first_after < 40, "what is behind the damage is read"
    skipped = 3 + first_after
    assert f"shardId-000000000000: {skipped} damaged records skipped" in told
    assert told.endswith(f"{700 + 40 - first_after} records, {skipped} damaged ones skipped\n")
    # And goes on in the same way.
    (tmp_path / "again.jsonl.partial").write_text("".join(file.read_text().splitlines(keepends=True)[:600]))
    transfer(damaged, "export", name, tmp_path / "again.jsonl", "--resume", "--skip-damaged")
    assert (tmp_path / "again.jsonl").read_text() == file.read_text()


def test_tail_skips_damage_only_when_asked_for(damaged, name):
    command = [BINARY, "tail", name, "--format", "json", "--endpoint", damaged.url]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1 and "--skip-damaged goes on" in refused.stderr
    done = subprocess.run([*command, "--skip-damaged"], capture_output=True, text=True, timeout=60, check=False)
    found = [base64.b64decode(json.loads(line)["Data"]).split()[0] for line in done.stdout.splitlines()]
    assert done.returncode == 0 and found.count(b"before") == 700 and b"after" in found and b"lost" not in found
    assert "damaged records skipped; reading goes on at 49" in done.stderr


def test_damage_at_the_beginning_and_at_the_end_of_a_shard(riacho_server, name, tmp_path):
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    put_many(client, name, [b"first frame, a marker"] * 3)
    for i in range(30):
        put_many(client, name, [b"good %d " % i + bytes(100_000)])
    put_many(client, name, [b"last frame, a marker"] * 2)
    server.stop()
    (segment,) = [path for path in (server.data_dir / "data").rglob("*.rks") if b"a marker" in path.read_bytes()]
    damage(segment, b"first frame, a marker")
    damage(segment, b"last frame, a marker")
    server.start()
    file = tmp_path / "records.jsonl"
    _, told = transfer(server, "export", name, file, "--skip-damaged")
    found = [base64.b64decode(json.loads(line)["Data"]).split()[:2] for line in file.read_text().splitlines()]
    assert found and found == [[b"good", b"%d" % i] for i in range(30 - len(found), 30)]
    assert len(found) == 30 and "up to 3 damaged records skipped" in told and ": 2 damaged records skipped" in told
    assert told.endswith("30 records, up to 5 damaged ones skipped\n")
    # What is put later is behind the skipped records, and is found.
    put_many(server.client(), name, [b"later"])
    assert b"later" in [base64.b64decode(json.loads(line)["Data"]) for line in transfer(server, "export", name, "--skip-damaged")[0].splitlines()]
