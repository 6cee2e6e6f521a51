"""One run through every code path that crosses threads. With a server built with ThreadSanitizer (`make test-threads`) a data
race fails the test; with any other server it is an ordinary functional test."""

import contextlib
import json
import re
import signal
import threading
import urllib.parse
import urllib.request

import matroska as mkv
from analytics.applications import COPY, Api, wait_rows
from conftest import iterator, put_many, read_all, wait_active
from firehose.delivery import create, put_all, wait_for_lines
from firehose.stores import LocalFolders
from video.camera import PICTURE
from video_client import Video

WRITERS, ROUNDS = 4, 25
PATIENCE_S = 120  # a server with ThreadSanitizer on a busy machine


def check_log(server):
    log = server.log.read_text()
    assert "ThreadSanitizer" not in log, log[log.index("ThreadSanitizer") - 100:][:8000]


def write(server, stream, worker):
    client = server.client()
    for at in range(ROUNDS):
        client.put_record(StreamName=stream, Data=b"one", PartitionKey=f"{worker}-{at}")
        put_many(client, stream, [b"x" * 2000] * 20, key=f"{worker}-{at}-many")


def subscribe(server, arn, shard, seen):
    client = server.client()
    reply = client.subscribe_to_shard(ConsumerARN=arn, ShardId=shard, StartingPosition={"Type": "TRIM_HORIZON"})
    for event in reply["EventStream"]:
        records = event.get("SubscribeToShardEvent", {}).get("Records", [])
        seen += records
        if len(seen) >= 50:
            break


def use_queue(server, stream):
    client, raw = server.client(), server.raw()
    client.create_stream(StreamName=stream, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    arn = wait_active(client, stream)["StreamARN"]

    def call(operation, **body):
        reply = raw.call(operation, body)
        assert reply.status == 200, reply.body
        return reply.json if reply.body else {}

    queue = call("CreateQueue", QueueName="q", QueueAttributes={},
                 StreamConfigurationList=[{"StreamARN": arn, "StartingPosition": {"Type": "TRIM_HORIZON"}}])["QueueDescription"]["QueueARN"]
    while call("DescribeQueue", QueueARN=queue)["QueueDescription"]["QueueStatus"] != "ACTIVE":
        pass
    put_many(client, stream, [b"q"] * 100)
    received = 0
    while received < 100:
        records = call("ReceiveQueueRecords", QueueARN=queue)["QueueRecords"]
        received += len(records)
        if records:
            handles = [{"ReceiptHandle": record["ReceiptHandle"]} for record in records]
            assert not call("AcknowledgeQueueRecords", QueueARN=queue, Entries=handles)["Failed"]


class Threads:
    """Calls of this test in threads; join() raises the first failure."""

    def __init__(self):
        self.threads, self.failures = [], []

    def start(self, function, *arguments):
        def run():
            try:
                function(*arguments)
            except BaseException as failure:
                self.failures.append(failure)
        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def join(self):
        for thread in self.threads:
            thread.join()
        if self.failures:
            raise self.failures[0]


def deliver(server, stream):
    """Two delivery streams, one compressed and with a stream as its source, into folders; settings that change meanwhile."""
    store = LocalFolders().attach(server)
    firehose = server.client(service="firehose")
    arn = server.client().describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    create(firehose, stream + "-put", store.bucket, Prefix="put/")
    create(firehose, stream + "-follow", store.bucket, Prefix="follow/", CompressionFormat="GZIP", kind="KinesisStreamAsSource",
           source={"KinesisStreamARN": arn, "RoleARN": "arn:aws:iam::000000000000:role/firehose"})
    lines = [json.dumps({"line": i}).encode() + b"\n" for i in range(2_000)]
    put_all(firehose, stream + "-put", lines[:1_000])
    firehose.start_delivery_stream_encryption(DeliveryStreamName=stream + "-put")
    put_many(server.client(), stream, [b'{"followed": 1}\n', b'{"followed": 2}\n'] * 100)
    put_all(firehose, stream + "-put", lines[1_000:])
    wait_for_lines(store, len(lines) + 2, PATIENCE_S)
    firehose.delete_delivery_stream(DeliveryStreamName=stream + "-follow")


def compute(server, source, sink, application):
    """A SQL application that is stopped and started again while records come."""
    kinesis, api = server.client(), Api(server, 2)
    api.create(application, COPY, [api.input(source)], [api.output(sink)])

    def put(first, count):
        put_many(kinesis, source, [json.dumps({"TICKER": "A", "PRICE": price}).encode() for price in range(first, first + count)])

    put(1, 500)
    for position, first in (("TRIM_HORIZON", 501), ("LAST_STOPPED_POINT", 1_001)):
        api.start(application, position)
        api.wait(application, "RUNNING", PATIENCE_S)
        put(first, 500)
        wait_rows(kinesis, sink, lambda rows, last=first + 499: {row["PRICE"] for row in rows} == set(range(1, last + 1)), PATIENCE_S)
        api.stop(application)
        api.wait(application, "READY", PATIENCE_S)


def follow_media(server, stream, size):
    """Reads GetMedia until `size` bytes have come."""
    reply = Video(server).media.get_media(StreamName=stream, StartSelector={"StartSelectorType": "EARLIEST"})
    with contextlib.closing(reply["Payload"]) as payload:
        while size > 0:
            piece = payload.read(min(size, 65_536))
            assert piece
            size -= len(piece)


def upload(server, stream, hours):
    """An upload with a live reader, then every way to read it."""
    video = Video(server)
    video.create(stream, hours)
    readers = Threads()
    fragments = [mkv.fragment(i * 400, size=20_000, seed=i) for i in range(30)]
    readers.start(follow_media, server, stream, 1_000_000)
    acks = video.send(stream, [mkv.header(), *fragments], timeout=PATIENCE_S)
    assert sum(ack["EventType"] == ("PERSISTED" if hours else "RECEIVED") for ack in acks) == len(fragments)
    readers.join()
    if hours == 0:
        return
    listed = [fragment["FragmentNumber"] for fragment in video.fragments(stream)]
    assert len(listed) == len(fragments)
    body = video.archive.get_media_for_fragment_list(StreamName=stream, Fragments=listed)["Payload"].read()
    assert len(body) > sum(map(len, fragments))


def play(server, stream):
    """A session of HLS over a stream that a real encoder made."""
    video = Video(server)
    video.create(stream)
    start = 1_700_000_000
    acks = video.send(stream, [PICTURE.read_bytes()], start=start, timeout=PATIENCE_S)
    assert acks[-1]["EventType"] == "PERSISTED"
    master = video.archive.get_hls_streaming_session_url(StreamName=stream, PlaybackMode="ON_DEMAND", HLSFragmentSelector={
        "FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": {"StartTimestamp": start - 10, "EndTimestamp": start + 100}})

    def fetch(url):
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as reply:
            return reply.read()

    url = master["HLSStreamingSessionURL"]
    text = fetch(url).decode()
    for name in [line for line in text.splitlines() if line and line[0] != "#"] + re.findall(r'URI="([^"]+)"', text):
        listing_url = urllib.parse.urljoin(url, name)
        listing = fetch(listing_url).decode()
        for segment in [line for line in listing.splitlines() if line and line[0] != "#"] + re.findall(r'URI="([^"]+)"', listing):
            assert fetch(urllib.parse.urljoin(listing_url, segment))


def test_services_that_cross_threads(riacho_server, name):
    """Deliveries, SQL applications and video at the same time; a restart with all of them in the log."""
    server = riacho_server("--cores", "3", "--transition-delay", "20", "--create-stream", f"{name}:2", "--create-stream", f"{name}-sink:1",
                           "--create-stream", f"{name}-source:2")
    tasks = Threads()
    tasks.start(deliver, server, name)
    tasks.start(compute, server, name + "-source", name + "-sink", name + "-app")
    tasks.start(upload, server, name + "-kept", 24)
    tasks.start(upload, server, name + "-passing", 0)
    tasks.start(play, server, name + "-played")
    for _ in range(20):
        assert server.raw().request("GET", "/metrics").status == 200
    tasks.join()
    # It is stopped while it runs, and goes on after the restart.
    api = Api(server, 2)
    api.start(name + "-app", "LAST_STOPPED_POINT")
    api.wait(name + "-app", "RUNNING", PATIENCE_S)
    assert server.stop() == 0
    check_log(server)
    server.start()
    api = Api(server, 2)
    api.wait(name + "-app", "RUNNING", PATIENCE_S)
    assert len(Video(server).fragments(name + "-kept")) == 30
    assert server.stop() == 0
    check_log(server)


def test_everything_that_crosses_threads(riacho_server, name):
    server = riacho_server("--cores", "3", "--transition-delay", "20", "--create-stream", f"{name}-early:2")
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=2)
    arn = wait_active(client, name)["StreamARN"]
    consumer = client.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    while client.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]["ConsumerStatus"] != "ACTIVE":
        pass
    seen = [[], []]
    raw = server.raw()
    readers = [threading.Thread(target=subscribe, args=(server, consumer, f"shardId-{i:012}", seen[i])) for i in range(2)]
    others = Threads()
    for thread in readers:
        thread.start()
    for worker in range(WRITERS):
        others.start(write, server, name, worker)
    others.start(use_queue, server, name + "-queue")
    client.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=48)
    client.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    wait_active(client, name)
    client.update_shard_count(StreamName=name, TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    for _ in range(20):
        assert raw.request("GET", "/metrics").status == 200
    others.join()
    for thread in readers:
        thread.join(timeout=60)
    wait_active(client, name)
    # On a busy machine the shards may have been split before 50 records came to each.
    for shard, records in enumerate(seen):
        assert len(records) >= min(50, len(read_all(client, name, f"shardId-{shard:012}")))
    shards = [shard["ShardId"] for shard in client.list_shards(StreamName=name)["Shards"]]
    total = sum(len(read_all(client, name, shard)) for shard in shards)
    assert total == WRITERS * ROUNDS * 21
    assert server.stop() == 0
    check_log(server)
    client = server.start().client()
    assert sum(len(read_all(client, name, shard)) for shard in shards) == total
    position = iterator(client, name, shards[-1], "LATEST")
    client.delete_stream(StreamName=name, EnforceConsumerDeletion=True)
    assert position
    assert server.stop(signal.SIGTERM) == 0
    check_log(server)
