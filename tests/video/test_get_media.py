"""GetMedia and GetMediaForFragmentList. Numbers in brackets are items of the conformance list."""

import hashlib
import json
import shutil
import subprocess
import threading
import time

import botocore.exceptions
import documents
import pytest
from camera import PICTURE, camera, make_stream, numbers, upload

START = 1_700_000_000.25


@pytest.fixture(scope="module")
def stream(riacho):
    """A stream with the picture, and the acknowledgements of its upload."""
    name = make_stream(riacho)
    return name, upload(riacho, name, start=START)


def get_media(server, name, count, **selector):
    """The first chunks of a GetMedia call, which has no end of its own."""
    client, body = camera(server), json.dumps({"StreamName": name, "StartSelector": selector}).encode()
    deadline = time.monotonic() + 10
    while True:
        connection = client.connect(server.url, 10)
        connection.request("POST", "/getMedia", body, client.signed(server.url, "/getMedia", {"content-type": "application/json"},
                                                                    hashlib.sha256(body).hexdigest()))
        response = connection.getresponse()
        # Readers that have gone are noticed within a second.
        if response.headers["x-amzn-errortype"] != "ConnectionLimitExceededException":
            break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (response.status, response.headers["content-type"]) == (200, "video/webm")  # [60]
    data, found = b"", []
    while len(found) < count:
        data += response.read1(1 << 16)
        found = [each for each in safe_chunks(data) if each.tail_tags]
    connection.close()
    response.close()
    return found[:count]


def safe_chunks(data):
    """Chunks of a body that is still arriving: the last may be cut anywhere."""
    starts = [at for at in range(len(data)) if data.startswith(b"\x1a\x45\xdf\xa3", at)]
    found = []
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        try:
            found.append(documents.chunk(data[start:end]))
        except (AssertionError, IndexError, ValueError):
            break
    return found


def test_chunks_are_what_was_sent(riacho, stream, tmp_path):
    """[61] [62] [63] Each is a document of its own, with the Cluster byte for byte as it came."""
    name, acknowledgements = stream
    header, clusters = documents.split(PICTURE.read_bytes())
    found = get_media(riacho, name, len(clusters), StartSelectorType="EARLIEST")
    assert [c.number for c in found] == numbers(acknowledgements)
    for chunk, (cluster, trailing), buffering in zip(found, clusters, acknowledgements["BUFFERING"], strict=True):
        assert chunk.cluster == cluster
        assert chunk.trailing == trailing
        segment = header.index(b"\x18\x53\x80\x67")
        assert chunk.head[:segment] == header[:segment]
        assert chunk.head[segment + 12:] == header[segment + 12:]
        producer = START + buffering["FragmentTimecode"] / 1000
        assert chunk.tags["AWS_KINESISVIDEO_PRODUCER_TIMESTAMP"] == f"{producer:.3f}"
        number = int(chunk.number)
        server_ms = (number >> 28) & ((1 << 64) - 1)
        assert chunk.tags["AWS_KINESISVIDEO_SERVER_TIMESTAMP"] == f"{server_ms // 1000}.{server_ms % 1000:03}"
        assert chunk.tail_tags["AWS_KINESISVIDEO_CONTINUATION_TOKEN"] == chunk.number
        assert int(chunk.tail_tags["AWS_KINESISVIDEO_MILLIS_BEHIND_NOW"]) >= 0
    assert found[-1].tail_tags["AWS_KINESISVIDEO_MILLIS_BEHIND_NOW"] == "0"  # [68]
    if shutil.which("ffprobe") and shutil.which("mkvinfo"):
        frames = 0
        for chunk in found:
            path = tmp_path / "chunk.mkv"
            path.write_bytes(chunk.data)
            probed = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "packet=stream_index", "-of", "csv=p=0", path],
                                    capture_output=True, text=True, check=True)
            assert probed.stderr == ""
            frames += probed.stdout.split().count("0")
            subprocess.run(["mkvinfo", path], capture_output=True, check=True)
        assert frames == 150


def test_where_a_reader_begins(riacho, stream):
    """[64] [65]"""
    name, acknowledgements = stream
    expected = numbers(acknowledgements)
    at = get_media(riacho, name, 1, StartSelectorType="FRAGMENT_NUMBER", AfterFragmentNumber=expected[0])
    assert at[0].number == expected[1]
    at = get_media(riacho, name, 1, StartSelectorType="CONTINUATION_TOKEN", ContinuationToken=expected[1])
    assert at[0].number == expected[2]
    inside = START + acknowledgements["BUFFERING"][1]["FragmentTimecode"] / 1000 + 0.5
    at = get_media(riacho, name, 1, StartSelectorType="PRODUCER_TIMESTAMP", StartTimestamp=inside)
    assert at[0].number == expected[1]
    at = get_media(riacho, name, 1, StartSelectorType="PRODUCER_TIMESTAMP", StartTimestamp=START - 1000)
    assert at[0].number == expected[0]
    # The whole upload took milliseconds: the last fragment that had begun by then.
    times = {number: int(number) >> 28 & (1 << 64) - 1 for number in expected}
    at = get_media(riacho, name, 1, StartSelectorType="SERVER_TIMESTAMP", StartTimestamp=times[expected[2]] / 1000)
    assert at[0].number == max(number for number in expected if times[number] <= times[expected[2]])
    at = get_media(riacho, name, 1, StartSelectorType="SERVER_TIMESTAMP", StartTimestamp=times[expected[0]] / 1000 - 10)
    assert at[0].number == expected[0]


@pytest.mark.parametrize("kind", ["FRAGMENT_NUMBER", "SERVER_TIMESTAMP", "PRODUCER_TIMESTAMP", "CONTINUATION_TOKEN"])
def test_a_selector_needs_its_companion(riacho, stream, kind):
    """[66]"""
    with pytest.raises(botocore.exceptions.ClientError) as error:
        riacho.client(service="kinesis-video-media").get_media(StreamName=stream[0], StartSelector={"StartSelectorType": kind})
    assert error.value.response["Error"]["Code"] == "InvalidArgumentException"


@pytest.mark.parametrize("hours", [24, 0])
def test_the_live_tail(riacho, hours):
    """[64] [67] [70] Only what comes after the call, as soon as it is complete, without waiting for the next one."""
    name = make_stream(riacho, hours)
    upload(riacho, name)
    header, clusters = documents.split(PICTURE.read_bytes())
    got = []
    reader = threading.Thread(target=lambda: got.extend(get_media(riacho, name, 2, StartSelectorType="NOW")))
    reader.start()
    time.sleep(0.5)
    call = camera(riacho).upload(name)
    call.send(header + clusters[0][0] + clusters[1][0] + clusters[2][0][:200])
    kept = [each for each, _ in zip(received(call), range(2), strict=False)]
    reader.join(10)
    assert [c.number for c in got] == kept
    assert [c.cluster for c in got] == [clusters[0][0], clusters[1][0]]
    call.close()


def received(call):
    for each in call.acknowledgements():
        if each["EventType"] == "RECEIVED":
            yield each["FragmentNumber"]


def test_three_readers_a_stream(riacho, stream):
    """[69]"""
    client = riacho.client(service="kinesis-video-media")
    selector = {"StartSelectorType": "EARLIEST"}
    calls = [client.get_media(StreamName=stream[0], StartSelector=selector) for _ in range(3)]
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client.get_media(StreamName=stream[0], StartSelector=selector)
    assert error.value.response["Error"]["Code"] == "ConnectionLimitExceededException"
    for call in calls:
        call["Payload"].close()
    deadline = time.monotonic() + 10
    while True:  # the server sees that they have gone
        try:
            client.get_media(StreamName=stream[0], StartSelector=selector)["Payload"].close()
            break
        except botocore.exceptions.ClientError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_list_of_fragments(riacho, stream):
    """[71]"""
    name, acknowledgements = stream
    expected = numbers(acknowledgements)
    client = riacho.client(service="kinesis-video-archived-media")
    wanted = [expected[3], expected[0], expected[0], expected[2]]
    answer = client.get_media_for_fragment_list(StreamName=name, Fragments=wanted)
    found = documents.chunks(answer["Payload"].read())
    assert [c.number for c in found] == wanted
    assert not any(c.tail_tags for c in found)
    for chunk in found:
        for clock in ("SERVER", "PRODUCER"):
            assert chunk.tags[f"AWS_KINESISVIDEO_{clock}_TIMESTAMP"] == chunk.tags[f"AWS_KINESISVIDEO_{clock}_SIDE_TIMESTAMP"]
    other = make_stream(riacho)
    upload(riacho, other)
    for fragments, code in [([], "InvalidArgumentException"), ([expected[0]] * 1001, "InvalidArgumentException"),
                            (["1"], "ResourceNotFoundException")]:
        with pytest.raises(botocore.exceptions.ClientError) as error:
            client.get_media_for_fragment_list(StreamName=name, Fragments=fragments)
        assert error.value.response["Error"]["Code"] == code
    with pytest.raises(botocore.exceptions.ClientError):
        client.get_media_for_fragment_list(StreamName=other, Fragments=[expected[0]])


@pytest.mark.parametrize("flags", [("--http1.1",), ("--http2-prior-knowledge",), ("--http1.1", "tls"), ("--http2", "tls")], ids="-".join)
def test_over_every_transport(riacho, flags):
    """The same chunks, and a client that leaves gives its place back although nothing more is sent: four, one after another."""
    name = make_stream(riacho)
    upload(riacho, name)
    url = (riacho.tls_url if "tls" in flags else riacho.url) + "/getMedia"
    body = json.dumps({"StreamName": name, "StartSelector": {"StartSelectorType": "EARLIEST"}})
    _, clusters = documents.split(PICTURE.read_bytes())
    for _ in range(4):
        done = subprocess.run(["curl", "-s", "--cacert", riacho.certificate, flags[0], "-m", "2", "--aws-sigv4", "aws:amz:us-east-1:kinesisvideo",
                               "-u", "AKIDEXAMPLE:secret", "-H", "content-type: application/json", "-d", body, url], capture_output=True, check=False)
        assert done.returncode == 28, done  # its own time limit: the call has no end
        assert [c.cluster for c in documents.chunks(done.stdout)] == [cluster for cluster, _ in clusters]


def test_a_reader_that_stops_reading_holds_nobody(riacho):
    """What it does not take waits in its socket and in one chunk; others read on, and so does the camera."""
    name = make_stream(riacho)
    client, body = camera(riacho), json.dumps({"StreamName": name, "StartSelector": {"StartSelectorType": "EARLIEST"}}).encode()

    def ask():
        connection = client.connect(riacho.url, 30)
        connection.request("POST", "/getMedia", body, client.signed(riacho.url, "/getMedia", {"content-type": "application/json"},
                                                                    hashlib.sha256(body).hexdigest()))
        return connection

    stuck = ask()
    sent = sum(len(upload(riacho, name)["PERSISTED"]) and PICTURE.stat().st_size for _ in range(60))  # more than sockets hold
    reader = ask()
    response = reader.getresponse()
    received = 0
    while received < sent:
        received += len(response.read1(1 << 16))
    reader.close()
    stuck.close()
