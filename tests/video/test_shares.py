"""Media keep to their shares: Data Streams' readers are served from memory while cameras upload."""

import threading
import time
import urllib.request

import matroska as mkv
from conftest import put_many, read_all, wait_active
from video_client import Video


def figure(server, name):
    text = urllib.request.urlopen(f"{server.url}/metrics").read().decode()
    return next(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(f"{name} ") or line.startswith(name + "{"))


def test_readers_of_records_read_from_memory_while_a_camera_uploads(riacho_server):
    server = riacho_server("--cache-mib", "64")
    client, video = server.client(), Video(server)
    client.create_stream(StreamName="orders", ShardCount=1)
    wait_active(client, "orders")
    values = [bytes([index % 251]) * 20_000 for index in range(1_000)]  # 20 MB
    put_many(client, "orders", values)
    video.create("camera")
    # 240 MB: four times the whole cache. Each fragment is several records.
    acks = video.send("camera", [mkv.header(), *(mkv.fragment(t, frames=20, step=20, size=300_000, seed=t) for t in range(0, 16_000, 400))])
    assert [ack["EventType"] for ack in acks].count("PERSISTED") == 40
    before = figure(server, "riacho_reads_from_disk_total")
    assert [record["Data"] for record in read_all(client, "orders")] == values
    assert figure(server, "riacho_reads_from_disk_total") == before


def test_puts_go_on_beside_many_uploads_in_a_small_node(riacho_server):
    """512 MiB, twenty cameras that send as fast as they can: every put is answered, and what cameras hold is bounded."""
    server = riacho_server("--memory-limit", "512MiB")
    client, video = server.client(), Video(server)
    client.create_stream(StreamName="orders", ShardCount=1)
    wait_active(client, "orders")
    stopping = threading.Event()
    failures = []

    def camera(index):
        name = f"camera-{index}"
        video.create(name)
        media = mkv.fragment(0, frames=10, step=20, size=100_000)
        try:
            upload = video.upload(name)
            reader = threading.Thread(target=lambda: failures.extend(a for a in upload.acknowledgements() if a["EventType"] == "ERROR"))
            reader.start()
            upload.send(mkv.header())
            timecode = 0
            while not stopping.is_set():
                timecode += 400
                upload.send(media.replace(mkv.unsigned(b"\xe7", 0), mkv.unsigned(b"\xe7", timecode), 1))
            upload.finish()
            reader.join(30)
        except OSError as error:
            failures.append(error)
    cameras = [threading.Thread(target=camera, args=(index,), daemon=True) for index in range(20)]
    for each in cameras:
        each.start()
    began = time.monotonic()
    puts = 0
    while puts < 60 or time.monotonic() - began < 8:
        assert time.monotonic() - began < 60, (puts, failures)
        client.put_record(StreamName="orders", Data=b"x" * 1000, PartitionKey="k")
        puts += 1
        resident = int(next(line for line in open(f"/proc/{server.pid}/status") if line.startswith("VmRSS")).split()[1])
        assert resident < 512 * 1024
    stopping.set()
    for each in cameras:
        each.join(30)
    assert not failures
