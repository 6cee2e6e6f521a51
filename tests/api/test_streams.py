"""Life of a stream. Numbers in brackets: items of the conformance list (data-streams specification, section 10)."""

import re
import time

import pytest
import wire
from conftest import wait_active

ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/"


def test_a_fresh_stream_is_creating_and_shows_no_shards(slow_kinesis, name):
    """[32]"""
    kinesis = slow_kinesis
    kinesis.create_stream(StreamName=name, ShardCount=2)
    description = kinesis.describe_stream(StreamName=name)["StreamDescription"]
    assert description["StreamStatus"] == "CREATING"
    assert description["Shards"] == []
    assert description["HasMoreShards"] is False
    assert description["RetentionPeriodHours"] == 24
    assert description["EncryptionType"] == "NONE"
    assert description["EnhancedMonitoring"] == [{"ShardLevelMetrics": []}]
    assert description["StreamARN"] == ARN + name
    assert abs(description["StreamCreationTimestamp"].timestamp() - time.time()) < 5
    assert wait_active(kinesis, name)["OpenShardCount"] == 2


def test_while_creating_records_are_refused_and_deletion_is_not(slow_kinesis, name):
    """[33]"""
    kinesis = slow_kinesis
    kinesis.create_stream(StreamName=name, ShardCount=1)
    with pytest.raises(kinesis.exceptions.ResourceNotFoundException, match=f"Stream {name} under account 000000000000 not found."):
        kinesis.put_record(StreamName=name, Data=b"x", PartitionKey="k")
    with pytest.raises(kinesis.exceptions.ResourceNotFoundException, match=f"Stream {name} under account 000000000000 not found."):
        kinesis.put_records(StreamName=name, Records=[{"Data": b"x", "PartitionKey": "k"}])
    with pytest.raises(kinesis.exceptions.ResourceNotFoundException,
                       match=f"Shard shardId-000000000000 in stream {name} under account 000000000000 does not exist"):
        kinesis.get_shard_iterator(StreamName=name, ShardId="0", ShardIteratorType="LATEST")
    with pytest.raises(kinesis.exceptions.ResourceInUseException, match="not ACTIVE, instead in state CREATING"):
        kinesis.split_shard(StreamName=name, ShardToSplit="0", NewStartingHashKey="10")
    kinesis.delete_stream(StreamName=name)


def test_a_stream_deleted_while_creating_lists_no_shards(riacho_server, name):
    server = riacho_server("--transition-delay=60000")
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=2)
    client.delete_stream(StreamName=name)
    description = client.describe_stream(StreamName=name)["StreamDescription"]
    assert (description["StreamStatus"], description["Shards"]) == ("DELETING", [])
    assert client.list_shards(StreamName=name)["Shards"] == []
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_shard_iterator(StreamName=name, ShardId="0", ShardIteratorType="LATEST")
    # The directory stores DELETING until its time is over.
    assert server.stop() == 0
    server.start()
    assert server.client().describe_stream(StreamName=name)["StreamDescription"]["StreamStatus"] == "DELETING"


def test_three_shards_have_the_even_ranges_and_spaced_numbers(kinesis, make_stream):
    """[34]"""
    before = time.time()
    shards = kinesis.describe_stream(StreamName=make_stream(3))["StreamDescription"]["Shards"]
    assert [s["ShardId"] for s in shards] == [f"shardId-{i:012}" for i in range(3)]
    assert [s["HashKeyRange"]["StartingHashKey"] for s in shards] == [
        "0", "113427455640312821154458202477256070485", "226854911280625642308916404954512140970"]
    assert [s["HashKeyRange"]["EndingHashKey"] for s in shards] == [
        "113427455640312821154458202477256070484", "226854911280625642308916404954512140969",
        "340282366920938463463374607431768211455"]
    numbers = [s["SequenceNumberRange"]["StartingSequenceNumber"] for s in shards]
    assert all(re.fullmatch(r"\d{56}", n) for n in numbers)
    steps = {int(b) - int(a) for a, b in zip(numbers, numbers[1:])}
    assert steps == {22300745198530623141535718272648361505980432}
    created = int(f"{int(numbers[0]):047x}"[1:10], 16)
    assert 1 <= before - created <= 8


def test_a_name_is_taken_once(kinesis, make_stream):
    """[35]"""
    stream = make_stream()
    for _ in range(2):
        with pytest.raises(kinesis.exceptions.ResourceInUseException, match=f"Stream {stream} under account 000000000000 already exists."):
            kinesis.create_stream(StreamName=stream, ShardCount=1)
    kinesis.delete_stream(StreamName=stream)
    with pytest.raises(kinesis.exceptions.ResourceInUseException, match="already exists"):
        kinesis.create_stream(StreamName=stream, ShardCount=1)


def test_a_deleted_stream_is_deleting_and_then_gone(slow_kinesis, make_stream):
    kinesis = slow_kinesis
    stream = make_stream(client=kinesis)
    kinesis.delete_stream(StreamName=stream)
    assert kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamStatus"] == "DELETING"
    deadline = time.monotonic() + 5
    with pytest.raises(kinesis.exceptions.ResourceNotFoundException):
        while time.monotonic() < deadline:
            kinesis.describe_stream_summary(StreamName=stream)
    assert stream not in kinesis.list_streams()["StreamNames"]


def test_a_stream_with_consumers_goes_when_that_is_meant(slow_kinesis, make_stream):
    """[38] Without EnforceConsumerDeletion the call is refused; with it the consumers are deleted too."""
    kinesis = slow_kinesis
    stream = make_stream(client=kinesis)
    arn = ARN + stream
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    text = (f"DeleteStream can't delete {arn} because there are consumers associated with this data stream. To delete {stream} anyway, set the "
            "EnforceConsumerDeletion parameter to true to force the deletion of all the consumers that are associated with it.")
    for options in ({}, {"EnforceConsumerDeletion": False}):
        with pytest.raises(kinesis.exceptions.ResourceInUseException, match=re.escape(text) + "$"):
            kinesis.delete_stream(StreamName=stream, **options)
    assert wait_active(kinesis, stream)["ConsumerCount"] == 1
    kinesis.delete_stream(StreamName=stream, EnforceConsumerDeletion=True)
    assert kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamStatus"] == "DELETING"
    deadline = time.monotonic() + 5
    while stream in kinesis.list_streams(ExclusiveStartStreamName=stream[:-1])["StreamNames"]:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    for call in (lambda: kinesis.describe_stream_consumer(ConsumerARN=consumer),
                 lambda: kinesis.describe_stream_consumer(StreamARN=arn, ConsumerName="c"),
                 lambda: kinesis.list_stream_consumers(StreamARN=arn)):
        with pytest.raises(kinesis.exceptions.ResourceNotFoundException):
            call()
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    assert wait_active(kinesis, stream)["ConsumerCount"] == 0
    assert kinesis.list_stream_consumers(StreamARN=arn)["Consumers"] == []


def test_without_a_shard_count_there_are_four(kinesis, name):
    """[37]"""
    kinesis.create_stream(StreamName=name)
    assert wait_active(kinesis, name)["OpenShardCount"] == 4
    kinesis.delete_stream(StreamName=name)


def test_on_demand(kinesis, name):
    kinesis.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    summary = wait_active(kinesis, name)
    assert summary["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert summary["OpenShardCount"] == 4
    assert kinesis.describe_limits()["OnDemandStreamCount"] >= 1
    kinesis.delete_stream(StreamName=name)


def test_listing_is_sorted_and_paged(riacho_server):
    """[39] 101 streams make a page of 100."""
    client = riacho_server("--region", "eu-west-1").client(region="eu-west-1")
    names = sorted(f"list-{i:03}" for i in range(101))
    for stream in names:
        client.create_stream(StreamName=stream, ShardCount=1)
    first = client.list_streams()
    assert first["StreamNames"] == names[:100]
    assert first["HasMoreStreams"] is True
    assert [s["StreamName"] for s in first["StreamSummaries"]] == first["StreamNames"]
    rest = client.list_streams(NextToken=first["NextToken"])
    assert rest["StreamNames"] == names[100:]
    assert rest["HasMoreStreams"] is False and "NextToken" not in rest
    assert client.list_streams(ExclusiveStartStreamName="list-098")["StreamNames"] == names[99:]
    assert client.list_streams(Limit=2)["StreamNames"] == names[:2]
    paged = client.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 7})
    assert [n for page in paged for n in page["StreamNames"]] == names


def test_describe_pages_by_a_hundred_shards(kinesis, make_stream):
    """[40]"""
    stream = make_stream(150)
    first = kinesis.describe_stream(StreamName=stream, Limit=10000)["StreamDescription"]
    assert len(first["Shards"]) == 100 and first["HasMoreShards"] is True
    rest = kinesis.describe_stream(StreamName=stream, ExclusiveStartShardId=first["Shards"][-1]["ShardId"])["StreamDescription"]
    assert len(rest["Shards"]) == 50 and rest["HasMoreShards"] is False
    paged = kinesis.get_paginator("describe_stream").paginate(StreamName=stream)
    assert sum(len(page["StreamDescription"]["Shards"]) for page in paged) == 150


def test_limits_and_summary_have_what_terraform_reads(kinesis, make_stream):
    """[41]"""
    limits = kinesis.describe_limits()
    assert {"ShardLimit", "OpenShardCount", "OnDemandStreamCount", "OnDemandStreamCountLimit"} <= limits.keys()
    summary = kinesis.describe_stream_summary(StreamName=make_stream())["StreamDescriptionSummary"]
    assert "StreamId" not in summary
    assert summary["ConsumerCount"] == 0 and summary["MaxRecordSizeInKiB"] == 1024


def test_a_stream_is_found_by_arn_wherever_aws_takes_one(kinesis, make_stream):
    """[42]"""
    stream = make_stream()
    arn = ARN + stream
    assert kinesis.describe_stream(StreamARN=arn)["StreamDescription"]["StreamName"] == stream
    assert kinesis.describe_stream_summary(StreamName=stream, StreamARN=arn)["StreamDescriptionSummary"]["StreamARN"] == arn
    kinesis.put_record(StreamARN=arn, Data=b"x", PartitionKey="k")
    position = kinesis.get_shard_iterator(StreamARN=arn, ShardId="0", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    assert len(kinesis.get_records(ShardIterator=position, StreamARN=arn)["Records"]) == 1
    assert len(kinesis.list_shards(StreamARN=arn)["Shards"]) == 1
    kinesis.add_tags_to_stream(StreamARN=arn, Tags={"a": "b"})
    with pytest.raises(kinesis.exceptions.InvalidArgumentException):
        kinesis.describe_stream(StreamName="another", StreamARN=arn)
    with pytest.raises(kinesis.exceptions.ResourceNotFoundException):
        kinesis.describe_stream(StreamARN=arn.replace("000000000000", "111111111111"))
    with pytest.raises(kinesis.exceptions.ClientError, match="ValidationException"):
        kinesis.describe_stream(StreamARN="arn:aws:s3:::bucket")


def calls_with_an_arn():
    """Every operation that takes a StreamARN (specification 2.x), in an order in which all of them work on one stream of two shards."""
    record = {"Data": "eA==", "PartitionKey": "k"}
    key = {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}
    return {
        "DescribeStream": {}, "DescribeStreamSummary": {}, "ListShards": {}, "ListTagsForStream": {}, "ListStreamConsumers": {},
        "PutRecord": record, "PutRecords": {"Records": [record]},
        "GetShardIterator": {"ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"}, "GetRecords": {},
        "AddTagsToStream": {"Tags": {"a": "b"}}, "RemoveTagsFromStream": {"TagKeys": ["a"]},
        "IncreaseStreamRetentionPeriod": {"RetentionPeriodHours": 48}, "DecreaseStreamRetentionPeriod": {"RetentionPeriodHours": 24},
        "EnableEnhancedMonitoring": {"ShardLevelMetrics": ["ALL"]}, "DisableEnhancedMonitoring": {"ShardLevelMetrics": ["ALL"]},
        "StartStreamEncryption": key, "StopStreamEncryption": key, "RegisterStreamConsumer": {"ConsumerName": "c"},
        "DeregisterStreamConsumer": {"ConsumerName": "c"}, "UpdateMaxRecordSize": {"MaxRecordSizeInKiB": 2048},
        "SplitShard": {"ShardToSplit": "0", "NewStartingHashKey": str(2**126)},
        "MergeShards": {"ShardToMerge": "2", "AdjacentShardToMerge": "3"},
        "UpdateShardCount": {"TargetShardCount": 4, "ScalingType": "UNIFORM_SCALING"},
        "UpdateStreamMode": {"StreamModeDetails": {"StreamMode": "ON_DEMAND"}},
        "UpdateStreamWarmThroughput": {"WarmThroughputMiBps": 10},
        "UpdateStreamRecordDistributionStrategy": {"RecordDistributionStrategy": "AUTO"}, "DeleteStream": {"EnforceConsumerDeletion": True}}


NO_STREAM_NAME = {"ListStreamConsumers", "RegisterStreamConsumer", "DeregisterStreamConsumer", "GetRecords", "UpdateMaxRecordSize",
                  "UpdateStreamMode", "UpdateStreamRecordDistributionStrategy"}


def test_an_arn_alone_is_enough_for_every_operation(riacho_server, name):
    """[42] An ARN that disagrees with the name, that names nothing, or that is no ARN is refused by every operation, without any change."""
    server = riacho_server("--transition-delay", "0")
    client, raw = server.client(), server.raw()
    client.create_stream(StreamName=name, ShardCount=2)
    wait_active(client, name)
    client.update_account_settings(MinimumThroughputBillingCommitment={"Status": "ENABLED"})
    position = client.get_shard_iterator(StreamName=name, ShardId="0", ShardIteratorType="LATEST")["ShardIterator"]
    for operation, rest in calls_with_an_arn().items():
        rest = rest | ({"ShardIterator": position} if operation == "GetRecords" else {})

        def refusal(arn, **more):
            reply = raw.call(operation, rest | {"StreamARN": arn} | more)
            assert reply.status == 400, f"{operation} {arn} {more}: {reply.body}"
            return reply.json["__type"]

        assert refusal("arn:aws:s3:::bucket") == "ValidationException", operation
        missing = refusal(ARN + "missing")
        assert missing == ("InvalidArgumentException" if operation == "GetRecords" else "ResourceNotFoundException"), operation
        if operation not in NO_STREAM_NAME:
            assert refusal(ARN + name, StreamName="another") == "InvalidArgumentException", operation
            both = raw.call(operation, rest | {"StreamName": name, "StreamARN": ""})
            assert both.json["__type"] == "ValidationException", operation
        reply = raw.call(operation, rest | {"StreamARN": ARN + name})
        assert reply.status == 200, f"{operation}: {reply.body}"
        if operation != "DeleteStream":
            wait_active(client, name)


def test_retention(kinesis, make_stream):
    """[43]"""
    stream = make_stream()
    bad = kinesis.exceptions.InvalidArgumentException
    kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=24)
    kinesis.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=24)
    kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=48)
    assert kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["RetentionPeriodHours"] == 48
    with pytest.raises(bad, match=re.escape("Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short.")):
        kinesis.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=23)
    with pytest.raises(bad, match=re.escape("Maximum allowed retention period is 8760 hours. Requested retention period (8761 hours) is too long.")):
        kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=8761)
    with pytest.raises(bad, match=re.escape(f"Requested retention period (30 hours) for stream {stream} can not be shorter than existing "
                                            "retention period (48 hours). Use DecreaseRetentionPeriod API.")):
        kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=30)
    with pytest.raises(bad, match=re.escape(f"Requested retention period (72 hours) for stream {stream} can not be longer than existing "
                                            "retention period (48 hours). Use IncreaseRetentionPeriod API.")):
        kinesis.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=72)
    with pytest.raises(kinesis.exceptions.ResourceNotFoundException):
        kinesis.increase_stream_retention_period(StreamName="missing", RetentionPeriodHours=1)


def test_tags(kinesis, make_stream):
    """[44]"""
    stream = make_stream(Tags={"b": "2"})
    bad = kinesis.exceptions.InvalidArgumentException
    kinesis.add_tags_to_stream(StreamName=stream, Tags={"a": "1", "ção": "ünï", "b": "3"})
    listed = kinesis.list_tags_for_stream(StreamName=stream)
    assert listed["Tags"] == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "3"}, {"Key": "ção", "Value": "ünï"}]
    page = kinesis.list_tags_for_stream(StreamName=stream, Limit=1, ExclusiveStartTagKey="a")
    assert page["Tags"] == [{"Key": "b", "Value": "3"}] and page["HasMoreTags"] is True
    invalid = re.escape("Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + - % @.") + "$"
    for text in ("tab\t", "new\nline", "a;b", "a,b"):
        for tags in ({text: "x"}, {"x": text}):
            with pytest.raises(bad, match=invalid):
                kinesis.add_tags_to_stream(StreamName=stream, Tags=tags)
        with pytest.raises(bad, match=invalid):
            kinesis.remove_tags_from_stream(StreamName=stream, TagKeys=[text])
    percent = re.escape(f"tags {{}} stream {stream} under account 000000000000 because some tags contained illegal characters. The allowed "
                        "characters are Unicode letters, white-spaces, '_',',','/','=','+','-','@'.") + "$"
    for tags in ({"50%": "x"}, {"x": "50%"}):
        with pytest.raises(bad, match="Failed to add " + percent.replace(re.escape("{}"), "to")):
            kinesis.add_tags_to_stream(StreamName=stream, Tags=tags)
    with pytest.raises(bad, match="Failed to remove " + percent.replace(re.escape("{}"), "from")):
        kinesis.remove_tags_from_stream(StreamName=stream, TagKeys=["50%"])
    with pytest.raises(kinesis.exceptions.ResourceNotFoundException):
        kinesis.add_tags_to_stream(StreamName="missing", Tags={"a;b": "x"})
    kinesis.remove_tags_from_stream(StreamName=stream, TagKeys=["a", "absent"])
    kinesis.add_tags_to_stream(StreamName=stream, Tags={f"k{i}": "v" for i in range(48)})
    with pytest.raises(bad, match="tags associated with it"):
        kinesis.add_tags_to_stream(StreamName=stream, Tags={"one too many": "x", "b": "never"})
    kinesis.add_tags_to_stream(StreamName=stream, Tags={"b": "4", "k0": "again"})
    listed = kinesis.list_tags_for_stream(StreamName=stream)
    assert len(listed["Tags"]) == 50 and listed["HasMoreTags"] is False
    assert [tag["Key"] for tag in listed["Tags"]] == sorted(tag["Key"] for tag in listed["Tags"])
    assert {tag["Key"]: tag["Value"] for tag in listed["Tags"]}.items() >= {"b": "4", "k0": "again", "k1": "v"}.items()


def test_accounts_and_regions_do_not_see_each_other(riacho, kinesis, make_stream):
    """[90]"""
    stream = make_stream()
    elsewhere = riacho.client(region="sa-east-1")
    assert stream not in elsewhere.list_streams()["StreamNames"]
    with pytest.raises(elsewhere.exceptions.ResourceNotFoundException):
        elsewhere.describe_stream(StreamName=stream)


def test_a_caller_without_a_region_gets_the_servers(riacho_server, name):
    raw = riacho_server("--region", "sa-east-1").raw()
    authorization = wire.AUTHORIZATION.replace("us-east-1", "")
    assert raw.call("CreateStream", {"StreamName": name, "ShardCount": 1}, authorization=authorization).status == 200
    described = raw.call("DescribeStreamSummary", {"StreamName": name}, authorization=authorization).json["StreamDescriptionSummary"]
    assert described["StreamARN"] == f"arn:aws:kinesis:sa-east-1:000000000000:stream/{name}"
    again = raw.call("DescribeStreamSummary", {"StreamARN": described["StreamARN"]},
                     authorization=wire.AUTHORIZATION.replace("us-east-1", "sa-east-1"))
    assert again.status == 200
    refused = raw.call("ListStreams", {}, authorization=wire.AUTHORIZATION.replace("us-east-1", "sa-east-1:111111111111"))
    assert refused.json["__type"] == "InvalidSignatureException"


def test_without_a_transition_delay_nothing_is_in_transition(riacho_server, name):
    """Test suites written for synchronous peers never wait."""
    server = riacho_server("--transition-delay", "0")
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    assert client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE"
    arn = client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]

    def open_shards():
        summary = client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        assert summary["StreamStatus"] == "ACTIVE"
        return summary["OpenShardCount"]

    client.split_shard(StreamName=name, ShardToSplit="0", NewStartingHashKey=str(2**127))
    assert open_shards() == 2
    client.merge_shards(StreamName=name, ShardToMerge="1", AdjacentShardToMerge="2")
    assert open_shards() == 1
    for target in (2, 3, 6, 5):
        client.update_shard_count(StreamName=name, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
        assert open_shards() == target
    client.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    assert open_shards() == 5
    consumer = client.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]
    assert consumer["ConsumerStatus"] == "ACTIVE"
    described = client.describe_stream_consumer(ConsumerARN=consumer["ConsumerARN"])["ConsumerDescription"]
    assert described["ConsumerStatus"] == "ACTIVE"
    client.deregister_stream_consumer(ConsumerARN=consumer["ConsumerARN"])
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_stream_consumer(ConsumerARN=consumer["ConsumerARN"])
    client.create_stream(StreamName=name + "-small", ShardCount=1)
    client.update_stream_mode(StreamARN=arn + "-small", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    summary = client.describe_stream_summary(StreamName=name + "-small")["StreamDescriptionSummary"]
    assert (summary["StreamStatus"], summary["OpenShardCount"]) == ("ACTIVE", 4)
    client.delete_stream(StreamName=name)
    assert client.list_streams()["StreamNames"] == [name + "-small"]
