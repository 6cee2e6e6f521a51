"""What real programs make of Matroska goes in as it is (item 57 of the specification's conformance list)."""

import json
import shutil
import subprocess

import pytest

SOURCE = ["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10:duration=6", "-f", "lavfi", "-i", "sine=frequency=440:duration=6"]
CODECS = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "20", "-keyint_min", "20", "-sc_threshold", "0", "-c:a", "aac"]
LIMITS = ["-cluster_time_limit", "20000", "-cluster_size_limit", "50000000"]

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, **options).stdout


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    run("ffmpeg", "-nostdin", "-v", "error", *SOURCE, *CODECS, str(path))
    return path


def upload(video, name, media):
    video.create(name)
    acks = video.send(name, [media[at:at + 10_000] for at in range(0, len(media), 10_000)], start=1_700_000_000)
    assert acks[-1]["EventType"] == "PERSISTED", acks[-1]
    return video.fragments(name)


def check(fragments):
    """Six seconds in fragments of two, beginning at the start."""
    assert [round(f["ProducerTimestamp"].timestamp() - 1_700_000_000) for f in fragments] == [0, 2, 4]
    assert all(1_800 <= f["FragmentLengthInMilliseconds"] <= 2_100 for f in fragments)


def test_a_file_of_ffmpeg_with_seek_head_void_and_cues(video, name, film):
    check(upload(video, name, film.read_bytes()))


def test_a_pipe_of_ffmpeg_with_clusters_that_follow_key_frames(video, name, film):
    check(upload(video, name, run("ffmpeg", "-nostdin", "-v", "error", "-i", str(film), "-c", "copy", "-f", "matroska", *LIMITS, "-")))


def test_a_pipe_of_ffmpeg_as_it_is_by_default_is_refused(video, name, film):
    """Its clusters of one second leave out a track, or begin amid pictures: the camera is told at once."""
    media = run("ffmpeg", "-nostdin", "-v", "error", *SOURCE, *CODECS, "-cluster_size_limit", "1000", "-f", "matroska", "-")
    video.create(name)
    acks = video.send(name, [media])
    assert acks[-1]["EventType"] == "ERROR" and acks[-1]["ErrorId"] == 4011, acks[-1]


@pytest.mark.skipif(shutil.which("mkvmerge") is None, reason="needs mkvtoolnix")
def test_a_file_of_mkvmerge_which_laces_audio(video, name, film, tmp_path):
    made = tmp_path / "merged.mkv"
    run("mkvmerge", "-q", "-o", str(made), str(film))
    fragments = upload(video, name, made.read_bytes())
    assert sum(f["FragmentLengthInMilliseconds"] for f in fragments) > 5_000


def test_what_was_stored_is_what_was_sent(video, name, film, tmp_path):
    """Frames in are frames out: ffprobe sees the same packets."""
    fragments = upload(video, name, film.read_bytes())
    body = video.archive.get_media_for_fragment_list(
        StreamName=name, Fragments=[f["FragmentNumber"] for f in fragments])["Payload"].read()
    chunks = [bytes.fromhex("1A45DFA3") + part for part in body.split(bytes.fromhex("1A45DFA3"))[1:]]

    def packets(media):
        path = tmp_path / "part.mkv"
        path.write_bytes(media)
        shown = run("ffprobe", "-v", "error", "-show_packets", "-show_entries", "packet=codec_type,pts_time,size,data_hash",
                    "-show_data_hash", "md5", "-of", "json", str(path))
        return [(p["codec_type"], p["pts_time"], p["size"], p["data_hash"]) for p in json.loads(shown)["packets"]]
    assert sorted(packet for chunk in chunks for packet in packets(chunk)) == sorted(packets(film.read_bytes()))
