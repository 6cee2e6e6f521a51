"""Video Streams from Java: PutMedia of version 1 of the SDK, and AWS's parser library for what comes back."""

import pytest

import programs
from conftest import ROOT

PICTURE = ROOT / "tutorial" / "media" / "picture.mkv"
START_MS = 1_700_000_000_250
FRAGMENTS = 5


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_recording_goes_up_and_comes_back(riacho, name, tmp_path, scheme):
    flags = programs.truststore(riacho, tmp_path) if scheme == "https" else []
    url = riacho.tls_url if scheme == "https" else riacho.url
    seen = programs.run([*programs.build_java("video"), *flags, "riacho.Camera", url, name, str(PICTURE), str(START_MS), str(FRAGMENTS)])
    assert seen["arn"].startswith(f"arn:aws:kinesisvideo:us-east-1:000000000000:stream/{name}/")
    assert (seen["info"]["arn"], seen["info"]["hours"], seen["info"]["media"]) == (seen["arn"], 24, "video/h264,audio/aac")

    upload = seen["upload"]
    assert upload.get("complete") and "failure" not in upload, upload
    kinds = {kind: [each for each in upload["acknowledgements"] if each["type"] == kind] for kind in ("BUFFERING", "RECEIVED", "PERSISTED")}
    assert [len(each) for each in kinds.values()] == [FRAGMENTS] * 3
    numbers = [each["number"] for each in kinds["PERSISTED"]]
    assert numbers == [each["number"] for each in kinds["RECEIVED"]] == sorted(set(numbers))

    # The tags AWS_KINESISVIDEO_FRAGMENT_NUMBER, _PRODUCER_TIMESTAMP, _CONTINUATION_TOKEN and the others, as the library reads them.
    assert seen["media_type"] == "video/webm"
    assert [each["number"] for each in seen["fragments"]] == numbers
    listed = sorted(seen["listed"], key=lambda each: each["number"])
    assert [each["number"] for each in listed] == numbers
    for acknowledged, read, stored in zip(kinds["PERSISTED"], seen["fragments"], listed, strict=True):
        # The library makes milliseconds of seconds by rounding binary fractions up.
        assert 0 <= read["producer_ms"] - stored["producer_ms"] <= 1 and 0 <= read["server_ms"] - stored["server_ms"] <= 1
        assert stored["producer_ms"] == START_MS + acknowledged["timecode"]
        assert read["token"] and read["behind_ms"] >= 0
        assert read["track"] == ["V_MPEG4/ISO/AVC", 320, 180]
    # Thirty pictures to a fragment, and sound, through GetMediaForFragmentList.
    assert list(seen["frames"]) == numbers
    assert all(pictures == 30 and sounds > 50 for pictures, sounds in seen["frames"].values())

    assert not seen["upload_to_missing"].get("acknowledgements") and seen["upload_to_missing"]["failure"]["status"] == 404
    errors = {call: (error["type"], error["status"]) for call, error in seen["errors"].items()}
    assert errors == {"describe": ("ResourceNotFoundException", 404), "taken": ("ResourceInUseException", 400),
                      "list": ("ResourceNotFoundException", 404)}
