"""The AWS SDK for Go v2. Numbers in brackets: items of the conformance list (data-streams specification, section 10)."""

import time

import pytest

import programs
import tour
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
