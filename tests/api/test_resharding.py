"""Shards that split and merge. Numbers in brackets: items of the conformance list (data-streams specification, section 10)."""

import itertools
import re
import threading
import time

import pytest
import sequence
import wire
from conftest import TRANSITION_MS, iterator, put_many, read_all, wait_active

SPACE = 2**128
HALF = 2**127


def shards_of(client, stream):
    pages = client.get_paginator("list_shards").paginate(StreamName=stream)
    return {shard["ShardId"]: shard for page in pages for shard in page["Shards"]}


def shard_id(index):
    return f"shardId-{index:012}"


def bounds(shard):
    return int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"])


def parents_of(shard):
    return [shard[member] for member in ("ParentShardId", "AdjacentParentShardId") if member in shard]


def is_open(shard):
    return "EndingSequenceNumber" not in shard["SequenceNumberRange"]


def open_bounds(client, stream):
    return sorted(bounds(shard) for shard in shards_of(client, stream).values() if is_open(shard))


def even_bounds(count):
    starts = [SPACE // count * i for i in range(count)] + [SPACE]
    return [(start, end - 1) for start, end in itertools.pairwise(starts)]


def covers_once(shards):
    ranges = sorted(bounds(shard) for shard in shards)
    ends = [-1] + [end for _, end in ranges]
    return [start for start, _ in ranges] == [end + 1 for end in ends[:-1]] and ends[-1] == SPACE - 1


def split(client, stream, shard, key):
    client.split_shard(StreamName=stream, ShardToSplit=str(shard), NewStartingHashKey=str(key))
    return wait_active(client, stream)


def merge(client, stream, shard, adjacent):
    client.merge_shards(StreamName=stream, ShardToMerge=str(shard), AdjacentShardToMerge=str(adjacent))
    return wait_active(client, stream)


def scale(client, stream, count):
    reply = client.update_shard_count(StreamName=stream, TargetShardCount=count, ScalingType="UNIFORM_SCALING")
    wait_active(client, stream)
    return reply


def refused(client, text):
    return pytest.raises(client.exceptions.InvalidArgumentException, match=re.escape(text) + "$")


def status(client, stream):
    return client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamStatus"]


def test_a_split_makes_two_children(slow_kinesis, make_stream):
    """[71] The parent stays, closed, and the stream is UPDATING meanwhile."""
    kinesis = slow_kinesis
    stream = make_stream(client=kinesis)
    before = shards_of(kinesis, stream)
    kinesis.split_shard(StreamName=stream, ShardToSplit="0", NewStartingHashKey=str(HALF))
    assert status(kinesis, stream) == "UPDATING"
    assert shards_of(kinesis, stream) == before
    with pytest.raises(kinesis.exceptions.ResourceInUseException,
                       match=f"Stream {stream} under account 000000000000 not ACTIVE, instead in state UPDATING$"):
        kinesis.split_shard(StreamName=stream, ShardToSplit="0", NewStartingHashKey=str(HALF))
    assert wait_active(kinesis, stream)["OpenShardCount"] == 2
    after = shards_of(kinesis, stream)
    assert list(after) == [shard_id(0), shard_id(1), shard_id(2)]
    parent, lower, upper = after.values()
    ending = sequence.parse(parent["SequenceNumberRange"].pop("EndingSequenceNumber"))
    assert parent == before[shard_id(0)]
    assert (ending.index, ending.shard) == (sequence.CLOSED, 0) and abs(ending.time - time.time()) < 5
    assert [bounds(child) for child in (lower, upper)] == [(0, HALF - 1), (HALF, SPACE - 1)]
    for index, child in ((1, lower), (2, upper)):
        assert parents_of(child) == [shard_id(0)]
        start = sequence.parse(child["SequenceNumberRange"]["StartingSequenceNumber"])
        assert (start.shard, start.index, start.time) == (index, 0, start.created)
        assert start.created == ending.time + 1
        assert int(str(start)) > int(str(ending))


def test_where_a_shard_may_be_split(kinesis, make_stream):
    """[72]"""
    stream = make_stream(2)
    where = f"used in SplitShard() on shard shardId-000000000001 in stream {stream} under account 000000000000"
    for key in (0, HALF - 1, HALF, HALF + 1, SPACE - 1, SPACE, 10**39 - 1):
        with refused(kinesis, f"NewStartingHashKey {key} {where} is not both greater than one plus the shard's StartingHashKey {HALF} and "
                              f"less than the shard's EndingHashKey {SPACE - 1}."):
            kinesis.split_shard(StreamName=stream, ShardToSplit="1", NewStartingHashKey=str(key))
    assert status(kinesis, stream) == "ACTIVE"
    split(kinesis, stream, 1, HALF + 2)
    split(kinesis, stream, 0, HALF - 2)
    assert open_bounds(kinesis, stream) == [(0, HALF - 3), (HALF - 2, HALF - 1), (HALF, HALF + 1), (HALF + 2, SPACE - 1)]


def test_the_smallest_shards(kinesis, make_stream):
    """[72] A shard of two keys cannot be split, because no key is far enough inside."""
    stream = make_stream()
    split(kinesis, stream, 0, 2)
    for key in ("0", "1", "2"):
        with pytest.raises(kinesis.exceptions.InvalidArgumentException):
            kinesis.split_shard(StreamName=stream, ShardToSplit="1", NewStartingHashKey=key)
    for key, shard in ((0, 1), (1, 1), (2, 2), (SPACE - 1, 2)):
        assert kinesis.put_record(StreamName=stream, Data=b"", PartitionKey="k", ExplicitHashKey=str(key))["ShardId"] == shard_id(shard)


def test_a_merge_makes_one_child(kinesis, make_stream):
    """[73]"""
    stream = make_stream(3)
    pair = "Shards {} and {} in stream {} under account 000000000000 are not an adjacent pair of shards eligible for merging"
    for lower, upper in ((0, 2), (1, 0), (2, 1), (2, 0), (1, 1)):
        with refused(kinesis, pair.format(shard_id(lower), shard_id(upper), stream)):
            kinesis.merge_shards(StreamName=stream, ShardToMerge=str(lower), AdjacentShardToMerge=str(upper))
    assert merge(kinesis, stream, 1, 2)["OpenShardCount"] == 2
    shards = shards_of(kinesis, stream)
    child = shards[shard_id(3)]
    assert (child["ParentShardId"], child["AdjacentParentShardId"]) == (shard_id(1), shard_id(2))
    assert bounds(child) == (bounds(shards[shard_id(1)])[0], SPACE - 1)
    endings = {sequence.parse(shards[shard_id(i)]["SequenceNumberRange"]["EndingSequenceNumber"]).time for i in (1, 2)}
    assert len(endings) == 1
    assert sequence.parse(child["SequenceNumberRange"]["StartingSequenceNumber"]).created == endings.pop() + 1
    assert is_open(shards[shard_id(0)])


def test_a_closed_shard_is_not_resharded_again(kinesis, make_stream):
    """[73]"""
    stream = make_stream(2)
    merge(kinesis, stream, 0, 1)
    text = (f"Shard {{}} in stream {stream} under account 000000000000 has already been merged or split, and thus is not eligible for "
            "merging or splitting.")
    for shard in (0, 1):
        with refused(kinesis, text.format(shard_id(shard))):
            kinesis.split_shard(StreamName=stream, ShardToSplit=str(shard), NewStartingHashKey=str(HALF // 2 + shard * HALF))
    with refused(kinesis, text.format(shard_id(0))):
        kinesis.merge_shards(StreamName=stream, ShardToMerge="0", AdjacentShardToMerge="1")


def test_shards_and_streams_that_cannot_be_resharded(kinesis, name, make_stream):
    """[73] The order of the errors: the syntax of the id, the stream, the shard."""
    stream = make_stream()
    missing = kinesis.exceptions.ResourceNotFoundException
    for place in (stream, "missing"):
        with pytest.raises(missing, match=f"Could not find shard foo in stream {place} under account 000000000000[.]$"):
            kinesis.split_shard(StreamName=place, ShardToSplit="foo", NewStartingHashKey="5")
        with pytest.raises(missing, match=f"Could not find shard 2147483648 in stream {place} under account 000000000000[.]$"):
            kinesis.merge_shards(StreamName=place, ShardToMerge="0", AdjacentShardToMerge="2147483648")
    with pytest.raises(missing, match="Stream missing under account 000000000000 not found[.]$"):
        kinesis.split_shard(StreamName="missing", ShardToSplit="0", NewStartingHashKey="5")
    for call in (lambda: kinesis.split_shard(StreamName=stream, ShardToSplit="5", NewStartingHashKey="5"),
                 lambda: kinesis.merge_shards(StreamName=stream, ShardToMerge="0", AdjacentShardToMerge="5"),
                 lambda: kinesis.merge_shards(StreamName=stream, ShardToMerge="5", AdjacentShardToMerge="0")):
        with pytest.raises(missing, match=f"Could not find shard shardId-000000000005 in stream {stream} under account 000000000000[.]$"):
            call()


def test_on_demand_streams_are_not_resharded_by_users(kinesis, name):
    """[73] [76]"""
    kinesis.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    wait_active(kinesis, name)
    for call in (lambda: kinesis.split_shard(StreamName=name, ShardToSplit="0", NewStartingHashKey="5"),
                 lambda: kinesis.merge_shards(StreamName=name, ShardToMerge="0", AdjacentShardToMerge="1"),
                 lambda: kinesis.update_shard_count(StreamName=name, TargetShardCount=8, ScalingType="UNIFORM_SCALING")):
        with pytest.raises(kinesis.exceptions.ClientError) as raised:
            call()
        error = raised.value.response["Error"]
        assert (error["Code"], error["Message"]) == ("ValidationException",
                                                     f"Request is invalid. Stream {name} under account 000000000000 is in On-Demand mode.")
    kinesis.delete_stream(StreamName=name)


def put_while_updating(client, stream, reshard):
    """A record put while the stream was certainly UPDATING, and its reply."""
    for attempt in range(5):
        reshard()
        reply = client.put_record(StreamName=stream, Data=b"meanwhile", PartitionKey="k")
        if status(client, stream) == "UPDATING":
            return reply
        wait_active(client, stream)
        merge(client, stream, 1 + 3 * attempt, 2 + 3 * attempt)
    pytest.fail(f"never seen UPDATING for {TRANSITION_MS} ms")


def test_records_put_meanwhile_go_to_the_parent(kinesis, make_stream):
    """[74]"""
    stream = make_stream()
    shard = itertools.count(0, 3)
    reply = put_while_updating(kinesis, stream, lambda: kinesis.split_shard(
        StreamName=stream, ShardToSplit=str(next(shard)), NewStartingHashKey=str(HALF)))
    parent = reply["ShardId"]
    assert read_all(kinesis, stream, parent)[-1]["SequenceNumber"] == reply["SequenceNumber"]
    wait_active(kinesis, stream)
    assert not is_open(shards_of(kinesis, stream)[parent])
    later = kinesis.put_record(StreamName=stream, Data=b"later", PartitionKey="k")
    assert parents_of(shards_of(kinesis, stream)[later["ShardId"]]) == [parent]
    assert int(later["SequenceNumber"]) > int(reply["SequenceNumber"])
    assert read_all(kinesis, stream, parent)[-1]["Data"] == b"meanwhile"


class Producer(threading.Thread):
    """Puts records without a pause, under its own keys, and keeps the acknowledged ones, in order."""

    def __init__(self, client, stream, number):
        super().__init__()
        self.client, self.stream, self.number = client, stream, number
        self.acknowledged = {f"p{number}-{i}": [] for i in range(6)}
        self.halt = threading.Event()
        self.failure = None

    def run(self):
        try:
            for turn in itertools.count():
                if self.halt.is_set():
                    return
                self.put_one(turn) if turn % 3 else self.put_some(turn)
        except Exception as failure:
            self.failure = failure

    def put_one(self, turn):
        key = f"p{self.number}-{turn % 6}"
        value = f"{key}/{turn}"
        reply = self.client.put_record(StreamName=self.stream, Data=value.encode(), PartitionKey=key)
        self.acknowledged[key].append((value, reply["ShardId"], reply["SequenceNumber"]))

    def put_some(self, turn):
        values = [(key, f"{key}/{turn}/{i}") for i in range(2) for key in self.acknowledged]
        reply = self.client.put_records(StreamName=self.stream, Records=[
            {"Data": value.encode(), "PartitionKey": key} for key, value in values])
        for (key, value), entry in zip(values, reply["Records"]):
            self.acknowledged[key].append((value, entry["ShardId"], entry["SequenceNumber"]))


def read_to_end(client, stream, shard):
    """All records of a shard; a closed shard is read to its end under the assumptions that KCL makes."""
    records = []
    position = iterator(client, stream, shard["ShardId"])
    while True:
        reply = client.get_records(ShardIterator=position, Limit=500)
        records += reply["Records"]
        position = reply.get("NextShardIterator")
        assert (position is None) == bool(reply.get("ChildShards"))
        if position is None:
            assert all(shard["ShardId"] in child["ParentShards"] for child in reply["ChildShards"])
            return records
        if is_open(shard) and not reply["Records"] and reply["MillisBehindLatest"] == 0:
            return records


def read_as_kcl_does(client, stream):
    """(shard id, record) of the whole stream, a child only after all its parents were read to the end."""
    waiting = shards_of(client, stream)
    records = []
    while waiting:
        ready = [shard for shard in waiting.values() if not any(parent in waiting for parent in parents_of(shard))]
        assert ready, "shards that are each other's parents"
        for shard in ready:
            records += [(shard["ShardId"], record) for record in read_to_end(client, stream, shard)]
            del waiting[shard["ShardId"]]
    return records


def test_no_record_is_lost_repeated_or_out_of_order_across_reshards(riacho_server, name):
    """[74]"""
    client = riacho_server().client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    producers = [Producer(client, name, number) for number in range(4)]
    for producer in producers:
        producer.start()
    split(client, name, 0, HALF)
    merge(client, name, 1, 2)
    split(client, name, 3, HALF // 3)
    for count in (4, 3, 5, 3, 6, 3, 2, 1):
        scale(client, name, count)
    for producer in producers:
        producer.halt.set()
        producer.join()
        assert producer.failure is None, producer.failure
    read = {}
    for shard, record in read_as_kcl_does(client, name):
        read.setdefault(record["PartitionKey"], []).append((record["Data"].decode(), shard, record["SequenceNumber"]))
    acknowledged = {key: values for producer in producers for key, values in producer.acknowledged.items()}
    assert sum(map(len, acknowledged.values())) > 100
    assert read == acknowledged
    for values in read.values():
        numbers = [int(number) for _, _, number in values]
        assert numbers == sorted(numbers)
    assert len({shard for values in read.values() for _, shard, _ in values}) >= 8


def test_the_end_of_a_closed_shard(kinesis, make_stream):
    """[75]"""
    stream = make_stream(2)
    put_many(kinesis, stream, [b"1", b"2", b"3"], key="f")
    split(kinesis, stream, 1, HALF + HALF // 2)
    merge(kinesis, stream, 2, 3)
    shards = shards_of(kinesis, stream)

    def child(index):
        shard = shards[shard_id(index)]
        return {"ShardId": shard["ShardId"], "ParentShards": parents_of(shard), "HashKeyRange": shard["HashKeyRange"]}

    position, seen = iterator(kinesis, stream, "1"), []
    for _ in range(5):
        reply = kinesis.get_records(ShardIterator=position, Limit=2)
        seen += [record["Data"] for record in reply["Records"]]
        position = reply.get("NextShardIterator")
        if position is None:
            break
        assert "ChildShards" not in reply
    assert seen == [b"1", b"2", b"3"] and position is None
    assert reply["ChildShards"] == [child(2), child(3)]
    assert reply["MillisBehindLatest"] == 0
    for shard, children in (("1", [child(2), child(3)]), ("2", [child(4)]), ("3", [child(4)])):
        at_once = kinesis.get_records(ShardIterator=iterator(kinesis, stream, shard, "LATEST"))
        assert at_once["Records"] == [] and "NextShardIterator" not in at_once
        assert at_once["ChildShards"] == children
    open_shard = kinesis.get_records(ShardIterator=iterator(kinesis, stream, "4", "LATEST"))
    assert open_shard["NextShardIterator"] and "ChildShards" not in open_shard


def test_an_iterator_made_before_a_reshard_goes_on_to_the_end(kinesis, make_stream):
    """[75]"""
    stream = make_stream()
    latest = iterator(kinesis, stream, kind="LATEST")
    put_many(kinesis, stream, [b"last"])
    split(kinesis, stream, 0, HALF)
    reply = kinesis.get_records(ShardIterator=latest)
    while "NextShardIterator" in reply and not reply["Records"]:
        reply = kinesis.get_records(ShardIterator=reply["NextShardIterator"])
    assert [record["Data"] for record in reply["Records"]] == [b"last"]
    if "NextShardIterator" in reply:
        reply = kinesis.get_records(ShardIterator=reply["NextShardIterator"])
    assert len(reply["ChildShards"]) == 2 and "NextShardIterator" not in reply


def test_the_number_of_shards(kinesis, make_stream):
    """[76] Even ranges at the end, and every shard in between has known parents."""
    stream = make_stream(2)
    current = 2
    for target in (4, 2, 3, 5, 5):
        reply = scale(kinesis, stream, target)
        assert (reply["StreamName"], reply["CurrentShardCount"], reply["TargetShardCount"]) == (stream, current, target)
        assert reply["StreamARN"].endswith(":stream/" + stream)
        assert open_bounds(kinesis, stream) == even_bounds(target)
        current = target
    shards = shards_of(kinesis, stream)
    assert list(shards) == [shard_id(i) for i in range(len(shards))]
    for shard in shards.values():
        start, end = bounds(shard)
        parents = [shards[parent] for parent in parents_of(shard)]
        assert all(int(parent["ShardId"][-12:]) < int(shard["ShardId"][-12:]) and not is_open(parent) for parent in parents)
        if len(parents) == 2:
            assert (start, end) == (bounds(parents[0])[0], bounds(parents[1])[1])
            assert bounds(parents[0])[1] + 1 == bounds(parents[1])[0]
        elif parents:
            siblings = sorted(bounds(s) for s in shards.values() if parents_of(s) == parents_of(shard))
            assert len(siblings) == 2 and siblings[0][1] + 1 == siblings[1][0]
            assert (siblings[0][0], siblings[1][1]) == bounds(parents[0])
        else:
            assert int(shard["ShardId"][-12:]) < 2


@pytest.mark.parametrize("begin, end, opened", [(3, 6, range(3, 9)), (6, 3, range(6, 9)), (5, 10, range(5, 15)), (10, 5, range(10, 15)),
                                                 (4, 3, (6, 9, 10))])
def test_boundaries_that_differ_by_rounding_make_no_slivers(kinesis, make_stream, begin, end, opened):
    """Exactly the shards that AWS opens: floor(2^128 / 6) * 2 is not floor(2^128 / 3)."""
    stream = make_stream(begin)
    scale(kinesis, stream, end)
    shards = shards_of(kinesis, stream)
    assert [shard["ShardId"] for shard in shards.values() if is_open(shard)] == [shard_id(i) for i in opened]
    assert list(shards) == [shard_id(i) for i in range(len(shards))] and len(shards) == opened[-1] + 1
    assert all(abs(bounds(shards[shard_id(i)])[0] - even) < 100 for i, (even, _) in zip(opened, even_bounds(end))) or end == 3
    assert covers_once([shard for shard in shards.values() if is_open(shard)])


def test_uneven_shards_become_even(kinesis, make_stream):
    """[76]"""
    stream = make_stream()
    split(kinesis, stream, 0, 1000)
    split(kinesis, stream, 2, SPACE - 1000)
    scale(kinesis, stream, 3)
    assert open_bounds(kinesis, stream) == even_bounds(3)


def test_how_far_the_number_of_shards_may_go(kinesis, make_stream):
    """[76]"""
    stream = make_stream(6)
    limit = kinesis.exceptions.LimitExceededException
    for target, text in [(13, "UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: 6, "
                              "Target shard count: 13"),
                         (2, "UpdateShardCount cannot scale down below half your current open shard count. Current open shard count: 6, "
                             "Target shard count: 2"),
                         (10_001, "Target shard count or number of open shards cannot be greater than 10000. Current open shard count: 6, "
                                  "Target shard count: 10001")]:
        with pytest.raises(limit, match=text + "$"):
            kinesis.update_shard_count(StreamName=stream, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
    for wrong in ({"TargetShardCount": 0, "ScalingType": "UNIFORM_SCALING"}, {"TargetShardCount": 6, "ScalingType": "OTHER"}):
        with pytest.raises(kinesis.exceptions.ClientError, match="ValidationException"):
            kinesis.update_shard_count(StreamName=stream, **wrong)
    with pytest.raises(kinesis.exceptions.ResourceNotFoundException):
        kinesis.update_shard_count(StreamName="missing", TargetShardCount=6, ScalingType="UNIFORM_SCALING")
    assert open_bounds(kinesis, stream) == even_bounds(6)


def test_a_reshard_goes_on_after_a_crash(riacho_server, name):
    """[53] [76]"""
    server = riacho_server("--transition-delay=300")
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=2)
    wait_active(client, name)
    numbers = put_many(client, name, [b"1", b"2", b"3"], key="f")
    client.update_shard_count(StreamName=name, TargetShardCount=3, ScalingType="UNIFORM_SCALING")
    assert status(client, name) == "UPDATING"
    server.kill()
    server.start()
    client = server.client()
    wait_active(client, name)
    assert open_bounds(client, name) == even_bounds(3)
    assert [record["SequenceNumber"] for _, record in read_as_kcl_does(client, name)] == numbers
    later = client.put_record(StreamName=name, Data=b"4", PartitionKey="f")["SequenceNumber"]
    before = shards_of(client, name)
    server.kill()
    server.start()
    client = server.client()
    assert shards_of(client, name) == before
    assert [record["SequenceNumber"] for _, record in read_as_kcl_does(client, name)] == [*numbers, later]


def test_pages_of_shards(kinesis, make_stream):
    """[77]"""
    stream = make_stream(1100)
    first = kinesis.list_shards(StreamName=stream)
    assert len(first["Shards"]) == 1000
    rest = kinesis.list_shards(NextToken=first["NextToken"])
    assert len(rest["Shards"]) == 100 and "NextToken" not in rest
    assert [shard["ShardId"] for shard in first["Shards"] + rest["Shards"]] == [shard_id(i) for i in range(1100)]
    token = kinesis.list_shards(StreamName=stream, MaxResults=3, ExclusiveStartShardId=shard_id(9))
    assert [shard["ShardId"] for shard in token["Shards"]] == [shard_id(i) for i in (10, 11, 12)]
    again = kinesis.list_shards(NextToken=token["NextToken"], MaxResults=2)
    assert [shard["ShardId"] for shard in again["Shards"]] == [shard_id(i) for i in (13, 14)]


def test_a_token_goes_with_nothing_else(kinesis, make_stream):
    """[77]"""
    stream = make_stream(2)
    token = kinesis.list_shards(StreamName=stream, MaxResults=1)["NextToken"]
    with refused(kinesis, "Either NextToken or StreamName should be provided."):
        kinesis.list_shards()
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    for member, value in (("StreamName", stream), ("StreamARN", arn), ("ShardFilter", {"Type": "AT_LATEST"}), ("ExclusiveStartShardId", "0"),
                          ("StreamCreationTimestamp", 1)):
        with refused(kinesis, f"NextToken and {member} cannot be provided together."):
            kinesis.list_shards(NextToken=token, **{member: value})
    flipped = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
    for wrong in (flipped, "x", iterator(kinesis, stream)):
        with pytest.raises(kinesis.exceptions.InvalidArgumentException):
            kinesis.list_shards(NextToken=wrong)
    assert [shard["ShardId"] for shard in kinesis.list_shards(NextToken=token)["Shards"]] == [shard_id(1)]


def list_filtered(raw, stream, **shard_filter):
    """A raw call, because botocore truncates the milliseconds."""
    reply = raw.call("ListShards", {"StreamName": stream, "ShardFilter": shard_filter})
    assert reply.status == 200, reply.body
    return reply.json["Shards"]


def now_ms():
    """The current millisecond, after it has passed."""
    now = int(time.time() * 1000)
    while int(time.time() * 1000) <= now:
        time.sleep(0.0002)
    return now


def test_filters_against_a_known_history(kinesis, raw, make_stream):
    """[77] 0 and 1; then 0 split into 2 and 3; then 3 and 1 merged into 4."""
    before = now_ms() - 60_000
    stream = make_stream(2)
    times = [now_ms()]
    split(kinesis, stream, 0, HALF // 2)
    times.append(now_ms())
    merge(kinesis, stream, 3, 1)
    times.append(now_ms())

    def ids(**shard_filter):
        return [int(shard["ShardId"][-12:]) for shard in list_filtered(raw, stream, **shard_filter)]

    assert ids(Type="FROM_TRIM_HORIZON") == list(range(5))
    assert ids(Type="AT_TRIM_HORIZON") == [0, 1]
    assert ids(Type="AT_LATEST") == [2, 4]
    assert ids(Type="AFTER_SHARD_ID", ShardId=shard_id(1)) == [2, 3, 4]
    assert ids(Type="AFTER_SHARD_ID", ShardId=shard_id(4)) == []
    for at, open_then, from_then in [(before, [0, 1], [0, 1, 2, 3, 4]), (times[0], [0, 1], [0, 1, 2, 3, 4]),
                                     (times[1], [1, 2, 3], [1, 2, 3, 4]), (times[2], [2, 4], [2, 4])]:
        assert ids(Type="AT_TIMESTAMP", Timestamp=at / 1000) == open_then
        assert ids(Type="FROM_TIMESTAMP", Timestamp=at / 1000) == from_then
    for at in range(times[0], times[2], 7):
        assert covers_once(list_filtered(raw, stream, Type="AT_TIMESTAMP", Timestamp=at / 1000)), at
    for kind in ("AT_TRIM_HORIZON", "AT_LATEST"):
        assert covers_once(list_filtered(raw, stream, Type=kind))
    page = raw.call("ListShards", {"StreamName": stream, "MaxResults": 1, "ShardFilter": {"Type": "AT_LATEST"}}).json
    rest = raw.call("ListShards", {"NextToken": page["NextToken"]}).json
    assert [shard["ShardId"] for shard in page["Shards"] + rest["Shards"]] == [shard_id(2), shard_id(4)]


def test_filters_that_lack_something(raw, make_stream):
    """[77]"""
    stream = make_stream()
    for body in ({"ShardFilter": {"Type": "AFTER_SHARD_ID"}}, {"ShardFilter": {"Type": "AT_TIMESTAMP"}},
                 {"ShardFilter": {"Type": "FROM_TIMESTAMP"}},
                 {"ShardFilter": {"Type": "AFTER_SHARD_ID", "ShardId": shard_id(0)}, "ExclusiveStartShardId": shard_id(0)},
                 {"ShardFilter": {"Type": "AT_TIMESTAMP", "Timestamp": time.time() + 60}}):
        reply = raw.call("ListShards", {"StreamName": stream} | body)
        assert (reply.status, reply.json["__type"]) == (400, "InvalidArgumentException"), body
    reply = raw.call("ListShards", {"StreamName": stream, "ShardFilter": {}}, content_type=wire.CBOR)
    assert reply.cbor["__type"] == "ValidationException"


def test_open_shards_are_counted(riacho, make_stream):
    """[78]"""
    client = riacho.client(region="eu-north-1")
    stream = make_stream(client=client)
    assert client.describe_limits()["OpenShardCount"] == 1
    assert split(client, stream, 0, HALF)["OpenShardCount"] == 2
    assert client.describe_limits()["OpenShardCount"] == 2
    assert merge(client, stream, 1, 2)["OpenShardCount"] == 1
    assert client.describe_limits()["OpenShardCount"] == 1
    assert len(shards_of(client, stream)) == 4


def test_closed_shards_are_forgotten_and_their_children_still_name_them(riacho_server, name):
    """[78] AWS: a shard whose records have all expired is not listed; ParentShardId is kept."""
    server = riacho_server("--test-clock")
    client = server.client()

    def shards_in_the_log():
        text = server.raw().request("GET", "/metrics").body.decode()
        return int(re.search(r"^riacho_shards (\d+)$", text, re.MULTILINE).group(1))

    def wait_for_shards(count):
        deadline = time.monotonic() + 15
        while shards_in_the_log() != count:
            assert time.monotonic() < deadline, shards_in_the_log()
            time.sleep(0.05)

    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    put_many(client, name, [b"old"])
    parent_iterator = iterator(client, name)
    client.split_shard(StreamName=name, ShardToSplit=shard_id(0), NewStartingHashKey=str(HALF))
    wait_active(client, name)
    assert shards_in_the_log() == 3 and len(shards_of(client, name)) == 3
    server.advance_clock(25 * 3600)
    wait_for_shards(2)
    for restarted in (False, True):
        if restarted:
            server.kill()
            server.start()
            client = server.client()
        found = shards_of(client, name)
        assert list(found) == [shard_id(1), shard_id(2)]
        assert [parents_of(shard) for shard in found.values()] == [[shard_id(0)], [shard_id(0)]]
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            iterator(client, name, shard_id(0))
        with pytest.raises((client.exceptions.ResourceNotFoundException, client.exceptions.ExpiredIteratorException)):
            client.get_records(ShardIterator=parent_iterator)
        put_many(client, name, [b"new"], key="k")
        assert b"new" in [r["Data"] for shard in found for r in read_all(client, name, shard)]
    client.merge_shards(StreamName=name, ShardToMerge=shard_id(1), AdjacentShardToMerge=shard_id(2))
    wait_active(client, name)
    assert list(shards_of(client, name))[-1] == shard_id(3)
    client.delete_stream(StreamName=name)
    wait_for_shards(0)
