"""`make bench`: riacho's figures beside nginx's and the disk's, in one run on one machine.

Rounds alternate, so that other load on the machine affects both sides; a figure is the median of its rounds, a ratio the median
of the rounds' ratios. Needs build/riacho, h2load, nginx and fio; only the Python standard library. Prints a Markdown table and
writes build/bench.json. docs/performance.md describes the measurements.
"""

import argparse
import base64
import concurrent.futures
import http.client
import itertools
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

root = pathlib.Path(__file__).resolve().parents[2]
riacho = root / "build" / "riacho"
record = b"x" * 1024
batch = 500
reply_records = 10_000
aws_headers = {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-date": "20260101T000000Z",
    "authorization": "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=00",
}


def full_target(operation):
    """Operations without their service's prefix are those of Kinesis."""
    return operation if "." in operation else f"Kinesis_20131202.{operation}"


class Settings:
    def __init__(self, quick):
        self.rounds = 2 if quick else 5
        self.put_seconds = 2 if quick else 3
        self.batch_seconds = 4 if quick else 10
        self.fio_seconds = 2 if quick else 4
        self.get_seconds = 2 if quick else 3
        self.starts = 5 if quick else 15
        self.replays = 2 if quick else 5
        self.replay_seconds = 2 if quick else 4
        self.many_shards = 10_000 if quick else 100_000
        self.control_seconds = 3 if quick else 6


def progress(text):
    print(f"... {text}", file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process, seconds_max=60):
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        time.sleep(0.0002)
    raise RuntimeError(f"nothing listens on port {port}")


def call_at(port, operation, body):
    """The body of a reply, over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/", json.dumps(body), aws_headers | {"x-amz-target": full_target(operation)})
    reply = connection.getresponse()
    content = reply.read()
    connection.close()
    if reply.status != 200:
        raise RuntimeError(f"{operation}: {reply.status} {content[:300]}")
    return content


class Server:
    """riacho with its own data directory."""

    def __init__(self, directory, *flags, binary=riacho):
        self.port = free_port()
        self.log_path = directory.parent / f"{directory.name}.log"
        self.log = open(self.log_path, "wb")
        started_at = time.monotonic()
        self.process = subprocess.Popen([binary, "serve", "--data-dir", directory, "--listen", f"127.0.0.1:{self.port}",
                                         "--log-format", "json", *flags], stderr=self.log, stdout=self.log)
        wait_for_port(self.port, self.process)
        self.listening_ms = (time.monotonic() - started_at) * 1000

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end(signal.SIGTERM)

    def end(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(60)
        self.log.close()

    def call(self, operation, body):
        return call_at(self.port, operation, body)

    def page(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path)
        return connection.getresponse().read().decode()

    def create_stream(self, name, shards):
        self.call("CreateStream", {"StreamName": name, "ShardCount": shards})
        while json.loads(self.call("DescribeStreamSummary", {"StreamName": name}))["StreamDescriptionSummary"]["StreamStatus"] != "ACTIVE":
            time.sleep(0.01)

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


class Nginx:
    """nginx with a fixed response to a put, and static files."""

    def __init__(self, directory):
        self.port = free_port()
        configuration = directory / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        configuration.write_text(f"""
{user} worker_processes auto; daemon off; pid {directory}/nginx.pid; error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; sendfile on; keepalive_requests 100000000; client_body_buffer_size 64k; client_max_body_size 16m;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{self.port} reuseport;
        location /static/ {{ alias {directory}/static/; }}
        location / {{
            default_type application/x-amz-json-1.1;
            return 200 '{{"ShardId":"shardId-000000000000","SequenceNumber":"49646437577108476416916876405825929425585429676275269634"}}';
        }}
    }}
}}
""")
        (directory / "static").mkdir(exist_ok=True)
        binary = shutil.which("nginx") or "/usr/sbin/nginx"
        started_at = time.monotonic()
        self.process = subprocess.Popen([binary, "-p", directory, "-c", configuration], stderr=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)
        self.listening_ms = (time.monotonic() - started_at) * 1000

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


def h2load(url, connections, seconds, target=None, body=None):
    """Requests per second over HTTP/1.1; every response must be a 200."""
    command = ["h2load", "--h1", "-t", "1", "-c", str(connections), "-D", str(seconds), "--warm-up-time", "1"]
    if body is not None:
        command += ["-d", str(body)]
        for name, value in (aws_headers | {"x-amz-target": full_target(target)}).items():
            command += ["-H", f"{name}: {value}"]
    output = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    ok, *others = map(int, re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", output).groups())
    if ok == 0 or any(others):
        raise RuntimeError(f"h2load {url}: not every answer was a 200\n{output}")
    return float(re.search(r"finished in [\d.]+\w*, ([\d.]+) req/s", output)[1])


def fio(directory, seconds, block):
    """Writes and syncs block by block: (MB per second, median of the sync in microseconds)."""
    output = subprocess.run(
        ["fio", "--name=bench", f"--directory={directory}", "--rw=write", f"--bs={block}", "--fdatasync=1", "--size=2G",
         f"--runtime={seconds}", "--time_based", "--ioengine=sync", "--output-format=json"],
        capture_output=True, text=True, check=True).stdout
    (job,) = json.loads(output[output.index("{"):])["jobs"]
    for leftover in directory.glob("bench.*"):
        leftover.unlink()
    return job["write"]["bw_bytes"] / 1e6, job["sync"]["lat_ns"]["percentile"]["50.000000"] / 1000


def write_body(directory, name, content):
    path = directory / name
    path.write_text(json.dumps(content))
    return path


def put_body(directory):
    return write_body(directory, "put.json",
                      {"StreamName": "bench", "Data": base64.b64encode(record).decode(), "PartitionKey": "key-1"})


def batch_content(count):
    data = base64.b64encode(record).decode()
    return {"StreamName": "bench", "Records": [{"Data": data, "PartitionKey": f"key-{n}"} for n in range(count)]}


def compared(ours, theirs):
    return {"ours": statistics.median(ours), "theirs": statistics.median(theirs),
            "ratio": statistics.median(a / b for a, b in zip(ours, theirs)), "rounds_ours": ours, "rounds_theirs": theirs}


def measure_start(work, settings):
    progress("start on an empty directory, idle memory")
    listening, resident, theirs = [], [], []
    for number in range(settings.starts):
        directory = work / f"start-{number}"
        nginx_directory = work / f"nginx-start-{number}"
        nginx_directory.mkdir()
        with Nginx(nginx_directory) as nginx:
            theirs.append(nginx.listening_ms)
        with Server(directory) as server:
            listening.append(server.listening_ms)
            if number < 3:
                time.sleep(1)
                resident.append(server.resident_mib())
        shutil.rmtree(directory)
    return {"listening_ms": statistics.median(listening), "idle_rss_mib": statistics.median(resident),
            "nginx_ms": statistics.median(theirs)}


def measure_put(work, settings, connections):
    progress(f"PutRecord over {connections} connections")
    ours, theirs, disk = [], [], []
    body = put_body(work)
    directory = work / f"put-{connections}"
    (work / f"nginx-put-{connections}").mkdir()
    with Server(directory) as server, Nginx(work / f"nginx-put-{connections}") as nginx:
        server.create_stream("bench", 4)
        for _ in range(settings.rounds):
            ours.append(h2load(f"http://127.0.0.1:{server.port}/", connections, settings.put_seconds, "PutRecord", body))
            theirs.append(h2load(f"http://127.0.0.1:{nginx.port}/", connections, settings.put_seconds, "PutRecord", body))
            # The most that may share a sync: a record of each connection.
            disk.append(fio(work, settings.fio_seconds, f"{connections}k")[0] * 1e6 / len(record))
    shutil.rmtree(directory)
    return compared(ours, theirs) | {"disk": statistics.median(disk)}


def measure_batches(work, settings):
    progress("PutRecords of 500 x 1 KiB beside fio and nginx")
    ours, theirs, discarded = [], [], []
    body = write_body(work, "batch.json", batch_content(batch))
    nginx_directory = work / "nginx-batch"
    nginx_directory.mkdir()
    for number in range(settings.rounds):
        # A new directory for each round; the server's pending writes are finished before fio begins.
        directory = work / f"batch-{number}"
        with Server(directory) as server:
            server.create_stream("bench", 4)
            rate = h2load(f"http://127.0.0.1:{server.port}/", 8, settings.batch_seconds, "PutRecords", body)
            ours.append(rate * batch * len(record) / 1e6)
        shutil.rmtree(directory)
        os.sync()
        theirs.append(fio(work, settings.fio_seconds, "1M")[0])
        # nginx reads the same bodies and throws them away.
        with Nginx(nginx_directory) as nginx:
            rate = h2load(f"http://127.0.0.1:{nginx.port}/", 8, settings.put_seconds, "PutRecords", body)
            discarded.append(rate * batch * len(record) / 1e6)
    smaller = [min(pair) for pair in zip(theirs, discarded)]
    return compared(ours, smaller) | {"disk": statistics.median(theirs), "nginx": statistics.median(discarded)}


def measure_get(work, settings):
    progress(f"GetRecords of {reply_records:,} x 1 KiB from the tail")
    ours, theirs = [], []
    directory = work / "get"
    nginx_directory = work / "nginx-get"
    nginx_directory.mkdir()
    with Server(directory) as server, Nginx(nginx_directory) as nginx:
        server.create_stream("bench", 1)
        for _ in range(reply_records // batch):
            server.call("PutRecords", batch_content(batch))
        for _ in range(settings.rounds):
            iterator = json.loads(server.call("GetShardIterator", {
                "StreamName": "bench", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}))["ShardIterator"]
            request = {"ShardIterator": iterator, "Limit": reply_records}
            reply = server.call("GetRecords", request)
            if len(json.loads(reply)["Records"]) != reply_records:
                raise RuntimeError("the reply does not hold all records")
            (nginx_directory / "static" / "reply").write_bytes(reply)
            ours.append(h2load(f"http://127.0.0.1:{server.port}/", 4, settings.get_seconds, "GetRecords",
                               write_body(work, "get.json", request)))
            theirs.append(h2load(f"http://127.0.0.1:{nginx.port}/static/reply", 4, settings.get_seconds))
    shutil.rmtree(directory)
    return compared(ours, theirs) | {"reply_bytes": len(reply)}


def measure_replay(work, settings):
    progress("journal replay after kill -9")
    rates, sizes = [], []
    body = write_body(work, "batch.json", batch_content(batch))
    for number in range(settings.replays):
        directory = work / f"replay-{number}"
        server = Server(directory)
        try:
            server.create_stream("bench", 4)
            h2load(f"http://127.0.0.1:{server.port}/", 8, settings.replay_seconds, "PutRecords", body)
        finally:
            server.end(signal.SIGKILL)
        with Server(directory) as restarted:
            events = [json.loads(line) for line in restarted.log_path.read_text().splitlines() if line.startswith("{")]
        for event in events:
            if event.get("event") == "journal replayed":
                sizes.append(int(event["read_bytes"]) / 1e6)
                rates.append(int(event["read_bytes"]) / 1e3 / max(int(event["ms"]), 1))
        shutil.rmtree(directory)
    if not rates:
        raise RuntimeError("no start replayed anything")
    return {"mb_per_s": statistics.median(rates), "mb": statistics.median(sizes), "rounds": rates}


class Subscriber:
    """One SubscribeToShard call over HTTP/1.1; bytes as they arrive."""

    def __init__(self, server, consumer_arn, start="LATEST"):
        body = json.dumps({"ConsumerARN": consumer_arn, "ShardId": "shardId-000000000000", "StartingPosition": {"Type": start}})
        headers = aws_headers | {"x-amz-target": "Kinesis_20131202.SubscribeToShard", "host": "bench", "content-length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.socket = socket.create_connection(("127.0.0.1", server.port))
        self.socket.sendall(f"POST / HTTP/1.1\r\n{head}\r\n{body}".encode())
        seen = b""
        while b"initial-response" not in seen:
            part = self.socket.recv(65536)
            if not part:
                raise RuntimeError(f"no subscription: {seen[:500]}")
            seen += part
        if not seen.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"no subscription: {seen[:500]}")


def register(server, count):
    """A stream of one shard and the ARNs of `count` ACTIVE consumers of it."""
    server.create_stream("fan", 1)
    stream = json.loads(server.call("DescribeStreamSummary", {"StreamName": "fan"}))["StreamDescriptionSummary"]["StreamARN"]
    consumers = [json.loads(server.call("RegisterStreamConsumer", {"StreamARN": stream, "ConsumerName": f"c{n}"}))["Consumer"]["ConsumerARN"]
                 for n in range(count)]
    time.sleep(0.1)
    return consumers


def measure_fan_out(work, settings, binary=riacho):
    """Milliseconds from the acknowledgement of a put, and from its sending, to the subscriber's socket."""
    progress("fan-out: from the record to the subscriber")
    after_ack, after_send = [], []
    with Server(work / "fan-out", binary=binary) as server:
        subscriber = Subscriber(server, register(server, 1)[0])
        arrivals = []

        def receive():
            tail = b""
            while True:
                try:
                    part = subscriber.socket.recv(65536)
                except OSError:  # closed: the measurement is over
                    return
                now = time.monotonic()
                tail += part
                while (at := tail.find(b"bench-")) >= 0 and len(tail) >= at + 14:
                    arrivals.append((int(tail[at + 6:at + 14]), now))
                    tail = tail[at + 14:]
                tail = tail[-64:]

        reader = threading.Thread(target=receive, daemon=True)
        reader.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        sent, acknowledged = [], []
        for number in range(300):
            body = json.dumps({"StreamName": "fan", "Data": "eA==", "PartitionKey": f"bench-{number:08}"})
            sent.append(time.monotonic())
            connection.request("POST", "/", body, aws_headers | {"x-amz-target": "Kinesis_20131202.PutRecord"})
            connection.getresponse().read()
            acknowledged.append(time.monotonic())
            time.sleep(0.004)
        time.sleep(0.5)
        for number, arrived in arrivals:
            after_send.append((arrived - sent[number]) * 1000)
            after_ack.append((arrived - acknowledged[number]) * 1000)
        subscriber.socket.close()
    if len(arrivals) != 300:
        raise RuntimeError(f"{len(arrivals)} of 300 records arrived")
    return {"after_send_ms": statistics.median(after_send), "after_ack_ms": statistics.median(after_ack)}


def measure_subscribers(work, settings):
    """200 subscribers of one shard fed at 10 MB/s: the rate of each, in MB/s, and the server's memory."""
    progress("200 subscribers of one shard")
    seconds, count, feed = (5 if settings.rounds < 3 else 10), 200, 10e6
    with Server(work / "subscribers", "--consumers-max", str(count)) as server:
        consumers = register(server, count)
        # The readers are separate processes, so that Python's speed does not limit the measurement.
        readers = [subprocess.Popen([sys.executable, __file__, "--read", str(server.port), *consumers[part::4]], stdout=subprocess.PIPE)
                   for part in range(4)]
        for reader in readers:
            reader.stdout.readline()
        data = base64.b64encode(b"x" * 10_000).decode()
        body = json.dumps({"StreamName": "fan", "Records": [{"Data": data, "PartitionKey": "k"} for _ in range(50)]})
        producer = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        began = time.monotonic()
        fed, memory = 0, 0.0
        while (elapsed := time.monotonic() - began) < seconds:
            if fed > elapsed * feed:
                time.sleep(0.005)
                continue
            producer.request("POST", "/", body, aws_headers | {"x-amz-target": "Kinesis_20131202.PutRecords"})
            if json.loads(producer.getresponse().read()).get("FailedRecordCount") != 0:
                raise RuntimeError("a record was refused")
            fed += 500_000
            memory = max(memory, server.resident_mib())
        time.sleep(0.2)
        received = 0
        for reader in readers:
            reader.send_signal(signal.SIGUSR1)
            received += int(reader.stdout.readline())
        for reader in readers:
            reader.kill()
            reader.wait()
    # On the wire a byte of data takes 4/3 bytes of base64, and some overhead.
    return {"fed_mb_per_s": fed / seconds / 1e6, "each_mb_per_s": received * 0.75 / count / seconds / 1e6, "rss_mib": memory}


def read_subscriptions(port, consumers):
    """The process behind measure_subscribers: reads everything, and prints the number of bytes on SIGUSR1."""
    import selectors

    class Address:
        pass

    server = Address()
    server.port = port
    selector = selectors.DefaultSelector()
    for consumer in consumers:
        subscriber = Subscriber(server, consumer)
        subscriber.socket.setblocking(False)
        selector.register(subscriber.socket, selectors.EVENT_READ)
    total = 0

    def tell(*_):
        print(total, flush=True)

    signal.signal(signal.SIGUSR1, tell)
    print("ready", flush=True)
    buffer = bytearray(1 << 20)
    while True:
        for key, _ in selector.select():
            # The kernel counts and drops the bytes: these readers share the server's CPUs.
            total += key.fileobj.recv_into(buffer, len(buffer), socket.MSG_TRUNC)


def put_streams(server, names, seconds):
    """Requests of 500 x 1 KiB per second, each to the stream that comes next in `names`, over 8 connections; every answer is a 200 without
    a failed record. Not h2load, which sends one body: a request is one buffer for its stream and one for its records, sent by the kernel."""
    records = json.dumps(batch_content(batch)["Records"]).encode()
    names, ends, counts, failures = itertools.cycle(names), time.monotonic() + seconds, [], []
    headers = "".join(f"{name}: {value}\r\n" for name, value in (aws_headers | {"x-amz-target": full_target("PutRecords")}).items())

    def work():
        connection = socket.create_connection(("127.0.0.1", server.port))
        count = 0
        while time.monotonic() < ends:
            before = f'{{"StreamName": "{next(names)}", "Records": '.encode()
            head = f"POST / HTTP/1.1\r\nhost: bench\r\n{headers}content-length: {len(before) + len(records) + 1}\r\n\r\n".encode()
            connection.sendall(b"".join((head, before, records, b"}")))
            reply = http.client.HTTPResponse(connection)
            reply.begin()
            content = reply.read()
            if reply.status != 200 or b'"FailedRecordCount":0' not in content:
                failures.append(content[:300])
                return
            count += 1
        connection.close()
        counts.append(count)

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        raise RuntimeError(f"PutRecords: {failures[0]}")
    return sum(counts) / seconds


def measure_many_shards(work, settings):
    """Streams of 10 shards: the time of a restart, the server's memory, and what PutRecords takes spread over all of them and over one shard."""
    streams = settings.many_shards // 10
    progress(f"{settings.many_shards:,} shards in {streams:,} streams")
    directory = work / "many"
    names = [f"s{number}" for number in range(streams)]
    with Server(directory) as server:
        created_at = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda name: server.call("CreateStream", {"StreamName": name, "ShardCount": 10}), names))
        create_s = time.monotonic() - created_at
        server.create_stream("one", 1)
        for name in names[::10]:
            server.call("PutRecords", {"StreamName": name, "Records": [{"Data": "eA==", "PartitionKey": str(n)} for n in range(50)]})
    restarts, memory = [], []
    for _ in range(settings.rounds):
        with Server(directory) as server:
            server.call("DescribeStreamSummary", {"StreamName": names[-1]})
            restarts.append(server.listening_ms)
            time.sleep(1)
            memory.append(server.resident_mib())
    spread, single = [], []
    with Server(directory) as server:
        for _ in range(settings.rounds):
            spread.append(put_streams(server, names, settings.put_seconds))
            single.append(put_streams(server, ["one"], settings.put_seconds))
    shutil.rmtree(directory)
    return {"shards": settings.many_shards, "streams": streams, "create_s": create_s, "restart_ms": statistics.median(restarts),
            "rss_mib": statistics.median(memory), "put_records": compared(spread, single)}


def control_calls(call, seconds):
    """Sorted durations in ms of control calls one after the other, each on a new connection: of all, and of those that only read."""
    durations, reads = [], []
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        for operation, body in (("DescribeStreamSummary", {"StreamName": "bench"}), ("ListStreams", {}),
                                ("AddTagsToStream", {"StreamName": "bench", "Tags": {"a": str(len(durations))}}),
                                ("ListShards", {"StreamName": "bench"})):
            started = time.monotonic()
            call(operation, body)
            durations.append((time.monotonic() - started) * 1000)
            if not operation.startswith("Add"):
                reads.append(durations[-1])
    return sorted(durations), sorted(reads)


def measure_control(work, settings, connections):
    """The 99th percentile of control calls, in ms, while PutRecord runs at full speed over so many connections; and of the same requests to an
    nginx under the same load, which is what the machine's CPUs leave for a client of its own."""
    progress(f"control calls beside {connections:,} busy connections")
    body = put_body(work)
    nginx_directory = work / f"nginx-control-{connections}"
    nginx_directory.mkdir()
    p99 = {}
    with Server(work / f"control-{connections}") as server, Nginx(nginx_directory) as nginx:
        server.create_stream("bench", 4)
        for name, port in (("ours", server.port), ("theirs", nginx.port)):
            command = ["h2load", "--h1", "-t", "1", "-c", str(connections), "-D", str(settings.control_seconds + 2), "-d", str(body)]
            for header, value in (aws_headers | {"x-amz-target": full_target("PutRecord")}).items():
                command += ["-H", f"{header}: {value}"]
            load = subprocess.Popen([*command, f"http://127.0.0.1:{port}/"], stdout=subprocess.DEVNULL)
            time.sleep(1)
            durations, reads = control_calls(lambda *request, port=port: call_at(port, *request), settings.control_seconds)
            load.wait()
            p99[name] = {"p50_ms": statistics.median(durations), "p99_ms": durations[int(len(durations) * 0.99)],
                         "reads_p99_ms": reads[int(len(reads) * 0.99)], "calls": len(durations)}
    return p99


def describe_machine(work, health):
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) / (1 << 20)
    file_system = subprocess.run(["stat", "-f", "-c", "%T", work], capture_output=True, text=True, check=True).stdout.strip()
    return {"cpu": cpu[1] if cpu else platform.machine(), "cpus": len(os.sched_getaffinity(0)), "memory_gib": round(memory, 1),
            "kernel": platform.release(), "file_system": file_system, "durability": health["durability"],
            "version": health["version"], "sync_p50_us": fio(work, 3, "4k")[1]}


def machine_line(machine):
    return (f"{machine['cpu']}, {machine['cpus']} CPUs, {machine['memory_gib']} GiB, Linux {machine['kernel']}, {machine['file_system']}; "
            f"fdatasync of 4 KiB {machine['sync_p50_us']:.0f} µs (median); riacho {machine['version']}, durability {machine['durability']}")


def rows(figures):
    """Of the table: name, riacho, what it is compared with, ratio, nginx's ceiling, the disk's, target."""
    start, batches, get, replay, fan, many, crowd = (figures[name] for name in (
        "start", "put_records", "get_records", "replay", "fan_out", "many_shards", "subscribers"))
    yield ("Listening after exec, empty directory", f"{start['listening_ms']:.1f} ms", "", "", f"{start['nginx_ms']:.1f} ms", "", "25 ms")
    yield ("Resident memory, idle", f"{start['idle_rss_mib']:.1f} MiB", "", "", "", "", "16 MiB")
    for connections in (64, 256):
        put = figures[f"put_{connections}"]
        theirs = f"{put['theirs']:,.0f}/s"
        yield (f"PutRecord 1 KiB, {connections} connections, beside nginx", f"{put['ours']:,.0f}/s", theirs, f"{put['ratio']:.2f}", theirs,
               f"{put['disk']:,.0f}/s", "0.70" if connections == 64 else "")
    yield ("PutRecords 500 x 1 KiB, beside the smaller ceiling", f"{batches['ours']:.0f} MB/s", f"{batches['theirs']:.0f} MB/s",
           f"{batches['ratio']:.2f}", f"{batches['nginx']:,.0f} MB/s", f"{batches['disk']:,.0f} MB/s", "0.70")
    theirs = f"{get['theirs']:.1f}/s"
    yield ("GetRecords 10,000 x 1 KiB, beside nginx's static file", f"{get['ours']:.1f}/s", theirs, f"{get['ratio']:.2f}", theirs, "", "0.50")
    yield (f"Journal replay ({replay['mb']:.0f} MB)", f"{replay['mb_per_s']:.0f} MB/s", "", "", "", "", "300 MB/s")
    yield ("Fan-out: from a put's acknowledgement to the subscriber", f"{fan['after_ack_ms']:.2f} ms", "", "", "", "", "2 ms")
    yield ("Fan-out: from a put's sending to the subscriber", f"{fan['after_send_ms']:.2f} ms", "", "", "",
           f"{figures['machine']['sync_p50_us'] / 1000:.2f} ms", "")
    yield (f"200 subscribers of one shard fed at {crowd['fed_mb_per_s']:.1f} MB/s: each gets", f"{crowd['each_mb_per_s']:.1f} MB/s", "", "", "",
           "", "10 MB/s")
    yield ("... resident memory meanwhile", f"{crowd['rss_mib']:.0f} MiB", "", "", "", "", "")
    spread = many["put_records"]
    yield (f"{many['shards']:,} shards in {many['streams']:,} streams: restart", f"{many['restart_ms']:.0f} ms", "", "", "", "", "1,000 ms")
    yield ("... resident memory", f"{many['rss_mib']:.0f} MiB", "", "", "", "", "200 MiB")
    yield ("... PutRecords to all of them, beside one shard", f"{spread['ours'] * batch:,.0f}/s", f"{spread['theirs'] * batch:,.0f}/s",
           f"{spread['ratio']:.2f}", "", "", "0.90")
    for connections, target in ((64, "10 ms"), (1000, "10 ms")):
        control = figures[f"control_{connections}"]
        yield (f"Control calls beside {connections:,} busy connections, 99th percentile", f"{control['ours']['p99_ms']:.1f} ms", "", "",
               f"{control['theirs']['p99_ms']:.1f} ms", f"{figures['machine']['sync_p50_us'] / 1000:.2f} ms", target)
        yield ("... of those that only read", f"{control['ours']['reads_p99_ms']:.1f} ms", "", "", f"{control['theirs']['reads_p99_ms']:.1f} ms",
               "", "")
    import application
    import delivery
    for name, ours, theirs, ratio, target in [*delivery.rows(figures["delivery"]), *application.rows(figures["application"])]:
        yield (name, ours, theirs, ratio, "", "", target)
    for name, value in figures["video"].items():
        yield (f"Video: {name}", value, "", "", "", "", "")


def table(figures):
    lines = [machine_line(figures["machine"]), "",
             "| | riacho | beside it | ratio | nginx | disk | target |", "|---|---|---|---|---|---|---|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows(figures)])


def main():
    parser = argparse.ArgumentParser(description="riacho's figures, side by side with nginx and fio")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: to try it, not to publish")
    parser.add_argument("--read", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        read_subscriptions(int(arguments.read[0]), arguments.read[1:])
    settings = Settings(arguments.quick)
    started_at = time.monotonic()
    (root / "build").mkdir(exist_ok=True)
    # In the build directory, not in /tmp, which may be a RAM disk: the disk is part of the measurement.
    with tempfile.TemporaryDirectory(dir=root / "build", prefix="bench-") as name:
        work = pathlib.Path(name)
        with Server(work / "health") as server:
            health = json.loads(server.page("/health"))
        figures = {"machine": describe_machine(work, health), "start": measure_start(work, settings)}
        for connections in (64, 256):
            figures[f"put_{connections}"] = measure_put(work, settings, connections)
        figures["put_records"] = measure_batches(work, settings)
        figures["get_records"] = measure_get(work, settings)
        figures["replay"] = measure_replay(work, settings)
        figures["fan_out"] = measure_fan_out(work, settings)
        figures["subscribers"] = measure_subscribers(work, settings)
        figures["many_shards"] = measure_many_shards(work, settings)
        for connections in (64, 1000):
            figures[f"control_{connections}"] = measure_control(work, settings, connections)
        import application  # all of them import this file
        import delivery
        import video
        figures["delivery"] = delivery.measure(work, settings)
        figures["application"] = application.measure(work, settings)
        figures["video"] = video.measure(work, arguments.quick)
    figures["seconds"] = time.monotonic() - started_at
    (root / "build" / "bench.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(table(figures))


if __name__ == "__main__":
    main()
