"""The AWS SDK for Java v2. Numbers in brackets: items of the conformance list (data-streams specification, section 10)."""

import pytest

import programs
import tour


@pytest.mark.parametrize("client", ["apache", "url-connection", "async"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_tour(riacho, kinesis, name, tmp_path, client, scheme):
    """[81] CBOR by default; async is HTTP/2: with prior knowledge on http, by ALPN on https."""
    flags = programs.truststore(riacho, tmp_path) if scheme == "https" else []
    url = riacho.tls_url if scheme == "https" else riacho.url
    seen = programs.run([*programs.build_java("java"), *flags, "riacho.Tour", client, url, name])
    stored = tour.check(seen, kinesis, name)
    if client == "async":
        tour.check_subscription(seen, stored)
        assert seen["media"] == ["application/vnd.amazon.eventstream", "application/x-amz-cbor-1.1"]
    else:
        assert seen["media"] == ["application/x-amz-cbor-1.1"]


def test_json_when_cbor_is_off(riacho, kinesis, name):
    seen = programs.run([*programs.build_java("java"), "-Daws.cborEnabled=false", "riacho.Tour", "async", riacho.url, name])
    tour.check_subscription(seen, tour.check(seen, kinesis, name))
    assert seen["media"] == ["application/vnd.amazon.eventstream", "application/x-amz-json-1.1"]
