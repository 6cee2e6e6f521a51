"""The command line itself: help, suggestions, errors as log lines, completion files, health, streams, put."""

import http.server
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
from conftest import BINARY, read_all, wait_active


def run(*arguments, stdin=None, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("RIACHO_", "AWS_ENDPOINT"))}
    return subprocess.run([BINARY, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=60, check=False,
                          env=clean | environment)


def subcommands(path=()):
    """The paths of all commands that help shows, found in help itself."""
    shown = run(*path, "--help").stdout
    yield path
    if "SUBCOMMAND" not in shown.splitlines()[2]:
        return
    names = [line.split()[0] for line in shown.split("Options:")[0].splitlines()[3:] if re.match(r"  [a-z]", line)]
    assert names
    for name in names:
        yield from subcommands((*path, name))


def test_every_help_fits_80_columns_and_has_an_example():
    paths = list(subcommands())
    assert {("serve",), ("user", "add"), ("firehose", "flush"), ("peek",), ("put",), ("health",), ("completion",)} <= set(paths)
    for path in paths:
        shown = run(*path, "--help")
        assert shown.returncode == 0 and "--help" in shown.stdout and f"Usage: {' '.join(('riacho', *path))}" in shown.stdout
        assert [line for line in shown.stdout.splitlines() if len(line) > 80] == [], path
        assert path in (("user",), ("firehose",)) or "Example" in shown.stdout, path
        # A line of the source that is too long leaves its last word alone.
        assert not re.search(r"\n(\S{1,12})\n(?=\S)", shown.stdout.split("Options:")[-1]), path
        assert run("help", *path).stdout == shown.stdout


def test_flags_of_serve_stand_in_groups():
    text = run("serve", "--help").stdout
    groups = {}
    for line in text.splitlines():
        if re.fullmatch(r"[A-Z][\w ]+:", line):
            groups[line[:-1]] = members = []
        elif (flag := re.match(r"  (--[\w-]+)", line)) and groups:
            members.append(flag[1])
    assert "--data-dir" in groups["Storage"] and "--listen" in groups["Network"] and "--auth" in groups["Security"]
    assert "--limits" in groups["AWS behaviour"] and "--fault" in groups["Testing"] and "--log-calls" in groups["Logs"]
    settings = re.findall(r"^(?:# )?([\w-]+) = ", run("config").stdout, re.MULTILINE)
    assert sorted(f"--{name}" for name in settings) == sorted(flag for flags in groups.values() for flag in flags), "every setting has its place"


def test_bare_riacho_prints_help():
    for words in ([], ["user"], ["firehose"]):
        bare = run(*words)
        assert bare.returncode == 0 and bare.stdout == run(*words, "--help").stdout and bare.stderr == ""


@pytest.mark.parametrize("words, told", [
    (["serv"], "riacho has no subcommand 'serv'; did you mean serve?"), (["exprot", "s"], "'exprot'; did you mean export?"),
    (["user", "ad", "ana"], "riacho user has no subcommand 'ad'; did you mean add?"), (["list-streams"], "did you mean streams?"),
    (["serve", "--durabilty", "os"], "riacho serve has no flag '--durabilty'; did you mean --durability?"),
    (["serve", "--port=4566"], "did you mean --listen?"), (["tail", "s", "--folow"], "did you mean --follow?"),
    (["export", "s", "--data-dir", "x"], "riacho export has no flag '--data-dir'"), (["xyzzy"], "riacho has no subcommand 'xyzzy'\n"),
    (["streams", "--region"], "riacho: --region needs a value\n"), (["completion", "tcsh"], "= 'tcsh' is none of bash|zsh|fish"),
    (["tail", "s", "--format", "xml"], "--format = 'xml' is none of text|json|hex"), (["put", "--stream", "s"], "stands without a flag")])
def test_what_is_mistyped_gets_a_suggestion(words, told):
    wrong = run(*words)
    assert wrong.returncode == 64 and told in wrong.stderr and "--help tells more" in wrong.stderr and wrong.stdout == ""
    if words == ["xyzzy"]:
        assert "did you mean" not in wrong.stderr


@pytest.mark.parametrize("words, variables", [
    (["serve", "--log-format", "json", "--durability", "maybe"], {}), (["serve", "--log-format=json", "--durabilty", "os"], {}),
    (["serve", "--durability", "maybe"], {"RIACHO_LOG_FORMAT": "json"}), (["config", "--log-format", "json", "--limits", "x"], {}),
    (["serve", "--log-format", "json", "--config", "/no/such.toml"], {})])
def test_configuration_errors_obey_the_log_format(words, variables):
    wrong = run(*words, **variables)
    lines = [json.loads(line) for line in wrong.stderr.splitlines()]
    assert wrong.returncode == 64 and [line["level"] for line in lines] == ["error"], wrong.stderr
    assert re.search("durabil|limits|/no/such.toml", lines[0]["reason"])


def test_the_log_format_of_the_file_holds_for_its_errors(tmp_path):
    file = tmp_path / "riacho.toml"
    file.write_text('log-format = "json"\nlimits = "some"\n')
    assert "limits" in json.loads(run("serve", "--config", file).stderr)["reason"]
    assert run("serve", "--config", file, "--log-format", "logfmt").stderr.startswith("riacho: ")


# Completion files, through the shells themselves.

def complete_in_bash(words, **environment):
    """What bash offers for the last word."""
    script = 'source <("$RIACHO" completion bash); eval "COMP_WORDS=($LINE)"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); ' \
             '[[ -n $EMPTY ]] && COMP_WORDS+=("") && ((COMP_CWORD++)); _riacho; printf "%s\\n" "${COMPREPLY[@]}"'
    line = words.rstrip(" ")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True, cwd=environment.pop("cwd", None),
                          env=os.environ | {"RIACHO": BINARY, "LINE": line, "EMPTY": "1" if words.endswith(" ") else ""} | environment)
    assert done.stderr == ""
    return done.stdout.split()


def test_completion_in_bash(riacho_server, tmp_path):
    assert {"serve", "export", "user", "completion"} <= set(complete_in_bash("riacho "))
    assert complete_in_bash("riacho exp") == ["export"] and complete_in_bash("riacho user ro") == ["rotate"]
    assert complete_in_bash("riacho serve --dur") == ["--durability"]
    assert complete_in_bash("riacho serve --auth ") == ["off", "sigv4"] and complete_in_bash("riacho tail s --format j") == ["json"]
    assert complete_in_bash("riacho serve --data-dir ./x --limits a") == ["aws"]
    assert complete_in_bash("riacho firehose flush --acc") == ["--account"]
    assert set(complete_in_bash("riacho completion ")) == {"bash", "zsh", "fish"}
    (tmp_path / "records.jsonl").write_text("")
    (tmp_path / "folder").mkdir()
    assert complete_in_bash("riacho serve --data-dir ", cwd=tmp_path) == ["folder"]
    assert set(complete_in_bash("riacho serve --tls-cert ", cwd=tmp_path)) == {"folder", "records.jsonl"}
    server = riacho_server("--create-stream", "orders", "--create-stream", "clicks")
    on_path = {"RIACHO_ENDPOINT": server.url, "PATH": f"{os.path.dirname(BINARY)}:{os.environ['PATH']}"}
    assert set(complete_in_bash("riacho tail ", **on_path)) == {"orders", "clicks"}
    assert complete_in_bash("riacho export or", **on_path) == ["orders"]
    assert complete_in_bash("riacho export orders rec", cwd=tmp_path, **on_path) == ["records.jsonl"]


def test_completion_in_fish():
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed: tools/setup.sh test")

    def complete(line):
        done = subprocess.run(["fish", "--no-config", "-c", f'"{BINARY}" completion fish | source; complete -C "{line}"'], capture_output=True, text=True,
                              timeout=60, check=True)
        assert done.stderr == ""
        return {text.split("\t")[0] for text in done.stdout.splitlines()}

    assert {"serve", "export", "user"} <= complete("riacho ")
    assert complete("riacho exp") == {"export"} and complete("riacho user ro") == {"rotate"}
    assert "--durability" in complete("riacho serve --dur") and complete("riacho serve --auth ") == {"off", "sigv4"}


def test_completion_in_zsh(tmp_path):
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed: tools/setup.sh test")
    folder = tmp_path / "functions"
    folder.mkdir()
    (folder / "_riacho").write_text(run("completion", "zsh").stdout)
    subprocess.run(["zsh", "-n", folder / "_riacho"], check=True)
    # A shell on a terminal; the list of choices that a tab makes is read from the screen.
    parent, child = pty.openpty()
    environment = os.environ | {"PS1": "ready> ", "TERM": "dumb", "ZDOTDIR": str(tmp_path), "COLUMNS": "80"}
    (tmp_path / ".zshrc").write_text(f"fpath=({folder} $fpath)\nautoload -Uz compinit && compinit -u -d {tmp_path}/dump\nsetopt no_auto_menu list_ambiguous\n"
                                     "unsetopt prompt_sp\nPS1='ready> '\n")
    with subprocess.Popen(["zsh", "-i"], stdin=child, stdout=child, stderr=child, env=environment, start_new_session=True) as shell:
        try:
            os.close(child)

            def read_until(*wanted):
                seen = b""
                deadline = time.monotonic() + 60
                while not all(text in seen for text in wanted):
                    assert time.monotonic() < deadline, seen
                    seen += os.read(parent, 65536)
                return seen

            read_until(b"ready> ")
            os.write(parent, b"riacho exp\t")
            read_until(b"riacho export ")
            os.write(parent, b"\x15riacho user \t\t")
            read_until(b"add", b"list", b"remove", b"rotate")
            os.write(parent, b"\x15riacho serve --auth \t\t")
            read_until(b"off", b"sigv4")
        finally:
            shell.kill()
            os.close(parent)


def test_the_manual_page_has_every_command():
    page = run("manual").stdout
    assert page.startswith(".TH RIACHO 1") and ".SH NAME" in page
    plain = page.replace("\\-", "-")
    for path in subcommands():
        if path and path not in (("user",), ("firehose",)):
            assert f".SS riacho {' '.join(path)}" in plain
    assert "--durability MODE" in plain and "RIACHO_ENDPOINT" in plain
    if shutil.which("man"):
        rendered = subprocess.run(["man", "--warnings", "-l", "-"], input=page, capture_output=True, text=True, check=True, env=os.environ | {"MANWIDTH": "80"})
        assert rendered.stderr == "" and "riacho export STREAM [FILE]" in rendered.stdout


# health

def test_health_is_an_exit_code(riacho_server, tmp_path):
    server = riacho_server()
    for arguments, variables in ((["--endpoint", server.url], {}), (["--data-dir", server.data_dir], {}), ([], {"RIACHO_ENDPOINT": server.url}),
                                 ([], {"RIACHO_DATA_DIR": str(server.data_dir), "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}),
                                 (["--endpoint", server.tls_url, "--ca-file", server.certificate], {})):
        ready = run("health", *arguments, **variables)
        assert (ready.returncode, ready.stdout, ready.stderr) == (0, "ready\n", ""), (arguments, ready)
        assert run("health", "--live", *arguments, **variables).stdout == "live\n"
    assert json.loads(run("health", "--json", "--endpoint", server.url).stdout)["catalog"] == "ok"
    server.stop()
    gone = run("health", "--data-dir", server.data_dir, "--endpoint", server.url)
    assert gone.returncode == 1 and "cannot connect" in gone.stderr and "(--endpoint)" in gone.stderr
    assert run("health", "--endpoint", "nonsense").returncode == 64
    with socket.create_server(("127.0.0.1", 0)) as listener:  # accepts and never answers: no answer is an answer
        begun = time.monotonic()
        assert run("health", "--endpoint", f"http://127.0.0.1:{listener.getsockname()[1]}").returncode == 1
        assert time.monotonic() - begun < 30


def test_health_waits_for_a_server_that_starts(riacho_server):
    server = riacho_server(started=False)
    waiting = subprocess.Popen([BINARY, "health", "--wait", "60", "--data-dir", str(server.data_dir)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env={k: v for k, v in os.environ.items() if k != "RIACHO_ENDPOINT"})
    server.start()
    out, told = waiting.communicate(timeout=90)
    assert (waiting.returncode, out) == (0, b"ready\n"), told


def test_health_of_a_server_that_hangs(riacho_server):
    server = riacho_server()
    server.process.send_signal(signal.SIGSTOP)
    try:
        assert run("health", "--live", "--endpoint", server.url).returncode == 1
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert run("health", "--live", "--endpoint", server.url).returncode == 0


# streams and put

def test_streams_are_listed(riacho_server):
    server = riacho_server("--create-stream", "orders:3")
    client = server.client()
    client.create_stream(StreamName="clicks", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    for name in ("orders", "clicks"):
        wait_active(client, name)
    client.increase_stream_retention_period(StreamName="orders", RetentionPeriodHours=48)
    wait_active(client, "orders")
    lines = run("streams", "--endpoint", server.url).stdout.splitlines()
    assert lines[0].split() == ["STREAM", "STATUS", "MODE", "SHARDS", "RETENTION", "CONSUMERS"]
    assert [line.split() for line in lines[1:]] == [["clicks", "ACTIVE", "ON_DEMAND", "4", "24h", "0"], ["orders", "ACTIVE", "PROVISIONED", "3", "48h", "0"]]
    assert run("streams", "--names", "--endpoint", server.url).stdout == "clicks\norders\n"
    as_json = [json.loads(line) for line in run("streams", "--json", "--endpoint", server.url).stdout.splitlines()]
    assert [(s["StreamName"], s["OpenShardCount"], s["StreamStatus"]) for s in as_json] == [("clicks", 4, "ACTIVE"), ("orders", 3, "ACTIVE")]
    assert as_json[0]["StreamARN"] == "arn:aws:kinesis:us-east-1:000000000000:stream/clicks"
    elsewhere = run("streams", "--endpoint", server.url, "--region", "eu-west-1")
    assert (elsewhere.returncode, elsewhere.stdout) == (0, "") and "no streams in eu-west-1" in elsewhere.stderr


def test_more_streams_than_a_page(riacho_server):
    names = [f"s-{i:03}" for i in range(230)]
    server = riacho_server("--transition-delay", "0", environment={"RIACHO_CREATE_STREAM": ",".join(names)})
    assert run("streams", "--names", "--endpoint", server.url).stdout.split() == names


class Stranger(http.server.BaseHTTPRequestHandler):
    """Answers every call with a name that a shell would run."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        reply = json.dumps({"StreamNames": ["good", "$(touch ran)"], "HasMoreStreams": False}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        pass


def test_names_of_a_strange_server_reach_no_shell(tmp_path):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        listed = run("streams", "--names", "--endpoint", url)
        assert listed.returncode == 1 and listed.stdout == "" and "a name that no stream has" in listed.stderr
        offered = complete_in_bash("riacho tail ", cwd=tmp_path, RIACHO_ENDPOINT=url, PATH=f"{os.path.dirname(BINARY)}:{os.environ['PATH']}")
        server.shutdown()
    assert offered == [] and os.listdir(tmp_path) == []


def test_put(riacho, kinesis, make_stream, tmp_path):
    stream = make_stream()

    def put(*arguments, stdin=None):
        done = run("put", stream, *arguments, "--endpoint", riacho.url, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done

    assert re.fullmatch(r"shardId-000000000000 \d{56}\n", put("hello", "--key", "k").stdout)
    assert len(put('["second", "third"]', "--key", "k").stdout.splitlines()) == 1
    file = tmp_path / "image"
    file.write_bytes(os.urandom(700_000))
    put("--file", file, "--key", "f")
    told = put("--key", "l", stdin="one line\n\nlast, without an end").stderr
    assert told == "3 records\n"
    assert put(stdin="alone\n").stderr == "1 record\n"
    assert run("put", stream, "x", "--file", file).returncode == 64
    found = [(r["PartitionKey"], r["Data"]) for r in read_all(kinesis, stream)]
    assert found[:6] == [("k", b"hello"), ("k", b'["second", "third"]'), ("f", file.read_bytes()), ("l", b"one line"), ("l", b""),
                         ("l", b"last, without an end")]
    assert found[6][1] == b"alone" and len(found[6][0]) == 36
    missing = run("put", "missing", "x", "--endpoint", riacho.url)
    assert missing.returncode == 1 and "ResourceNotFoundException" in missing.stderr and missing.stdout == ""


def test_put_takes_several_records(riacho, kinesis, make_stream):
    stream = make_stream()
    # Each as it was given: none of them means a list, nothing, or standard input.
    given = ["first", "[1, 2]", "{}", "", "two words", *(f"record {i}" for i in range(600))]
    done = run("put", stream, *given, "--key", "k", "--endpoint", riacho.url)
    assert done.returncode == 0 and done.stderr == ""
    assert [r["Data"].decode() for r in read_all(kinesis, stream)] == given
    numbers = [r["SequenceNumber"] for r in read_all(kinesis, stream)]
    assert done.stdout.splitlines() == [f"shardId-000000000000 {number}" for number in numbers]
    dashes = run("put", stream, "--endpoint", riacho.url, "--", "-x", "--")
    assert dashes.returncode == 0 and [r["Data"] for r in read_all(kinesis, stream)[-2:]] == [b"-x", b"--"]
    alone = run("put", stream, "{}", "--endpoint", riacho.url)
    assert len(alone.stdout.splitlines()) == 1 and read_all(kinesis, stream)[-1]["Data"] == b"{}"
    refused = run("put", stream, "a", "b", "--key", "k" * 257, "--endpoint", riacho.url)
    assert refused.returncode == 1 and "record 1 was refused" in refused.stderr


def test_records_without_a_key_are_spread(riacho, kinesis, make_stream):
    stream = make_stream(2)
    lines = "".join(f"{i}\n" for i in range(1200))
    assert run("put", stream, "--endpoint", riacho.url, stdin=lines).stderr == "1200 records\n"
    shards = [[r["Data"] for r in read_all(kinesis, stream, shard)] for shard in "01"]
    assert min(map(len, shards)) > 300 and sorted(int(d) for shard in shards for d in shard) == list(range(1200))
    run("put", stream, "right", "--hash-key", str(2**128 - 1), "--endpoint", riacho.url)
    assert read_all(kinesis, stream, "1")[-1]["Data"] == b"right"


def test_a_line_that_is_typed_goes_at_once(riacho, kinesis, make_stream):
    stream = make_stream()
    with subprocess.Popen([BINARY, "put", stream, "--endpoint", riacho.url], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        for count in (1, 2):
            process.stdin.write(b"line\n")
            process.stdin.flush()
            deadline = time.monotonic() + 30
            while len(read_all(kinesis, stream)) < count:
                assert time.monotonic() < deadline
        process.stdin.close()
        assert process.wait(30) == 0 and process.stderr.read() == b"2 records\n"
