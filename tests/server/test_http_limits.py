"""Hostile input against the running server, byte by byte over raw sockets: no client library would send any of this.

Each limit is tried at its value and one beyond. After every attack the server must still answer others; the unit tests of
src/http cover the same ground without a process around it, and with a clock that can be moved.
"""

import contextlib
import socket
import struct
import time

import pytest

KEEP_SERVING = b"GET /health HTTP/1.1\r\nHost: t\r\n\r\n"


@contextlib.contextmanager
def connect(riacho, timeout=10):
    with socket.create_connection((riacho.host, riacho.port), timeout=timeout) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield s


def send_quietly(s, data):
    """The server may close while a hostile client still sends."""
    try:
        s.sendall(data)
        return True
    except OSError:
        return False


def read_to_end(s):
    received = b""
    try:
        while data := s.recv(65536):
            received += data
    except ConnectionResetError:
        pass
    return received


def read_response(s):
    """Status and body of one response with a Content-Length."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = s.recv(65536)
        assert data, f"the connection ended inside a response: {received!r}"
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += s.recv(65536)
    return int(head.split(b" ")[1]), body


def ask(riacho, request):
    with connect(riacho) as s:
        s.sendall(request)
        return read_response(s)[0]


def answers_then_close(riacho, request):
    """The server's whole output for a request after which the client stops sending."""
    with connect(riacho) as s:
        send_quietly(s, request)
        with contextlib.suppress(OSError):
            s.shutdown(socket.SHUT_WR)
        return read_to_end(s)


@pytest.fixture(autouse=True)
def still_serving(riacho):
    yield
    assert ask(riacho, KEEP_SERVING) == 200


# --- sizes -----------------------------------------------------------------------------------------------------------


def request_with_line_of(size):
    around = len("GET /health? HTTP/1.1")
    return b"GET /health?" + b"q" * (size - around) + b" HTTP/1.1\r\nHost: t\r\n\r\n"


def test_request_line_of_8192_bytes(riacho):
    assert ask(riacho, request_with_line_of(8192)) == 200
    assert answers_then_close(riacho, request_with_line_of(8193)).startswith(b"HTTP/1.1 414 ")


def request_with_headers_of(size):
    headers = b"Host: t\r\n"
    for i in range(31):
        headers += b"X-%02d: " % i + b"v" * 1000 + b"\r\n"
    headers += b"X-Last: " + b"v" * (size - len(headers) - 10) + b"\r\n"
    assert len(headers) == size
    return b"GET /health HTTP/1.1\r\n" + headers + b"\r\n"


def test_header_block_of_32_kib(riacho):
    assert ask(riacho, request_with_headers_of(32 * 1024)) == 200
    assert answers_then_close(riacho, request_with_headers_of(32 * 1024 + 1)).startswith(b"HTTP/1.1 431 ")
    assert answers_then_close(riacho, request_with_headers_of(33 * 1024)).startswith(b"HTTP/1.1 431 ")


def test_a_hundred_headers(riacho):
    headers = b"".join(b"X-%d: v\r\n" % i for i in range(99))
    assert ask(riacho, b"GET /health HTTP/1.1\r\nHost: t\r\n" + headers + b"\r\n") == 200
    refused = answers_then_close(riacho, b"GET /health HTTP/1.1\r\nHost: t\r\nX: v\r\n" + headers + b"\r\n")
    assert refused.startswith(b"HTTP/1.1 431 ")


def test_one_header_of_16_kib(riacho):
    def request(size):
        return b"GET /health HTTP/1.1\r\nHost: t\r\nX-Token: " + b"t" * (size - 9) + b"\r\n\r\n"

    assert ask(riacho, request(16 * 1024)) == 200
    assert answers_then_close(riacho, request(16 * 1024 + 1)).startswith(b"HTTP/1.1 431 ")


def test_a_body_above_16_mib_is_413_before_it_is_sent(riacho):
    head = b"POST / HTTP/1.1\r\nHost: t\r\nX-Amz-Target: Kinesis_20131202.PutRecord\r\nContent-Length: %d\r\n\r\n"
    with connect(riacho) as s:
        s.sendall(head % (64 << 20))
        assert read_response(s)[0] == 413


def test_a_chunk_above_16_mib_is_413_before_it_is_sent(riacho):
    head = b"POST / HTTP/1.1\r\nHost: t\r\nX-Amz-Target: Kinesis_20131202.PutRecord\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connect(riacho) as s:
        s.sendall(head + b"4000001\r\n")
        assert read_response(s)[0] == 413


# --- smuggling -------------------------------------------------------------------------------------------------------


def post(headers, body=b""):
    return b"POST / HTTP/1.1\r\nHost: t\r\n" + headers + b"\r\n" + body


def chunked(body):
    return post(b"Transfer-Encoding: chunked\r\n", body)


SMUGGLING = {
    "CL.TE": post(b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\nX"),
    "TE.CL": post(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", b"5c\r\nGPOST\r\n0\r\n\r\n"),
    "TE twice": post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    "TE gzip, chunked": post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
    "TE chunked, identity": post(b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"),
    "TE identity": post(b"Transfer-Encoding: identity\r\n"),
    "TE with vertical tab": post(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"),
    "TE with space before colon": post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"),
    "TE folded": post(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"),
    "CL different": post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello!"),
    "CL repeated": post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"),
    "CL list": post(b"Content-Length: 5, 5\r\n", b"hello"),
    "CL plus": post(b"Content-Length: +5\r\n", b"hello"),
    "CL minus": post(b"Content-Length: -5\r\n", b"hello"),
    "CL hex": post(b"Content-Length: 0x5\r\n", b"hello"),
    "CL space inside": post(b"Content-Length: 5 5\r\n", b"hello"),
    "CL empty": post(b"Content-Length:\r\n", b"hello"),
    "CL above 64 bits": post(b"Content-Length: 18446744073709551621\r\n", b"hello"),
    "bare LF": b"GET /health HTTP/1.1\nHost: t\r\n\r\n",
    "bare LF in a value": b"GET /health HTTP/1.1\r\nHost: t\r\nX: a\nContent-Length: 5\r\n\r\n",
    "bare LF at the end": b"GET /health HTTP/1.1\r\nHost: t\r\n\n",
    "bare CR in a value": b"GET /health HTTP/1.1\r\nHost: t\r\nX: a\rY: b\r\n\r\n",
    "NUL in a value": b"GET /health HTTP/1.1\r\nHost: t\r\nX: a\0b\r\n\r\n",
    "NUL in the target": b"GET /\0 HTTP/1.1\r\nHost: t\r\n\r\n",
    "folded header": b"GET /health HTTP/1.1\r\nHost: t\r\nX: a\r\n b\r\n\r\n",
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "space in the target": b"GET /health x HTTP/1.1\r\nHost: t\r\n\r\n",
    "chunk size overflow": chunked(b"FFFFFFFFFFFFFFFFF\r\nx\r\n0\r\n\r\n"),
    "chunk size that wraps to 1": chunked(b"10000000000000001\r\nx\r\n0\r\n\r\n"),
    "chunk size with sign": chunked(b"+1\r\nx\r\n0\r\n\r\n"),
    "chunk size 0x": chunked(b"0x1\r\nx\r\n0\r\n\r\n"),
    "chunk size with a blank": chunked(b"1 \r\nx\r\n0\r\n\r\n"),
    "chunk size ended by LF": chunked(b"1\nx\r\n0\r\n\r\n"),
    "chunk data ended by LF": chunked(b"1\r\nx\n0\r\n\r\n"),
    "chunk data too long": chunked(b"1\r\nxy\r\n0\r\n\r\n"),
    "chunk extension of 257 bytes": chunked(b"1;" + b"e" * 256 + b"\r\nx\r\n0\r\n\r\n"),
    "chunk extension with LF": chunked(b"1;a\nb\r\nx\r\n0\r\n\r\n"),
    "trailer with bare LF": chunked(b"0\r\nA: b\n\r\n"),
    "trailer folded": chunked(b"0\r\nA: b\r\n c\r\n\r\n"),
}


@pytest.mark.parametrize("what", SMUGGLING)
def test_smuggling_ends_the_connection(riacho, what):
    """The following request must never be answered: another parser may have taken it for part of the first."""
    answers = answers_then_close(riacho, SMUGGLING[what] + KEEP_SERVING)
    assert answers.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 ")), answers
    assert answers.count(b"HTTP/1.1 ") == 1, answers


# --- what is no request at all -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 100,
        b"\xff" * 100_000,
        b"\x16\x03\x01\x00\x05hello",
        b"\x16\x03\x01\xff\xff" + b"\x00" * 70_000,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        b"\r\n" * 1000,
        b"GET",
        b"",
    ],
)
def test_garbage_is_not_served(riacho, garbage):
    assert b" 200 " not in answers_then_close(riacho, garbage)


def test_a_request_may_come_byte_by_byte(riacho):
    with connect(riacho) as s:
        for i in range(len(KEEP_SERVING)):
            s.sendall(KEEP_SERVING[i : i + 1])
        assert read_response(s)[0] == 200


def test_pipelined_requests_are_all_answered(riacho):
    last = b"GET /health HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
    assert answers_then_close(riacho, KEEP_SERVING * 49 + last).count(b"HTTP/1.1 200 ") == 50


# --- HTTP/2 ------------------------------------------------------------------------------------------------------------

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4
ENHANCE_YOUR_CALM = 11
GET_HEALTH = b"\x82\x86\x04\x07/health\x41\x01t"  # :method GET, :scheme http, :path /health, :authority t


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0)


def frames(received):
    at = 0
    while at + 9 <= len(received):
        size = int.from_bytes(received[at : at + 3], "big")
        yield received[at + 3], received[at + 9 : at + 9 + size]
        at += 9 + size


def goaway_code(received):
    return next((int.from_bytes(p[4:8], "big") for kind, p in frames(received) if kind == GOAWAY), None)


def attack_h2(riacho, data):
    """The server's output until it closes; sending and reading alternate, so that neither side blocks."""
    with connect(riacho) as s:
        s.settimeout(0.05)
        received = b""
        deadline = time.monotonic() + 20
        closed = False
        while not closed and time.monotonic() < deadline:
            if data:
                try:
                    data = data[s.send(data[:65536]) :]
                except TimeoutError:
                    pass
                except OSError:
                    data = b""
            try:
                chunk = s.recv(65536)
                received += chunk
                closed = not chunk
            except TimeoutError:
                pass
            except OSError:
                closed = True
        assert closed, "the connection stayed open"
        return received


def test_h2c_with_prior_knowledge(riacho):
    with connect(riacho) as s:
        s.sendall(PREFACE + frame(HEADERS, END_STREAM | END_HEADERS, 1, GET_HEALTH))
        received = b""
        while not any(kind == DATA for kind, _ in frames(received)):
            received += s.recv(65536)
        assert [kind for kind, _ in frames(received)][0] == SETTINGS


def test_rapid_reset(riacho):
    """CVE-2023-44487: 10,000 streams opened and cancelled at once."""
    flood = PREFACE
    for i in range(10_000):
        flood += frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1, GET_HEALTH) + frame(RST_STREAM, 0, 2 * i + 1, b"\0\0\0\x08")
    assert goaway_code(attack_h2(riacho, flood)) == ENHANCE_YOUR_CALM


def test_continuation_flood(riacho):
    """CVE-2024-28182: a header block that never ends."""
    flood = PREFACE + frame(HEADERS, END_STREAM, 1, GET_HEALTH) + frame(CONTINUATION, 0, 1, b"\x00\x01x\x01y") * 10_000
    assert goaway_code(attack_h2(riacho, flood)) == ENHANCE_YOUR_CALM


def test_header_block_above_64_kib(riacho):
    field = b"\x00\x01x\x7f\x81\x7c" + b"v" * 16_000
    flood = PREFACE + frame(HEADERS, END_STREAM, 1, GET_HEALTH) + frame(CONTINUATION, 0, 1, field) * 6
    assert goaway_code(attack_h2(riacho, flood)) is not None


def test_hpack_bomb(riacho):
    """14 kB that decode to 40 MB: an entry of the dynamic table, repeated."""
    block = GET_HEALTH + b"\x40\x01x\x7f\xa1\x1e" + b"v" * 4000 + b"\xbe" * 10_000
    assert goaway_code(attack_h2(riacho, PREFACE + frame(HEADERS, END_STREAM | END_HEADERS, 1, block))) is not None


def test_settings_with_too_many_entries(riacho):
    flood = PREFACE + frame(SETTINGS, 0, 0, b"\x00\x04\x00\x00\xff\xff" * 33)
    assert goaway_code(attack_h2(riacho, flood)) is not None


@pytest.mark.parametrize("flood", [frame(SETTINGS, 0, 0), frame(PING, 0, 0, b"12345678")], ids=["SETTINGS", "PING"])
def test_a_client_that_makes_the_server_owe_answers(riacho, flood):
    """Unread responses must not pile up: the connection ends, or the server stops reading."""
    with connect(riacho, timeout=2) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(PREFACE)
        block = flood * 5000
        with pytest.raises(OSError):
            for _ in range(2000):
                s.sendall(block)


def test_window_overflow(riacho):
    received = attack_h2(riacho, PREFACE + frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"))
    assert goaway_code(received) == 3  # FLOW_CONTROL_ERROR


def test_data_on_a_stream_that_was_never_opened(riacho):
    assert goaway_code(attack_h2(riacho, PREFACE + frame(DATA, 0, 1, b"x"))) is not None


def test_garbage_after_the_preface(riacho):
    assert goaway_code(attack_h2(riacho, PREFACE + b"\xff" * 1000)) is not None


# --- slow clients --------------------------------------------------------------------------------------------------------


def test_slow_clients_are_cut_off_while_others_are_served(riacho):
    """Slow heads end after 10 s, bodies at 10 B/s within 25 s; in real time, so all in parallel in one test."""
    heads = [socket.create_connection((riacho.host, riacho.port)) for _ in range(100)]
    body = socket.create_connection((riacho.host, riacho.port))
    body.sendall(
        b"POST / HTTP/1.1\r\nHost: t\r\nX-Amz-Target: Kinesis_20131202.PutRecord\r\n"
        b"Content-Type: application/x-amz-json-1.1\r\nContent-Length: 100000\r\n\r\n"
    )
    began = time.monotonic()
    ended = {}
    for s in [*heads, body]:
        s.setblocking(False)
    try:
        for s in heads:
            s.sendall(b"GET /health HTTP/1.1\r\n")
        while len(ended) < 101 and time.monotonic() - began < 30:
            asked = time.monotonic()
            assert ask(riacho, KEEP_SERVING) == 200
            assert time.monotonic() - asked < 2
            for s in [*heads, body]:
                if s in ended:
                    continue
                with contextlib.suppress(BlockingIOError, OSError):
                    s.sendall(b"X" if s is not body else b"0123456789")
                with contextlib.suppress(BlockingIOError):
                    try:
                        answer = s.recv(65536)
                    except ConnectionResetError:
                        answer = b""
                    ended[s] = (time.monotonic() - began, answer)
            time.sleep(1)
    finally:
        for s in [*heads, body]:
            s.close()
    assert all(s in ended for s in heads)
    assert all(9 <= ended[s][0] <= 14 for s in heads)
    assert all(ended[s][1].startswith(b"HTTP/1.1 408 ") for s in heads)
    assert 15 <= ended[body][0] <= 25
    assert ended[body][1].startswith(b"HTTP/1.1 408 ")
