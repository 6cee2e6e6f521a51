"""The AWS SDK for Rust. Numbers in brackets: items of the conformance list (data-streams specification, section 10)."""

import pytest

import programs
import tour


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_tour(riacho, kinesis, name, scheme):
    """[81] HTTP/1.1 on http, HTTP/2 by ALPN on https."""
    url = riacho.tls_url if scheme == "https" else riacho.url
    seen = programs.run([*programs.build_rust(), url, name], {"SSL_CERT_FILE": riacho.certificate})
    tour.check_subscription(seen, tour.check(seen, kinesis, name))
