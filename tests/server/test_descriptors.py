"""Few file descriptors: a clear refusal at start, or a small node that works and never fails later."""

import contextlib
import http.client

import pytest
from conftest import put_many, read_all, wait_active


def served_at_once(server, count):
    """The number of answered connections among `count` open ones."""
    answered = 0
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
            stack.callback(connection.close)
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection.request("GET", "/health")
                answered += connection.getresponse().read() != b""
    return answered


def test_sixty_four_are_refused_with_the_number_needed_or_are_enough(riacho_server, name):
    server = riacho_server(prefix=["prlimit", "--nofile=64:64"], started=False)
    try:
        server.start()
    except AssertionError:
        assert server.process.poll() == 78, server.log.read_text()
        assert "open files (ulimit -n) is 64, and this node needs" in server.log.read_text()
        return
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=4)
    wait_active(client, name)
    put_many(client, name, [b"x"] * 10)
    assert served_at_once(server, 3) == 3
    assert server.stop() == 0


@pytest.mark.parametrize("limit", [128, 256])
def test_few_descriptors_serve_several_connections_with_a_warning(riacho_server, name, limit):
    server = riacho_server(prefix=["prlimit", f"--nofile={limit}:{limit}"])
    assert "few connections possible" in server.log.read_text()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=8)
    wait_active(client, name)
    put_many(client, name, [b"x"] * 100)
    assert served_at_once(server, 12) == 12
    assert sum(len(read_all(client, name, str(shard))) for shard in range(8)) == 100
    assert server.stop() == 0


def test_the_soft_limit_is_raised(riacho_server):
    server = riacho_server(prefix=["prlimit", "--nofile=64:4096"])
    assert "open files" not in server.log.read_text()
    assert served_at_once(server, 100) == 100
