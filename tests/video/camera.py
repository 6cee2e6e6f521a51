"""Streams and uploads for the tests of Video Streams, with the producer of tools/put_media.py."""

import importlib.util
import uuid

from conftest import ROOT

PICTURE = ROOT / "tutorial" / "media" / "picture.mkv"

_spec = importlib.util.spec_from_file_location("put_media", ROOT / "tools" / "put_media.py")
put_media = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(put_media)


def camera(server):
    return put_media.Client(server.url, key="AKIDEXAMPLE", secret="secret", region="us-east-1")


def make_stream(server, hours=24):
    name = f"t-{uuid.uuid4().hex[:12]}"
    camera(server).call("/createStream", StreamName=name, DataRetentionInHours=hours)
    return name


def upload(server, name, data=None, start=None, timecodes="RELATIVE"):
    """Sends a whole file; the acknowledgements, none of which is an error, by their kind."""
    data = PICTURE.read_bytes() if data is None else data
    call = camera(server).upload(name, start, timecodes)
    seen = list(call.send_all(iter([data])))
    assert all(each["EventType"] != "ERROR" for each in seen), seen
    return {kind: [each for each in seen if each["EventType"] == kind] for kind in ("BUFFERING", "RECEIVED", "PERSISTED")}


def numbers(acknowledgements):
    return [each["FragmentNumber"] for each in acknowledgements["RECEIVED"]]
