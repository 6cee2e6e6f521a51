"""One run through every code path that crosses threads. With a server built with ThreadSanitizer (`make test-threads`) a data
race fails the test; with any other server it is an ordinary functional test."""

import signal
import threading

from conftest import iterator, put_many, read_all, wait_active

WRITERS, ROUNDS = 4, 25


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
    writers = [threading.Thread(target=write, args=(server, name, worker)) for worker in range(WRITERS)]
    others = [threading.Thread(target=use_queue, args=(server, name + "-queue"))]
    for thread in readers + writers + others:
        thread.start()
    client.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=48)
    client.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    wait_active(client, name)
    client.update_shard_count(StreamName=name, TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    for _ in range(20):
        assert raw.request("GET", "/metrics").status == 200
    for thread in writers + others:
        thread.join()
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
