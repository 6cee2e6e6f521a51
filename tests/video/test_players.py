"""HLS in the players that people use: hls.js in Chromium; and what mp4box.js reads in the segments. Numbers in brackets are items of
the conformance list."""

import json
import os
import re
import shutil
import subprocess
import urllib.parse

import pytest
from camera import make_stream, upload
from conftest import ROOT
from test_hls import START, Live, fetch, lists, on_demand, session, text, wait_for_live

NODE = ROOT / "tests" / "js"
NEEDS_CHROMIUM = pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")


def node(script, data=None, **environment):
    done = subprocess.run(["node", script], cwd=NODE, env=os.environ | environment, input=data, capture_output=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return json.loads(done.stdout.splitlines()[-1])


@NEEDS_CHROMIUM
@pytest.mark.parametrize("kind", ["PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"])
def test_a_browser_plays_to_the_end(riacho, kind):
    """[88] With and without discontinuities, from a page of another origin."""
    name = make_stream(riacho)
    upload(riacho, name, start=START)
    seen = node("play.mjs", RIACHO_URL=on_demand(riacho, name, kind), RIACHO_SECONDS="60")
    assert seen["ended"] and not seen["fatal"], seen
    assert (seen["width"], seen["height"], seen["audio"]) == (320, 180, 1)
    assert 9.5 < seen["duration"] < 10.5 or kind == "SERVER_TIMESTAMP", seen
    assert seen["frames"] > 100 and seen["audioBytes"] > 0, seen


@NEEDS_CHROMIUM
def test_the_browsers_own_player(riacho):
    """Chrome reads lists more strictly than hls.js does."""
    name = make_stream(riacho)
    upload(riacho, name, start=START)
    seen = node("play.mjs", RIACHO_URL=on_demand(riacho, name), RIACHO_SECONDS="30", RIACHO_NATIVE="1")
    assert seen["ended"] and not seen["fatal"], seen
    assert seen["width"] == 320 and seen["frames"] > 100, seen


@NEEDS_CHROMIUM
def test_a_browser_plays_what_is_live(riacho):
    """[88] Thirty seconds without a fatal error, while the camera goes on."""
    name = make_stream(riacho)
    with Live(riacho, name, speed=1):
        seen = node("play.mjs", RIACHO_URL=wait_for_live(lambda: session(riacho, name)), RIACHO_SECONDS="30")
    assert not seen["fatal"] and not seen["ended"], seen
    assert seen["time"] > 20 and seen["frames"] > 250, seen


def test_mp4box_reads_the_segments(riacho):
    """[83] Boxes add up, the clock runs on without gaps, and B-frames are shown in their order."""
    name = make_stream(riacho)
    upload(riacho, name, start=START)
    for address in lists(on_demand(riacho, name)):
        listed = text(address)
        data = fetch(urllib.parse.urljoin(address, re.search(r'MAP:URI="([^"]+)"', listed)[1]))[2]
        data += b"".join(fetch(urllib.parse.urljoin(address, line))[2] for line in listed.splitlines() if line and line[0] != "#")
        seen = node("boxes.mjs", data)
        assert not seen["errors"]
        (track,) = seen["tracks"]
        samples = seen["samples"]
        if track["codec"].startswith("avc1"):
            assert (track["timescale"], track["width"], track["height"]) == (1000, 320, 180)
            assert len(samples) == 150
            assert sum(s["duration"] for s in samples) == 10_000
            for before, after in zip(samples, samples[1:], strict=False):
                assert abs(before["dts"] + before["duration"] - after["dts"]) <= 1
            shown = sorted(s["cts"] for s in samples)
            assert len(set(shown)) == 150 and max(b - a for a, b in zip(shown, shown[1:], strict=False)) <= 67
            assert sum(s["sync"] for s in samples) == 5
        else:
            assert (track["codec"], track["rate"], track["channels"]) == ("mp4a.40.2", 44_100, 1)
            assert {s["duration"] for s in samples} == {1024}
            gaps = [after["dts"] - before["dts"] - 1024 for before, after in zip(samples, samples[1:], strict=False)]
            assert max(map(abs, gaps)) <= 45  # a millisecond, by which times are rounded
