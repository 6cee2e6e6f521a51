"""HLS sessions: lists, initialisations and segments, as ffmpeg and this file's own parsing read them. Numbers in brackets are items of
the conformance list."""

import json
import re
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import botocore.exceptions
import documents
import pytest
from camera import PICTURE, camera, make_stream, numbers, upload

START = 1_700_000_000
NEEDS_FFMPEG = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")


def fetch(url, headers=None, method="GET"):
    request = urllib.request.Request(url, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, dict(answer.headers.items()), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers.items()), error.read()


def text(url):
    status, _, body = fetch(url)
    assert status == 200, body
    return body.decode()


def session(server, name, **options):
    client = server.client(service="kinesis-video-archived-media")
    return client.get_hls_streaming_session_url(StreamName=name, **options)["HLSStreamingSessionURL"]


def on_demand(server, name, kind="PRODUCER_TIMESTAMP", start=START - 10, end=START + 100, **options):
    if kind == "SERVER_TIMESTAMP":
        start, end = time.time() - 600, time.time() - 0.001
    return session(server, name, PlaybackMode="ON_DEMAND", HLSFragmentSelector={
        "FragmentSelectorType": kind, "TimestampRange": {"StartTimestamp": start, "EndTimestamp": end}}, **options)


def lists(master_url):
    """The addresses of the tracks' lists, video first."""
    master = text(master_url)
    found = re.findall(r'URI="([^"]+)"', master)
    (video,) = [line for line in master.splitlines() if line and not line.startswith("#")]
    return [urllib.parse.urljoin(master_url, each) for each in [video, *found]]


def refused(server, name, code, **options):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        session(server, name, **options)
    assert error.value.response["Error"]["Code"] == code, error.value
    return error.value.response


@pytest.fixture(scope="module")
def stream(riacho):
    name = make_stream(riacho)
    return name, upload(riacho, name, start=START)


def test_the_address(riacho, stream):
    """[74] [79]"""
    url = on_demand(riacho, stream[0])
    assert re.fullmatch(re.escape(riacho.url) + r"/hls/v1/getHLSMasterPlaylist\.m3u8\?SessionToken=[A-Za-z0-9_-]{100,300}", url)
    master = text(url).splitlines()
    assert master[:2] == ["#EXTM3U", "#EXT-X-VERSION:1"]
    (variant,) = [line for line in master if line.startswith("#EXT-X-STREAM-INF")]
    assert 'CODECS="avc1.4d4015,mp4a.40.2"' in variant or 'CODECS="avc1.4d0015,mp4a.40.2"' in variant, variant
    assert "RESOLUTION=320x180" in variant and 'AUDIO="audio"' in variant and "FRAME-RATE=15.0" in variant
    (audio,) = [line for line in master if line.startswith("#EXT-X-MEDIA")]
    assert 'GROUP-ID="audio"' in audio and "TrackNumber=2" in audio
    header, clusters = documents.split(PICTURE.read_bytes())


def test_a_list_on_demand(riacho, stream):
    """[80] [82] [83]"""
    name, acknowledgements = stream
    url = on_demand(riacho, name, DisplayFragmentTimestamp="ALWAYS")
    for track, address in enumerate(lists(url), 1):
        lines = text(address).splitlines()
        assert lines[0] == "#EXTM3U" and lines[-1] == "#EXT-X-ENDLIST" and "#EXT-X-PLAYLIST-TYPE:VOD" in lines
        assert "#EXT-X-TARGETDURATION:2" in lines and "#EXT-X-INDEPENDENT-SEGMENTS" in lines
        assert "#EXT-X-DISCONTINUITY" not in lines  # [81]
        durations = [float(line[8:-1]) for line in lines if line.startswith("#EXTINF")]
        assert durations == [2.0] * 5
        named = [re.search(r"FragmentNumber=(\d+)&", line)[1] for line in lines if line.startswith("getMP4MediaFragment")]
        assert named == numbers(acknowledgements)
        dates = [line.split(":", 1)[1] for line in lines if line.startswith("#EXT-X-PROGRAM-DATE-TIME")]
        timecodes = [each["FragmentTimecode"] for each in acknowledgements["BUFFERING"]]
        assert dates == [time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(START + t // 1000)) + f".{t % 1000:03}Z" for t in timecodes]
        assert all(f"TrackNumber={track}" in line for line in lines if "getMP4" in line)


def test_discontinuities_and_limits(riacho, stream):
    """[81] A marker between each pair by server time; the first of the range."""
    lines = text(lists(on_demand(riacho, stream[0], "SERVER_TIMESTAMP"))[0]).splitlines()
    assert lines.count("#EXT-X-DISCONTINUITY") == 4
    lines = text(lists(on_demand(riacho, stream[0], MaxMediaPlaylistFragmentResults=2))[0]).splitlines()
    named = [re.search(r"FragmentNumber=(\d+)&", line)[1] for line in lines if line.startswith("getMP4MediaFragment")]
    assert named == numbers(stream[1])[:2]


def packets(source, stream_index):
    """The packets of a track as ffprobe finds them."""
    found = subprocess.run(["ffprobe", "-v", "error", "-select_streams", str(stream_index), "-show_entries", "packet=pts_time,size,data_hash",
                            "-show_data_hash", "md5", "-of", "json", source], capture_output=True, text=True, check=True)
    assert found.stderr == ""
    return json.loads(found.stdout)["packets"]


def made_by(maker, path):
    """The picture as different programs write Matroska."""
    if maker == "mkvmerge":  # puts several frames of audio into one block
        if shutil.which("mkvmerge") is None:
            pytest.skip("needs mkvmerge")
        subprocess.run(["mkvmerge", "-q", "-o", path, PICTURE], check=True)
    elif maker == "pipe":  # sizes that are not known when they are written
        with open(path, "wb") as file:
            subprocess.run(["ffmpeg", "-v", "error", "-i", PICTURE, "-c", "copy", "-f", "matroska", "-live", "1", "-cluster_time_limit", "20000",
                            "-cluster_size_limit", "50000000", "-"], stdout=file, check=True)
    else:
        shutil.copy(PICTURE, path)


@NEEDS_FFMPEG
@pytest.mark.parametrize("maker", ["ffmpeg", "pipe", "mkvmerge"])
def test_frames_in_are_frames_out(riacho, tmp_path, maker):
    """[57] [83] [88] ffprobe finds the frames that were sent, byte for byte, at their times."""
    made = tmp_path / "made.mkv"
    made_by(maker, made)
    name = make_stream(riacho)
    upload(riacho, name, made.read_bytes(), start=START)
    for index, address in enumerate(lists(on_demand(riacho, name))):
        listed = text(address)
        data = fetch(urllib.parse.urljoin(address, re.search(r'MAP:URI="([^"]+)"', listed)[1]))[2]
        for line in listed.splitlines():
            if line and not line.startswith("#"):
                data += fetch(urllib.parse.urljoin(address, line))[2]
        path = tmp_path / "track.mp4"
        path.write_bytes(data)
        sent, got = packets(made, index), packets(path, 0)
        assert [(p["size"], p["data_hash"]) for p in got] == [(p["size"], p["data_hash"]) for p in sent]
        for before, after in zip(sent, got, strict=True):
            moved = float(before["pts_time"]) - float(sent[0]["pts_time"]) - (float(after["pts_time"]) - float(got[0]["pts_time"]))
            assert abs(moved) < (0.0015 if index == 0 else 0.025)


@NEEDS_FFMPEG
def test_ffmpeg_plays_it(riacho, stream):
    """[88] A player of its own kind: all frames decode, and the end comes."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", on_demand(riacho, stream[0]), "-f", "framemd5", "-"], capture_output=True,
                          text=True, check=True, timeout=60)
    lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    assert sum(line.startswith("0,") for line in lines) == 150
    assert done.stderr == ""


def test_refusals(riacho, stream):
    """[75] [76] [77]"""
    name = stream[0]
    none = make_stream(riacho, 0)
    assert "NoDataRetentionException" == refused(riacho, none, "NoDataRetentionException")["Error"]["Code"]
    refused(riacho, make_stream(riacho), "ResourceNotFoundException")
    refused(riacho, "nobody", "ResourceNotFoundException")
    bad = "InvalidArgumentException"
    range_ = {"StartTimestamp": START, "EndTimestamp": START + 10}
    by_producer = {"FragmentSelectorType": "PRODUCER_TIMESTAMP"}
    refused(riacho, name, bad, PlaybackMode="LIVE", HLSFragmentSelector=by_producer | {"TimestampRange": range_})
    refused(riacho, name, bad, PlaybackMode="ON_DEMAND")
    refused(riacho, name, bad, PlaybackMode="ON_DEMAND", HLSFragmentSelector=by_producer | {"TimestampRange": {"StartTimestamp": START}})
    for start, end in ((START, START), (START, START - 1), (START, START + 86_401)):
        refused(riacho, name, bad, PlaybackMode="ON_DEMAND",
                HLSFragmentSelector=by_producer | {"TimestampRange": {"StartTimestamp": start, "EndTimestamp": end}})
    refused(riacho, name, bad, PlaybackMode="ON_DEMAND", HLSFragmentSelector={
        "FragmentSelectorType": "SERVER_TIMESTAMP", "TimestampRange": {"StartTimestamp": time.time() - 5, "EndTimestamp": time.time() + 60}})
    refused(riacho, name, bad, Expires=299)
    refused(riacho, name, bad, Expires=43_201)
    refused(riacho, name, bad, MaxMediaPlaylistFragmentResults=5_001)
    refused(riacho, name, bad, ContainerFormat="MPEG_TS")
    refused(riacho, name, bad, PlaybackMode="LIVE_REPLAY")
    refused(riacho, name, "ResourceNotFoundException", PlaybackMode="ON_DEMAND", HLSFragmentSelector=by_producer | {
        "TimestampRange": {"StartTimestamp": START - 100, "EndTimestamp": START - 50}})


@pytest.mark.parametrize("change, code", [
    (lambda data: data.replace(b"V_MPEG4/ISO/AVC", b"V_VP9\0\0\0\0\0\0\0\0\0\0"), "UnsupportedStreamMediaTypeException"),
    (lambda data: data.replace(b"\x01\x4d", b"\x00\x00", 1), "InvalidCodecPrivateDataException")])
def test_media_that_does_not_play(riacho, change, code):
    """[78] It is kept all the same."""
    name = make_stream(riacho)
    changed = change(PICTURE.read_bytes())
    assert changed != PICTURE.read_bytes()
    assert len(upload(riacho, name, changed)["PERSISTED"]) == 5
    refused(riacho, name, code)


def test_tokens(riacho, stream, riacho_server):
    """[77] Altered, absent or expired: 403, with what browsers need to see it."""
    url = on_demand(riacho, stream[0])
    for bad in (url[:-2] + ("AA" if url[-2:] != "AA" else "BB"), url.split("?")[0], url.split("?")[0] + "?SessionToken=x"):
        status, headers, body = fetch(bad)
        assert status == 403 and "token" in json.loads(body)["Message"]
        assert headers["access-control-allow-origin"] == "*" and headers["x-amzn-errortype"] == "NotAuthorizedException"
    server = riacho_server("--test-clock")
    name = make_stream(server)
    upload(server, name, start=START)
    url = on_demand(server, name, Expires=300)
    text(url)
    server.advance_clock(301)
    status, _, body = fetch(url)
    assert status == 403 and "expired" in json.loads(body)["Message"]


def test_a_session_outlives_a_restart(riacho_server):
    server = riacho_server()
    name = make_stream(server)
    upload(server, name, start=START)
    url = on_demand(server, name)
    before = [text(each) for each in lists(url)]
    server.stop()
    server.start()
    assert [text(each) for each in lists(url)] == before


def test_what_is_gone_is_not_played(riacho_server):
    """[20] [22] A shorter retention takes fragments out of the lists at once; a deleted stream ends its sessions, whatever is created
    under its name afterwards."""
    server = riacho_server("--test-clock")
    control = server.client(service="kinesisvideo")
    name = make_stream(server, 3)
    first = numbers(upload(server, name, start=START))
    server.advance_clock(5_400)
    second = numbers(upload(server, name, start=START + 20))
    url = on_demand(server, name, Expires=43_200)
    address = lists(url)[0]
    assert re.findall(r"FragmentNumber=(\d+)", text(address)) == first + second
    (segment, *_) = [line for line in text(address).splitlines() if line.startswith("getMP4Media")]
    version = control.describe_stream(StreamName=name)["StreamInfo"]["Version"]
    control.update_data_retention(StreamName=name, CurrentVersion=version, Operation="DECREASE_DATA_RETENTION", DataRetentionChangeInHours=2)
    assert re.findall(r"FragmentNumber=(\d+)", text(address)) == second
    assert fetch(urllib.parse.urljoin(address, segment))[0] == 404
    control.delete_stream(StreamARN=control.describe_stream(StreamName=name)["StreamInfo"]["StreamARN"])
    assert fetch(url)[0] == 404
    deadline = time.monotonic() + 10
    while True:
        try:
            camera(server).call("/createStream", StreamName=name, DataRetentionInHours=3)
            break
        except RuntimeError as error:
            assert "ResourceInUse" in str(error) and time.monotonic() < deadline
            time.sleep(0.05)
    upload(server, name, start=START)
    assert fetch(url)[0] == 404


def test_what_browsers_ask_for(riacho, stream):
    """[10] Every page may play; segments may be kept for ever and read in parts."""
    url = on_demand(riacho, stream[0])
    page = {"Origin": "https://example.com"}
    status, headers, _ = fetch(url, page)
    assert status == 200 and headers["access-control-allow-origin"] == "*" and headers["cache-control"] == "no-cache"
    status, headers, _ = fetch(url, page | {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range"}, "OPTIONS")
    assert status == 200 and "GET" in headers["access-control-allow-methods"] and "range" in headers["access-control-allow-headers"]
    address = lists(url)[0]
    segment = urllib.parse.urljoin(address, [line for line in text(address).splitlines() if line.startswith("getMP4Media")][0])
    status, headers, whole = fetch(segment, page)
    assert status == 200 and headers["content-type"] == "video/mp4" and "immutable" in headers["cache-control"]
    assert int(headers["content-length"]) == len(whole)
    status, part_headers, part = fetch(segment, page | {"Range": "bytes=10-99"})
    assert status == 206 and part == whole[10:100] and part_headers["content-range"] == f"bytes 10-99/{len(whole)}"
    assert fetch(segment, {"Range": "bytes=-7"})[2] == whole[-7:]
    assert fetch(segment, {"Range": f"bytes={len(whole)}-"})[0] == 416
    assert fetch(segment, {"If-None-Match": headers["etag"]})[0] == 304
    status, headers, body = fetch(segment, method="HEAD")
    assert status == 200 and body == b""
    number = re.search(r"FragmentNumber=(\d+)", segment)[1]
    assert fetch(segment.replace(number, "9" * 47))[0] == 404
    assert fetch(segment.replace("TrackNumber=1", "TrackNumber=7"))[0] == 404
    assert fetch(urllib.parse.urljoin(url, "getMP4InitFragment.mp4?SessionToken=x"))[0] == 403


def test_fragments_outside_a_session(riacho, stream):
    """A token shows what its list can show, and nothing else of the stream."""
    name, acknowledgements = stream
    first, *others = numbers(acknowledgements)
    first_ms = START * 1000 + acknowledgements["BUFFERING"][0]["FragmentTimecode"]
    url = on_demand(riacho, name, start=(first_ms - 1) / 1000, end=(first_ms + 1) / 1000)
    address = lists(url)[0]
    (segment,) = [line for line in text(address).splitlines() if line.startswith("getMP4Media")]
    assert fetch(urllib.parse.urljoin(address, segment))[0] == 200
    assert fetch(urllib.parse.urljoin(address, segment.replace(first, others[0])))[0] == 404


def test_another_configuration(riacho):
    """[86] A camera that comes back with another size: a map of its own, and the list goes on."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg")
    made = subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=2", "-f", "lavfi", "-i",
                           "sine=sample_rate=44100:duration=2", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "20", "-c:a", "aac", "-ac", "1",
                           "-f", "matroska", "-cluster_time_limit", "20000", "-cluster_size_limit", "50000000", "-"],
                          capture_output=True, check=True)
    name = make_stream(riacho)
    upload(riacho, name, start=START)
    upload(riacho, name, made.stdout, start=START + 20)
    url = on_demand(riacho, name)
    listed = text(lists(url)[0])
    maps = re.findall(r'MAP:URI="([^"]+)"', listed)
    assert len(maps) == 2 and "SequenceNumber" not in maps[0] and "SequenceNumber=" in maps[1]
    assert "#EXT-X-DISCONTINUITY\n#EXT-X-MAP" in listed and listed.count("#EXT-X-DISCONTINUITY") == 1
    # What follows the second map plays with it. (ffmpeg's own reading of HLS goes on with the first one's parameters.)
    behind = listed.split(maps[1])[1]
    data = fetch(urllib.parse.urljoin(url, maps[1]))[2]
    for line in behind.splitlines():
        if line.startswith("getMP4Media"):
            data += fetch(urllib.parse.urljoin(url, line))[2]
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", "pipe:0", "-f", "framemd5", "-"], input=data, capture_output=True, check=True, timeout=60)
    frames = [line for line in done.stdout.decode().splitlines() if line.startswith("0,")]
    assert len(frames) == 20 and all(int(line.split(",")[4]) == 160 * 120 * 3 // 2 for line in frames)
    # Other tracks end it.
    only_video = subprocess.run(["ffmpeg", "-v", "error", "-i", "pipe:0", "-an", "-c", "copy", "-f", "matroska", "-"], input=made.stdout,
                                capture_output=True, check=True)
    upload(riacho, name, only_video.stdout, start=START + 40)
    assert text(lists(on_demand(riacho, name))[0]).count("#EXTINF") == listed.count("#EXTINF")


class Live(threading.Thread):
    """A camera that sends the picture over and over, in real time divided by `speed`."""

    def __init__(self, server, name, speed=4):
        super().__init__(daemon=True)
        self.server, self.name, self.speed, self.stopping = server, name, speed, threading.Event()
        self.errors = []

    def run(self):
        while not self.stopping.is_set():
            header, clusters = documents.split(PICTURE.read_bytes())
            call = camera(self.server).upload(self.name)

            def pieces(header=header, clusters=clusters):
                yield header
                for cluster, trailing in clusters:
                    yield cluster + trailing
                    self.stopping.wait(2 / self.speed)
            self.errors += [each for each in call.send_all(pieces()) if each["EventType"] == "ERROR"]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join(20)
        assert not self.errors


def wait_for_live(ask):
    """The address of a session, once the camera's first fragment is there."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return ask()
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "ResourceNotFoundException"
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_live(riacho):
    """[75] [80] [84] The newest few, a sequence number that rises by what left, a target that stays."""
    name = make_stream(riacho)
    with Live(riacho, name):
        deadline = time.monotonic() + 40
        url = wait_for_live(lambda: session(riacho, name, MaxMediaPlaylistFragmentResults=3))
        address = lists(url)[0]
        seen, targets, left = [], set(), 0
        while len(seen) < 9:
            listed = text(address)
            assert "ENDLIST" not in listed and "PLAYLIST-TYPE" not in listed
            targets.add(re.search(r"TARGETDURATION:(\d+)", listed)[1])
            sequence = int(re.search(r"MEDIA-SEQUENCE:(\d+)", listed)[1])
            named = re.findall(r"FragmentNumber=(\d+)&", listed)
            assert 1 <= len(named) <= 3 and sequence >= left
            left = sequence
            assert seen[sequence:sequence + len(named)] == named[:len(seen) - sequence]
            seen += named[len(seen) - sequence:]
            marks = int((re.search(r"DISCONTINUITY-SEQUENCE:(\d+)", listed) or [0, 0])[1])
            assert marks + listed.count("#EXT-X-DISCONTINUITY\n") == sequence + len(named) - 1
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert seen == sorted(seen) and len(set(seen)) == len(seen)
        assert len(targets) == 1
