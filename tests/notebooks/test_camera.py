"""Executes the notebooks of the camera as a reader would."""

import pathlib
import re

import pytest
from conftest import ROOT
from test_tutorial import execute, printed


@pytest.mark.parametrize("language", ["en", "pt"])
def test_film_goes_in_and_comes_out(riacho_server, monkeypatch, language):
    server = riacho_server()
    text = printed(execute(pathlib.Path(ROOT, "tutorial", language, "camera.ipynb"), server.url, monkeypatch))
    for kind in ("BUFFERING", "RECEIVED", "PERSISTED"):
        assert text.count(f"'EventType': '{kind}'") == 5
    listed = re.findall(r"^(\d{47}) \d+ ms \d+ bytes$", text, re.MULTILINE)
    assert len(listed) == 5 and sorted(listed) == listed
    assert f"AWS_KINESISVIDEO_FRAGMENT_NUMBERD\\x87\\xaf{listed[1]}" in text or listed[1] in text.split("1a45dfa3")[1]
    assert re.search(re.escape(server.url) + r"/hls/v1/getHLSMasterPlaylist\.m3u8\?SessionToken=\S+", text)
    assert "RESOLUTION=320x180" in text
