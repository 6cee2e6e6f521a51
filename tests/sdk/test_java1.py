"""Version 1 of the AWS SDK for Java, used by the Kinesis Agent and KCL 1. Numbers in brackets: items of the conformance list."""

import time

import pytest

import programs
import tour
from analytics.applications import ACCOUNT, COPY, stream_arn, wait_rows


@pytest.mark.parametrize("encoding", ["cbor", "json"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_tour(riacho, kinesis, name, tmp_path, scheme, encoding):
    """[19] [63] [81] CBOR by default. Without CBOR this SDK sends milliseconds instead of seconds, which AWS refuses too."""
    flags = programs.truststore(riacho, tmp_path) if scheme == "https" else []
    flags += ["-Dcom.amazonaws.sdk.disableCbor=true"] if encoding == "json" else []
    url = riacho.tls_url if scheme == "https" else riacho.url
    seen = programs.run([*programs.build_java("java1"), *flags, "riacho.Tour", url, name])
    tour.check(seen, kinesis, name)
    if encoding == "cbor":
        assert (seen["times"], seen["missing_from_first"], seen["after_last"]) == (None, 0, 0)
    else:
        assert seen["times"]["type"] == "InvalidArgumentException"
        assert seen["times"]["message"].startswith("The timestampInMillis parameter cannot be greater than the currentTimestampInMillis.")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_analytics(riacho, kinesis, make_stream, tmp_path, scheme):
    """SQL applications, version 1 of the API: create, start, rows, stop, delete."""
    flags = programs.truststore(riacho, tmp_path) if scheme == "https" else []
    url = riacho.tls_url if scheme == "https" else riacho.url
    source, sink = make_stream(), make_stream()
    application = f"a-{source}"
    arns = [stream_arn(source), stream_arn(sink)]
    with programs.Running([*programs.build_java("java1"), *flags, "riacho.Analytics", url, application, *arns, COPY]) as program:
        rows = wait_rows(kinesis, sink, lambda rows: len(rows) >= 99, timeout=60)
        assert sorted(row["PRICE"] for row in rows) == list(range(1, 100))
        program.process.stdin.write("\n")
        program.process.stdin.flush()
        assert program.process.wait(timeout=60) == 0
        program.reader.join()
        seen = program.lines[-1]
    assert seen.pop("created") == {"arn": f"arn:aws:kinesisanalytics:us-east-1:{ACCOUNT}:application/{application}", "status": "READY"}
    described = seen.pop("described")
    assert abs(described.pop("created_ms") - time.time() * 1000) < 120_000
    assert described == {"code": COPY, "version": 1, "streams": ["SOURCE_SQL_STREAM_001"], "source": arns[0], "row_path": "$",
                         "columns": ["TICKER VARCHAR(4) $.TICKER", "PRICE INTEGER $.PRICE"], "sink": arns[1]}
    errors = {name: (error["type"], error["status"]) for name, error in seen.pop("errors").items()}
    assert errors == {"missing": ("ResourceNotFoundException", 400), "running": ("ResourceInUseException", 400),
                      "version": ("ConcurrentModificationException", 400)}
    seen.pop("last_status", None)
    assert seen == {"position": "TRIM_HORIZON", "failed": 0, "gone": 400}
