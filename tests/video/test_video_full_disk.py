"""A camera on a full disk is told with every fragment that is not stored, and what is stored can be read."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "server"))

import matroska as mkv  # noqa: E402
import test_disk  # noqa: E402
from video_client import Video  # noqa: E402

MIB = 1 << 20


@test_disk.needs_mount
def test_a_full_disk_is_an_error_with_a_number(riacho_server, tmp_path, name):
    disk = test_disk.SmallDisk(tmp_path, 400)
    server = riacho_server("--journal-mib", "192", data_dir=disk.data_dir, prefix=disk.prefix)
    video = Video(server)
    video.create(name)
    media = [mkv.header(), mkv.fragment(0), mkv.fragment(400)]
    before = [ack["FragmentNumber"] for ack in video.send(name, media) if ack["EventType"] == "PERSISTED"]
    disk.fill(server, 20 * MIB)
    test_disk.wait_until(lambda: test_disk.health(server)["store"] in ("disk_low", "disk_full"), 30)
    acks = video.send(name, media)
    assert (acks[-1]["EventType"], acks[-1]["ErrorId"], acks[-1]["ErrorCode"]) == ("ERROR", 5001, "ARCHIVAL_ERROR")
    assert acks[-1]["FragmentNumber"] == acks[0]["FragmentNumber"] and "PERSISTED" not in [ack["EventType"] for ack in acks]
    assert [f["FragmentNumber"] for f in video.fragments(name)] == before
    disk.clear(server)
    test_disk.wait_until(lambda: test_disk.health(server)["store"] == "ok", 30)
    again = [ack["FragmentNumber"] for ack in video.send(name, media) if ack["EventType"] == "PERSISTED"]
    assert [f["FragmentNumber"] for f in video.fragments(name)] == before + again
    assert server.stop() == 0
