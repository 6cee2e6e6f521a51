"""A SQL application in a running server: how many records a second go from PutRecords through a filter to a stream, beside PutRecords
alone, and how long one row takes on an idle machine. `python3 tests/bench/application.py` runs it by itself; run.py is `make bench`.
"""

import argparse
import base64
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import run

shards = 4
columns = [("TICKER_SYMBOL", "VARCHAR(4)"), ("SECTOR", "VARCHAR(16)"), ("CHANGE", "REAL"), ("PRICE", "REAL")]
# Every record passes: what is measured is the way, not what it leaves out.
code = """CREATE OR REPLACE STREAM "OUT" (TICKER_SYMBOL VARCHAR(4), SECTOR VARCHAR(16), CHANGE REAL, PRICE REAL);
CREATE OR REPLACE PUMP "P" AS INSERT INTO "OUT"
SELECT STREAM TICKER_SYMBOL, SECTOR, CHANGE, PRICE FROM "SOURCE_SQL_STREAM_001" WHERE PRICE > 0;"""


def arn(stream):
    return f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}"


def application_call(server, operation, body):
    return json.loads(server.call(f"KinesisAnalytics_20150814.{operation}", body))


def start_application(server, text, columns):
    """An application named `app` from the stream `in` to the stream `out` that reads what comes from now on."""
    role = "arn:aws:iam::000000000000:role/bench"
    application_call(server, "CreateApplication", {
        "ApplicationName": "app", "ApplicationCode": text,
        "Inputs": [{"NamePrefix": "SOURCE_SQL_STREAM", "KinesisStreamsInput": {"ResourceARN": arn("in"), "RoleARN": role},
                    "InputSchema": {"RecordEncoding": "UTF-8",
                                    "RecordFormat": {"RecordFormatType": "JSON",
                                                     "MappingParameters": {"JSONMappingParameters": {"RecordRowPath": "$"}}},
                                    "RecordColumns": [{"Name": name, "Mapping": f"$.{name}", "SqlType": kind} for name, kind in columns]}}],
        "Outputs": [{"Name": "OUT", "KinesisStreamsOutput": {"ResourceARN": arn("out"), "RoleARN": role},
                     "DestinationSchema": {"RecordFormatType": "JSON"}}]})
    application_call(server, "StartApplication", {"ApplicationName": "app", "InputConfigurations": [
        {"Id": "1.1", "InputStartingPositionConfiguration": {"InputStartingPosition": "NOW"}}]})
    while application_call(server, "DescribeApplication", {"ApplicationName": "app"})["ApplicationDetail"]["ApplicationStatus"] != "RUNNING":
        time.sleep(0.02)


def delivered(server):
    found = re.search(r'riacho_application_records_total\{[^}]*flow="Output"[^}]*\} (\d+)', server.page("/metrics"))
    return int(found[1]) if found else 0


def ticker(number):
    symbol, sector = (("AMZN", "TECHNOLOGY"), ("ASD", "FINANCIAL"), ("DFG", "HEALTHCARE"), ("WAS", "RETAIL"), ("QXZ", "ENERGY"))[number % 5]
    return {"TICKER_SYMBOL": symbol, "SECTOR": sector, "CHANGE": round((number % 41 - 20) / 10, 2), "PRICE": 1 + number % 1000 + 0.25}


def put_all(server, body, requests):
    """Seconds that so many PutRecords take over 8 connections."""
    command = ["h2load", "--h1", "-t", "1", "-c", "8", "-n", str(requests), "-d", str(body)]
    for name, value in (run.aws_headers | {"x-amz-target": run.full_target("PutRecords")}).items():
        command += ["-H", f"{name}: {value}"]
    began = time.monotonic()
    output = subprocess.run([*command, f"http://127.0.0.1:{server.port}/"], capture_output=True, text=True, check=True).stdout
    seconds = time.monotonic() - began
    if f"{requests} succeeded" not in output:
        raise RuntimeError(f"not every PutRecords succeeded\n{output}")
    return seconds


def measure_flow(work, settings):
    """Records a second from PutRecords to the output stream, beside PutRecords alone, in the same rounds."""
    run.progress("PutRecords through a SQL filter to a stream, beside PutRecords alone")
    requests = 400 if settings.rounds < 3 else 1600
    content = {"StreamName": "in", "Records": [{"Data": base64.b64encode(json.dumps(ticker(n)).encode()).decode(), "PartitionKey": f"key-{n}"}
                                               for n in range(run.batch)]}
    body = run.write_body(work, "tickers.json", content)
    through, alone = [], []
    for number in range(settings.rounds):
        for has_application in ((False, True) if number % 2 == 0 else (True, False)):
            directory = work / f"application-{number}-{has_application}"
            with run.Server(directory) as server:
                for stream in ("in", "out"):
                    server.create_stream(stream, shards)
                if has_application:
                    start_application(server, code, columns)
                began = time.monotonic()
                seconds = put_all(server, body, requests)
                if has_application:
                    while delivered(server) < requests * run.batch:
                        if time.monotonic() - began > 300:
                            raise RuntimeError(f"{delivered(server)} of {requests * run.batch} rows came out")
                        time.sleep(0.01)
                    seconds = time.monotonic() - began
            (through if has_application else alone).append(requests * run.batch / seconds)
            shutil.rmtree(directory)
    return run.compared(through, alone)


def measure_delay(work, settings):
    """Milliseconds from the acknowledgement of a record to its row at a subscriber of the output stream."""
    run.progress("delay of a row through a SQL filter")
    count = 100 if settings.rounds < 3 else 300
    directory = work / "application-delay"
    text = 'CREATE STREAM "OUT" (N INTEGER); CREATE PUMP "P" AS INSERT INTO "OUT" SELECT STREAM N FROM "SOURCE_SQL_STREAM_001" WHERE N >= 0;'
    delays = []
    with run.Server(directory) as server:
        for stream in ("in", "out"):
            server.create_stream(stream, 1)
        consumer = json.loads(server.call("RegisterStreamConsumer", {"StreamARN": arn("out"), "ConsumerName": "c"}))["Consumer"]["ConsumerARN"]
        start_application(server, text, [("N", "INTEGER")])
        time.sleep(0.2)
        subscriber = run.Subscriber(server, consumer)
        arrived = {}

        def receive():
            tail = b""
            while True:
                try:
                    part = subscriber.socket.recv(65536)
                except OSError:  # closed: the measurement is over
                    return
                now = time.monotonic()
                if not part:
                    return
                tail += part
                end = 0
                for found in re.finditer(rb'"Data":"([A-Za-z0-9+/=]+)"', tail):
                    arrived[json.loads(base64.b64decode(found[1]))["N"]] = now
                    end = found.end()
                tail = tail[end:]

        threading.Thread(target=receive, daemon=True).start()
        connection = run.http.client.HTTPConnection("127.0.0.1", server.port)
        acknowledged, puts = [], []
        for number in range(count):
            sent = time.monotonic()
            data = base64.b64encode(json.dumps({"N": number}).encode()).decode()
            connection.request("POST", "/", json.dumps({"StreamName": "in", "Data": data, "PartitionKey": "k"}),
                               run.aws_headers | {"x-amz-target": run.full_target("PutRecord")})
            connection.getresponse().read()
            acknowledged.append(time.monotonic())
            puts.append((acknowledged[-1] - sent) * 1000)
            time.sleep(0.02)
        deadline = time.monotonic() + 30
        while len(arrived) < count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(arrived)} of {count} rows came out")
            time.sleep(0.05)
        delays = sorted((arrived[n] - acknowledged[n]) * 1000 for n in range(count))
        subscriber.socket.close()
    shutil.rmtree(directory)
    return {"p50_ms": statistics.median(delays), "p99_ms": delays[int(count * 0.99)], "put_ms": statistics.median(puts)}


def measure(work, settings):
    return {"flow": measure_flow(work, settings), "delay": measure_delay(work, settings)}


def rows(figures):
    flow, delay = figures["flow"], figures["delay"]
    return [("SQL: records from PutRecords through a filter to a stream, beside PutRecords alone", f"{flow['ours']:,.0f}/s",
             f"{flow['theirs']:,.0f}/s", f"{flow['ratio']:.2f}", "0.40"),
            ("SQL: from a put's acknowledgement to the row at a subscriber of the output", f"{delay['p50_ms']:.1f} ms",
             f"the put: {delay['put_ms']:.1f} ms", f"{delay['p50_ms'] / delay['put_ms']:.2f}", "5 ms"),
            ("... 99th percentile", f"{delay['p99_ms']:.1f} ms", "", "", "")]


def main():
    parser = argparse.ArgumentParser(description="a SQL application in a running server")
    parser.add_argument("--quick", action="store_true")
    settings = run.Settings(parser.parse_args().quick)
    (run.root / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=run.root / "build", prefix="bench-") as name:
        figures = measure(pathlib.Path(name), settings)
    print("| | riacho | beside it | ratio | target |\n|---|---|---|---|---|")
    for row in rows(figures):
        print(f"| {' | '.join(row)} |")
    json.dump(figures, sys.stderr)


if __name__ == "__main__":
    main()
