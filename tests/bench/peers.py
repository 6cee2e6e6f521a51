"""`make bench-peers`: riacho beside other servers that keep records, in one run on one machine, with the same records.

Installs the others in build/peers from their registries (versions: tests/bench/peers/), and says of one that cannot be installed
that it is missing. In each round every server starts on an empty directory and is measured and ended before the next one; the next round goes
the other way round. A figure is the median of its rounds, a ratio the median of the rounds' ratios. Prints Markdown tables and
writes build/bench-peers.json, from which tests/bench/plot.py draws. docs/performance.md describes the measurements.
"""

import argparse
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import run

here = pathlib.Path(__file__).resolve().parent
versions = here / "peers"
installed = run.root / "build" / "peers"
install_seconds_max = 3600
answer_seconds_max = 120  # a load that takes longer is a failure of that server
fill_seconds_max = 30
delay_rounds = 200


class Unavailable(Exception):
    """A peer that cannot be installed or does not start here, and why."""


def checked(command, seconds_max=install_seconds_max, **options):
    """Runs a command; what it wrote last is the reason when it fails."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds_max, check=False, **options)
    except FileNotFoundError:
        raise Unavailable(f"there is no {command[0]}") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} did not end within {seconds_max} s") from None
    if done.returncode != 0:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        raise Unavailable(f"{command[0]} ended with {done.returncode}: {lines[-1][:200] if lines else 'no output'}")
    return done.stdout


def once(name, *files):
    """A decorator for an installation into build/peers/NAME, repeated only when one of its version files changes."""
    def decorate(install):
        def installer():
            directory = installed / name
            stamp, content = directory / ".installed", "".join((versions / file).read_text() for file in files)
            if not stamp.exists() or stamp.read_text() != content:
                run.progress(f"installing {', '.join(files)}")
                shutil.rmtree(directory, ignore_errors=True)
                directory.mkdir(parents=True)
                install(directory)
                stamp.write_text(content)
        return installer
    return decorate


@once("npm", "package.json")
def install_npm(directory):
    shutil.copy(versions / "package.json", directory)
    checked(["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"], cwd=directory)


@once("python", "requirements.txt")
def install_python(directory):
    checked([sys.executable, "-m", "venv", directory])
    checked([directory / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", versions / "requirements.txt"])


@once("kafka", "pom.xml")
def install_kafka_jars(directory):
    checked(["mvn", "-B", "-q", "-f", versions / "pom.xml", "dependency:copy-dependencies", f"-DoutputDirectory={directory}"])


@once("cargo", "crates.txt")
def install_crates(directory):
    for line in (versions / "crates.txt").read_text().splitlines():
        name, version = line.split()
        checked(["nice", "cargo", "install", "--quiet", "--locked", "--jobs", os.environ.get("JOBS", "2"), "--root", directory,
                 f"{name}@{version}"], cwd=directory)


def install_kafka():
    checked(["java", "-version"])
    install_kafka_jars()
    install_python()  # the client


def version_in(file, pattern):
    return re.search(pattern, (versions / file).read_text())[1]


class HttpPeer:
    """A server of the Kinesis API. `directory` is empty when it starts, and removed when it has ended."""

    def __init__(self, name, durability, install, command):
        self.name, self.durability, self.install, self.make_command = name, durability, install, command
        self.work = self.port = self.process = self.log = None
        self.lost = 0  # acknowledged records that the catch-up did not find

    def prepare(self):
        self.install()

    def start(self, directory):
        directory.mkdir(parents=True)
        self.port = run.free_port()
        command, environment = self.make_command(self.port, directory)
        self.log = open(directory.parent / f"{directory.name}.log", "wb")
        began = time.monotonic()
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, cwd=directory, env=os.environ | environment)
        try:
            run.wait_for_port(self.port, self.process, answer_seconds_max)
            self.wait_until_it_answers()
        except (RuntimeError, OSError, http.client.HTTPException) as error:
            self.end()
            raise Unavailable(f"it does not start: {error}") from None
        return (time.monotonic() - began) * 1000

    def wait_until_it_answers(self):
        self.call("ListStreams", {})

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def resident_mib(self):
        """Of the process, and of its children."""
        pids, total = [self.process.pid], 0
        while pids:
            pid = pids.pop()
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            total += int(re.search(r"VmRSS:\s+(\d+)", status)[1])
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                pids += map(int, (task / "children").read_text().split())
        return total / 1024

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=answer_seconds_max)

    def call(self, operation, body, connection=None):
        """The body of a reply; opens a connection unless it gets one."""
        used = connection or self.connect()
        used.request("POST", "/", json.dumps(body), run.aws_headers | {"x-amz-target": run.full_target(operation)})
        reply = used.getresponse()
        content = reply.read()
        if connection is None:
            used.close()
        if reply.status != 200:
            raise RuntimeError(f"{operation}: {reply.status} {content[:200]}")
        return content

    def create(self):
        for name, shards in (("bench", 4), ("delay", 1)):
            self.call("CreateStream", {"StreamName": name, "ShardCount": shards})
            deadline = time.monotonic() + 60
            while json.loads(self.call("DescribeStreamSummary", {"StreamName": name}))["StreamDescriptionSummary"]["StreamStatus"] != "ACTIVE":
                if time.monotonic() > deadline:
                    raise RuntimeError("the stream does not become ACTIVE")
                time.sleep(0.01)

    def iterator(self, stream, shard, kind):
        reply = self.call("GetShardIterator", {"StreamName": stream, "ShardId": shard, "ShardIteratorType": kind})
        return json.loads(reply)["ShardIterator"]

    def shards(self, stream):
        return [shard["ShardId"] for shard in json.loads(self.call("ListShards", {"StreamName": stream}))["Shards"]]

    def delay_ms(self):
        """From the sending of a put to the reply of a GetRecords that holds the record."""
        (shard,) = self.shards("delay")
        iterator = self.iterator("delay", shard, "LATEST")
        writer, reader = self.connect(), self.connect()
        request = json.loads((self.work / "put.json").read_text()) | {"StreamName": "delay"}
        delays, ends = [], time.monotonic() + 20
        while len(delays) < delay_rounds and (time.monotonic() < ends or len(delays) < 10):
            began = time.monotonic()
            self.call("PutRecord", request, writer)
            while True:
                reply = json.loads(self.call("GetRecords", {"ShardIterator": iterator}, reader))
                iterator = reply["NextShardIterator"]
                if reply["Records"]:
                    break
            delays.append((time.monotonic() - began) * 1000)
        writer.close()
        reader.close()
        return statistics.median(delays)

    def load(self, connections, operation, body, requests):
        """Requests per second of exactly so many requests. A count and not a time, because h2load opens a closed connection anew only then,
        and one of the servers closes each."""
        command = ["h2load", "--h1", "-t", "1", "-c", str(min(connections, requests)), "-n", str(requests), "-d", str(body)]
        for name, value in (run.aws_headers | {"x-amz-target": run.full_target(operation)}).items():
            command += ["-H", f"{name}: {value}"]
        output = checked([*command, f"http://127.0.0.1:{self.port}/"], seconds_max=answer_seconds_max)
        if int(re.search(r"status codes: (\d+) 2xx", output)[1]) != requests:
            raise RuntimeError(f"{operation}: not every answer was a 200")
        return float(re.search(r"finished in [\d.]+\w*, ([\d.]+) req/s", output)[1])

    def fill(self, records):
        """Writes so many records, or as many as it takes in a while; returns their number."""
        wanted, written, rate = records // run.batch, 2, self.load(2, "PutRecords", self.work / "batch.json", 2)
        while written < wanted and (more := min(wanted - written, 8 * written, int(rate * fill_seconds_max))) > 0:
            rate = self.load(8, "PutRecords", self.work / "batch.json", more)
            written += more
            if written / rate > fill_seconds_max:
                break
        return written * run.batch

    def timed_load(self, connections, operation, body, seconds):
        rate = self.load(connections, operation, body, connections)
        if connections / rate >= seconds:
            return rate  # of a slow server, whose first requests took all the time there is
        rate = self.load(connections, operation, body, max(connections, int(rate)))
        return self.load(connections, operation, body, max(connections, int(rate * seconds)))

    def put(self, seconds):
        return self.timed_load(64, "PutRecord", self.work / "put.json", seconds)

    def put_batches(self, seconds):
        return self.timed_load(8, "PutRecords", self.work / "batch.json", seconds) * run.batch

    def read(self, records):
        """Records per second from the beginning of every shard to its end, by one client."""
        iterators = [self.iterator("bench", shard, "TRIM_HORIZON") for shard in self.shards("bench")]
        connection = self.connect()
        began = time.monotonic()
        count = 0
        for iterator in iterators:
            while True:
                reply = self.call("GetRecords", {"ShardIterator": iterator, "Limit": run.reply_records}, connection)
                # Replies of 14 MB are not parsed: that would measure the client.
                got = reply.count(b'"SequenceNumber"')
                count += got
                if got == 0:
                    break
                following = reply.rfind(b'"NextShardIterator"')
                iterator = re.compile(rb'"NextShardIterator"\s*:\s*"([^"]+)"').match(reply, following)[1].decode()
                if time.monotonic() > began + answer_seconds_max:
                    raise RuntimeError(f"only {count:,} records were read")
        seconds = time.monotonic() - began
        connection.close()
        self.lost = max(records - count, 0)
        return count / seconds


class KafkaPeer(HttpPeer):
    """One broker, which is its own controller, with the heap and collector of Kafka's start script."""

    def __init__(self, name, durability, flush_messages):
        super().__init__(name, durability, install_kafka, self.broker)
        self.flush_messages = flush_messages

    @staticmethod
    def broker(port, directory):
        java = ["java", "-Xms1G", "-Xmx1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
                "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-cp", f"{installed / 'kafka'}/*"]
        configuration = directory.parent / f"{directory.name}.properties"
        controller = run.free_port()
        configuration.write_text(f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
log.dirs={directory / 'log'}
""")
        # Before the clock of the start runs: a directory is formatted once.
        checked([*java, "kafka.tools.StorageTool", "format", "-t", "cmlhY2hvLWJlbmNoLTAwMA", "-c", configuration])
        return [*java, "kafka.Kafka", configuration], {}

    def wait_until_it_answers(self):
        """ApiVersions, which the broker answers once it serves requests."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(struct.pack(">ihhih", 10, 18, 0, 1, -1))
            if not connection.recv(4):
                raise RuntimeError("the broker closed the connection")

    def client(self, command, argument):
        output = checked([installed / "python" / "bin" / "python", here / "kafka_client.py", f"127.0.0.1:{self.port}", command, str(argument)],
                         seconds_max=answer_seconds_max)
        return json.loads(output.splitlines()[-1])

    def create(self):
        self.client("create", self.flush_messages)

    def delay_ms(self):
        return self.client("delay", delay_rounds)["ms"]

    def fill(self, records):
        return self.client("fill", records)["records"]

    def put(self, seconds):
        return self.client("put", seconds)["records_per_s"]

    def put_batches(self, seconds):
        return self.client("put-batches", seconds)["records_per_s"]

    def read(self, records):
        return self.client("read", records)["records_per_s"]


def riacho(*flags):
    return lambda port, directory: ([run.riacho, "serve", "--data-dir", directory / "data", "--listen", f"127.0.0.1:{port}", *flags], {})


def ferrokinesis(persistent):
    def command(port, directory):
        flags = ["--state-dir", directory / "state"] if persistent else []
        return [installed / "cargo" / "bin" / "ferrokinesis", "--port", str(port), "--shard-limit", "1000", *flags], {}
    return command


def kinesalite(persistent):
    def command(port, directory):
        flags = ["--path", directory / "leveldb"] if persistent else []
        return ["node", installed / "npm/node_modules/kinesalite/cli.js", "--port", str(port), "--shardLimit", "1000", *flags], {}
    return command


def kinesis_local(port, _):
    package = installed / "npm/node_modules/kinesis-local"
    return ["node", package / "main.js"], {"KINESIS_MOCK_PLAIN_PORT": str(port), "KINESIS_MOCK_TLS_PORT": str(run.free_port()),
                                           "KINESIS_MOCK_CERT_PATH": str(package / "server.json"), "SHARD_LIMIT": "1000"}


def moto(port, _):
    return [installed / "python" / "bin" / "moto_server", "-H", "127.0.0.1", "-p", str(port)], {}


def peers():
    ferro = version_in("crates.txt", r"ferrokinesis (\S+)")
    lite = version_in("package.json", r'"kinesalite": "(.*)"')
    kafka = version_in("pom.xml", r"kafka_2.13</artifactId>\s*<version>(.*)</version>")
    return [
        HttpPeer("riacho", "synced before the answer", lambda: None, riacho()),
        HttpPeer("riacho --durability os", "page cache", lambda: None, riacho("--durability", "os")),
        KafkaPeer(f"Kafka {kafka}, flush.messages=1", "synced before the answer", 1),
        KafkaPeer(f"Kafka {kafka}", "page cache", 0),
        HttpPeer(f"ferrokinesis {ferro}", "memory", install_crates, ferrokinesis(False)),
        HttpPeer(f"ferrokinesis {ferro} --state-dir", "synced before the answer", install_crates, ferrokinesis(True)),
        HttpPeer(f"kinesalite {lite}", "memory", install_npm, kinesalite(False)),
        HttpPeer(f"kinesalite {lite} --path", "page cache", install_npm, kinesalite(True)),
        HttpPeer(f"kinesis-local {version_in('package.json', r'kinesis-local.: .(.*).')}", "memory", install_npm, kinesis_local),
        HttpPeer(f"moto {version_in('requirements.txt', r'moto.*==(.*)')}", "memory", install_python, moto),
    ]


def measure(peer, work, number, settings):
    """One round of one server: {figure: value}; a figure that it did not reach is {"failed": reason}."""
    run.progress(f"round {number + 1}: {peer.name}")
    directory = work / "server"
    peer.work = work
    figures = {}

    def take(name, function):
        try:
            figures[name] = function()
        except (RuntimeError, OSError, http.client.HTTPException, Unavailable, ValueError, KeyError, TypeError) as error:
            figures[name] = {"failed": str(error)[:200]}

    try:
        figures["start_ms"] = peer.start(directory)
        try:
            time.sleep(1)
            take("idle_mib", peer.resident_mib)
            peer.create()
            take("delay_ms", peer.delay_ms)
            take("filled", lambda: peer.fill(settings.records))
            time.sleep(1)
            if isinstance(figures["filled"], int):
                take("loaded_mib", peer.resident_mib)
                take("read_per_s", lambda: peer.read(figures["filled"]))
                figures["lost"] = peer.lost
            take("put_per_s", lambda: peer.put(settings.seconds))
            take("put_batches_per_s", lambda: peer.put_batches(settings.seconds))
        finally:
            peer.end()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return figures


class Settings:
    def __init__(self, quick):
        self.rounds = 1 if quick else 5
        self.seconds = 2 if quick else 5
        self.records = 20_000 if quick else 100_000


# Figure, heading, format, and whether more is better.
columns = [
    ("put_per_s", "PutRecord, records/s", "{:,.0f}", True),
    ("put_batches_per_s", "PutRecords, records/s", "{:,.0f}", True),
    ("read_per_s", "GetRecords catch-up, records/s", "{:,.0f}", True),
    ("delay_ms", "put to get, ms", "{:.2f}", False),
    ("start_ms", "start, ms", "{:,.0f}", False),
    ("idle_mib", "memory idle, MiB", "{:,.0f}", False),
    ("loaded_mib", "memory after the load, MiB", "{:,.0f}", False),
]


def numbers(rounds, figure):
    return [taken[figure] for taken in rounds if isinstance(taken.get(figure), (int, float))]


def median(rounds, figure):
    taken = numbers(rounds, figure)
    return statistics.median(taken) if taken else None


def table(result):
    """Markdown: the figures, then riacho's by each other server's, then what is missing and why."""
    lines = [run.machine_line(result["machine"]), "",
             f"{result['rounds']} rounds; {result['seconds']} s for each rate; {result['records']:,} records of 1 KiB written before memory and "
             "catch-up are measured.", "",
             f"| | durability | {' | '.join(heading for _, heading, _, _ in columns)} |", "|---|---" + "|---" * len(columns) + "|"]
    present = {name: entry for name, entry in result["peers"].items() if "missing" not in entry}
    for name, entry in present.items():
        cells = [form.format(value) if (value := median(entry["rounds"], figure)) is not None else "failed" for figure, _, form, _ in columns]
        lines.append(f"| {name} | {entry['durability']} | {' | '.join(cells)} |")
    ratios = [column for column in columns if column[3]]
    lines += ["", f"| riacho by | {' | '.join(heading.split(',')[0] for _, heading, _, _ in ratios)} |", "|---" + "|---" * len(ratios) + "|"]
    ours = present["riacho"]["rounds"]
    for name, entry in present.items():
        if name == "riacho":
            continue
        cells = []
        for figure, *_ in ratios:
            pairs = [(mine[figure], theirs[figure]) for mine, theirs in zip(ours, entry["rounds"])
                     if all(isinstance(side.get(figure), (int, float)) for side in (mine, theirs))]
            cells.append(f"{statistics.median(mine / theirs for mine, theirs in pairs):.1f}" if pairs else "")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    notes = [f"- {name} is not measured: {entry['missing']}" for name, entry in result["peers"].items() if "missing" in entry]
    for name, entry in present.items():
        filled = numbers(entry["rounds"], "filled")
        if filled and min(filled) < result["records"]:
            notes.append(f"- {name}: took only {min(filled):,} records in {fill_seconds_max} s; memory and catch-up are of those")
        lost = numbers(entry["rounds"], "lost")
        if any(lost):
            notes.append(f"- {name}: up to {max(lost):,.0f} of {result['records']:,} acknowledged records were not read back")
        for figure in [column[0] for column in columns] + ["filled"]:
            failed = [taken[figure]["failed"] for taken in entry["rounds"] if isinstance(taken.get(figure), dict)]
            if failed:
                notes.append(f"- {name}, {figure}: {len(failed)} of {len(entry['rounds'])} rounds failed: {failed[0]}")
    return "\n".join(lines + ([""] + notes if notes else []))


def main():
    parser = argparse.ArgumentParser(description="riacho beside other servers")
    parser.add_argument("--quick", action="store_true", help="one short round: to try it, not to publish")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", action="append", help="beside riacho only the servers whose name begins so")
    arguments = parser.parse_args()
    settings = Settings(arguments.quick)
    settings.rounds = arguments.rounds or settings.rounds
    chosen = [peer for peer in peers() if peer.name == "riacho" or not arguments.only or any(map(peer.name.startswith, arguments.only))]
    result = {"peers": {peer.name: {"durability": peer.durability, "rounds": []} for peer in chosen},
              "rounds": settings.rounds, "seconds": settings.seconds, "records": settings.records}
    for peer in chosen:
        try:
            peer.prepare()
        except Unavailable as reason:
            result["peers"][peer.name]["missing"] = str(reason)
    # Beside the checkout, not in /tmp, which may be a RAM disk: the disk is part of the measurement.
    with tempfile.TemporaryDirectory(dir=run.root / "build", prefix="bench-peers-") as name:
        work = pathlib.Path(name)
        run.put_body(work)
        run.write_body(work, "batch.json", run.batch_content(run.batch))
        with run.Server(work / "health") as server:
            health = json.loads(server.page("/health"))
        result["machine"] = run.describe_machine(work, health)
        for number in range(settings.rounds):
            for peer in chosen if number % 2 == 0 else reversed(chosen):
                entry = result["peers"][peer.name]
                if "missing" in entry:
                    continue
                try:
                    entry["rounds"].append(measure(peer, work, number, settings))
                except (Unavailable, RuntimeError, OSError, http.client.HTTPException) as reason:
                    if peer.name == "riacho":
                        raise
                    entry["missing"] = str(reason)
    (run.root / "build" / "bench-peers.json").write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))


if __name__ == "__main__":
    main()
