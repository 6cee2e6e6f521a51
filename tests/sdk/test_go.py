"""The AWS SDK for Go v2. Numbers in brackets: items of the conformance list (data-streams specification, section 10)."""

import time

import pytest

import programs
import tour
from analytics.applications import ACCOUNT, COPY, stream_arn, wait_rows
from conftest import ROOT, put_many
from firehose import stores
from firehose.delivery import wait_for_lines


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_tour(riacho, kinesis, name, scheme):
    """[81] HTTP/1.1 on http, HTTP/2 by ALPN on https."""
    url = riacho.tls_url if scheme == "https" else riacho.url
    seen = programs.run([*programs.build_go(), url, name], {"AWS_CA_BUNDLE": riacho.certificate})
    tour.check_subscription(seen, tour.check(seen, kinesis, name))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_firehose(riacho_server, name, scheme):
    """Data Firehose: records into files, a sealed one among them."""
    server = riacho_server()
    store = stores.LocalFolders().attach(server)
    url = server.tls_url if scheme == "https" else server.url
    seen = programs.run([*programs.build_go("firehose"), url, name], {"AWS_CA_BUNDLE": server.certificate})
    assert abs(seen.pop("created_ms") - time.time() * 1000) < 60_000
    assert "Firehose missing under account 000000000000 not found." == seen.pop("missing")
    assert "7" in seen.pop("conflict")
    assert seen == {"arn": f"arn:aws:firehose:us-east-1:000000000000:deliverystream/{name}", "version": "1", "failed": 0, "ids": 500,
                    "encrypted": True}
    assert sorted(wait_for_lines(store, 501)) == sorted([b"sealed", *(f"r{i}".encode() for i in range(500))])


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_analytics(riacho, kinesis, make_stream, scheme):
    """SQL applications, version 2 of the API: create, start, rows, errors by their types, stop, delete."""
    url = riacho.tls_url if scheme == "https" else riacho.url
    source, sink = make_stream(), make_stream()
    application = f"a-{source}"
    command = [*programs.build_go("analytics"), url, application, stream_arn(source), stream_arn(sink), COPY]
    with programs.Running(command, {"AWS_CA_BUNDLE": riacho.certificate}) as program:
        program.wait(len)
        put_many(kinesis, source, [b'{"TICKER":"AMZN","PRICE":%d}' % price for price in range(100)])
        rows = wait_rows(kinesis, sink, lambda rows: len(rows) >= 99, timeout=60)
        assert sorted(row["PRICE"] for row in rows) == list(range(1, 100))
        program.process.stdin.write("\n")
        program.process.stdin.flush()
        assert program.process.wait(timeout=60) == 0
        program.reader.join()
        seen = program.lines[-1]
    assert abs(seen.pop("created_ms") - time.time() * 1000) < 120_000
    assert "line 1, column" in seen.pop("invalid")
    assert seen == {"arn": f"arn:aws:kinesisanalytics:us-east-1:{ACCOUNT}:application/{application}", "version": 1, "mode": "STREAMING",
                    "streams": ["SOURCE_SQL_STREAM_001"], "code": COPY, "listed": True, "gone": True,
                    "errors": {"stale": "ConcurrentModificationException", "running": "ResourceInUseException",
                               "snapshot": "UnsupportedOperationException"}}


def test_grafana_knows_every_field_of_the_dashboard(tmp_path):
    """packaging/grafana/riacho.json against Grafana's own definitions of dashboards and panels. Its queries are tried in tests/server/test_monitoring.py."""
    program = programs.build_go("dashboard")
    dashboard = ROOT / "packaging" / "grafana" / "riacho.json"
    assert programs.run([*program, dashboard]) == {"problems": [], "panels": {"stat": 6, "timeseries": 32}, "untyped": []}
    misspelt = tmp_path / "misspelt.json"
    misspelt.write_text(dashboard.read_text().replace("showLegend", "showLegand", 1))
    assert "unexpected field 'showLegand'" in str(programs.run([*program, misspelt])["problems"])
