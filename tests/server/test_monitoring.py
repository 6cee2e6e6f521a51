"""The metrics as Prometheus sees them: its own linter, its own server, and the dashboard of packaging/grafana."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import matroska as mkv
import pytest
from conftest import BINARY, ROOT, Riacho, iterator, put_many, wait_active
from video_client import Video

DASHBOARD = ROOT / "packaging" / "grafana" / "riacho.json"
ROLE = "arn:aws:iam::111111111111:role/delivery"
SQL = """CREATE OR REPLACE STREAM "OUT" (TICKER VARCHAR(4), PRICE INTEGER);
CREATE OR REPLACE PUMP "P" AS INSERT INTO "OUT" SELECT STREAM TICKER, PRICE FROM "SOURCE_SQL_STREAM_001";"""


def tool(name):
    """A program of Debian's package prometheus, which tools/setup.sh unpacks without installing its service."""
    found = shutil.which(name, path=f"{ROOT}/.tools/prometheus/usr/bin:{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{name} is not there: tools/setup.sh test")
    return found


def get(url, host=None):
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Host": host} if host else {}), timeout=30) as reply:
        return reply.read().decode()


def samples(page, name):
    """{labels: value} of one metric."""
    return {m[1] or "": float(m[2]) for m in re.finditer(rf"^{name}(?:\{{(.*)\}})? (\S+)$", page, re.MULTILINE)}


def active(call, *path):
    deadline = time.monotonic() + 30
    while True:
        found = call()
        for key in path:
            found = found[key]
        if found in ("ACTIVE", "RUNNING"):
            return
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


class Load:
    """Everything that has metrics, at work: streams, a consumer, a queue, delivery streams, an application, a camera."""

    def __init__(self, server):
        self.server = server
        self.client = client = server.client()
        client.create_stream(StreamName="load", ShardCount=1)
        client.create_stream(StreamName="rows", ShardCount=1)
        self.arn = wait_active(client, "load")["StreamARN"]
        wait_active(client, "rows")
        consumer = client.register_stream_consumer(StreamARN=self.arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
        active(lambda: client.describe_stream_consumer(ConsumerARN=consumer), "ConsumerDescription", "ConsumerStatus")
        client.enable_enhanced_monitoring(StreamName="load", ShardLevelMetrics=["ALL"])
        wait_active(client, "load")
        self.events = client.subscribe_to_shard(ConsumerARN=consumer, ShardId="shardId-000000000000", StartingPosition={"Type": "LATEST"})["EventStream"]
        threading.Thread(target=self.follow, daemon=True).start()
        self.firehose = server.client(service="firehose")
        for name, interval in (("fast", 0), ("waiting", 900)):
            self.firehose.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration={
                "RoleARN": ROLE, "BucketARN": "arn:aws:s3:::bucket", "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": interval}})
            active(lambda name=name: self.firehose.describe_delivery_stream(DeliveryStreamName=name), "DeliveryStreamDescription", "DeliveryStreamStatus")
        self.analytics = server.client(service="kinesisanalyticsv2")
        columns = [{"Name": "TICKER", "Mapping": "$.TICKER", "SqlType": "VARCHAR(4)"}, {"Name": "PRICE", "Mapping": "$.PRICE", "SqlType": "INTEGER"}]
        schema = {"RecordFormat": {"RecordFormatType": "JSON", "MappingParameters": {"JSONMappingParameters": {"RecordRowPath": "$"}}},
                  "RecordEncoding": "UTF-8", "RecordColumns": columns}
        self.analytics.create_application(ApplicationName="sql", RuntimeEnvironment="SQL-1_0", ServiceExecutionRole=ROLE, ApplicationConfiguration={
            "SqlApplicationConfiguration": {
                "Inputs": [{"NamePrefix": "SOURCE_SQL_STREAM", "KinesisStreamsInput": {"ResourceARN": self.arn}, "InputSchema": schema}],
                "Outputs": [{"Name": "OUT", "KinesisStreamsOutput": {"ResourceARN": self.arn.replace("load", "rows")},
                             "DestinationSchema": {"RecordFormatType": "JSON"}}]},
            "ApplicationCodeConfiguration": {"CodeContentType": "PLAINTEXT", "CodeContent": {"TextContent": SQL}}})
        self.analytics.start_application(ApplicationName="sql", RunConfiguration={"SqlRunConfigurations": [
            {"InputId": "1.1", "InputStartingPositionConfiguration": {"InputStartingPosition": "NOW"}}]})
        active(lambda: self.analytics.describe_application(ApplicationName="sql"), "ApplicationDetail", "ApplicationStatus")
        self.video = Video(server)
        self.video.create("camera")
        self.seed = 0

    def follow(self):
        with contextlib.suppress(Exception):
            for _ in self.events:
                pass

    def step(self):
        """A little of everything."""
        self.seed += 1
        put_many(self.client, "load", [b'{"TICKER":"AMZN","PRICE":%d}' % i for i in range(50)])
        self.client.put_record(StreamName="load", PartitionKey="k", Data=b'{"TICKER":"AMZN","PRICE":1}')
        self.client.get_records(ShardIterator=iterator(self.client, "load"))
        with contextlib.suppress(self.client.exceptions.ResourceNotFoundException):
            self.client.describe_stream(StreamName="missing")
        for name in ("fast", "waiting"):
            self.firehose.put_record(DeliveryStreamName=name, Record={"Data": b"a line\n"})
        self.video.send("camera", [mkv.header(), *(mkv.fragment(t, seed=self.seed * 10 + t) for t in (0, 400))], start=1_700_000_000 + self.seed)


@pytest.fixture(scope="module")
def loaded():
    """A server under load, whose metrics have a port of their own."""
    server = Riacho("--metrics-listen", "127.0.0.1:0", "--log-format", "json").start()
    try:
        load = Load(server)
        load.step()
        (line,) = [json.loads(line) for line in server.log.read_text().splitlines() if "listening for metrics" in line]
        load.metrics_address = line["address"]
        yield load
    finally:
        server.close()


def test_metrics_pass_promtool_but_for_names_of_cloudwatch(loaded):
    page = get(f"http://{loaded.metrics_address}/metrics")
    done = subprocess.run([tool("promtool"), "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    problems = (done.stdout + done.stderr).splitlines()
    assert problems, "the names of CloudWatch are not what promtool likes"
    # CloudWatch's names, one to one: capitals, and units that are not Prometheus'.
    cloudwatch = re.compile(r"riacho_(kinesis|firehose|video)_\w*[A-Z]\w* |riacho_application_millis_behind_latest ")
    assert [line for line in problems if not cloudwatch.match(line)] == []
    for line in problems:
        assert re.search("'snake_case' not 'camelCase'|abbreviated units|base unit", line), line


def test_build_and_process_are_shown(loaded):
    page = get(f"http://{loaded.metrics_address}/metrics")
    (labels,) = samples(page, "riacho_build_info")
    assert re.search(r'version="\d+\.\d+\.\d+"', labels) and "compiler=" in labels
    pid = loaded.server.pid

    def value(name):
        return samples(page, name)[""]

    assert abs(value("process_open_fds") - len(os.listdir(f"/proc/{pid}/fd"))) < 64
    with open(f"/proc/{pid}/limits") as limits:
        assert value("process_max_fds") == int(re.search(r"Max open files +(\d+)", limits.read())[1])
    rss = int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) * 1024
    assert rss / 2 < value("process_resident_memory_bytes") < rss * 2 and value("process_virtual_memory_bytes") > rss / 2
    assert 0 < value("process_cpu_seconds_total") < 3600 and abs(time.time() - value("process_start_time_seconds")) < 3600


@pytest.mark.timeout(300)  # the directory is measured once a minute
def test_disk_space_is_shown_in_total_and_by_stream(loaded):
    deadline = time.monotonic() + 120
    while True:  # segments are written at the next checkpoint, and the directory is measured once a minute
        page = get(f"http://{loaded.metrics_address}/metrics")
        by_stream = {re.search(r'stream="(.*?)"', labels)[1]: value for labels, value in samples(page, "riacho_stream_stored_bytes").items()}
        if by_stream.get("load", 0) > 0:
            break
        assert time.monotonic() < deadline, by_stream
        time.sleep(0.5)
    assert {"load", "rows", "camera", "fast", "waiting"} <= set(by_stream)
    kinds = {re.search(r'kind="(.*?)"', labels)[1] for labels in samples(page, "riacho_stream_stored_bytes")}
    assert {"stream", "delivery stream", "video stream", "application"} <= kinds
    space = os.statvfs(loaded.server.data_dir)
    assert samples(page, "riacho_disk_size_bytes")[""] == space.f_blocks * space.f_frsize
    assert 0 < samples(page, "riacho_disk_free_bytes")[""] <= space.f_blocks * space.f_frsize
    parts = {labels.split('"')[1]: value for labels, value in samples(page, "riacho_stored_bytes").items()}
    assert set(parts) == {"journal", "data", "catalog", "buckets", "other"} and parts["journal"] > 0 and parts["catalog"] > 0
    assert parts["data"] >= sum(by_stream.values()) > 0


def test_streams_without_number_do_not_make_series_without_number(riacho_server):
    """Streams beyond the largest hundred are one series."""
    names = ",".join(f"s{i}" for i in range(130))
    server = riacho_server(environment={"RIACHO_CREATE_STREAM": names})
    deadline = time.monotonic() + 120
    while not (found := samples(get(server.url + "/metrics"), "riacho_stream_stored_bytes")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(found) == 101 and sum('kind="others"' in labels for labels in found) == 1


def test_metrics_can_have_a_port_of_their_own(loaded, riacho_server):
    server, metrics = loaded.server, f"http://{loaded.metrics_address}"
    assert "riacho_build_info" in get(metrics + "/metrics")
    assert json.loads(get(metrics + "/health/ready"))["status"] == "ready" and json.loads(get(metrics + "/health"))["status"] == "ok"

    def refusal(url, **options):
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(url, **options)
        return refused.value.code, refused.value.read().decode()

    assert refusal(server.url + "/metrics") == (404, "Metrics have a port of their own here: see --metrics-listen.\n")
    for path in ("/", "/stream", "/_riacho/users/list"):
        assert refusal(metrics + path)[0] == 404
    client = server.client(endpoint_url=metrics)
    with pytest.raises(client.exceptions.ClientError):
        client.list_streams()
    assert refusal(metrics + "/metrics", host="attacker.example")[0] == 403, "the names of an attacker's DNS are not trusted there either"
    assert json.loads(get(server.url + "/health"))["status"] == "ok"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = subprocess.run([BINARY, "serve", "--ephemeral", "--listen", "127.0.0.1:0", "--metrics-listen", f"127.0.0.1:{taken.getsockname()[1]}"],
                              capture_output=True, text=True, timeout=60, check=False)
        assert busy.returncode == 69 and str(taken.getsockname()[1]) in busy.stderr
    wrong = subprocess.run([BINARY, "serve", "--metrics-listen", "nonsense"], capture_output=True, text=True, timeout=60, check=False)
    assert wrong.returncode == 64 and "metrics-listen" in wrong.stderr


class Prometheus:
    """A real Prometheus that scrapes one server every half second."""

    def __init__(self, folder, target):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        (folder / "prometheus.yml").write_text(json.dumps({"global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
                                                           "scrape_configs": [{"job_name": "riacho", "static_configs": [{"targets": [target]}]}]}))
        self.log = folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([tool("prometheus"), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                                             f"--web.listen-address={self.url.removeprefix('http://')}"], stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                get(self.url + "/-/ready")
                return
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def ask(self, path, **parameters):
        reply = json.loads(get(f"{self.url}/api/v1/{path}?" + urllib.parse.urlencode(parameters)))
        assert reply["status"] == "success", reply
        return reply["data"]

    def value(self, expression):
        return self.ask("query", query=expression)["result"]

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def prometheus(loaded, tmp_path_factory):
    one = Prometheus(tmp_path_factory.mktemp("prometheus"), loaded.metrics_address)
    yield one
    one.close()


def queries():
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"].replace("$job", ".*").replace("$instance", ".*").replace("$__rate_interval", "20s")
            assert "$" not in expression, expression
            yield panel["title"], expression


@pytest.mark.timeout(300)
def test_every_query_of_the_dashboard_gives_data(loaded, prometheus):
    missing = dict.fromkeys(queries())
    assert len(missing) > 50
    deadline = time.monotonic() + 90
    while missing:
        loaded.step()
        for key in list(missing):
            result = prometheus.value(key[1])
            # A quantile of nothing is NaN.
            if any(float(series["value"][1]) == float(series["value"][1]) for series in result):
                del missing[key]
        assert time.monotonic() < deadline, sorted(missing)
    # And they tell the truth.
    assert float(prometheus.value('sum(rate(riacho_kinesis_IncomingRecords_total{stream="load"}[20s]))')[0]["value"][1]) > 1
    assert prometheus.value("up")[0]["value"][1] == "1"


def test_the_variables_of_the_dashboard_have_values(loaded, prometheus):
    loaded.step()
    variables = json.loads(DASHBOARD.read_text())["templating"]["list"]
    assert [v["name"] for v in variables] == ["datasource", "job", "instance"]
    deadline = time.monotonic() + 30
    while not (found := prometheus.value("riacho_build_info")):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert found[0]["metric"]["job"] == "riacho" and found[0]["metric"]["instance"] == loaded.metrics_address


def test_the_dashboard_names_only_metrics_that_exist(loaded, prometheus):
    loaded.step()
    page = get(f"http://{loaded.metrics_address}/metrics")
    known = set(re.findall(r"^# TYPE (\S+)", page, re.MULTILINE))
    used = {name for _, expression in queries() for name in re.findall(r"\b(?:riacho|process)_\w+", expression)}
    assert used and {re.sub("_bucket$", "", name) for name in used} <= known
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) and all(panel["title"] for panel in panels)
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels]
    assert len(set(places)) == len(places) and all(p["gridPos"]["x"] + p["gridPos"]["w"] <= 24 for p in panels)
