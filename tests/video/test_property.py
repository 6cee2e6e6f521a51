"""Whatever a camera sends within the rules comes back byte for byte, however it was cut on its way. RIACHO_SEED repeats a run."""

import os
import random

import matroska as mkv

VOID = mkv.element(b"\xec", bytes(20), 1)


def media(rng):
    """A header and fragments, each as [cluster, trailing]."""
    tracks = [[mkv.VIDEO], [mkv.VIDEO, mkv.AUDIO], [mkv.AUDIO]][rng.randrange(3)]
    numbers = [1 if track is mkv.VIDEO else 2 for track in tracks]
    timecode, fragments = rng.randrange(10_000), []
    for _ in range(rng.randint(1, 6)):
        blocks = []
        for index in range(rng.randint(1, 8)):
            for number in numbers:
                size = rng.choice((0, 1, 100, 5_000, 70_000, 400_000))
                blocks.append(mkv.block(number, index * 10 - rng.choice((0, 0, 5)), rng.randbytes(min(size, 1_000)) * (size // 1_000 + 1), index == 0))
        trailing = b"".join(rng.choice((mkv.tags(("name", "x" * rng.randrange(200))), VOID, b"")) for _ in range(rng.randrange(3)))
        fragments.append([mkv.cluster(timecode, blocks, rng.random() < 0.5), trailing])
        timecode += rng.randint(100, 5_000)
    return mkv.header(*tracks), fragments


def pieces(rng, data):
    """Cut anywhere; now and then byte by byte."""
    while data:
        size = rng.choice((1, 2, 3, 100, 4_000, 16_384, 300_000))
        yield data[:size]
        data = data[size:]


def test_what_was_sent_comes_back(video, name):
    seed = int(os.environ.get("RIACHO_SEED") or random.randrange(1 << 32))
    rng = random.Random(seed)
    for round in range(15):
        stream = f"{name}-{round}"
        video.create(stream)
        header, fragments = media(rng)
        body = header + b"".join(cluster + trailing for cluster, trailing in fragments)
        acks = video.send(stream, pieces(rng, body))
        stored = [ack["FragmentNumber"] for ack in acks if ack["EventType"] == "PERSISTED"]
        assert len(stored) == len(fragments), f"RIACHO_SEED={seed}: {acks[-1]}"
        sizes = {f["FragmentNumber"]: f["FragmentSizeInBytes"] for f in video.fragments(stream)}
        for number, (cluster, trailing) in zip(stored, fragments):
            chunk = video.archive.get_media_for_fragment_list(StreamName=stream, Fragments=[number])["Payload"].read()
            assert chunk.startswith(header) and cluster + trailing in chunk, f"RIACHO_SEED={seed} round {round} {number}"
            assert sizes[number] == len(header) + len(cluster) + len(trailing)
