"""Applications that run: from the records of a stream to the rows of another. K numbers: items of the conformance list."""

import json
import re
import time
import urllib.request
import uuid

import pytest
from applications import COLUMNS, COPY, Api, api, app, error, records_of, rows_of, v2, wait_rows  # noqa: F401 (fixtures)
from conftest import put_many, wait_active

COUNT = """CREATE OR REPLACE STREAM "OUT" (TICKER VARCHAR(4), N INTEGER, TOTAL INTEGER);
CREATE OR REPLACE PUMP "P" AS INSERT INTO "OUT" SELECT STREAM TICKER, COUNT(*), SUM(PRICE)
FROM "SOURCE_SQL_STREAM_001" GROUP BY TICKER, STEP("SOURCE_SQL_STREAM_001".ROWTIME BY INTERVAL '1' SECOND);"""


def tickers(count, first=1, ticker="AMZN"):
    return [json.dumps({"TICKER": ticker, "PRICE": price}).encode() for price in range(first, first + count)]


def prices(rows):
    return sorted(row["PRICE"] for row in rows)


@pytest.fixture
def pair(make_stream):
    """A stream to read and one to write."""
    return make_stream(), make_stream()


def test_a_filter(api, app, kinesis, pair):
    """K11, K39, K82, K89 (NOW skips what was there)."""
    source, sink = pair
    put_many(kinesis, source, tickers(5, first=1000))
    api.create(app, COPY, [api.input(source)], [api.output(sink)])
    api.start(app)
    assert api.status(app) in ("STARTING", "RUNNING")
    assert api.wait(app, "RUNNING")[0] in ("STARTING", "RUNNING")
    put_many(kinesis, source, tickers(3) + [b'{"TICKER":"ZERO","PRICE":0}'] + [b'{"PRICE":4,"TICKER":"AMZN"}{"TICKER":"TOOLONG","PRICE":5}'])
    rows = wait_rows(kinesis, sink, lambda rows: len(rows) >= 5)
    assert sorted(rows, key=lambda row: row["PRICE"]) == [
        {"TICKER": "AMZN", "PRICE": 1}, {"TICKER": "AMZN", "PRICE": 2}, {"TICKER": "AMZN", "PRICE": 3}, {"TICKER": "AMZN", "PRICE": 4},
        {"TICKER": "TOOL", "PRICE": 5}]
    assert records_of(kinesis, sink)[0]["Data"] == b'{"TICKER":"AMZN","PRICE":1}'
    assert api.describe(app)["InputDescriptions"][0]["InputStartingPositionConfiguration"] == {"InputStartingPosition": "NOW"}
    assert error(api.start, app)[0] == "ResourceInUseException"
    api.stop(app)
    assert api.wait(app, "READY")[0] in ("STOPPING", "READY")
    assert api.version_of(app) == 1


def test_windows_close_by_the_clock(v2, app, kinesis, pair):
    """K74, K85: an idle source holds no window open, and nothing is emitted for empty windows."""
    source, sink = pair
    v2.create(app, COUNT, [v2.input(source)], [v2.output(sink)])
    v2.run(app)
    put_many(kinesis, source, tickers(10) + tickers(5, ticker="MSFT"))
    began = time.monotonic()
    rows = wait_rows(kinesis, sink, lambda rows: sum(row["N"] for row in rows) == 15, timeout=10)
    assert time.monotonic() - began < 4
    totals = {}
    for row in rows:
        totals[row["TICKER"]] = totals.get(row["TICKER"], 0) + row["TOTAL"]
    assert totals == {"AMZN": 55, "MSFT": 15} and len(rows) <= 4
    time.sleep(1.5)
    assert len(rows_of(kinesis, sink)) == len(rows)


def test_positions(v2, app, kinesis, pair):
    """K89: LAST_STOPPED_POINT goes on without a gap, TRIM_HORIZON begins with the oldest, NOW skips."""
    source, sink = pair
    put_many(kinesis, source, tickers(3, first=1))
    v2.create(app, COPY, [v2.input(source)], [v2.output(sink)])
    v2.run(app, "TRIM_HORIZON")
    wait_rows(kinesis, sink, lambda rows: prices(rows) == [1, 2, 3])
    v2.halt(app)
    put_many(kinesis, source, tickers(3, first=10))
    v2.run(app, "LAST_STOPPED_POINT")
    wait_rows(kinesis, sink, lambda rows: prices(rows) == [1, 2, 3, 10, 11, 12])
    v2.halt(app)
    put_many(kinesis, source, tickers(2, first=20))
    v2.run(app, "NOW")
    put_many(kinesis, source, tickers(1, first=30))
    rows = wait_rows(kinesis, sink, lambda rows: 30 in prices(rows))
    assert prices(rows) == [1, 2, 3, 10, 11, 12, 30]
    # A new run: the same rows again, under other keys.
    v2.halt(app)
    v2.run(app, "TRIM_HORIZON")
    wait_rows(kinesis, sink, lambda rows: len(rows) == 7 + 9)


def test_a_stop_keeps_open_windows(v2, app, kinesis, pair):
    """K88, K89"""
    source, sink = pair
    code = COUNT.replace("INTERVAL '1' SECOND", "INTERVAL '1' HOUR")
    v2.create(app, code, [v2.input(source)], [v2.output(sink)])
    v2.run(app)
    put_many(kinesis, source, tickers(10))
    wait_metric(v2, kinesis, app, "riacho_application_records_total", 10)
    v2.halt(app)
    assert rows_of(kinesis, sink) == []
    # Counted behind the stop, and what the window held before it: with another window length the state is another's.
    v2.update_code(app, code + "\n-- the same")
    v2.run(app, "LAST_STOPPED_POINT")
    put_many(kinesis, source, tickers(5))
    wait_metric(v2, kinesis, app, "riacho_application_records_total", 5)
    assert metric(v2, app, "riacho_application_state_bytes") > 0


def test_a_reshard_of_the_source(v2, app, kinesis, make_stream):
    source, sink = make_stream(2), make_stream()
    v2.create(app, COUNT, [v2.input(source)], [v2.output(sink)])
    v2.run(app)
    sent = 0
    for target in (4, 2, 3):
        kinesis.update_shard_count(StreamName=source, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
        while kinesis.describe_stream_summary(StreamName=source)["StreamDescriptionSummary"]["StreamStatus"] != "ACTIVE":
            for i in range(20):
                kinesis.put_record(StreamName=source, Data=tickers(1)[0], PartitionKey=uuid.uuid4().hex)
            sent += 20
        for i in range(20):
            kinesis.put_record(StreamName=source, Data=tickers(1)[0], PartitionKey=uuid.uuid4().hex)
        sent += 20
    wait_rows(kinesis, sink, lambda rows: sum(row["N"] for row in rows) == sent)


def test_parallel_streams(v2, app, kinesis, make_stream):
    """K16: shards are spread over in-application streams, and a stream takes rows of several pumps (K84)."""
    source, sink = make_stream(4), make_stream()
    code = 'CREATE STREAM "OUT" (TICKER VARCHAR(4), PRICE INTEGER);' + "".join(
        f'CREATE PUMP "P{i}" AS INSERT INTO "OUT" SELECT STREAM TICKER, PRICE FROM "SOURCE_SQL_STREAM_00{i}";' for i in (1, 2))
    v2.create(app, code, [v2.input(source, count=2)], [v2.output(sink)])
    v2.run(app)
    for price in range(40):
        kinesis.put_record(StreamName=source, Data=tickers(1, first=price)[0], PartitionKey=uuid.uuid4().hex)
    wait_rows(kinesis, sink, lambda rows: prices(rows) == list(range(40)))


def test_csv_and_metadata(v2, app, kinesis, pair):
    """K36, K37"""
    source, sink = pair
    columns = [{"Name": "TICKER", "SqlType": "VARCHAR(4)"}, {"Name": "PRICE", "SqlType": "INTEGER"}]
    code = """CREATE STREAM "OUT" (TICKER VARCHAR(4), PRICE INTEGER, K VARCHAR(512), Q VARCHAR(128), S VARCHAR(64));
    CREATE PUMP "P" AS INSERT INTO "OUT" SELECT STREAM TICKER, PRICE, PARTITION_KEY, SEQUENCE_NUMBER, SHARD_ID FROM "SOURCE_SQL_STREAM_001";"""
    v2.create(app, code, [v2.input(source, columns=columns, kind="CSV")], [v2.output(sink), v2.output(sink, kind="CSV")])
    v2.run(app)
    put = kinesis.put_record(StreamName=source, Data=b"AMZN,1,more\nMSFT,2\n", PartitionKey="the key")
    deadline = time.monotonic() + 20
    while len(records_of(kinesis, sink)) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    data = sorted(record["Data"] for record in records_of(kinesis, sink))
    place = f"the key,{put['SequenceNumber']},{put['ShardId']}"
    assert data[:2] == [f"AMZN,1,{place}\n".encode(), f"MSFT,2,{place}\n".encode()]
    assert json.loads(data[2]) == {"TICKER": "AMZN", "PRICE": 1, "K": "the key", "Q": put["SequenceNumber"], "S": put["ShardId"]}


def test_the_error_stream(v2, app, kinesis, pair):
    """K33, K40, K87"""
    source, sink = pair
    v2.create(app, COPY, [v2.input(source)], [v2.output(sink, name="error_stream")])
    v2.run(app)
    kinesis.put_record(StreamName=source, Data=b'{"TICKER":"AMZN","PRICE":12.5}', PartitionKey="k")
    rows = wait_rows(kinesis, sink, lambda rows: rows)
    assert bytes.fromhex(rows[0]["DATA_ROW"]) == b'{"TICKER":"AMZN","PRICE":12.5}'
    assert {"ERROR_TIME", "ERROR_LEVEL", "ERROR_NAME", "MESSAGE", "DATA_ROWTIME", "PUMP_NAME"} <= rows[0].keys()


def test_output_names_are_exact(v2, app, kinesis, pair, make_stream, riacho):
    """K40: OUT is another name than out."""
    source, sink = pair
    other = make_stream()
    v2.create(app, COPY, [v2.input(source)], [v2.output(sink), v2.output(other, name="out")])
    v2.run(app)
    put_many(kinesis, source, tickers(2))
    wait_rows(kinesis, sink, lambda rows: prices(rows) == [1, 2])
    assert rows_of(kinesis, other) == []
    assert "Output out names no in-application stream" in riacho.log.read_text()


def test_a_destination_that_comes_late(v2, app, kinesis, make_stream, name):
    """K41, K90: nothing is lost, and the application waits."""
    source = make_stream()
    v2.create(app, COPY, [v2.input(source)], [v2.output(name)])
    v2.run(app)
    put_many(kinesis, source, tickers(500))
    wait_metric(v2, kinesis, app, "riacho_application_delivery_failures_total", 1)
    kinesis.create_stream(StreamName=name, ShardCount=1)
    wait_active(kinesis, name)
    wait_rows(kinesis, name, lambda rows: prices(rows) == list(range(1, 501)))
    kinesis.delete_stream(StreamName=name)


def test_a_source_that_comes_late(v2, app, kinesis, make_stream, name, riacho):
    """Spec 4.1: it is RUNNING, and the log says why nothing comes."""
    sink = make_stream()
    v2.create(app, COPY, [v2.input(name)], [v2.output(sink)])
    v2.run(app, "TRIM_HORIZON")
    assert "There is a problem related to the configuration of your input." in riacho.log.read_text()
    kinesis.create_stream(StreamName=name, ShardCount=1)
    wait_active(kinesis, name)
    put_many(kinesis, name, tickers(3))
    wait_rows(kinesis, sink, lambda rows: prices(rows) == [1, 2, 3])
    kinesis.delete_stream(StreamName=name)


def test_a_source_that_is_created_again(v2, app, kinesis, make_stream, name):
    """One that gets the name of a deleted stream is read from its first record on."""
    sink = make_stream()
    v2.create(app, COPY, [v2.input(name)], [v2.output(sink)])
    for price in (1, 2):
        kinesis.create_stream(StreamName=name, ShardCount=1)
        wait_active(kinesis, name)
        if price == 1:
            v2.run(app)
        put_many(kinesis, name, tickers(1, first=price))
        wait_rows(kinesis, sink, lambda rows: prices(rows) == list(range(1, price + 1)))
        kinesis.delete_stream(StreamName=name)
        kinesis.get_waiter("stream_not_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})


def test_an_update_while_running(v2, app, kinesis, pair):
    """K11: UPDATING, then RUNNING with the new code, without a gap."""
    source, sink = pair
    v2.create(app, COPY, [v2.input(source)], [v2.output(sink)])
    v2.run(app)
    put_many(kinesis, source, tickers(3))
    wait_rows(kinesis, sink, lambda rows: prices(rows) == [1, 2, 3])
    v2.update_code(app, COPY.replace("TICKER, PRICE FROM", "TICKER, PRICE * 100 FROM"))
    put_many(kinesis, source, tickers(3))
    assert v2.wait(app, "RUNNING")[0] in ("UPDATING", "RUNNING")
    wait_rows(kinesis, sink, lambda rows: prices(rows) == [1, 2, 3, 100, 200, 300])
    assert v2.version_of(app) == 2


def metric(api, app, name, **labels):
    page = urllib.request.urlopen(api.client.meta.endpoint_url + "/metrics").read().decode()
    found = [line for line in page.splitlines() if line.startswith(name + "{") and f'application="{app}"' in line
             and all(f'{key}="{value}"' in line for key, value in labels.items())]
    return float(found[0].rsplit(" ", 1)[1]) if found else 0


def wait_metric(api, client, app, name, at_least, **labels):
    deadline = time.monotonic() + 20
    while metric(api, app, name, **labels) < at_least:
        assert time.monotonic() < deadline, name
        time.sleep(0.05)


def test_metrics(v2, app, kinesis, pair):
    source, sink = pair
    v2.create(app, COPY, [v2.input(source)], [v2.output(sink)])
    v2.run(app)
    put_many(kinesis, source, tickers(20))
    wait_rows(kinesis, sink, lambda rows: len(rows) == 20)
    wait_metric(v2, kinesis, app, "riacho_application_records_total", 20, flow="Output", id="1.1")
    assert metric(v2, app, "riacho_application_records_total", flow="Input", id="1.1") == 20
    assert metric(v2, app, "riacho_application_bytes_total", flow="Input") == sum(map(len, tickers(20)))
    assert metric(v2, app, "riacho_application_millis_behind_latest") == 0
    v2.halt(app)
    assert metric(v2, app, "riacho_application_records_total", flow="Input") == 0


def test_sequence_of_deletes(v2, app, kinesis, pair):
    """A running application is deleted, and one of its name begins with nothing of it."""
    source, sink = pair
    v2.create(app, COPY, [v2.input(source)], [v2.output(sink)])
    v2.run(app)
    put_many(kinesis, source, tickers(3))
    wait_rows(kinesis, sink, lambda rows: len(rows) == 3)
    v2.delete(app)
    v2.wait_gone(app)
    v2.create(app, COPY, [v2.input(source)], [v2.output(sink)])
    v2.run(app, "LAST_STOPPED_POINT")  # there is none: as NOW
    put_many(kinesis, source, tickers(1, first=7))
    wait_rows(kinesis, sink, lambda rows: prices(rows) == [1, 2, 3, 7])


def test_discover(v2, kinesis, make_stream):
    """K23, K24, K25"""
    stream = make_stream()
    discover = lambda **position: v2.client.discover_input_schema(
        ResourceARN=f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}", ServiceExecutionRole="arn:aws:iam::000000000000:role/r",
        InputStartingPositionConfiguration=position)
    assert error(discover, InputStartingPosition="TRIM_HORIZON")[0] == "UnableToDetectSchemaException"
    put_many(kinesis, stream, [b'{"USER@DOMAIN":"a@b","PRICE":12,"ok":true,"year":2020}'])
    found = discover(InputStartingPosition="TRIM_HORIZON")
    assert found["InputSchema"]["RecordFormat"]["RecordFormatType"] == "JSON"
    columns = {column["Name"]: column for column in found["InputSchema"]["RecordColumns"]}
    assert set(columns) == {"COL_USERDOMAIN", "PRICE", "ok", "COL_year"}
    assert columns["COL_USERDOMAIN"]["SqlType"] == "VARCHAR(4)" and columns["ok"]["SqlType"] == "BOOLEAN"
    assert found["RawInputRecords"] == ['{"USER@DOMAIN":"a@b","PRICE":12,"ok":true,"year":2020}']
    # Nothing comes: the newest records.
    assert discover()["InputSchema"] == found["InputSchema"]
    code, text = error(v2.client.discover_input_schema, ServiceExecutionRole="arn:aws:iam::000000000000:role/r")
    assert code == "InvalidArgumentException"
