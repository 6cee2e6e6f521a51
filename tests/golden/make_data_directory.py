#!/usr/bin/env python3
"""Makes the golden data directory of a version: RIACHO_BIN=... make_data_directory.py NAME writes NAME.tar.xz and NAME.json beside itself.

Run once for each version of the format on disk, with the binary of that version; the files are never made again. The server is killed at
the end, so that the journal holds commands that catalog.sqlite does not."""

import base64
import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from conftest import Riacho, put_many, wait_active  # noqa: E402


def main(name):
    server = Riacho().start()
    client, raw = server.client(), server.raw()

    def call(operation, **body):
        reply = raw.call(operation, body)
        assert reply.status == 200, reply.body
        return reply.json if reply.body else {}

    facts = {"user": server.user("add", "ana", "--account", "111111111111")}
    client.create_stream(StreamName="plain", ShardCount=2, Tags={"team": "a"})
    client.create_stream(StreamName="sealed", ShardCount=1)
    client.create_stream(StreamName="load", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    for stream in ("plain", "sealed", "load"):
        wait_active(client, stream)
    client.increase_stream_retention_period(StreamName="plain", RetentionPeriodHours=8760)
    put_many(client, "plain", [b"p%d" % i for i in range(20)])
    client.split_shard(StreamName="plain", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**125))
    wait_active(client, "plain")
    put_many(client, "plain", [b"q%d" % i for i in range(20)])
    client.start_stream_encryption(StreamName="sealed", EncryptionType="KMS", KeyId="alias/one")
    wait_active(client, "sealed")
    client.increase_stream_retention_period(StreamName="sealed", RetentionPeriodHours=8760)
    put_many(client, "sealed", [b"secret%d" % i for i in range(5)])
    arn = client.describe_stream_summary(StreamName="plain")["StreamDescriptionSummary"]["StreamARN"]
    facts["consumer"] = client.register_stream_consumer(StreamARN=arn, ConsumerName="reader")["Consumer"]["ConsumerARN"]
    client.create_stream(StreamName="gone", ShardCount=1)
    wait_active(client, "gone")
    client.delete_stream(StreamName="gone")
    load = client.describe_stream_summary(StreamName="load")["StreamDescriptionSummary"]["StreamARN"]
    queue = call("CreateQueue", QueueName="jobs", Tags={"env": "golden"}, StreamConfigurationList=[
        {"StreamARN": load, "StartingPosition": {"Type": "TRIM_HORIZON"}}],
        QueueAttributes={"VisibilityTimeoutSeconds": 1, "DeadLetterConfiguration": {"TargetType": "BUILT_IN", "MaxReceiveCount": 1}})
    facts["queue"] = queue["QueueDescription"]["QueueARN"]
    facts["channel"] = call("CreateChannel", ChannelName="archive", ServiceExecutionRoleARN="arn:aws:iam::000000000000:role/r",
                            StreamConfigurationList=[{"StreamARN": load, "RecordConfiguration": {"RecordFormatType": "JSON"}}],
                            S3DestinationConfiguration={"StorageConfiguration": {
                                "BucketARN": "arn:aws:s3:::golden", "ExpectedBucketOwner": "000000000000", "CompressionType": "GZIP"}})[
                                    "ChannelDescription"]["ChannelARN"]
    time.sleep(0.5)
    client.increase_stream_retention_period(StreamName="load", RetentionPeriodHours=8760)
    put_many(client, "load", [b"job%02d" % i for i in range(30)])
    # In one shard: 0..9 are acknowledged except 4, which is buried; 10..29 are open except 15..19, which are acknowledged.
    first = call("ReceiveQueueRecords", QueueARN=facts["queue"], Limit=10)["QueueRecords"]
    data = [base64.b64decode(r["Data"]).decode() for r in first]
    assert data == [f"job{i:02}" for i in range(10)], data

    def acknowledge(records):
        reply = call("AcknowledgeQueueRecords", QueueARN=facts["queue"], Entries=[{"ReceiptHandle": r["ReceiptHandle"]} for r in records])
        assert not reply["Failed"]

    acknowledge(first[:4] + first[5:])
    time.sleep(1.1)  # the next look buries job04
    second = call("ReceiveQueueRecords", QueueARN=facts["queue"], Limit=10, VisibilityTimeoutSeconds=600)["QueueRecords"]
    assert len(second) == 10
    time.sleep(0.6)  # later changes are only in the journal
    acknowledge(second[5:])
    call("TagResource", ResourceARN=facts["queue"], Tags={"late": "yes"})
    client.create_stream(StreamName="last", ShardCount=1)
    server.kill()
    here = pathlib.Path(__file__).resolve().parent
    facts |= {"acknowledged": [f"job{i:02}" for i in (0, 1, 2, 3, 5, 6, 7, 8, 9, 15, 16, 17, 18, 19)], "dead": ["job04"], "made_at": int(time.time())}
    (here / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n")
    subprocess.run(["tar", "--sort=name", "--numeric-owner", "--owner=0", "--group=0", "--exclude=admin.json", "--exclude=tls-*",
                    "--exclude=spare-*", "-cJf", str(here / f"{name}.tar.xz"), "-C",
                    str(server.data_dir), "."], check=True)
    server.close()


if __name__ == "__main__":
    main(sys.argv[1])
