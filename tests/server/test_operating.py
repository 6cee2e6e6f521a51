"""Operation of a server as documented in docs/operations.md: settings, pages, exit codes, shutdown, verify, users."""

import collections
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest
from conftest import BINARY, ROOT, iterator, put_many, read_all, wait_active


def run(*arguments, **environment):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=30, check=False,
                          env={k: v for k, v in os.environ.items() if not k.startswith("RIACHO_")} | environment)


def page(server, path):
    with urllib.request.urlopen(server.url + path, timeout=10) as reply:
        return reply.read().decode()


def metrics(server):
    """{name: {labels as text: value}}"""
    found = collections.defaultdict(dict)
    for line in page(server, "/metrics").splitlines():
        if not line.startswith("#"):
            name, labels, value = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups()
            found[name][labels or ""] = float(value)
    return found


def test_threads_have_the_names_that_the_architecture_lists(riacho_server):
    server = riacho_server("--create-stream", "s:1")
    put_many(server.client(), "s", [b"x"])

    def names_now():
        return [path.read_text().strip() for path in pathlib.Path(f"/proc/{server.pid}/task").glob("*/comm")]

    deadline = time.monotonic() + 20  # a thread names itself when it first runs
    while (names := names_now()).count("riacho") > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert names.count("riacho") == 1, names  # the main thread
    text = ROOT.joinpath("ARCHITECTURE.md").read_text()
    table = text[text.index("## Threads"):text.index("Threads are scheduled in batches")]
    listed = " ".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| ")).replace(",", " ").replace(";", " ").split()
    for name in set(names) - {"riacho"}:
        assert ("cores" if name.startswith("core-") else name) in listed, name


def test_health_shows_the_durability(riacho_server):
    for flags, shown in (([], "sync"), (["--durability", "interval:50"], "interval:50"), (["--durability", "os"], "os")):
        health = json.loads(page(riacho_server(*flags), "/health"))
        assert health["status"] == "ok" and health["store"] == "ok"
        assert health["durability"].split(":")[0] == shown.split(":")[0]


def test_live_and_ready(riacho_server):
    server = riacho_server()
    assert json.loads(page(server, "/health/live")) == {"status": "live"}
    assert json.loads(page(server, "/health/ready")) == {"status": "ready", "log": "ok", "catalog": "ok", "stopping": False}
    with pytest.raises(urllib.error.HTTPError) as missing:
        page(server, "/health/other")
    assert missing.value.code == 403


def test_metrics_count_what_was_done(riacho_server, name):
    """[89]"""
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    for _ in range(3):
        client.put_record(StreamName=name, Data=b"12345678", PartitionKey="kk")
    put_many(client, name, [b"x" * 100] * 50)
    assert len(read_all(client, name)) == 53
    found = metrics(server)

    def value(figure):
        (sample,) = [value for labels, value in found[f"riacho_kinesis_{figure}"].items() if f'"{name}"' in labels]
        return sample

    assert value("IncomingRecords_total") == 53
    assert value("IncomingBytes_total") == 3 * 10 + 50 * 101
    assert value("PutRecord_Success_total") == 3
    assert value("PutRecord_Bytes_total") == 30
    assert value("PutRecords_Success_total") == 1
    assert value("PutRecords_TotalRecords_total") == 50
    assert value("PutRecords_SuccessfulRecords_total") == 50
    assert value("PutRecords_FailedRecords_total") == 0
    assert value("GetRecords_Records_total") == 53
    assert value("GetRecords_Bytes_total") == 3 * 10 + 50 * 101
    assert value("GetRecords_IteratorAgeMilliseconds") == 0
    assert value("PutRecord_Latency_count" if "riacho_kinesis_PutRecord_Latency_count" in found else "PutRecord_Latency_seconds_count") == 3


def test_metrics_of_enhanced_fan_out(riacho_server, name):
    """[89]"""
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    arn = wait_active(client, name)["StreamARN"]
    consumer = client.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    while client.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]["ConsumerStatus"] != "ACTIVE":
        time.sleep(0.005)
    put_many(client, name, [b"123456789"] * 20)

    def subscribe():
        return client.subscribe_to_shard(ConsumerARN=consumer, ShardId="shardId-000000000000",
                                         StartingPosition={"Type": "TRIM_HORIZON"})["EventStream"]

    events = subscribe()
    assert len(next(iter(events))["SubscribeToShardEvent"]["Records"]) == 20
    with pytest.raises(client.exceptions.ResourceInUseException):
        subscribe()
    found = metrics(server)
    figures = {figure: value for figure, samples in found.items() for labels, value in samples.items() if 'consumer="c"' in labels}
    events.close()
    expected = {"SubscribeToShard_Success_total": 1, "SubscribeToShard_RateExceeded_total": 1, "SubscribeToShardEvent_Success_total": 1,
                "SubscribeToShardEvent_Records_total": 20, "SubscribeToShardEvent_Bytes_total": 200,
                "SubscribeToShardEvent_MillisBehindLatest": 0}
    assert figures == {f"riacho_kinesis_{figure}": value for figure, value in expected.items()}


def test_metrics_of_what_is_throttled(riacho_server, name):
    """[89]"""
    server = riacho_server("--limits", "aws", "--transition-delay", "0")
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    client.enable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=["WriteProvisionedThroughputExceeded", "ReadProvisionedThroughputExceeded"])
    entries = [{"Data": b"x" * 102_400, "PartitionKey": "k"}] * 20
    throttled = client.put_records(StreamName=name, Records=entries)["FailedRecordCount"]
    with pytest.raises(client.exceptions.ProvisionedThroughputExceededException):
        client.put_record(StreamName=name, Data=bytes(1_000_000), PartitionKey="k")  # nearly a second's worth
    position, reads = iterator(client, name), 0
    with pytest.raises(client.exceptions.ProvisionedThroughputExceededException):
        while reads < 20:
            client.get_records(ShardIterator=position, Limit=1)
            reads += 1
    assert 8 <= throttled <= 11 and reads >= 5
    found = {figure.removeprefix("riacho_kinesis_"): value for figure, samples in metrics(server).items()
             for labels, value in samples.items() if f'stream="{name}"' in labels}
    expected = {"PutRecords_TotalRecords": 20, "PutRecords_SuccessfulRecords": 20 - throttled, "PutRecords_ThrottledRecords": throttled,
                "PutRecords_FailedRecords": 0, "PutRecords_Success": 1, "PutRecords_Bytes": (20 - throttled) * 102_401,
                "PutRecord_Success": 0, "PutRecord_Failure": 1, "WriteProvisionedThroughputExceeded": throttled + 1,
                "GetRecords_Success": reads, "GetRecords_Failure": 1, "ReadProvisionedThroughputExceeded": 1,
                "Shard_WriteProvisionedThroughputExceeded": throttled + 1, "Shard_ReadProvisionedThroughputExceeded": 1}
    assert {figure: found.get(f"{figure}_total") for figure in expected} == expected


def test_metrics_by_shard(riacho_server, name):
    """[89] The metrics that EnableEnhancedMonitoring enables, from then on."""
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=2)
    wait_active(client, name)

    def put(key):
        client.put_record(StreamName=name, Data=b"1234567", PartitionKey="k", ExplicitHashKey=str(key))

    def found():
        """{metric: {shard index: value}}"""
        of_shards = collections.defaultdict(dict)
        for figure, samples in metrics(server).items():
            for labels, value in samples.items():
                if shard := re.search(r'shard="shardId-(\d{12})"', labels):
                    assert f'stream="{name}"' in labels and figure.startswith("riacho_kinesis_Shard_")
                    of_shards[figure.removeprefix("riacho_kinesis_Shard_")][int(shard[1])] = value
        return of_shards

    put(0)
    assert found() == {}
    client.enable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=["ALL"])
    put(0)
    client.put_records(StreamName=name, Records=[{"Data": b"123", "PartitionKey": "k", "ExplicitHashKey": str(key)}
                                                 for key in (0, 2**128 - 1, 2**128 - 1)])
    client.get_records(ShardIterator=iterator(client, name, "1"))
    time.sleep(0.05)
    client.get_records(ShardIterator=iterator(client, name, "0"), Limit=1)
    seen = found()
    assert seen.pop("IteratorAgeMilliseconds")[0] >= 50
    assert seen == {"IncomingBytes_total": {0: 12, 1: 8}, "IncomingRecords_total": {0: 2, 1: 2},
                    "OutgoingBytes_total": {0: 8, 1: 8}, "OutgoingRecords_total": {0: 1, 1: 2},
                    "WriteProvisionedThroughputExceeded_total": {0: 0, 1: 0}, "ReadProvisionedThroughputExceeded_total": {0: 0, 1: 0}}
    client.disable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=["ALL"])
    client.enable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=["IncomingRecords"])
    put(0)
    assert found() == {"IncomingRecords_total": {0: 3, 1: 2}}
    server.kill()
    server.start()
    client = server.client()
    put(2**128 - 1)
    assert found() == {"IncomingRecords_total": {1: 1}}, "the setting is kept, the figures are this process's"
    client.disable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=["ALL"])
    assert found() == {}


def test_sigterm_finishes_what_is_in_flight(riacho_server, name):
    server = riacho_server("--fault-header")
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    replies = []

    def put():
        body = {"StreamName": name, "Data": "eA==", "PartitionKey": "k"}
        replies.append(server.raw().call("PutRecord", body, **{"X-Riacho-Fault": "delay=700"}))

    threads = [threading.Thread(target=put) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    assert server.stop() == 0
    for thread in threads:
        thread.join()
    assert [reply.status for reply in replies] == [200] * 8
    server.start()
    assert len(read_all(server.client(), name)) == 8


def test_sigterm_ends_what_only_waits(riacho_server, name):
    """A call that waits for records of a queue is answered at once, so that stopping does not take 20 seconds."""
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    arn = wait_active(client, name)["StreamARN"]
    raw = server.raw()
    start = [{"StreamARN": arn, "StartingPosition": {"Type": "LATEST"}}]
    queue = raw.call("CreateQueue", {"QueueName": "q", "StreamConfigurationList": start}).json["QueueDescription"]["QueueARN"]
    while raw.call("DescribeQueue", {"QueueARN": queue}).json["QueueDescription"]["QueueStatus"] != "ACTIVE":
        time.sleep(0.005)
    replies = []

    def receive():
        replies.append(raw.call("ReceiveQueueRecords", {"QueueARN": queue, "WaitTimeSeconds": 20}))

    thread = threading.Thread(target=receive)
    thread.start()
    time.sleep(0.3)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 5
    thread.join()
    assert replies[0].status == 200 and replies[0].json["QueueRecords"] == []


def test_everything_survives_a_restart(riacho_server, name):
    server = riacho_server("--auth", "sigv4")
    user = server.user("add", "ana")
    def client():
        return server.client(key=user["access_key_id"], secret=user["secret_access_key"])
    client().create_stream(StreamName=name, ShardCount=2, Tags={"a": "b"})
    wait_active(client(), name)
    client().increase_stream_retention_period(StreamName=name, RetentionPeriodHours=72)
    arn = client().describe_stream(StreamName=name)["StreamDescription"]["StreamARN"]
    client().register_stream_consumer(StreamARN=arn, ConsumerName="c")
    numbers = put_many(client(), name, [b"%d" % i for i in range(1000)])
    position = iterator(client(), name, "1")

    def state():
        return [client().describe_stream(StreamName=name)["StreamDescription"], client().list_tags_for_stream(StreamName=name)["Tags"],
                [c["ConsumerARN"] for c in client().list_stream_consumers(StreamARN=arn)["Consumers"]],
                sorted(r["SequenceNumber"] for shard in "01" for r in read_all(client(), name, shard))]

    before = state()
    assert before[3] == sorted(numbers)
    for end in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
        server.stop(end)
        server.start()
        assert state() == before
    client().get_records(ShardIterator=position)
    assert server.stop() == 0
    assert run("verify", "--data-dir", server.data_dir).returncode == 0


def test_a_copy_of_the_directory_is_a_snapshot(riacho_server, tmp_path, name):
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    numbers = put_many(client, name, [b"x"] * 100)
    server.stop()
    subprocess.run(["cp", "-a", server.data_dir, tmp_path / "copy"], check=True)
    server.start()
    put_many(server.client(), name, [b"later"] * 10)
    copy = riacho_server(data_dir=tmp_path / "copy")
    assert [r["SequenceNumber"] for r in read_all(copy.client(), name)] == numbers


def test_flag_beats_variable_beats_file_beats_default(tmp_path):
    file = tmp_path / "riacho.toml"
    file.write_text('transition-delay = 1\naccount = "111111111111"\nregion = "sa-east-1"\ncreate-stream = ["a:2", "b"]\n')
    shown = run("config", "--config", file, "--region", "eu-west-1", RIACHO_ACCOUNT="222222222222", RIACHO_REGION="ap-east-1").stdout

    def line(setting):
        return next(text for text in shown.splitlines() if text.startswith(f"{setting} "))

    assert "eu-west-1" in line("region") and "flag" in line("region")
    assert "222222222222" in line("account") and "RIACHO_ACCOUNT" in line("account")
    assert re.search(r"\b1\b", line("transition-delay")) and str(file) in line("transition-delay")
    assert "sync" in line("durability") and "default" in line("durability")
    again = tmp_path / "again.toml"
    again.write_text(shown)
    assert run("config", "--config", again).returncode == 0


def test_settings_from_a_file_and_the_environment_are_obeyed(riacho_server, tmp_path):
    file = tmp_path / "riacho.toml"
    file.write_text('create-stream = ["orders:3", "clicks"]\n')
    server = riacho_server("--config", str(file), environment={"RIACHO_ACCOUNT": "123456789012", "RIACHO_LOG_FORMAT": "json"})
    client = server.client()
    assert client.list_streams()["StreamNames"] == ["clicks", "orders"]
    description = client.describe_stream(StreamName="orders")["StreamDescription"]
    assert len(description["Shards"]) == 3 and ":123456789012:" in description["StreamARN"]
    server.stop()
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert {"listening"} <= {line["event"] for line in lines} and all(line["level"] and line["time"] for line in lines)
    assert riacho_server("--config", str(file), data_dir=server.data_dir).client().list_streams()["StreamNames"] == ["clicks", "orders"]


def test_a_served_instance_takes_the_flag_before_the_variable_before_the_file(riacho_server, tmp_path):
    file = tmp_path / "riacho.toml"
    file.write_text('durability = "os"\nregion = "sa-east-1"\ncreate-stream = ["of-the-file"]\n')
    environment = {"RIACHO_REGION": "ap-east-1", "RIACHO_CREATE_STREAM": "of-the-variable:2,second"}
    server = riacho_server("--config", str(file), "--region", "eu-west-1", environment=environment)
    client = server.client(region="eu-west-1")
    assert client.list_streams()["StreamNames"] == ["of-the-variable", "second"]
    assert ":eu-west-1:" in wait_active(client, "of-the-variable")["StreamARN"]
    for region in ("ap-east-1", "sa-east-1"):
        assert server.client(region=region).list_streams()["StreamNames"] == []
    assert json.loads(page(server, "/health"))["durability"] == "os"


def test_an_ephemeral_server_leaves_nothing(riacho_server):
    server = riacho_server("--ephemeral", "--log-format", "json")
    directory = pathlib.Path(next(json.loads(line)["data_dir"] for line in server.log.read_text().splitlines() if "data_dir" in line))
    assert directory.is_dir() and not server.data_dir.exists()
    put = server.client()
    put.create_stream(StreamName="s", ShardCount=1)
    assert server.stop() == 0
    assert not directory.exists()


def test_exit_codes(riacho_server, tmp_path):
    server = riacho_server()
    busy = run("serve", "--listen", f"127.0.0.1:{server.port}", "--data-dir", tmp_path / "other")
    assert busy.returncode == 69 and str(server.port) in busy.stderr
    locked = run("serve", "--listen", "127.0.0.1:0", "--data-dir", server.data_dir)
    assert locked.returncode == 2 and str(server.data_dir) in locked.stderr
    assert run("verify", "--data-dir", server.data_dir).returncode == 2
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "holiday.jpg").write_bytes(b"x")
    refused = run("serve", "--listen", "127.0.0.1:0", "--data-dir", foreign)
    assert refused.returncode == 78 and os.listdir(foreign) == ["holiday.jpg"]
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    assert run("serve", "--listen", "127.0.0.1:0", "--data-dir", in_the_way / "data").returncode == 78
    for bad in (["serve", "--no-such-flag"], ["serve", "--durability", "maybe"], ["serve", "--listen", "nonsense"], ["no-such-command"],
                ["serve", "--account", "12"], ["serve", "--limits", "some"], ["serve", "--kms-key", "x"]):
        assert run(*bad).returncode == 64, bad
    assert run("serve", RIACHO_DURABILITY="maybe").returncode == 64
    unknown = tmp_path / "unknown.toml"
    unknown.write_text("no-such-setting = 1\n")
    assert run("config", "--config", unknown).returncode == 64


def test_a_directory_that_cannot_be_written(tmp_path):
    directory = tmp_path / "ours"
    directory.mkdir()
    os.chmod(directory, 0o555)
    if os.access(directory, os.W_OK):
        # Root can write everywhere except where the kernel forbids it.
        directory = pathlib.Path("/proc/riacho")
    refused = run("serve", "--listen", "127.0.0.1:0", "--data-dir", directory)
    assert refused.returncode == 78 and str(directory) in refused.stderr


def test_help_and_version():
    assert re.fullmatch(r"riacho \d+\.\d+\.\d+\n", run("--version").stdout)
    clients = (["tail"], ["export"], ["import"], ["verify"], ["user"], ["user", "add"], ["clock"])
    for command in ([], ["serve"], ["config"], *clients):
        shown = run(*command, "--help")
        assert shown.returncode == 0 and "--help" in shown.stdout
        if command in ([], *clients):
            assert all(len(line) <= 80 for line in shown.stdout.splitlines()), shown.stdout


def test_the_flag_wins_over_the_variable_in_every_subcommand(riacho_server, tmp_path):
    server = riacho_server("--auth", "sigv4", "--test-clock")
    server.user("add", "ana")
    elsewhere = {"RIACHO_DATA_DIR": str(tmp_path / "elsewhere")}
    assert "ana" in run("user", "list", "--data-dir", server.data_dir, **elsewhere).stdout
    assert run("clock", "1", "--data-dir", server.data_dir, **elsewhere).returncode == 0
    assert run("verify", "--data-dir", server.data_dir, **elsewhere).returncode == 2
    file = tmp_path / "riacho.toml"
    file.write_text(f'data-dir = "{server.data_dir}"\n')
    for command, status in ((["user", "list"], 0), (["clock", "1"], 0), (["verify"], 2)):
        assert run(*command, "--config", file).returncode == status
        assert run(*command, RIACHO_CONFIG=str(file)).returncode == status
        assert run(*command, "--config", file, **elsewhere).returncode != status, "the variable comes before the file"
    assert not (tmp_path / "elsewhere").exists()


def test_a_wrong_directory_is_named_and_left_alone(tmp_path):
    for directory in (tmp_path / "missing", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        for command in (["user", "add", "ana"], ["user", "list"], ["verify"]):
            refused = run(*command, "--data-dir", directory)
            assert refused.returncode == 78 and refused.stdout == "" and f"{directory} (--data-dir)" in refused.stderr
        refused = run("clock", "1", RIACHO_DATA_DIR=str(directory))
        assert refused.returncode == 1 and f"{directory} (RIACHO_DATA_DIR)" in refused.stderr
    assert not (tmp_path / "missing").exists() and os.listdir(tmp_path / "empty") == []


def test_a_misspelt_variable_is_named(riacho_server):
    environment = {"RIACHO_LISTN": "x", "RIACHO_DURABILTY": "os", "RIACHO_SERVICE_HOST": "10.0.0.1", "RIACHO_PORT": "tcp://10.0.0.1:4566",
                   "RIACHO_PORT_4566_TCP_ADDR": "10.0.0.1", "RIACHO_ACCOUNT": "222222222222"}
    told = run("config", **environment)
    assert told.returncode == 0 and told.stderr == "riacho: warning: no setting is named by RIACHO_DURABILTY, RIACHO_LISTN\n"
    assert run("config", RIACHO_ACCOUNT="222222222222").stderr == ""
    server = riacho_server("--log-format", "json", environment=environment)
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert [line["name"] for line in lines if line["event"] == "unknown variable"] == ["RIACHO_DURABILTY", "RIACHO_LISTN"]


def test_the_debug_log_has_a_line_for_each_call(riacho_server, name):
    server = riacho_server("--auth", "sigv4", "--log-level", "debug", "--log-format", "json")
    user = server.user("add", "ana")
    keys = {"key": user["access_key_id"], "secret": user["secret_access_key"]}
    client = server.client(**keys)
    client.create_stream(StreamName=name, ShardCount=1)
    arn = wait_active(client, name)["StreamARN"]
    client.put_record(StreamARN=arn, PartitionKey="a-partition-key", Data=b"some data")
    client.get_records(ShardIterator=iterator(client, name))
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.put_record(StreamName="missing", PartitionKey="k", Data=b"")
    token = "a-session-token"
    for refused in (server.client(key=user["access_key_id"], secret="wrong", token=token), server.client(key="AKIDUNKNOWN", secret="x"),
                    server.client(**keys, token=token), server.client(key=user["secret_access_key"].replace("/", "-"), secret="y")):
        with pytest.raises(refused.exceptions.ClientError):
            refused.list_streams()
    text = server.log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    calls = [line for line in lines if line["event"] == "call"]
    seen = {(c["operation"], c["stream"], c["status"], c["error"]) for c in calls}
    assert {("CreateStream", name, 200, ""), ("PutRecord", name, 200, ""), ("GetRecords", name, 200, ""),
            ("PutRecord", "missing", 400, "ResourceNotFoundException"), ("ListStreams", "", 400, "InvalidSignatureException"),
            ("ListStreams", "", 400, "UnrecognizedClientException")} <= seen
    assert all(0 <= call["ms"] < 60_000 for call in calls)
    reasons = [line["reason"] for line in lines if line["event"] == "signature refused"]
    assert reasons == ["The request signature we calculated does not match the signature you provided", "there is no such access key",
                       "the session token is not the access key's", "there is no such access key"]
    for secret in (user["secret_access_key"], user["secret_access_key"].replace("/", "-"), token, "a-partition-key", "Signature="):
        assert secret not in text


def damage(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 0x40]))


def test_verify_names_the_damaged_place(riacho_server, name):
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    marker = b"a record that will be damaged"
    put_many(client, name, [marker] * 10)
    server.stop()
    assert run("verify", "--data-dir", server.data_dir).returncode == 0
    segment = next(path for path in (server.data_dir / "data").rglob("*") if path.is_file() and marker in path.read_bytes())
    damage(segment, segment.read_bytes().index(marker) + 3)
    found = run("verify", "--data-dir", server.data_dir)
    assert found.returncode == 65 and segment.name in found.stdout + found.stderr


def test_verify_tells_lost_records_from_those_that_segments_have(riacho_server, name):
    """The same damaged byte of the journal is damage after a crash, and a note after a shutdown has written the segments."""
    marker = b"a record that will be damaged"
    for end, code, word in ((signal.SIGKILL, 65, "DAMAGE"), (signal.SIGTERM, 0, "note")):
        server = riacho_server()
        client = server.client()
        client.create_stream(StreamName=name, ShardCount=1)
        wait_active(client, name)
        put_many(client, name, [marker] * 10)
        put_many(client, name, [b"later"] * 10)
        server.stop(end)
        (journal,) = [path for path in (server.data_dir / "journal").iterdir() if marker in path.read_bytes()]
        damage(journal, journal.read_bytes().index(marker) + 3)
        found = run("verify", "--data-dir", server.data_dir)
        assert found.returncode == code, found.stdout + found.stderr
        assert re.search(rf"^{word} {re.escape(str(journal))} at \d+: ", found.stdout, re.MULTILINE)


def test_verify_covers_catalog_keyring_and_certificate(riacho_server, name):
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    put_many(client, name, [b"x"] * 10)
    server.stop()

    def verify():
        return run("verify", "--data-dir", server.data_dir)

    sound = verify()
    assert sound.returncode == 0 and all(part in sound.stdout for part in ("catalog: 1 stream, 0 credentials, ", "keyring: ", "certificate: "))
    aside = server.data_dir.parent
    catalog, keyring = server.data_dir / "catalog.sqlite", server.data_dir / "keyring"
    first = server.data_dir / "journal" / "j-0000000000000001.rkj"
    catalog.rename(aside / catalog.name)
    found = verify()
    assert found.returncode == 0 and f"note {catalog} is not there yet" in found.stdout, "the journal has all of it"
    first.rename(aside / first.name)
    found = verify()
    assert found.returncode == 65 and f"DAMAGE {catalog} is missing" in found.stdout, found.stdout
    (aside / first.name).rename(first)
    (aside / catalog.name).rename(catalog)
    keyring.rename(aside / keyring.name)
    found = verify()
    assert found.returncode == 66 and "DAMAGE" in found.stdout and str(keyring) in found.stdout, found.stdout
    (aside / keyring.name).rename(keyring)
    keyring.chmod(0o644)
    assert verify().returncode == 66
    keyring.chmod(0o600)
    sealed = keyring.read_text()
    keyring.write_text("0" * 64 + "\n")
    found = verify()
    assert found.returncode == 66 and f"DAMAGE {keyring} is not the one" in found.stdout
    keyring.write_text(sealed)
    key = server.data_dir / "tls-key.pem"
    other = riacho_server()
    good = key.read_bytes()
    key.write_bytes((other.data_dir / "tls-key.pem").read_bytes())
    found = verify()
    assert found.returncode == 65 and str(server.data_dir / "tls-") in found.stdout
    key.write_bytes(good)
    key.rename(server.data_dir.parent / "tls-key.pem")
    found = verify()
    assert found.returncode == 0 and f"note {key} is not there, the other one of the pair is" in found.stdout


def test_users_with_and_without_a_running_server(riacho_server):
    server = riacho_server("--auth", "sigv4")
    ana = server.user("add", "ana", "--account", "111111111111")
    assert ana["account"] == "111111111111"
    assert run("user", "add", "ana", "--data-dir", server.data_dir).returncode == 1
    client = server.client(key=ana["access_key_id"], secret=ana["secret_access_key"])
    client.list_streams()
    rotated = server.user("rotate", "ana")
    with pytest.raises(client.exceptions.ClientError, match="UnrecognizedClientException"):
        client.list_streams()
    server.stop()
    rui = server.user("add", "rui")
    users = server.user("list")
    assert {"ana", "rui"} <= {user["user"] for user in (users if isinstance(users, list) else users["users"])}
    server.start()
    for key in (rotated, rui):
        server.client(key=key["access_key_id"], secret=key["secret_access_key"]).list_streams()
    server.user("remove", "rui")
    gone = server.client(key=rui["access_key_id"], secret=rui["secret_access_key"])
    with pytest.raises(gone.exceptions.ClientError, match="UnrecognizedClientException"):
        gone.list_streams()


def test_the_port_is_only_announced_once_it_answers(riacho_server):
    server = riacho_server()
    with socket.create_connection((server.host, server.port), timeout=1):
        pass
    assert json.loads(page(server, "/health"))["status"] == "ok"


def test_dangerous_settings_are_named_at_start(riacho_server):
    quiet = riacho_server("--metrics-listen", "127.0.0.1:0")
    assert "dangerous" not in quiet.log.read_text()
    server = riacho_server("--metrics-listen", "0.0.0.0:0", "--fault", "delay=1", "--fault-header", "--time-scale", "2", "--insecure", "--kms-key", "k=denied")
    lines = [line for line in server.log.read_text().splitlines() if "dangerous setting" in line]
    for setting in ("fault", "fault-header", "time-scale", "test-clock", "insecure", "kms-key", "metrics-listen"):
        assert sum(f"setting={setting} " in line for line in lines) == 1, (setting, lines)


def test_sighup_ends_as_sigterm_does(riacho_server, name):
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    assert server.stop(signal.SIGHUP) == 0
    assert "signal=SIGHUP" in server.log.read_text()
    wait_active(server.start().client(), name)


def test_a_service_manager_is_told(riacho_server, tmp_path):
    """sd_notify(3): ready when connections are accepted, stopping when a signal came; an abstract name, and a path."""
    for path in (f"@riacho-notify-{os.getpid()}", str(tmp_path / "notify")):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path.replace("@", "\0"))
            manager.settimeout(20)
            server = riacho_server(started=False, environment={"NOTIFY_SOCKET": path})
            server.start()
            assert manager.recv(64) == b"READY=1"
            assert json.loads(page(server, "/health/ready"))["status"] == "ready"
            assert server.stop() == 0
            assert manager.recv(64) == b"STOPPING=1"


def test_a_service_manager_gives_a_replay_time(riacho_server, name, tmp_path):
    """A start that reads a long journal asks for more time than TimeoutStartSec as it gets on, and no longer when it is ready."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(20)
        server = riacho_server("--create-stream", name, environment={"NOTIFY_SOCKET": path})
        assert manager.recv(64) == b"READY=1"
        put_many(server.client(), name, [b"replayed"] * 100)
        server.kill()
        server.start()
        assert [manager.recv(128) for _ in range(3)] == [b"EXTEND_TIMEOUT_USEC=600000000\nSTATUS=reading the journal", b"STATUS=", b"READY=1"]


def test_a_service_manager_is_not_told_of_a_start_that_fails(riacho_server, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "strange").write_text("not riacho's")
        done = run("serve", "--listen", "127.0.0.1:0", "--data-dir", tmp_path / "data", NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert done.returncode == 78
        manager.setblocking(False)
        with pytest.raises(BlockingIOError):
            manager.recv(64)
