"""Other destinations than data streams, what shows rows while an application runs, and what bounds it."""

import gzip
import json
import pathlib
import re
import subprocess
import time
import urllib.request

import conftest
from applications import ACCOUNT, COPY, Api, rows_of, stream_arn, wait_rows
from conftest import put_many, wait_active
from test_run import COUNT, metric, tickers, wait_metric


def one(server, code, outputs, shards=1):
    """A running application "a" over a stream "in"."""
    kinesis = server.client()
    kinesis.create_stream(StreamName="in", ShardCount=shards)
    wait_active(kinesis, "in")
    api = Api(server, 2)
    api.create("a", code, [api.input()], outputs)
    api.run("a")
    return api, kinesis


def test_a_delivery_stream_as_destination(riacho_server):
    """Rows end with a line end, so that files have lines."""
    server = riacho_server()
    firehose = server.client(service="firehose")
    firehose.create_delivery_stream(DeliveryStreamName="d", DeliveryStreamType="DirectPut", ExtendedS3DestinationConfiguration={
        "RoleARN": f"arn:aws:iam::{ACCOUNT}:role/r", "BucketARN": "arn:aws:s3:::bucket", "BufferingHints": {"IntervalInSeconds": 1, "SizeInMBs": 1}})
    deadline = time.monotonic() + 20
    while firehose.describe_delivery_stream(DeliveryStreamName="d")["DeliveryStreamDescription"]["DeliveryStreamStatus"] != "ACTIVE":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    output = {"Name": "OUT", "KinesisFirehoseOutput": {"ResourceARN": f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/d"},
              "DestinationSchema": {"RecordFormatType": "JSON"}}
    api, kinesis = one(server, COPY, [output])
    put_many(kinesis, "in", tickers(20))
    wait_metric(api, kinesis, "a", "riacho_application_records_total", 20, flow="Output")
    deadline = time.monotonic() + 30
    rows = []
    while len(rows) < 20:
        assert time.monotonic() < deadline
        time.sleep(0.2)
        files = [path for path in (server.data_dir / "buckets").rglob("*") if path.is_file() and not path.name.startswith(".")]
        data = b"".join(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in sorted(files))
        rows = [json.loads(line) for line in data.splitlines()]
    assert sorted(row["PRICE"] for row in rows) == list(range(1, 21))


def test_peek(riacho_server):
    server = riacho_server()
    kinesis = server.client()
    kinesis.create_stream(StreamName="out", ShardCount=1)
    wait_active(kinesis, "out")
    api, kinesis = one(server, COPY, [])
    peek = lambda stream, *flags: subprocess.run([conftest.BINARY, "peek", "a", stream, "--data-dir", str(server.data_dir), *flags],
                                                 capture_output=True, text=True)
    assert peek("OUT", "--seconds", "0").stdout == ""
    put_many(kinesis, "in", tickers(3))
    shown = [json.loads(line) for line in peek("OUT").stdout.splitlines()]
    assert [line["row"]["PRICE"] for line in shown] == [1, 2, 3]
    assert abs(shown[0]["ROWTIME"] / 1000 - time.time()) < 60
    assert peek("NOWHERE").returncode == 1 and "no such in-application stream" in peek("NOWHERE").stderr
    api.halt("a")
    assert "does not run" in peek("OUT").stderr


def test_memory_has_a_bound(riacho_server):
    """Above its bound an application reads no more, says so, and goes on when windows have closed."""
    server = riacho_server("--memory-limit", "256MiB")
    kinesis = server.client()
    kinesis.create_stream(StreamName="out", ShardCount=1)
    wait_active(kinesis, "out")
    api = Api(server, 2)
    columns = [{"Name": "K", "Mapping": "$.K", "SqlType": "VARCHAR(400)"}]
    code = """CREATE STREAM "OUT" (K VARCHAR(400), N INTEGER);
    CREATE PUMP "P" AS INSERT INTO "OUT" SELECT STREAM K, COUNT(*) FROM "SOURCE_SQL_STREAM_001"
    GROUP BY K, STEP("SOURCE_SQL_STREAM_001".ROWTIME BY INTERVAL '12' HOUR);"""
    kinesis.create_stream(StreamName="in", ShardCount=1)
    wait_active(kinesis, "in")
    api.create("a", code, [api.input(columns=columns)], [api.output()])
    api.run("a")
    number = 0
    deadline = time.monotonic() + 60
    while metric(api, "a", "riacho_application_over_memory") == 0:
        assert time.monotonic() < deadline
        put_many(kinesis, "in", ["".join(json.dumps({"K": f"{first + i:0>390}"}) for i in range(100)).encode()
                                 for first in range(number, number + 1_000, 100)])
        number += 1_000
    before = metric(api, "a", "riacho_application_records_total", flow="Input")
    put_many(kinesis, "in", [b'{"K":"behind"}'] * 10)
    time.sleep(1.5)
    assert metric(api, "a", "riacho_application_records_total", flow="Input") <= before + 4_096
    assert metric(api, "a", "riacho_application_millis_behind_latest") > 0
    log = server.log.read_text()
    assert "reads nothing until its state is smaller" in log and "Tumble" in log
    assert metric(api, "a", "riacho_application_state_bytes") < 64 << 20
    assert kinesis.describe_stream_summary(StreamName="in")["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE"


def test_rows_of_a_turn_leave_in_pieces(riacho_server):
    """Few bytes become many rows, which are more than the server may hold at a time; and a stream that comes after the start is read whole."""
    server = riacho_server("--memory-limit", "256MiB")
    kinesis = server.client()
    api = Api(server, 2)
    text = "x" * 20_000
    code = f"""CREATE STREAM "OUT" (PRICE INTEGER, T VARCHAR(20000));
    CREATE PUMP "P" AS INSERT INTO "OUT" SELECT STREAM PRICE, '{text}' FROM "SOURCE_SQL_STREAM_001";"""
    api.create("a", code, [api.input()], [api.output()])
    api.start("a")
    time.sleep(1.5)
    for stream in ("in", "out"):
        kinesis.create_stream(StreamName=stream, ShardCount=1)
    for stream in ("in", "out"):
        wait_active(kinesis, stream)
    count = 3_000
    put_many(kinesis, "in", [b"".join(tickers(500, first=first)) for first in range(1, count, 500)])
    deadline = time.monotonic() + 60
    while metric(api, "a", "riacho_application_records_total", flow="Output") < count:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert metric(api, "a", "riacho_application_records_total", flow="Output") == count
    assert metric(api, "a", "riacho_application_bytes_total", flow="Output") > count * 20_000


def test_a_large_window_closes_before_a_blocked_destination(riacho_server):
    """K90: its rows wait in the window, not as rows; each comes out once the destination is there, in the order of its window."""
    server = riacho_server("--memory-limit", "4GiB")
    kinesis = server.client()
    kinesis.create_stream(StreamName="in", ShardCount=1)
    wait_active(kinesis, "in")
    api = Api(server, 2)
    code = """CREATE STREAM "W" (K INTEGER, N INTEGER);
    CREATE PUMP "P" AS INSERT INTO "W" SELECT STREAM K, COUNT(*) FROM "SOURCE_SQL_STREAM_001"
    GROUP BY K, STEP("SOURCE_SQL_STREAM_001".ROWTIME BY INTERVAL '8' SECOND);
    CREATE STREAM "OUT" (K INTEGER, N INTEGER);
    CREATE PUMP "Q" AS INSERT INTO "OUT" SELECT STREAM K, N FROM "W" WHERE N > 0;"""
    api.create("a", code, [api.input(columns=[{"Name": "K", "Mapping": "$.K", "SqlType": "INTEGER"}])], [api.output()])
    api.run("a")
    count = 200_000
    put_many(kinesis, "in", ["".join(f'{{"K":{key}}}' for key in range(first, first + 1_000)).encode() for first in range(0, count, 1_000)])
    wait_metric(api, kinesis, "a", "riacho_application_records_total", count // 1_000, flow="Input")
    before = memory(server, "VmRSS")
    wait_metric(api, kinesis, "a", "riacho_application_delivery_failures_total", 2)
    time.sleep(1)
    assert memory(server, "VmHWM") < before + 48
    kinesis.create_stream(StreamName="out", ShardCount=1)
    wait_active(kinesis, "out")
    deadline = time.monotonic() + 60
    while metric(api, "a", "riacho_application_records_total", flow="Output") < count:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    rows = rows_of(kinesis, "out")
    totals = {}
    for row in rows:
        totals[row["K"]] = totals.get(row["K"], 0) + row["N"]
    assert len(totals) == count and set(totals.values()) == {1}
    assert [row["K"] for row in rows] == list(range(count))


def memory(server, field):
    """MiB of the process."""
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+)", status)[1]) / 1024


def test_one_application_starves_nobody(riacho_server):
    """Another application and puts go on while one is given more than it can do."""
    server = riacho_server()
    kinesis = server.client()
    for stream in ("in", "out", "small", "small-out"):
        kinesis.create_stream(StreamName=stream, ShardCount=1)
        wait_active(kinesis, stream)
    api = Api(server, 2)
    busy = 'CREATE STREAM "OUT" (TICKER VARCHAR(4), PRICE INTEGER);' + "".join(
        f'CREATE STREAM "S{i}" (TICKER VARCHAR(4), PRICE INTEGER); CREATE PUMP "P{i}" AS INSERT INTO "S{i}" SELECT STREAM TICKER, PRICE + {i} '
        f'FROM "SOURCE_SQL_STREAM_001" WHERE PRICE > {i};' for i in range(60))
    api.create("busy", busy, [api.input()], [api.output()])
    api.create("light", COPY, [api.input("small")], [api.output("small-out")])
    record = b"".join(tickers(2_000))
    put_many(kinesis, "in", [record] * 100)
    api.run("busy", "TRIM_HORIZON")
    api.run("light")
    for price in range(1, 6):
        began = time.monotonic()
        put_many(kinesis, "small", tickers(1, first=price))
        wait_rows(kinesis, "small-out", lambda rows: len(rows) == price)
        assert time.monotonic() - began < 3
