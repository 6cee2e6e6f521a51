"""Kills the server at random moments while cameras upload. No fragment that was PERSISTED is lost, no number is given twice
(items 37 and 38 of the video specification's conformance list). RIACHO_SEED repeats a run's choices."""

import http.client
import os
import random
import threading
import time

import matroska as mkv
import pytest
from video_client import put_media


KILLS = 30
HEADER = mkv.header()
# What an upload sees of a server that dies.
EXPECTED = (OSError, RuntimeError, http.client.HTTPException, ValueError)


class Camera(threading.Thread):
    """Uploads fragments in calls of a few each, without pause; remembers what was acknowledged."""

    def __init__(self, server, stream, seed):
        super().__init__(daemon=True)
        self.server, self.stream = server, stream
        self.rng = random.Random(seed)
        self.stopping = threading.Event()
        self.begun = []       # numbers, in the order of their BUFFERING
        self.persisted = {}   # number -> the Cluster that was sent
        self.calls = 0

    def run(self):
        while not self.stopping.is_set():
            try:
                self.call()
            except EXPECTED:
                time.sleep(0.005)

    def call(self):
        self.calls += 1
        sent = {}
        pieces = [HEADER]
        for index in range(self.rng.randint(1, 8)):
            # Now and then one that does not fit into a record.
            size = 40_000 if self.rng.random() < 0.1 else self.rng.choice((10, 500, 4_000))
            sent[index * 1000] = mkv.fragment(index * 1000, frames=30, step=30, size=size, seed=self.calls + index)
            pieces.append(sent[index * 1000])
        client = put_media.Client(self.server.url, key="AKIDEXAMPLE", secret="secret", region="us-east-1")
        upload = client.upload(self.stream, url=self.server.url, timeout=20)
        for ack in upload.send_all(pieces):
            if ack["EventType"] == "BUFFERING":
                self.begun.append(ack["FragmentNumber"])
            elif ack["EventType"] == "PERSISTED":
                self.persisted[ack["FragmentNumber"]] = sent[ack["FragmentTimecode"]]


def listed(archive, stream):
    selector = {"FragmentSelectorType": "SERVER_TIMESTAMP", "TimestampRange": {"StartTimestamp": 0, "EndTimestamp": 4_000_000_000}}
    pages = archive.get_paginator("list_fragments").paginate(StreamName=stream, FragmentSelector=selector,
                                                             PaginationConfig={"PageSize": 1000})
    return [fragment for page in pages for fragment in page["Fragments"]]


@pytest.mark.timeout(300)
def test_no_persisted_fragment_is_lost_and_no_number_given_twice(riacho_server):
    seed = int(os.environ.get("RIACHO_SEED") or random.randrange(1 << 32))
    rng = random.Random(seed)
    server = riacho_server()
    streams = ("front", "back")
    for stream in streams:
        server.client(service="kinesisvideo").create_stream(StreamName=stream, DataRetentionInHours=24)
    server.flags += ["--journal-mib", "64"]
    cameras = [Camera(server, stream, rng.random()) for stream in streams for _ in range(2)]  # two overlap on each
    port = server.port
    for camera in cameras:
        camera.start()
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.05, 0.7))
        server.kill()
        server.port = port
        server.start()
    time.sleep(0.5)
    for camera in cameras:
        camera.stopping.set()
    for camera in cameras:
        camera.join(30)
        assert not camera.is_alive()
    archive = server.client(service="kinesis-video-archived-media")
    for stream in streams:
        mine = [camera for camera in cameras if camera.stream == stream]
        begun = [number for camera in mine for number in camera.begun]
        assert len(begun) == len(set(begun)), f"a number was given twice (RIACHO_SEED={seed})"
        sequences = [int(number) >> 92 for number in begun]
        assert len(sequences) == len(set(sequences))
        persisted = {number: media for camera in mine for number, media in camera.persisted.items()}
        assert len(persisted) > 50
        sizes = {fragment["FragmentNumber"]: fragment["FragmentSizeInBytes"] for fragment in listed(archive, stream)}
        lost = persisted.keys() - sizes.keys()
        assert not lost, f"{len(lost)} of {len(persisted)} were lost (RIACHO_SEED={seed}): {sorted(lost)[:3]}"
        assert all(sizes[number] == len(HEADER) + len(media) for number, media in persisted.items())
        check_media(archive, stream, persisted, seed)


def check_media(archive, stream, persisted, seed):
    """Every acknowledged fragment has the bytes that were sent."""
    numbers = sorted(persisted)
    for start in range(0, len(numbers), 100):
        some = numbers[start:start + 100]
        body = archive.get_media_for_fragment_list(StreamName=stream, Fragments=some)["Payload"].read()
        chunks = body.split(mkv.EBML)[1:]
        assert len(chunks) == len(some)
        for number, chunk in zip(some, chunks):
            assert number.encode() in chunk and persisted[number] in chunk, f"{number} is not what was sent (RIACHO_SEED={seed})"
