"""Throttling as in AWS, injected faults, and a clock that tests move."""

import datetime
import re
import time

import pytest
from conftest import iterator, put_many, read_all, wait_active
from event_stream import Subscription


def make(client, name, shards=1, **options):
    client.create_stream(StreamName=name, ShardCount=shards, **options)
    wait_active(client, name)


@pytest.fixture
def limited(riacho_server):
    return riacho_server("--limits", "aws", "--transition-delay", "0")


def test_a_shard_takes_a_mebibyte_a_second(limited, name):
    """[55]"""
    client = limited.client()
    make(client, name, 2)
    low, high = "0", str(2**128 - 1)
    records = [{"Data": b"x" * 102_400, "PartitionKey": "k", "ExplicitHashKey": low} for _ in range(20)]
    records.insert(5, {"Data": b"y", "PartitionKey": "k", "ExplicitHashKey": high})
    reply = client.put_records(StreamName=name, Records=records)
    assert len(reply["Records"]) == 21
    failed = [entry for entry in reply["Records"] if "ErrorCode" in entry]
    assert reply["FailedRecordCount"] == len(failed) and 8 <= len(failed) <= 11
    assert reply["Records"][5]["ShardId"] == "shardId-000000000001"
    for entry in failed:
        assert entry["ErrorCode"] == "ProvisionedThroughputExceededException"
        assert entry["ErrorMessage"] == f"Rate exceeded for shard shardId-000000000000 in stream {name} under account 000000000000."
    more = 0
    with pytest.raises(client.exceptions.ProvisionedThroughputExceededException):
        while more < 100:  # repeats while the machine takes more than half a second for each
            client.put_record(StreamName=name, Data=b"x" * 512_000, PartitionKey="k", ExplicitHashKey=low)
            more += 1
    stored = read_all(client, name)
    assert len(stored) == 20 - len(failed) + more


def test_a_shard_takes_a_thousand_records_and_five_reads_a_second(limited, name):
    client = limited.client()
    make(client, name)
    entries = [{"Data": b"", "PartitionKey": "k"}] * 500
    failed = sum(client.put_records(StreamName=name, Records=entries)["FailedRecordCount"] for _ in range(4))
    assert 500 <= failed <= 1000
    position = iterator(client, name)
    calls = 0
    with pytest.raises(client.exceptions.ProvisionedThroughputExceededException):
        while calls < 20:
            client.get_records(ShardIterator=position, Limit=1)
            calls += 1
    assert calls >= 5


def test_calls_of_the_control_plane_have_a_rate(limited):
    client = limited.client()
    client.describe_limits()
    with pytest.raises(client.exceptions.LimitExceededException, match="Rate exceeded"):
        for _ in range(5):
            client.describe_limits()


def test_six_streams_do_not_change_at_once(riacho_server):
    """[36]"""
    client = riacho_server("--limits", "aws", "--transition-delay", "60000").client()
    for i in range(5):
        client.create_stream(StreamName=f"s{i}", ShardCount=1)
    time.sleep(0.4)  # CreateStream has a rate limit of its own
    with pytest.raises(client.exceptions.LimitExceededException, match="simultaneously be in CREATING or DELETING"):
        client.create_stream(StreamName="s5", ShardCount=1)


def test_shards_have_a_limit(riacho_server):
    """[36] The limit counts the shards of the moment, for created streams and for split shards."""
    server = riacho_server("--limits", "aws", "--transition-delay", "0", "--test-clock")
    client = server.client()

    def refused(existing, more):
        return pytest.raises(client.exceptions.LimitExceededException, match=re.escape(
            "This request would exceed the shard limit for the account 000000000000 in us-east-1. Current shard count for the account: "
            f"{existing}. Limit: 20000. Number of additional shards that would have resulted from this request: {more}. Refer to the AWS "
            "Service Limits page (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and how to "
            "request higher limits.") + "$")

    with refused(0, 20_001):
        client.create_stream(StreamName="large", ShardCount=20_001)
    make(client, "small", 3)
    for i, count in enumerate((6_000, 7_000)):
        make(client, f"large-{i}", count)
    server.advance_clock(1)  # CreateStream has a rate limit of its own
    with refused(13_003, 6_998):
        client.create_stream(StreamName="last", ShardCount=6_998)
    assert client.list_streams()["StreamNames"] == ["large-0", "large-1", "small"]
    make(client, "last", 6_997)
    with refused(20_000, 1):
        client.split_shard(StreamName="small", ShardToSplit="0", NewStartingHashKey="10")
    assert client.describe_limits()["OpenShardCount"] == 20_000
    for target, more in ((5, 2), (4, 1)):
        with refused(20_000, more):
            client.update_shard_count(StreamName="small", TargetShardCount=target, ScalingType="UNIFORM_SCALING")
    client.merge_shards(StreamName="small", ShardToMerge="0", AdjacentShardToMerge="1")
    wait_active(client, "small")
    client.split_shard(StreamName="small", ShardToSplit="2", NewStartingHashKey=str(2**128 - 10))


def test_the_shard_count_changes_ten_times_a_day(riacho_server, name):
    """[76]"""
    server = riacho_server("--limits", "aws", "--test-clock", "--transition-delay", "0")
    client = server.client()
    make(client, name)

    def update(target):
        server.advance_clock(1)
        client.update_shard_count(StreamName=name, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
        wait_active(client, name)

    for target in (2, 1) * 5:
        update(target)
    with pytest.raises(client.exceptions.LimitExceededException, match="10 times in the last 24 hours"):
        update(2)
    server.advance_clock(24 * 3600)
    update(2)


def test_five_consumers_are_created_at_once(riacho_server, name):
    """[79]"""
    server = riacho_server("--limits", "aws", "--test-clock", "--transition-delay", "60000")
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    server.advance_clock(61)
    arn = client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    for i in range(5):
        server.advance_clock(1)
        client.register_stream_consumer(StreamARN=arn, ConsumerName=f"c{i}")
    server.advance_clock(1)
    with pytest.raises(client.exceptions.LimitExceededException, match="simultaneously be in CREATING"):
        client.register_stream_consumer(StreamARN=arn, ConsumerName="c5")


def test_faults_by_flag(riacho_server, name):
    client = riacho_server("--fault", "partial=50").client()
    make(client, name)
    reply = client.put_records(StreamName=name, Records=[{"Data": b"x", "PartitionKey": str(i)} for i in range(400)])
    assert 100 < reply["FailedRecordCount"] < 300
    assert len(read_all(client, name)) == 400 - reply["FailedRecordCount"]


def test_faults_by_header(riacho_server, name):
    server = riacho_server("--fault-header")
    client = server.client()
    make(client, name)
    raw = server.raw()
    record = {"StreamName": name, "Data": "eA==", "PartitionKey": "k"}

    def put(fault):
        return raw.call("PutRecord", record, **{"X-Riacho-Fault": fault})

    assert put("throttle=100").json["__type"] == "ProvisionedThroughputExceededException"
    assert put("error=100").status == 500
    began = time.monotonic()
    assert put("delay=200").status == 200
    assert time.monotonic() - began >= 0.2
    assert put("nonsense").status == 200
    assert len(read_all(client, name)) == 2
    assert raw.call("DescribeStream", {"StreamName": name}, **{"X-Riacho-Fault": "error=100"}).status == 200


def test_a_bad_fault_is_refused_at_start(riacho_server):
    server = riacho_server("--fault", "throttle=200", started=False)
    with pytest.raises(AssertionError, match="ended with 64"):
        server.start()


def test_iterators_expire_after_five_minutes(riacho_server, name):
    """[65]"""
    server = riacho_server("--test-clock")
    client = server.client()
    make(client, name)
    put_many(client, name, [b"x"])
    old = iterator(client, name)
    server.advance_clock(299)
    assert len(client.get_records(ShardIterator=old)["Records"]) == 1
    following = client.get_records(ShardIterator=old)["NextShardIterator"]
    server.advance_clock(5)
    with pytest.raises(client.exceptions.ExpiredIteratorException) as raised:
        client.get_records(ShardIterator=old)
    date = r"((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d UTC \d{4})"
    match = re.fullmatch(f"Iterator expired. The iterator was created at time {date} while right now it is {date} which is further in the "
                         "future than the tolerated delay of 300000 milliseconds.", raised.value.response["Error"]["Message"])
    made, now = (datetime.datetime.strptime(text, "%a %b %d %H:%M:%S UTC %Y").replace(tzinfo=datetime.UTC) for text in match.groups())
    assert 303 <= (now - made).total_seconds() <= 306
    assert abs((made - datetime.datetime.now(datetime.UTC)).total_seconds()) < 10
    assert client.get_records(ShardIterator=following)["Records"] == [], "each token has its own five minutes"


def test_retention(riacho_server, name):
    """[70]"""
    server = riacho_server("--test-clock")
    client = server.client()
    make(client, name)
    old = put_many(client, name, [b"old"] * 10)
    server.advance_clock(23 * 3600)
    new = put_many(client, name, [b"new"] * 10)
    assert len(read_all(client, name)) == 20
    server.advance_clock(2 * 3600)
    records = read_all(client, name)
    assert [r["SequenceNumber"] for r in records] == new
    at_old = client.get_shard_iterator(StreamName=name, ShardId="0", ShardIteratorType="AT_SEQUENCE_NUMBER",
                                       StartingSequenceNumber=old[0])["ShardIterator"]
    assert client.get_records(ShardIterator=at_old)["Records"][0]["SequenceNumber"] == new[0]
    client.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=48)
    assert [r["SequenceNumber"] for r in read_all(client, name)] == new


def test_retention_holds_for_every_way_to_read(riacho_server, name):
    """[70] Times and numbers of expired records stand for the oldest record; subscribers see no more than other readers."""
    server = riacho_server("--test-clock")
    client = server.client()
    make(client, name)
    arn = wait_active(client, name)["StreamARN"]
    consumers = [client.register_stream_consumer(StreamARN=arn, ConsumerName=f"c{i}")["Consumer"]["ConsumerARN"] for i in range(4)]
    old = put_many(client, name, [b"old"] * 10)
    before = time.time()
    server.advance_clock(24 * 3600 + 60)
    new = put_many(client, name, [b"new"] * 10)
    starts = [{"kind": "TRIM_HORIZON"}, {"kind": "AT_TIMESTAMP", "Timestamp": before - 30}, {"kind": "AT_SEQUENCE_NUMBER", "number": old[3]},
              {"kind": "AFTER_SEQUENCE_NUMBER", "number": old[3]}]
    for start, consumer in zip(starts, consumers):
        number = start.pop("number", None)
        first = iterator(client, name, **start, **({"StartingSequenceNumber": number} if number else {}))
        assert [r["SequenceNumber"] for r in read_all(client, name, start=first)] == new, start
        with Subscription(server, consumer, **start, **({"SequenceNumber": number} if number else {})) as subscription:
            assert [r["SequenceNumber"] for r in subscription.records(10)[0]] == new, start


def bytes_on_disk(server):
    return sum(path.stat().st_size for path in (server.data_dir / "data").rglob("*") if path.is_file())


def test_retention_gives_the_disk_back(riacho_server, name):
    """[70] Whole files are deleted, an hour later."""
    server = riacho_server("--test-clock")
    client = server.client()
    make(client, name)
    client.put_records(StreamName=name, Records=[{"Data": bytes(1_000_000), "PartitionKey": "k"}] * 8)
    server.stop()
    server.start()
    client = server.client()
    assert bytes_on_disk(server) > 8_000_000
    server.advance_clock(26 * 3600)
    last = put_many(client, name, [b"new"])
    deadline = time.monotonic() + 20
    while bytes_on_disk(server) > 1_000_000:
        assert time.monotonic() < deadline, bytes_on_disk(server)
        server.advance_clock(60)
    assert [r["SequenceNumber"] for r in read_all(client, name)] == last


def test_closed_shards_leave_the_listing(riacho_server, name):
    """[78] No listing, description or iterator finds an expired closed shard; its children still name it as parent."""
    server = riacho_server("--test-clock")
    client = server.client()
    make(client, name)
    old = put_many(client, name, [b"x"])
    client.split_shard(StreamName=name, ShardToSplit="0", NewStartingHashKey=str(2**127))
    assert wait_active(client, name)["OpenShardCount"] == 2
    assert len(client.list_shards(StreamName=name)["Shards"]) == 3
    server.advance_clock(12 * 3600)
    client.merge_shards(StreamName=name, ShardToMerge="1", AdjacentShardToMerge="2")
    assert wait_active(client, name)["OpenShardCount"] == 1
    assert client.describe_limits()["OpenShardCount"] == 1
    server.advance_clock(13 * 3600)
    expected = [f"shardId-{i:012}" for i in (1, 2, 3)]

    def listed(**options):
        return [shard["ShardId"] for shard in client.list_shards(StreamName=name, **options)["Shards"]]

    assert listed() == listed(ShardFilter={"Type": "FROM_TRIM_HORIZON"}) == expected
    assert listed(ShardFilter={"Type": "AT_TRIM_HORIZON"}) == expected[:2]
    assert listed(ShardFilter={"Type": "AT_LATEST"}) == expected[2:]
    shards = client.describe_stream(StreamName=name)["StreamDescription"]["Shards"]
    assert [shard["ShardId"] for shard in shards] == expected
    assert [shard.get("ParentShardId") for shard in shards] == ["shardId-000000000000"] * 2 + ["shardId-000000000001"]
    gone = pytest.raises(client.exceptions.ResourceNotFoundException,
                         match=f"Shard shardId-000000000000 in stream {name} under account 000000000000 does not exist$")
    for kind, more in (("TRIM_HORIZON", {}), ("LATEST", {}), ("AT_SEQUENCE_NUMBER", {"StartingSequenceNumber": old[0]})):
        with gone:
            iterator(client, name, kind=kind, **more)
    server.advance_clock(12 * 3600)
    assert listed() == expected[2:]


def test_pagination_tokens_expire(riacho_server, name):
    """[77]"""
    server = riacho_server("--test-clock")
    client = server.client()
    make(client, name, 3)
    token = client.list_shards(StreamName=name, MaxResults=1)["NextToken"]
    server.advance_clock(301)
    with pytest.raises(client.exceptions.ExpiredNextTokenException):
        client.list_shards(NextToken=token)


def test_time_can_be_scaled(riacho_server, name):
    client = riacho_server("--time-scale", "1000").client()
    make(client, name)
    first = client.put_record(StreamName=name, Data=b"x", PartitionKey="k")
    time.sleep(0.2)
    client.put_record(StreamName=name, Data=b"x", PartitionKey="k")
    records = read_all(client, name)
    passed = records[1]["ApproximateArrivalTimestamp"] - records[0]["ApproximateArrivalTimestamp"]
    assert passed.total_seconds() > 150 and records[0]["SequenceNumber"] == first["SequenceNumber"]


def test_on_demand_streams_grow_with_their_load(riacho_server, name):
    server = riacho_server("--time-scale", "5")
    client = server.client()
    client.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert wait_active(client, name)["OpenShardCount"] == 4
    deadline = time.monotonic() + 60
    sent = []
    # On the scaled clock a second lasts 200 ms: a busy machine, too, sends enough for more than two of the four shards.
    while client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["OpenShardCount"] == 4:
        assert time.monotonic() < deadline
        reply = client.put_records(StreamName=name, Records=[{"Data": b"x" * 20_000, "PartitionKey": str(i)} for i in range(400)])
        sent += [entry["SequenceNumber"] for entry in reply["Records"]]
    wait_active(client, name)
    read = [r["SequenceNumber"] for shard in client.list_shards(StreamName=name)["Shards"]
            for r in read_all(client, name, shard["ShardId"])]
    assert sorted(read) == sorted(sent)
