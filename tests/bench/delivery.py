"""Figures of Data Firehose for `make bench`: puts beside PutRecords, delivery beside the compressor alone, streams that do nothing."""

import base64
import json
import os
import random
import shutil
import subprocess
import time

import run

role = "arn:aws:iam::000000000000:role/bench"


def create(server, name, interval, compression="GZIP", size=128):
    server.call("Firehose_20150804.CreateDeliveryStream", {
        "DeliveryStreamName": name, "ExtendedS3DestinationConfiguration": {
            "RoleARN": role, "BucketARN": "arn:aws:s3:::bench", "CompressionFormat": compression,
            "BufferingHints": {"SizeInMBs": size, "IntervalInSeconds": interval}}})


def wait_active(server, name):
    request = {"DeliveryStreamName": name}
    while json.loads(server.call("Firehose_20150804.DescribeDeliveryStream", request))["DeliveryStreamDescription"]["DeliveryStreamStatus"] != "ACTIVE":
        time.sleep(0.01)


def lines(count, seed):
    """JSON lines of about 1 KiB that compress as those of applications do."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 9))) for _ in range(2000)]
    for number in range(count):
        record = {"id": rng.getrandbits(48), "at": 1_790_000_000_000 + number * 37, "user": f"user-{rng.randint(1, 50_000)}",
                  "amount": round(rng.random() * 500, 2), "text": ""}
        record["text"] = " ".join(rng.choices(words, k=130))
        yield (json.dumps(record)[:1022] + "}\n").encode()


def put_bodies(work, records):
    """Requests of 500 records each, as files."""
    paths = []
    for start in range(0, len(records), run.batch):
        content = {"DeliveryStreamName": "bench",
                   "Records": [{"Data": base64.b64encode(record).decode()} for record in records[start:start + run.batch]]}
        paths.append(run.write_body(work, f"delivery-{start}.json", content))
    return paths


def measure_puts(work, settings):
    run.progress("PutRecordBatch of 500 x 1 KiB into a GZIP delivery stream beside PutRecords")
    records = [run.record] * run.batch
    (body,) = put_bodies(work, records)
    kinesis = run.write_body(work, "batch.json", run.batch_content(run.batch))
    ours, theirs = [], []
    for number in range(settings.rounds):
        directory = work / f"put-delivery-{number}"
        with run.Server(directory) as server:
            server.create_stream("bench", 1)
            create(server, "bench", 60)
            wait_active(server, "bench")
            url = f"http://127.0.0.1:{server.port}/"
            pair = [("PutRecords", kinesis, theirs), ("Firehose_20150804.PutRecordBatch", body, ours)]
            for target, path, rates in pair if number % 2 else reversed(pair):
                rate = run.h2load(url, 8, settings.batch_seconds // 2, target, path)
                rates.append(rate * run.batch * len(run.record) / 1e6)
        shutil.rmtree(directory)
    return run.compared(ours, theirs)


def deliver(work, settings, bodies, number):
    """MB per second from the log into files, of a backlog that is there."""
    directory = work / f"deliver-{number}"
    with run.Server(directory) as server:
        create(server, "bench", 900)
        wait_active(server, "bench")
        size = 0
        for body in bodies:
            content = json.loads(body.read_bytes())
            reply = json.loads(server.call("Firehose_20150804.PutRecordBatch", content))
            if reply["FailedPutCount"]:
                raise RuntimeError("a record was refused")
            size += sum(len(base64.b64decode(record["Data"])) for record in content["Records"])
        began = time.monotonic()
        subprocess.run([run.riacho, "firehose", "flush", "bench", "--data-dir", directory], check=True, stdout=subprocess.DEVNULL)
        elapsed = time.monotonic() - began
    files = [path for path in (directory / "buckets" / "bench").rglob("*.gz")]
    if not files:
        raise RuntimeError("nothing was delivered")
    shutil.rmtree(directory)
    return size / elapsed / 1e6


def measure_delivery(work, settings):
    run.progress("delivery of a backlog, GZIP, beside the compressor alone")
    count = 60_000 if settings.rounds < 3 else 120_000
    records = list(lines(count, 1))
    bodies = put_bodies(work, records)
    sample = work / "delivery-lines"
    sample.write_bytes(b"".join(records))
    ours, theirs = [], []
    for number in range(settings.rounds):
        ours.append(deliver(work, settings, bodies, number))
        alone = subprocess.run([run.root / "build/release/bin/gzip_bench", sample, "2"], capture_output=True, text=True, check=True)
        engine, rate, ratio = alone.stdout.split()
        theirs.append(float(rate))
    for path in [*bodies, sample]:
        path.unlink()
    return run.compared(ours, theirs) | {"engine": engine, "compression": float(ratio), "mb": len(b"".join(records)) / 1e6}


def cpu_seconds(server):
    fields = open(f"/proc/{server.process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_idle(work, settings):
    run.progress("1,000 delivery streams that do nothing")
    with run.Server(work / "idle-none") as server:
        time.sleep(2)
        without = server.resident_mib()
        began = cpu_seconds(server)
        time.sleep(5)
        cpu_without = (cpu_seconds(server) - began) / 5
    directory = work / "idle"
    with run.Server(directory) as server:
        for number in range(1000):
            create(server, f"d{number}", 60)
        wait_active(server, "d999")
    with run.Server(directory) as server:
        time.sleep(3)
        resident = server.resident_mib()
        began = cpu_seconds(server)
        time.sleep(5)
        cpu = (cpu_seconds(server) - began) / 5
        listening = server.listening_ms
    shutil.rmtree(directory)
    return {"more_mib": resident - without, "cpu_percent": max(cpu - cpu_without, 0) * 100, "restart_ms": listening}


def measure(work, settings):
    return {"puts": measure_puts(work, settings), "delivery": measure_delivery(work, settings), "idle": measure_idle(work, settings)}


def rows(figures):
    puts, delivery, idle = figures["puts"], figures["delivery"], figures["idle"]
    return [
        ("Firehose: PutRecordBatch 500 x 1 KiB into a GZIP stream, beside PutRecords", f"{puts['ours']:.0f} MB/s", f"{puts['theirs']:.0f} MB/s",
         f"{puts['ratio']:.2f}", "0.70"),
        (f"Firehose: {delivery['mb']:.0f} MB into GZIP files, beside {delivery['engine']} alone on one thread", f"{delivery['ours']:.0f} MB/s",
         f"{delivery['theirs']:.0f} MB/s", f"{delivery['ratio']:.2f}", "0.80"),
        ("Firehose: 1,000 idle delivery streams, memory", f"{idle['more_mib']:.1f} MiB", "", "", "20 MiB"),
        ("... CPU", f"{idle['cpu_percent']:.1f} %", "", "", "0"),
    ]
