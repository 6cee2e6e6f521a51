"""Web pages that may use the server: requests as browsers send them, and DNS rebinding. SDKs and curl are not affected."""

import http.client
import json

import pytest
import wire

TARGET = {"X-Amz-Target": "Kinesis_20131202.ListStreams", "Content-Type": wire.JSON, "X-Amz-Date": "20260101T000000Z",
          "Authorization": wire.AUTHORIZATION}


def ask(server, method, path, headers, body=b""):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            connection.putheader(name, value)
        connection.endheaders(body)
        reply = connection.getresponse()
        text = reply.read()
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, text
    finally:
        connection.close()


def is_refused(reply):
    status, headers, text = reply
    assert not any(name.startswith("access-control-") for name in headers), headers
    return status == 403 and json.loads(text)["__type"] == "AccessDeniedException"


@pytest.fixture(scope="module")
def server(riacho):
    return riacho


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://10.0.0.1"])
def test_a_page_from_elsewhere_is_refused(server, origin):
    host = f"127.0.0.1:{server.port}"
    asked = {"Host": host, "Origin": origin, "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "x-amz-target"}
    assert is_refused(ask(server, "OPTIONS", "/", asked))
    assert is_refused(ask(server, "POST", "/", {"Host": host, "Origin": origin} | TARGET, b"{}"))
    # Requests that a browser sends without a preflight.
    assert is_refused(ask(server, "POST", "/", {"Host": host, "Origin": origin, "Content-Type": "text/plain"}, b"{}"))
    for path in ("/metrics", "/health"):
        assert is_refused(ask(server, "GET", path, {"Host": host, "Origin": origin}))


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://app.localhost", "http://127.0.0.1:8888", "http://[::1]:5173"])
def test_a_page_on_a_loopback_host_is_served(server, origin):
    host = f"127.0.0.1:{server.port}"
    status, headers, text = ask(server, "POST", "/", {"Host": host, "Origin": origin} | TARGET, b"{}")
    assert status == 200 and "StreamNames" in json.loads(text)
    assert headers["access-control-allow-origin"] == "*"


def test_the_servers_own_pages_are_served_but_not_under_a_strangers_name(server):
    for host in (f"127.0.0.1:{server.port}", f"localhost:{server.port}", f"riacho:{server.port}"):
        assert ask(server, "POST", "/", {"Host": host, "Origin": f"http://{host}"} | TARGET, b"{}")[0] == 200
        assert ask(server, "GET", "/metrics", {"Host": host})[0] == 200
    rebound = f"evil.example:{server.port}"
    assert is_refused(ask(server, "POST", "/", {"Host": rebound, "Origin": f"http://{rebound}"} | TARGET, b"{}"))
    for path in ("/metrics", "/health", "/"):
        assert is_refused(ask(server, "GET", path, {"Host": rebound}))


def test_programs_may_call_under_any_name(server):
    status, headers, _ = ask(server, "POST", "/", {"Host": "kinesis.us-east-1.amazonaws.com"} | TARGET, b"{}")
    assert status == 200
    assert "access-control-allow-origin" not in headers


def test_pages_and_names_that_were_allowed(riacho_server):
    server = riacho_server("--cors-origin", "https://app.example.com", "--host-name", "kinesis.example.com")
    host = f"127.0.0.1:{server.port}"
    named = f"kinesis.example.com:{server.port}"
    call = TARGET | {"Host": host}
    assert ask(server, "POST", "/", call | {"Origin": "https://app.example.com"}, b"{}")[0] == 200
    assert is_refused(ask(server, "POST", "/", call | {"Origin": "https://other.example.com"}, b"{}"))
    assert ask(server, "GET", "/metrics", {"Host": named})[0] == 200
    assert ask(server, "POST", "/", TARGET | {"Host": named, "Origin": f"http://{named}"}, b"{}")[0] == 200


def test_a_star_opens_the_server_to_every_page(riacho_server):
    server = riacho_server("--cors-origin", "*")
    call = TARGET | {"Host": f"127.0.0.1:{server.port}", "Origin": "https://anything.example"}
    status, headers, _ = ask(server, "POST", "/", call, b"{}")
    assert status == 200 and headers["access-control-allow-origin"] == "*"
