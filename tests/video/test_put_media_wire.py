"""PutMedia as bytes on a connection: what the SDKs in C, Java and Go send and expect. Numbers are items of the specification's
conformance list (section 10)."""

import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import uuid

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import matroska as mkv
import pytest
from video_client import put_media

EMPTY_HASH, Client = put_media.EMPTY_HASH, put_media.Client

MEDIA = mkv.header() + mkv.fragment(0) + mkv.fragment(400)


def head_of(target, headers):
    return (f"POST {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n").encode()


def chunk(data):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def fields(name, **more):
    return {"x-amzn-stream-name": name, "x-amzn-fragment-timecode-type": "RELATIVE",
            "x-amzn-producer-start-timestamp": "1700000000.5"} | more


def exchange(server, head, body=MEDIA):
    """Everything the server sends for one request with a chunked body."""
    with socket.create_connection((server.host, server.port), 20) as connection:
        connection.sendall(head + chunk(body) + b"0\r\n\r\n")
        received = b""
        while not received.endswith(b"0\r\n\r\n") and (some := connection.recv(65536)):
            received += some
        return received


def acks_of(reply):
    """The objects of a reply: one to a chunk, each with a newline at its end (32)."""
    head, body = reply.split(b"\r\n\r\n", 1)
    assert b"\r\ntransfer-encoding: chunked" in head.lower()
    acks = []
    while not body.startswith(b"0\r\n\r\n"):
        size, rest = body.split(b"\r\n", 1)
        text, body = rest[:int(size, 16)], rest[int(size, 16) + 2:]
        assert text.endswith(b"}\n") and text.count(b"\n") == 1
        acks.append(json.loads(text))
    return acks


@pytest.fixture
def signed_server(riacho_server, name):
    """A server that checks signatures, a client with a key, and a stream."""
    server = riacho_server("--auth", "sigv4")
    user = server.user("add", "camera")
    client = Client(server.url, key=user["access_key_id"], secret=user["secret_access_key"], region="us-east-1")
    client.call("/createStream", StreamName=name, DataRetentionInHours=24)
    return server, client


def all_persisted(reply):
    return [ack["EventType"] for ack in acks_of(reply)].count("PERSISTED") == 2


@pytest.mark.parametrize("payload_hash", [EMPTY_HASH, "UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"])
def test_all_ways_to_sign_are_taken(signed_server, name, payload_hash):  # 43
    server, client = signed_server
    more = {"x-amz-content-sha256": payload_hash} if payload_hash.startswith("STREAMING") else {}
    headers = client.signed(server.url, "/putMedia", fields(name, **more), payload_hash)
    if payload_hash.startswith("UNSIGNED"):
        headers["x-amz-content-sha256"] = payload_hash  # the Java producer adds it after it has signed
    headers["transfer-encoding"] = "chunked"
    assert all_persisted(exchange(server, head_of("/putMedia", headers)))


def test_a_signature_in_the_query_and_one_with_hop_headers_are_taken(signed_server, name):  # 43
    server, client = signed_server
    credentials = botocore.credentials.Credentials(client.key, client.secret)
    request = botocore.awsrequest.AWSRequest("POST", f"{server.url}/putMedia", fields(name))
    botocore.auth.SigV4QueryAuth(credentials, "kinesisvideo", "us-east-1", 60).add_auth(request)
    headers = dict(request.headers) | {"host": f"{server.host}:{server.port}", "transfer-encoding": "chunked"}
    assert all_persisted(exchange(server, head_of(request.url.removeprefix(server.url), headers)))
    headers = client.signed(server.url, "/putMedia", fields(name, connection="keep-alive", **{"transfer-encoding": "chunked"}), EMPTY_HASH)
    assert all_persisted(exchange(server, head_of("/putMedia", headers)))


def test_a_wrong_key_is_refused(signed_server, name):  # 43
    server, client = signed_server
    wrong = Client(server.url, key=client.key, secret="wrong", region="us-east-1")
    headers = wrong.signed(server.url, "/putMedia", fields(name), EMPTY_HASH) | {"transfer-encoding": "chunked"}
    assert exchange(server, head_of("/putMedia", headers)).startswith(b"HTTP/1.1 403 ")


def test_the_absolute_form_and_a_doubled_slash_are_taken(video, name):  # 44
    video.create(name)
    server = video.server
    for target, path in ((f"{server.url}/putMedia", "/putMedia"), ("//putMedia", "//putMedia")):
        headers = video.producer.signed(server.url, path, fields(name), EMPTY_HASH) | {"transfer-encoding": "chunked"}
        assert all_persisted(exchange(server, head_of(target, headers)))


def test_100_and_200_come_before_any_media(video, name):  # 31
    video.create(name)
    server = video.server
    headers = video.producer.signed(server.url, "/putMedia", fields(name), EMPTY_HASH)
    headers |= {"transfer-encoding": "chunked", "expect": "100-continue"}
    with socket.create_connection((server.host, server.port), 10) as connection:
        connection.sendall(head_of("/putMedia", headers))
        received = b""
        while received.count(b"\r\n\r\n") < 2:
            received += connection.recv(65536)
        assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
        assert b"x-amzn-requestid: " in received.lower() and b"content-type: application/json" in received.lower()
        connection.sendall(chunk(MEDIA) + b"0\r\n\r\n")
        while not received.endswith(b"0\r\n\r\n"):
            received += connection.recv(65536)
        assert received.count(b"PERSISTED") == 2


def test_bytes_that_come_one_by_one_are_the_same_media(video, name):
    video.create(name)
    upload = video.upload(name)
    media = mkv.header() + mkv.fragment(0, frames=2, size=50) + mkv.fragment(400, frames=2, size=50, known=False)
    upload.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for index in range(len(media)):
        upload.send(media[index:index + 1])
    upload.finish()
    assert [ack["EventType"] for ack in upload.acknowledgements()].count("PERSISTED") == 2
    upload.close()
    assert len(video.fragments(name)) == 2


def test_fragments_are_taken_no_faster_than_fifty_a_second(video, name):
    """One piece of the body may hold thousands of them: reading pauses, and nothing is lost."""
    video.create(name)
    started = time.monotonic()
    acks = video.send(name, [mkv.header(), b"".join(mkv.fragment(t, frames=1, size=10) for t in range(0, 1500, 10))])
    assert [ack["EventType"] for ack in acks].count("PERSISTED") == 150
    assert 1.8 < time.monotonic() - started < 10


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_curl_uploads_over_tls(signed_server, name, version):
    """libcurl offers HTTP/2 over TLS and then leaves out the two headers that the SDK in C signs."""
    server, client = signed_server
    signed = client.signed(server.tls_url, "/putMedia", fields(name, connection="keep-alive", **{"transfer-encoding": "chunked"}),
                           EMPTY_HASH)
    with tempfile.NamedTemporaryFile() as file:
        pathlib.Path(file.name).write_bytes(MEDIA)
        command = ["curl", "-sS", version, "--cacert", server.certificate, "-X", "POST", "-T", file.name, "-w", "%{http_version}"]
        for header, value in signed.items():
            if header != "host":
                command += ["-H", f"{header}: {value}"]
        done = subprocess.run([*command, f"{server.tls_url}/putMedia"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("PERSISTED") == 2 and done.stdout.endswith("2" if version == "--http2" else "1.1"), done.stdout
