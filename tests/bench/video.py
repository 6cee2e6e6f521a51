"""Figures of Video Streams, for `make bench` and alone: cameras of 2 Mbit/s beside one another, one connection as fast as it
goes, and what a put of Data Streams waits beside them. Only the Python standard library; cameras are processes of their own, so that what
they cost is not the server's."""

import argparse
import http.client
import json
import multiprocessing
import pathlib
import sys
import tempfile
import threading
import time
import urllib.parse

root = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(root / "tests"), str(root / "tests" / "bench"), str(root / "tools")]

import matroska as mkv  # noqa: E402
import put_media  # noqa: E402
import run as bench  # noqa: E402

FRAMES = 50                     # of a fragment of two seconds
FRAME_SIZE = 500_000 // FRAMES  # 2 Mbit/s


def client_of(port):
    return put_media.Client(f"http://127.0.0.1:{port}", key="AKID", secret="secret", region="us-east-1")


def media_at(template, timecode):
    """The fragment with another timecode: 8 bytes behind the element's head."""
    at = template.index(b"\xe7\x88") + 2
    return template[:at] + timecode.to_bytes(8, "big") + template[at + 8:]


def camera(port, name, seconds, offset, results):
    """Sends frames when a camera would have them; gives for each fragment how long after its last byte it was RECEIVED and PERSISTED."""
    time.sleep(offset)
    client = client_of(port)
    upload = client.upload(name, url=client.endpoint, timeout=60)
    header = mkv.header()
    ended = {}
    times = {"RECEIVED": [], "PERSISTED": []}

    def read():
        for ack in upload.acknowledgements():
            if ack["EventType"] in times:
                times[ack["EventType"]].append(time.monotonic() - ended[ack["FragmentTimecode"]])
    reader = threading.Thread(target=read)
    reader.start()
    upload.send(header)
    template = mkv.fragment(0, frames=FRAMES, step=40, size=FRAME_SIZE)
    piece = len(template) // 20
    started = time.monotonic()
    for number in range(int(seconds / 2)):
        data = media_at(template, number * 2000 + 1) + mkv.end_of_fragment()
        for step in range(0, len(data), piece):
            due = started + number * 2 + 2 * step / len(data)
            time.sleep(max(0, due - time.monotonic()))
            if step + piece >= len(data):
                ended[number * 2000 + 1] = time.monotonic()
            upload.socket.sendall(f"{len(data[step:step + piece]):x}\r\n".encode() + data[step:step + piece] + b"\r\n")
    upload.finish()
    reader.join(30)
    results.put(times)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def measure_cameras(work, count, seconds):
    """count cameras of 2 Mbit/s for so long."""
    with bench.Server(work / f"cameras-{count}") as server:
        client = client_of(server.port)
        for index in range(count):
            client.call("/createStream", StreamName=f"c{index}", DataRetentionInHours=1)
        results = multiprocessing.Queue()
        cameras = [multiprocessing.Process(target=camera, args=(server.port, f"c{index}", seconds, 2 * index / count, results))
                   for index in range(count)]
        before, started = cpu_seconds(server.process), time.monotonic()
        for each in cameras:
            each.start()
        times = [results.get(timeout=seconds + 120) for _ in cameras]
        used, took = cpu_seconds(server.process) - before, time.monotonic() - started
        for each in cameras:
            each.join()
        persisted = [value for each in times for value in each["PERSISTED"]]
        received = [value for each in times for value in each["RECEIVED"]]
        return {"cameras": count, "expected": count * int(seconds / 2), "persisted": len(persisted),
                "persisted_p50_ms": percentile(persisted, .5) * 1000, "persisted_p99_ms": percentile(persisted, .99) * 1000,
                "received_p50_ms": percentile(received, .5) * 1000, "received_p99_ms": percentile(received, .99) * 1000,
                "cores": used / took, "resident_mib": server.resident_mib()}


def send_fast(port, name, seconds, results):
    client = client_of(port)
    upload = client.upload(name, url=client.endpoint, timeout=60)
    reader = threading.Thread(target=lambda: list(upload.acknowledgements()))
    reader.start()
    template = mkv.fragment(0, frames=FRAMES, step=40, size=200_000)  # no more than 50 fragments a second are taken
    sent, timecode, started = 0, 1, time.monotonic()
    upload.socket.sendall(b"%x\r\n" % len(mkv.header()) + mkv.header() + b"\r\n")
    while time.monotonic() - started < seconds:
        data = media_at(template, timecode)
        upload.socket.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        timecode += 2000
        sent += len(data)
    upload.finish()
    reader.join(60)
    results.put((sent, time.monotonic() - started))


def measure_ingest(work, seconds):
    """One connection as fast as it goes, all durable; MB/s."""
    with bench.Server(work / "ingest") as server:
        client_of(server.port).call("/createStream", StreamName="fast", DataRetentionInHours=1)
        results = multiprocessing.Queue()
        process = multiprocessing.Process(target=send_fast, args=(server.port, "fast", seconds, results))
        process.start()
        sent, took = results.get(timeout=seconds + 120)
        process.join()
        return sent / took / 1e6


def put_times(server, seconds):
    times = []
    body = json.dumps({"StreamName": "orders", "PartitionKey": "k", "Data": "eHh4eA=="})
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        started = time.monotonic()
        connection.request("POST", "/", body, bench.aws_headers | {"x-amz-target": "Kinesis_20131202.PutRecord"})
        reply = connection.getresponse()
        reply.read()
        assert reply.status == 200
        times.append(time.monotonic() - started)
    return times


def measure_puts_beside(work, seconds, cameras):
    """p99 of PutRecord alone and beside that many cameras of 2 Mbit/s; ms."""
    with bench.Server(work / "beside") as server:
        server.create_stream("orders", 1)
        alone = put_times(server, seconds)
        client = client_of(server.port)
        results = multiprocessing.Queue()
        for index in range(cameras):
            client.call("/createStream", StreamName=f"c{index}", DataRetentionInHours=1)
        processes = [multiprocessing.Process(target=camera, args=(server.port, f"c{index}", seconds + 4, 2 * index / cameras, results))
                     for index in range(cameras)]
        for each in processes:
            each.start()
        time.sleep(3)
        beside = put_times(server, seconds)
        for _ in processes:
            results.get(timeout=120)
        for each in processes:
            each.join()
        return percentile(alone, .99) * 1000, percentile(beside, .99) * 1000


# What x264 says of 640x360: a session is given for media that can be played alone.
AVC = bytes.fromhex("01640016ffe1001a67640016acd940a02ff970110000030001000003000a0f162d9601000668ebe3cb22c0fdf8f800")


def measure_playback(work, count):
    """CPU of the server for a segment of 500 kB and for a list, in ms, on one connection."""
    with bench.Server(work / "playback") as server:
        client = client_of(server.port)
        client.call("/createStream", StreamName="film", DataRetentionInHours=1)
        start = int(time.time())
        size = mkv.element(b"\xe0", mkv.unsigned(b"\xb0", 640, 2) + mkv.unsigned(b"\xba", 360, 2), 1)
        pieces = [mkv.header(mkv.track(1, 1, "V_MPEG4/ISO/AVC", AVC, size))]
        template = mkv.fragment(0, frames=FRAMES, step=40, size=FRAME_SIZE)
        pieces += [media_at(template, number * 2000) for number in range(5)]
        list(client.upload("film", start=start, url=client.endpoint).send_all(iter(pieces)))
        selector = {"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": {"StartTimestamp": start, "EndTimestamp": start + 60}}
        master = urllib.parse.urlsplit(client.call("/getHLSStreamingSessionURL", StreamName="film", PlaybackMode="ON_DEMAND",
                                                   HLSFragmentSelector=selector)["HLSStreamingSessionURL"])
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

        def get(path):
            connection.request("GET", path)
            reply = connection.getresponse()
            body = reply.read()
            assert reply.status == 200, body
            return body

        listed = f"{master.path.replace('Master', 'Media')}?{master.query}&TrackNumber=1"
        segments = [f"/hls/v1/{line}" for line in get(listed).decode().splitlines() if line.startswith("getMP4Media")]
        assert len(segments) == 5 and len(get(segments[0])) > FRAMES * FRAME_SIZE
        costs = []
        for paths in (segments, [listed]):
            before = cpu_seconds(server.process)
            for index in range(count):
                get(paths[index % len(paths)])
            costs.append((cpu_seconds(server.process) - before) / count * 1000)
        return costs


def measure(work, quick=False):
    """All figures, as {name: text}."""
    seconds = 10 if quick else 30
    cameras = measure_cameras(work, 100, seconds)
    rows = {
        "100 cameras of 2 Mbit/s: fragments PERSISTED": f"{cameras['persisted']} of {cameras['expected']}",
        "PERSISTED after the last byte, p50 / p99": f"{cameras['persisted_p50_ms']:.1f} / {cameras['persisted_p99_ms']:.1f} ms",
        "RECEIVED after the last byte, p50 / p99": f"{cameras['received_p50_ms']:.1f} / {cameras['received_p99_ms']:.1f} ms",
        "the server's cores meanwhile": f"{cameras['cores']:.2f}",
        "its memory at the end": f"{cameras['resident_mib']:.0f} MiB",
    }
    ingest = measure_ingest(work, 5 if quick else 10)
    disk, _ = bench.fio(work, 3 if quick else 5, "1M")
    rows["one connection as fast as it goes, beside fio 1 MiB + fdatasync"] = f"{ingest:.0f} of {disk:.0f} MB/s, {ingest / disk:.2f}"
    alone, beside = measure_puts_beside(work, 5 if quick else 15, 100)
    segment, listing = measure_playback(work, 500 if quick else 2_000)
    rows["HLS: CPU for a segment of 500 kB / a list"] = f"{segment:.2f} / {listing:.2f} ms"
    rows["PutRecord p99 alone / beside 100 cameras"] = f"{alone:.1f} / {beside:.1f} ms, {beside / alone:.1f} times"
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=root / "build", prefix="bench-video-") as directory:
        for name, value in measure(pathlib.Path(directory), options.quick).items():
            print(f"| {name} | {value} |", flush=True)


if __name__ == "__main__":
    main()
