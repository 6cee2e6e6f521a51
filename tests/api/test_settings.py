"""Settings of streams, consumers and accounts. Numbers in brackets: items of the conformance list."""

import datetime
import json
import pathlib
import time

import pytest
from conftest import iterator, put_many, read_all, wait_active

ALL_METRICS = {"IncomingBytes", "IncomingRecords", "OutgoingBytes", "OutgoingRecords", "WriteProvisionedThroughputExceeded",
               "ReadProvisionedThroughputExceeded", "IteratorAgeMilliseconds"}


def arn_of(client, stream):
    return client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]


@pytest.fixture
def on_demand(kinesis, name):
    kinesis.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    wait_active(kinesis, name)
    yield name
    kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)


def test_enhanced_monitoring(kinesis, make_stream):
    """[45]"""
    stream = make_stream()
    before = kinesis.enable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["ALL"])
    assert before["CurrentShardLevelMetrics"] == [] and set(before["DesiredShardLevelMetrics"]) == ALL_METRICS
    shown = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["EnhancedMonitoring"]
    assert set(shown[0]["ShardLevelMetrics"]) == ALL_METRICS
    assert set(kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["EnhancedMonitoring"][0]["ShardLevelMetrics"]) == (
        ALL_METRICS)
    after = kinesis.disable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["IncomingBytes"])
    assert set(after["CurrentShardLevelMetrics"]) == ALL_METRICS
    assert set(after["DesiredShardLevelMetrics"]) == ALL_METRICS - {"IncomingBytes"}
    kinesis.enable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["IncomingBytes", "IncomingBytes"])
    off = kinesis.disable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["ALL"])
    assert set(off["CurrentShardLevelMetrics"]) == ALL_METRICS and len(off["CurrentShardLevelMetrics"]) == 7
    assert off["DesiredShardLevelMetrics"] == []
    assert kinesis.describe_stream(StreamName=stream)["StreamDescription"]["EnhancedMonitoring"] == [{"ShardLevelMetrics": []}]


def test_encryption_shows_in_replies_and_records(slow_kinesis, make_stream):
    """[46]"""
    kinesis = slow_kinesis
    stream = make_stream(client=kinesis)
    kinesis.put_record(StreamName=stream, Data=b"open", PartitionKey="k")
    kinesis.start_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    description = kinesis.describe_stream(StreamName=stream)["StreamDescription"]
    assert description["StreamStatus"] == "UPDATING"
    wait_active(kinesis, stream)
    description = kinesis.describe_stream(StreamName=stream)["StreamDescription"]
    assert description["EncryptionType"] == "KMS" and description["KeyId"] == "alias/aws/kinesis"
    assert kinesis.put_record(StreamName=stream, Data=b"sealed", PartitionKey="k")["EncryptionType"] == "KMS"
    batch = kinesis.put_records(StreamName=stream, Records=[{"Data": b"", "PartitionKey": "k"}])
    assert batch["EncryptionType"] == "KMS"
    kinesis.start_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId="alias/another")
    wait_active(kinesis, stream)
    kinesis.put_record(StreamName=stream, Data=b"rotated", PartitionKey="k")
    kinesis.stop_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId="alias/another")
    wait_active(kinesis, stream)
    assert "EncryptionType" not in kinesis.put_record(StreamName=stream, Data=b"open again", PartitionKey="k")
    records = read_all(kinesis, stream)
    assert [r["Data"] for r in records] == [b"open", b"sealed", b"", b"rotated", b"open again"]
    assert [r.get("EncryptionType") for r in records] == [None, "KMS", "KMS", "KMS", None]


def test_encrypted_data_is_nowhere_on_disk(riacho_server, name):
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    client.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    wait_active(client, name)
    secret = b"a secret that nobody else may see"
    put_many(client, name, [secret] * 20)
    server.stop()
    files = [path for path in pathlib.Path(server.data_dir).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) > 20 * len(secret)
    assert not [path for path in files if secret in path.read_bytes()]
    server.start()
    assert [r["Data"] for r in read_all(server.client(), name)] == [secret] * 20


@pytest.mark.parametrize("state, error", [
    ("denied", "KMSAccessDeniedException"), ("disabled", "KMSDisabledException"), ("invalid-state", "KMSInvalidStateException"),
    ("missing", "KMSNotFoundException"), ("opt-in", "KMSOptInRequired"), ("throttled", "KMSThrottlingException")])
def test_keys_that_cannot_be_used(riacho_server, name, state, error):
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    client.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId="alias/fragile")
    wait_active(client, name)
    client.put_record(StreamName=name, Data=b"x", PartitionKey="k")
    server.stop()
    server.flags = ["--kms-key", f"alias/fragile={state}"]
    client = server.start().client()
    for call in (lambda: client.put_record(StreamName=name, Data=b"x", PartitionKey="k"),
                 lambda: client.put_records(StreamName=name, Records=[{"Data": b"x", "PartitionKey": "k"}]),
                 lambda: client.get_records(ShardIterator=iterator(client, name)),
                 lambda: client.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId="alias/fragile")):
        with pytest.raises(client.exceptions.ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == error


def test_resource_policies_come_and_go(kinesis, make_stream):
    """[47]"""
    stream = make_stream()
    arn = arn_of(kinesis, stream)
    assert kinesis.get_resource_policy(ResourceARN=arn)["Policy"] == "{}"
    policy = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "kinesis:PutRecord", "Resource": arn}]})
    kinesis.put_resource_policy(ResourceARN=arn, Policy=policy)
    assert kinesis.get_resource_policy(ResourceARN=arn)["Policy"] == policy
    for bad in ("nonsense", policy.replace(arn, arn + "x"), policy.replace("PutRecord", "DeleteStream")):
        with pytest.raises(kinesis.exceptions.InvalidArgumentException):
            kinesis.put_resource_policy(ResourceARN=arn, Policy=bad)
    for resource in ("*", arn[:-3] + "*", "arn:aws:kinesis:*:*:stream/*"):
        kinesis.put_resource_policy(ResourceARN=arn, Policy=policy.replace(arn, resource))
    with pytest.raises(kinesis.exceptions.InvalidArgumentException):
        kinesis.put_resource_policy(ResourceARN=arn, Policy=policy.replace(arn, "arn:aws:kinesis:*:*:stream/other*"))
    kinesis.delete_resource_policy(ResourceARN=arn)
    with pytest.raises(kinesis.exceptions.ResourceNotFoundException, match="No resource policy found for resource ARN"):
        kinesis.delete_resource_policy(ResourceARN=arn)
    with pytest.raises(kinesis.exceptions.ResourceNotFoundException):
        kinesis.get_resource_policy(ResourceARN=arn + "-missing")


def test_a_policy_lets_another_account_in(riacho_server, name):
    server = riacho_server("--auth", "sigv4", started=False)
    server.start()
    keys = {user: server.user("add", user, "--account", account)
            for user, account in (("owner", "111111111111"), ("guest", "222222222222"), ("other", "333333333333"))}
    clients = {user: server.client(key=key["access_key_id"], secret=key["secret_access_key"]) for user, key in keys.items()}
    owner, guest = clients["owner"], clients["guest"]
    owner.create_stream(StreamName=name, ShardCount=1)
    wait_active(owner, name)
    arn = arn_of(owner, name)
    with pytest.raises(guest.exceptions.AccessDeniedException, match="kinesis:PutRecord"):
        guest.put_record(StreamARN=arn, Data=b"x", PartitionKey="k")
    actions = ["kinesis:PutRecord", "kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:ListShards", "kinesis:DescribeStream"]
    owner.put_resource_policy(ResourceARN=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:user/guest"}, "Action": actions, "Resource": arn}]}))
    guest.put_record(StreamARN=arn, Data=b"from outside", PartitionKey="k")
    assert len(guest.list_shards(StreamARN=arn)["Shards"]) == 1
    assert guest.describe_stream(StreamARN=arn)["StreamDescription"]["StreamARN"] == arn
    position = guest.get_shard_iterator(StreamARN=arn, ShardId="0", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    assert guest.get_records(ShardIterator=position, StreamARN=arn)["Records"][0]["Data"] == b"from outside"
    with pytest.raises(guest.exceptions.ResourceNotFoundException):
        guest.get_records(ShardIterator=position)
    for client, call in ((guest, "describe_stream_summary"), (guest, "delete_stream"), (clients["other"], "list_shards")):
        with pytest.raises(client.exceptions.ClientError, match="AccessDenied|ResourceNotFound"):
            getattr(client, call)(StreamARN=arn)


def test_a_stranger_does_not_learn_what_exists(riacho_server, name):
    """By ARN, another account's stream or consumer gives the same error whether it exists or not."""
    server = riacho_server("--auth", "sigv4")
    keys = [server.user("add", user, "--account", account) for user, account in (("owner", "111111111111"), ("guest", "222222222222"))]
    owner, guest = (server.client(key=key["access_key_id"], secret=key["secret_access_key"]) for key in keys)
    owner.create_stream(StreamName=name, ShardCount=1)
    wait_active(owner, name)
    arn = arn_of(owner, name)
    consumer = owner.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    missing = name[::-1]
    calls = {
        "describe_stream": {"StreamARN": arn},
        "delete_stream": {"StreamARN": arn},
        "split_shard": {"StreamARN": arn, "ShardToSplit": "0", "NewStartingHashKey": "5"},
        "put_record": {"StreamARN": arn, "Data": b"x", "PartitionKey": "k"},
        "put_records": {"StreamARN": arn, "Records": [{"Data": b"x", "PartitionKey": "k"}]},
        "get_shard_iterator": {"StreamARN": arn, "ShardId": "0", "ShardIteratorType": "LATEST"},
        "list_shards": {"StreamARN": arn},
        "list_stream_consumers": {"StreamARN": arn},
        "get_resource_policy": {"ResourceARN": arn},
        "list_tags_for_resource": {"ResourceARN": arn},
        "tag_resource": {"ResourceARN": consumer, "Tags": {"a": "b"}},
        "describe_stream_consumer": {"ConsumerARN": consumer},
        "deregister_stream_consumer": {"ConsumerARN": consumer},
        "register_stream_consumer": {"StreamARN": arn, "ConsumerName": "d"},
    }
    for call, request in calls.items():
        answers = []
        for there in (True, False):
            asked = request if there else {k: v.replace(name, missing) if isinstance(v, str) else v for k, v in request.items()}
            with pytest.raises(guest.exceptions.ClientError) as caught:
                getattr(guest, call)(**asked)
            error = caught.value.response["Error"]
            answers.append((error["Code"], error["Message"].replace(missing, name)))
        assert answers[0] == answers[1], call
    with pytest.raises(guest.exceptions.AccessDeniedException):
        guest.describe_stream_consumer(StreamARN=arn, ConsumerName="c")
    with pytest.raises(guest.exceptions.AccessDeniedException):
        guest.describe_stream_consumer(StreamARN=arn, ConsumerName="missing")


def test_a_policy_gives_nothing_but_access_to_records(riacho_server, name):
    """Whatever its wildcards: only the owner can change the stream, its settings and the policy itself."""
    server = riacho_server("--auth", "sigv4")
    keys = [server.user("add", user, "--account", account) for user, account in (("owner", "111111111111"), ("guest", "222222222222"))]
    owner, guest = (server.client(key=key["access_key_id"], secret=key["secret_access_key"]) for key in keys)
    owner.create_stream(StreamName=name, ShardCount=1)
    wait_active(owner, name)
    arn = arn_of(owner, name)
    consumer = owner.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    while owner.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]["ConsumerStatus"] != "ACTIVE":
        time.sleep(0.01)
    policies = {resource: json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "kinesis:*", "Resource": resource}]})
        for resource in (arn, consumer)}
    for resource, policy in policies.items():
        owner.put_resource_policy(ResourceARN=resource, Policy=policy)
    guest.put_record(StreamARN=arn, Data=b"x", PartitionKey="k")
    guest.describe_stream_summary(StreamARN=arn)
    guest.describe_stream_consumer(ConsumerARN=consumer)
    calls = {
        "add_tags_to_stream": {"StreamARN": arn, "Tags": {"a": "b"}},
        "delete_resource_policy": {"ResourceARN": arn},
        "deregister_stream_consumer": {"ConsumerARN": consumer},
        "increase_stream_retention_period": {"StreamARN": arn, "RetentionPeriodHours": 48},
        "list_tags_for_resource": {"ResourceARN": consumer},
        "put_resource_policy": {"ResourceARN": arn, "Policy": policies[arn].replace("222222222222", "333333333333")},
        "register_stream_consumer": {"StreamARN": arn, "ConsumerName": "guests"},
        "start_stream_encryption": {"StreamARN": arn, "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"},
        "tag_resource": {"ResourceARN": arn, "Tags": {"a": "b"}},
        "update_shard_count": {"StreamARN": arn, "TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"},
    }
    for call, request in calls.items():
        with pytest.raises(guest.exceptions.ClientError, match="AccessDenied|ResourceNotFound"):
            getattr(guest, call)(**request)
    assert owner.get_resource_policy(ResourceARN=arn)["Policy"] == policies[arn]
    assert owner.list_tags_for_stream(StreamName=name)["Tags"] == []


def test_a_listing_of_another_accounts_shards_goes_on(riacho_server, name):
    server = riacho_server("--auth", "sigv4")
    keys = [server.user("add", user, "--account", account) for user, account in (("owner", "111111111111"), ("guest", "222222222222"))]
    owner, guest = (server.client(key=key["access_key_id"], secret=key["secret_access_key"]) for key in keys)
    owner.create_stream(StreamName=name, ShardCount=3)
    wait_active(owner, name)
    arn = arn_of(owner, name)
    owner.put_resource_policy(ResourceARN=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "kinesis:ListShards", "Resource": arn}]}))
    first = guest.list_shards(StreamARN=arn, MaxResults=2)
    rest = guest.list_shards(NextToken=first["NextToken"])
    assert [shard["ShardId"][-1] for shard in first["Shards"] + rest["Shards"]] == ["0", "1", "2"]
    owner.delete_resource_policy(ResourceARN=arn)
    with pytest.raises(guest.exceptions.AccessDeniedException):
        guest.list_shards(NextToken=first["NextToken"])


def test_record_size(kinesis, make_stream):
    """[48]"""
    stream = make_stream()
    arn = arn_of(kinesis, stream)
    for size in (1023, 10241):
        with pytest.raises(kinesis.exceptions.ClientError, match="ValidationException"):
            kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=size)
    refused_at = ("1 validation error detected: Value at '{}' failed to satisfy constraint: Member must have length less than or equal to "
                  "{}$")
    with pytest.raises(kinesis.exceptions.ClientError, match="ValidationException.*" + refused_at.format("data", 1 << 20)):
        kinesis.put_record(StreamName=stream, Data=b"x" * (1 << 20), PartitionKey="k")
    entries = [{"Data": b"fits", "PartitionKey": "k"}, {"Data": b"x" * (1 << 20), "PartitionKey": "k"}]
    with pytest.raises(kinesis.exceptions.ClientError, match="ValidationException.*" + refused_at.format("records.2.member.data", 1 << 20)):
        kinesis.put_records(StreamName=stream, Records=entries)
    assert read_all(kinesis, stream) == []
    kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=10240)
    assert wait_active(kinesis, stream)["MaxRecordSizeInKiB"] == 10240
    large = bytes(range(256)) * (40 << 10)
    kinesis.put_record(StreamName=stream, Data=large[:-1], PartitionKey="k")
    assert read_all(kinesis, stream)[0]["Data"] == large[:-1]
    with pytest.raises(kinesis.exceptions.ClientError, match="ValidationException.*" + refused_at.format("data", 10 << 20)):
        kinesis.put_record(StreamName=stream, Data=large, PartitionKey="k")


def test_the_account_commitment(riacho_server):
    """[49]"""
    client = riacho_server().client()
    member = "MinimumThroughputBillingCommitment"
    assert client.describe_account_settings()[member]["Status"] == "DISABLED"
    enabled = client.update_account_settings(MinimumThroughputBillingCommitment={"Status": "ENABLED"})[member]
    assert enabled["Status"] == "ENABLED"
    assert enabled["EarliestAllowedEndAt"] - enabled["StartedAt"] == datetime.timedelta(hours=24)
    ending = client.update_account_settings(MinimumThroughputBillingCommitment={"Status": "DISABLED"})[member]
    assert ending["Status"] == "ENABLED_UNTIL_EARLIEST_ALLOWED_END"
    assert client.describe_account_settings()[member]["Status"] == "ENABLED_UNTIL_EARLIEST_ALLOWED_END"
    assert client.update_account_settings(MinimumThroughputBillingCommitment={"Status": "ENABLED"})[member]["Status"] == "ENABLED"
    client.create_stream(StreamName="warm", StreamModeDetails={"StreamMode": "ON_DEMAND"}, WarmThroughputMiBps=10)
    assert wait_active(client, "warm")["WarmThroughput"] == {"TargetMiBps": 10, "CurrentMiBps": 10}
    changed = client.update_stream_warm_throughput(StreamName="warm", WarmThroughputMiBps=20)
    assert changed["WarmThroughput"]["TargetMiBps"] == 20
    assert wait_active(client, "warm")["WarmThroughput"]["CurrentMiBps"] == 20


def test_warm_throughput_needs_the_commitment_and_on_demand(kinesis, make_stream, on_demand):
    with pytest.raises(kinesis.exceptions.InvalidArgumentException):
        kinesis.update_stream_warm_throughput(StreamName=on_demand, WarmThroughputMiBps=10)
    with pytest.raises(kinesis.exceptions.ClientError, match="ValidationException"):
        kinesis.update_stream_warm_throughput(StreamName=make_stream(), WarmThroughputMiBps=10)


def test_a_stream_changes_its_mode(slow_kinesis, make_stream):
    kinesis = slow_kinesis
    stream = make_stream(2, client=kinesis)
    arn = arn_of(kinesis, stream)
    sequence = put_many(kinesis, stream, [b"%d" % i for i in range(100)])
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    with pytest.raises(kinesis.exceptions.ResourceInUseException, match="instead in state UPDATING"):
        kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "PROVISIONED"})
    summary = wait_active(kinesis, stream)
    assert summary["StreamModeDetails"]["StreamMode"] == "ON_DEMAND"
    assert summary["OpenShardCount"] == 4
    with pytest.raises(kinesis.exceptions.ClientError, match="is in On-Demand mode"):
        kinesis.split_shard(StreamName=stream, ShardToSplit="0", NewStartingHashKey="10")
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "PROVISIONED"})
    summary = wait_active(kinesis, stream)
    assert summary["StreamModeDetails"]["StreamMode"] == "PROVISIONED" and summary["OpenShardCount"] == 4
    shards = kinesis.list_shards(StreamName=stream)["Shards"]
    read = [r["SequenceNumber"] for shard in shards for r in read_all(kinesis, stream, shard["ShardId"])]
    assert sorted(read) == sorted(sequence)


def test_automatic_distribution(riacho, kinesis, make_stream, on_demand):
    with pytest.raises(kinesis.exceptions.InvalidArgumentException):
        kinesis.update_stream_record_distribution_strategy(StreamARN=arn_of(kinesis, make_stream()), RecordDistributionStrategy="AUTO")
    kinesis.update_stream_record_distribution_strategy(StreamARN=arn_of(kinesis, on_demand), RecordDistributionStrategy="AUTO")
    assert kinesis.describe_stream_summary(StreamName=on_demand)["StreamDescriptionSummary"]["RecordDistributionStrategy"] == "AUTO"
    raw = riacho.raw()
    shards = {raw.call("PutRecord", {"StreamName": on_demand, "Data": "eA=="}).json["ShardId"] for _ in range(100)}
    assert len(shards) == 4
    same_key = {kinesis.put_record(StreamName=on_demand, Data=b"x", PartitionKey="k")["ShardId"] for _ in range(100)}
    assert len(same_key) == 4
    with pytest.raises(kinesis.exceptions.InvalidArgumentException):
        kinesis.put_record(StreamName=on_demand, Data=b"x", PartitionKey="k", SequenceNumberForOrdering="0")
    first = raw.call("GetRecords", {"ShardIterator": iterator(kinesis, on_demand)}).json["Records"][0]
    assert "PartitionKey" not in first
    kinesis.update_stream_record_distribution_strategy(StreamARN=arn_of(kinesis, on_demand),
                                                       RecordDistributionStrategy="USER_PARTITION_KEY")
    assert raw.call("PutRecord", {"StreamName": on_demand, "Data": "eA=="}).status == 400


def test_tags_by_arn(kinesis, make_stream):
    stream = make_stream(Tags={"a": "1"})
    arn = arn_of(kinesis, stream)
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c", Tags={"made": "here"})["Consumer"]["ConsumerARN"]
    kinesis.tag_resource(ResourceARN=arn, Tags={"b": "x:y"})
    kinesis.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "x:y"}]
    assert kinesis.list_tags_for_stream(StreamName=stream)["Tags"] == [{"Key": "b", "Value": "x:y"}]
    kinesis.add_tags_to_stream(StreamName=stream, Tags={"team:name": "a:b"})
    kinesis.untag_resource(ResourceARN=arn, TagKeys=["team:name"])
    kinesis.tag_resource(ResourceARN=arn, Tags={"team:name": "a"})
    kinesis.remove_tags_from_stream(StreamName=stream, TagKeys=["team:name"])
    assert kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "x:y"}]
    bad = kinesis.exceptions.InvalidArgumentException
    for key in ("aws:made", "AWS:made"):
        for call in (lambda: kinesis.tag_resource(ResourceARN=arn, Tags={key: "x"}),
                     lambda: kinesis.tag_resource(ResourceARN=consumer, Tags={key: "x"}),
                     lambda: kinesis.add_tags_to_stream(StreamName=stream, Tags={key: "x"}),
                     lambda: kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="d", Tags={key: "x"}),
                     lambda: kinesis.create_stream(StreamName=stream + "-2", ShardCount=1, Tags={key: "x"})):
            with pytest.raises(bad, match="aws: prefixed tag key names are not allowed for external use[.]$"):
                call()
    for keys in (["50%"], ["a;b"]):
        for call in (lambda: kinesis.untag_resource(ResourceARN=arn, TagKeys=keys),
                     lambda: kinesis.remove_tags_from_stream(StreamName=stream, TagKeys=keys)):
            with pytest.raises(bad, match="characters"):
                call()
    kinesis.tag_resource(ResourceARN=consumer, Tags={"more": "later"})
    kinesis.untag_resource(ResourceARN=consumer, TagKeys=["made"])
    assert kinesis.list_tags_for_resource(ResourceARN=consumer)["Tags"] == [{"Key": "more", "Value": "later"}]
    with pytest.raises(kinesis.exceptions.InvalidArgumentException):
        kinesis.tag_resource(ResourceARN=consumer, Tags={f"k{i}": "v" for i in range(50)})
    with pytest.raises(kinesis.exceptions.ResourceNotFoundException):
        kinesis.tag_resource(ResourceARN=arn + "-missing", Tags={"a": "b"})


CHANNEL = {"S3DestinationConfiguration": {"StorageConfiguration": {
    "BucketARN": "arn:aws:s3:::bucket", "ExpectedBucketOwner": "000000000000", "CompressionType": "GZIP"}}}


def channel_call(raw, operation, body, status=200):
    reply = raw.call(operation, body)
    assert reply.status == status, reply.body
    return reply.json if reply.body else {}


def test_a_stream_that_is_going_gets_no_channel(riacho_server, name):
    server = riacho_server("--test-clock", "--transition-delay", "60000")
    client = server.client()
    client.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    source = {"StreamARN": arn_of(client, name), "RecordConfiguration": {"RecordFormatType": "JSON"}}
    request = {"ChannelName": "c", "ServiceExecutionRoleARN": "arn:aws:iam::000000000000:role/r",
               "StreamConfigurationList": [source]} | CHANNEL
    assert channel_call(server.raw(), "CreateChannel", request, 400)["__type"] == "ResourceInUseException"
    server.advance_clock(61)
    wait_active(client, name)
    client.delete_stream(StreamName=name)
    assert channel_call(server.raw(), "CreateChannel", request, 400)["__type"] == "ResourceInUseException"
    server.advance_clock(61)
    assert channel_call(server.raw(), "CreateChannel", request, 400)["__type"] == "ResourceNotFoundException"
    assert channel_call(server.raw(), "ListChannels", {})["ChannelSummaries"] == []


def test_channels_are_kept_and_shown(riacho, kinesis, make_stream, on_demand):
    raw = riacho.raw()
    source = {"StreamARN": arn_of(kinesis, on_demand), "RecordConfiguration": {"RecordFormatType": "JSON"}}
    request = {"ChannelName": on_demand, "ServiceExecutionRoleARN": "arn:aws:iam::000000000000:role/r",
               "StreamConfigurationList": [source]} | CHANNEL
    made = channel_call(raw, "CreateChannel", request)["ChannelDescription"]
    assert made["ChannelStatus"] == "CREATING" and made["S3DestinationConfiguration"]["DataFreshnessInSeconds"] == 300
    assert made["LoggingConfiguration"]["CloudWatchLogs"]["LogStreamName"] == "DestinationDelivery"
    assert "does not deliver" in made["ChannelStatusReason"]
    arn = made["ChannelARN"]
    assert channel_call(raw, "CreateChannel", request, 400)["__type"] == "ResourceInUseException"
    provisioned = source | {"StreamARN": arn_of(kinesis, make_stream())}
    channel_call(raw, "CreateChannel", request | {"ChannelName": "p", "StreamConfigurationList": [provisioned]}, 400)
    strings = source | {"RecordConfiguration": {"RecordFormatType": "GSR_JSON"}}
    channel_call(raw, "CreateChannel", request | {"ChannelName": "p", "StreamConfigurationList": [strings]}, 400)
    while channel_call(raw, "DescribeChannel", {"ChannelARN": arn})["ChannelDescription"]["ChannelStatus"] != "ACTIVE":
        pass
    listed = channel_call(raw, "ListChannels", {"StreamFilter": [{"StreamARN": source["StreamARN"]}]})["ChannelSummaries"]
    assert [c["ChannelARN"] for c in listed] == [arn] and listed[0]["ChannelDestinationType"] == "S3"
    assert kinesis.describe_stream_summary(StreamName=on_demand)["StreamDescriptionSummary"]["ChannelCount"] == 1
    changed = channel_call(raw, "UpdateChannel", {"ChannelARN": arn, "S3DestinationConfiguration": {"DataFreshnessInSeconds": 60}})
    assert changed["ChannelDescription"]["S3DestinationConfiguration"]["DataFreshnessInSeconds"] == 60
    channel_call(raw, "TagResource", {"ResourceARN": arn, "Tags": {"a": "b"}})
    assert channel_call(raw, "ListTagsForResource", {"ResourceARN": arn})["Tags"] == [{"Key": "a", "Value": "b"}]
    with pytest.raises(kinesis.exceptions.ResourceInUseException):
        kinesis.delete_stream(StreamName=on_demand)
    channel_call(raw, "DeleteChannel", {"ChannelARN": arn})
    while raw.call("DescribeChannel", {"ChannelARN": arn}).status == 200:
        pass
    assert kinesis.describe_limits()["ChannelCount"] == 0


def test_settings_survive_a_restart(riacho_server, name):
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    wait_active(client, name)
    arn = arn_of(client, name)
    client.enable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=["OutgoingBytes"])
    client.update_account_settings(MinimumThroughputBillingCommitment={"Status": "ENABLED"})
    client.update_stream_record_distribution_strategy(StreamARN=arn, RecordDistributionStrategy="AUTO")
    source = {"StreamARN": arn, "RecordConfiguration": {"RecordFormatType": "STRING"}}
    channel = channel_call(server.raw(), "CreateChannel", {
        "ChannelName": "c", "ServiceExecutionRoleARN": "arn:aws:iam::000000000000:role/r", "StreamConfigurationList": [source]} | CHANNEL)
    def state():
        connection = server.raw()
        return [server.client().describe_stream_summary(StreamName=name)["StreamDescriptionSummary"],
                server.client().describe_account_settings()["MinimumThroughputBillingCommitment"],
                channel_call(connection, "DescribeChannel", {"ChannelARN": channel["ChannelDescription"]["ChannelARN"]})]
    while state()[2]["ChannelDescription"]["ChannelStatus"] != "ACTIVE":
        pass
    before = state()
    server.kill()
    server.start()
    assert state() == before
    server.stop()
    server.start()
    assert state() == before
