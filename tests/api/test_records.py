"""Writing and reading. Numbers in brackets: items of the conformance list (data-streams specification, section 10)."""

import base64
import concurrent.futures
import datetime
import re
import time

import pytest
import sequence
from conftest import iterator, put_many, read_all, wait_active

HIGHEST = 2**128 - 1
THIRDS = [0, 113427455640312821154458202477256070485, 226854911280625642308916404954512140970]
MIB = 1 << 20


def put(client, stream, data=b"x", key="k", **options):
    return client.put_record(StreamName=stream, Data=data, PartitionKey=key, **options)


def data_of(records):
    return [record["Data"] for record in records]


def starting_number(client, stream, shard=0):
    shards = client.describe_stream(StreamName=stream)["StreamDescription"]["Shards"]
    return shards[shard]["SequenceNumberRange"]["StartingSequenceNumber"]


def refused(client, text):
    return pytest.raises(client.exceptions.InvalidArgumentException, match=re.escape(text))


def refused_exactly(client, text):
    return pytest.raises(client.exceptions.InvalidArgumentException, match=re.escape(text) + "$")


@pytest.mark.parametrize("key, of_three, of_four", [
    ("a", 0, 0), ("b", 1, 2), ("e", 2, 3), ("f", 1, 2), ("1", 2, 3), ("key", 0, 0), ("partitionKey", 1, 2), ("é", 1, 1), ("日本", 0, 1)])
def test_partition_keys_land_where_their_md5_says(kinesis, shards_of_three, shards_of_four, key, of_three, of_four):
    """[50]"""
    assert put(kinesis, shards_of_three, key=key)["ShardId"] == f"shardId-{of_three:012}"
    assert put(kinesis, shards_of_four, key=key)["ShardId"] == f"shardId-{of_four:012}"


@pytest.fixture(scope="module")
def shards_of_three(kinesis):
    yield from shared_stream(kinesis, "records-3", 3)


@pytest.fixture(scope="module")
def shards_of_four(kinesis):
    yield from shared_stream(kinesis, "records-4", 4)


def shared_stream(client, stream, shards):
    client.create_stream(StreamName=stream, ShardCount=shards)
    wait_active(client, stream)
    yield stream
    client.delete_stream(StreamName=stream)


def test_explicit_hash_keys(kinesis, make_stream):
    """[51]"""
    stream = make_stream(3)
    for key, shard in [(0, 0), (THIRDS[1] - 1, 0), (THIRDS[1], 1), (THIRDS[2] - 1, 1), (THIRDS[2], 2), (HIGHEST, 2)]:
        assert put(kinesis, stream, ExplicitHashKey=str(key))["ShardId"] == f"shardId-{shard:012}", key
    text = f"Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {HIGHEST + 1}"
    with refused_exactly(kinesis, text):
        put(kinesis, stream, ExplicitHashKey=str(HIGHEST + 1))
    entries = [{"Data": b"none", "PartitionKey": "k", "ExplicitHashKey": str(key)} for key in (0, THIRDS[1], HIGHEST + 1)]
    with refused_exactly(kinesis, text):
        kinesis.put_records(StreamName=stream, Records=entries)
    assert [len(read_all(kinesis, stream, shard)) for shard in "012"] == [2, 2, 2]


def test_sequence_numbers_of_serial_puts(kinesis, shards_of_three):
    """[52]"""
    last = {}
    for i in range(60):
        before = int(time.time())
        reply = put(kinesis, shards_of_three, key=f"k{i}")
        number = sequence.parse(reply["SequenceNumber"])
        assert reply["ShardId"] == f"shardId-{number.shard:012}"
        assert before - 1 <= number.time <= time.time() + 1
        assert int(reply["SequenceNumber"]) > last.get(number.shard, 0)
        assert str(number) == reply["SequenceNumber"]
        last[number.shard] = int(reply["SequenceNumber"])
    assert sorted(last) == [0, 1, 2]
    for shard in range(3):
        start = sequence.parse(starting_number(kinesis, shards_of_three, shard))
        assert (start.shard, start.index, start.time) == (shard, 0, start.created)
        assert last[shard] > int(str(start))
        assert sequence.parse(str(last[shard])).created == start.created


def test_64_concurrent_writers_get_distinct_numbers_in_their_own_order(kinesis, make_stream):
    """[52]"""
    stream = make_stream(4)

    def write(writer):
        return [put(kinesis, stream, f"{writer}/{i}".encode(), key=f"w{writer}") for i in range(15)]

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        written = list(pool.map(write, range(64)))
    numbers = [reply["SequenceNumber"] for replies in written for reply in replies]
    assert len(set(numbers)) == 64 * 15
    stored = {}
    for shard in range(4):
        records = read_all(kinesis, stream, str(shard))
        in_order = [int(record["SequenceNumber"]) for record in records]
        assert in_order == sorted(in_order)
        stored |= {record["SequenceNumber"]: (shard, record["Data"]) for record in records}
    assert len(stored) == 64 * 15
    for writer, replies in enumerate(written):
        own = [int(reply["SequenceNumber"]) for reply in replies]
        assert own == sorted(own)
        for i, reply in enumerate(replies):
            assert stored[reply["SequenceNumber"]] == (int(reply["ShardId"][-12:]), f"{writer}/{i}".encode())


def test_sequence_number_for_ordering(kinesis, make_stream):
    """[54]"""
    stream = make_stream()
    first = put(kinesis, stream)["SequenceNumber"]
    number = sequence.parse(first)
    legal = [first, number.but(shard=7), number.but(shard=0x80000000), str(int("2" + "0" * 45 + "1", 16)), str(int("2" + "0" * 45 + "2", 16))]
    last = int(first)
    for value in legal:
        reply = put(kinesis, stream, SequenceNumberForOrdering=value)
        assert int(reply["SequenceNumber"]) > last
        last = int(reply["SequenceNumber"])
    illegal = [number.but(time=int(time.time()) + 60), "0", str(2**124 + 5), number.but(version=0), number.but(version=3),
               number.but(version=4), number.but(leader=1), number.but(leader=3), number.but(index=2**63), "1" * 129]
    for value in illegal:
        with refused_exactly(kinesis, f"ExclusiveMinimumSequenceNumber {value} used in PutRecord on stream {stream} under account "
                                      "000000000000 is invalid."):
            put(kinesis, stream, b"never", SequenceNumberForOrdering=value)
    assert data_of(read_all(kinesis, stream)) == [b"x"] * (1 + len(legal))


def test_put_records_replies_in_the_order_of_the_request(kinesis, shards_of_three):
    """[55]"""
    values = [f"order {i}".encode() for i in range(100)]
    entries = [{"Data": value, "PartitionKey": f"k{i}"} for i, value in enumerate(values)]
    reply = kinesis.put_records(StreamName=shards_of_three, Records=entries)
    assert reply["FailedRecordCount"] == 0
    assert len(reply["Records"]) == 100
    assert all(entry.keys() == {"ShardId", "SequenceNumber"} for entry in reply["Records"])
    for shard in range(3):
        name = f"shardId-{shard:012}"
        numbers = [entry["SequenceNumber"] for entry in reply["Records"] if entry["ShardId"] == name]
        expected = [value for value, entry in zip(values, reply["Records"]) if entry["ShardId"] == name]
        start = iterator(kinesis, shards_of_three, str(shard), "AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[0])
        stored = [r for r in read_all(kinesis, shards_of_three, start=start) if r["Data"] in set(expected)]
        assert [r["SequenceNumber"] for r in stored] == numbers
        assert data_of(stored) == expected


def test_the_smallest_and_the_largest_of_a_record(kinesis, make_stream):
    """[56] Lengths of keys count characters, the size of a record counts bytes."""
    stream = make_stream()
    wide = "日" * 256
    put(kinesis, stream, b"", "k" * 256)
    put(kinesis, stream, b"", wide)
    with pytest.raises(kinesis.exceptions.ClientError, match="'partitionKey' failed to satisfy constraint: Member must have length less "
                                                             "than or equal to 256"):
        put(kinesis, stream, b"", "k" * 257)
    with pytest.raises(kinesis.exceptions.ClientError, match="Member must have length greater than or equal to 1$"):
        put(kinesis, stream, b"", "")
    put(kinesis, stream, bytes(MIB - 3 * 256), wide)
    with pytest.raises(kinesis.exceptions.ClientError, match="Value at 'data' failed to satisfy constraint: Member must have length less "
                                                             "than or equal to 1048576$"):
        put(kinesis, stream, bytes(MIB - 3 * 256 + 1), wide)
    stored = [(len(r["Data"]), r["PartitionKey"]) for r in read_all(kinesis, stream)]
    assert stored == [(0, "k" * 256), (0, wide), (MIB - 3 * 256, wide)]


def test_put_records_has_a_limit_for_the_whole_request(kinesis, make_stream):
    """[57]"""
    stream = make_stream()
    entries = [{"Data": bytes(MIB - 1), "PartitionKey": "k"} for _ in range(10)]
    with refused_exactly(kinesis, "Records size exceeds 10 MB limit"):
        kinesis.put_records(StreamName=stream, Records=[*entries, {"Data": b"", "PartitionKey": "k"}])
    assert read_all(kinesis, stream) == []
    kinesis.put_records(StreamName=stream, Records=entries)
    assert len(read_all(kinesis, stream)) == 10


def test_a_dry_run_checks_and_does_nothing(kinesis, raw, make_stream):
    """[58]"""
    stream = make_stream()
    start = iterator(kinesis, stream)
    record = {"Data": base64.b64encode(b"x").decode(), "PartitionKey": "k"}
    calls = [("PutRecord", {"StreamName": stream} | record), ("PutRecords", {"StreamName": stream, "Records": [record]}),
             ("GetShardIterator", {"StreamName": stream, "ShardId": "0", "ShardIteratorType": "LATEST"}),
             ("GetRecords", {"ShardIterator": start})]
    for operation, body in calls:
        reply = raw.call(operation, body | {"DryRun": True})
        assert reply.status == 400, operation
        assert reply.json == {"__type": "DryRunOperationException",
                              "message": "The request was rejected because the DryRun parameter was specified."}
    for operation, body in calls[:3]:
        assert raw.call(operation, body | {"DryRun": True, "StreamName": "missing"}).json["__type"] == "ResourceNotFoundException"
    assert read_all(kinesis, stream) == []
    assert raw.call("PutRecord", calls[0][1] | {"DryRun": False}).status == 200
    assert data_of(read_all(kinesis, stream)) == [b"x"]


def test_iterator_types_begin_where_they_say(kinesis, make_stream):
    """[59] LATEST is the end at the time of GetShardIterator, not of the first GetRecords."""
    stream = make_stream()
    values = [str(i).encode() for i in range(10)]
    numbers = put_many(kinesis, stream, values[:5])
    latest = iterator(kinesis, stream, kind="LATEST")
    numbers += put_many(kinesis, stream, values[5:])
    assert data_of(read_all(kinesis, stream)) == values
    assert data_of(read_all(kinesis, stream, start=latest)) == values[5:]
    for i, number in enumerate(numbers):
        at = iterator(kinesis, stream, kind="AT_SEQUENCE_NUMBER", StartingSequenceNumber=number)
        after = iterator(kinesis, stream, kind="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=number)
        assert data_of(read_all(kinesis, stream, start=at)) == values[i:]
        assert data_of(read_all(kinesis, stream, start=after)) == values[i + 1:]


def test_numbers_that_no_record_has_are_positions_too(kinesis, make_stream):
    """[60] The numeric value counts: the time in a number orders it among numbers with the same seq_ix."""
    stream = make_stream()
    values = [str(i).encode() for i in range(6)]
    numbers = put_many(kinesis, stream, values)

    def rest(kind, number):
        return data_of(read_all(kinesis, stream, start=iterator(kinesis, stream, kind=kind, StartingSequenceNumber=number)))

    start = starting_number(kinesis, stream)
    assert int(start) < int(numbers[0])
    assert rest("AT_SEQUENCE_NUMBER", start) == rest("AFTER_SEQUENCE_NUMBER", start) == values
    for i, number in enumerate(sequence.parse(n) for n in numbers):
        below, above = number.but(time=number.time - 1), number.but(time=number.time + 1)
        assert int(below) < int(numbers[i]) < int(above)
        assert rest("AT_SEQUENCE_NUMBER", below) == rest("AFTER_SEQUENCE_NUMBER", below) == values[i:]
        assert rest("AT_SEQUENCE_NUMBER", above) == rest("AFTER_SEQUENCE_NUMBER", above) == values[i + 1:]
    tip = sequence.parse(numbers[-1]).but(index=sequence.parse(numbers[-1]).index + 1000)
    assert rest("AT_SEQUENCE_NUMBER", tip) == []


def test_the_end_of_a_closed_shard_is_no_position(kinesis, make_stream):
    """[60]"""
    stream = make_stream()
    put(kinesis, stream)
    kinesis.split_shard(StreamName=stream, ShardToSplit="0", NewStartingHashKey=str(2**127))
    wait_active(kinesis, stream)
    parent = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["Shards"][0]
    ending = parent["SequenceNumberRange"]["EndingSequenceNumber"]
    assert sequence.parse(ending).index == sequence.CLOSED
    for kind in ("AFTER_SEQUENCE_NUMBER", "AT_SEQUENCE_NUMBER"):
        with refused_exactly(kinesis, f"Invalid SequenceNumber for ShardIteratorType {kind}, SequenceNumber has reached max possible value "
                                      "for the shard."):
            iterator(kinesis, stream, kind=kind, StartingSequenceNumber=ending)


def test_shard_ids_may_be_abbreviated(kinesis, make_stream):
    """[61]"""
    stream = make_stream()
    put(kinesis, stream)
    for shard in ("0", "shard-0", "x-0", "shardId-0", "a-00000000000000000000"):
        assert len(read_all(kinesis, stream, shard)) == 1, shard
    missing = kinesis.exceptions.ResourceNotFoundException
    for shard in ("foo", "1e3", "-", "2147483648", "shardId-2147483648"):
        for place in (stream, "missing"):
            with pytest.raises(missing, match=f"Could not find shard {shard} in stream {place} under account 000000000000[.]$"):
                iterator(kinesis, place, shard)
    for shard in ("1", "2147483647"):
        with pytest.raises(missing, match=f"Shard shardId-{int(shard):012} in stream {stream} under account 000000000000 does not exist$"):
            iterator(kinesis, stream, shard)


def test_sequence_numbers_of_other_shards_and_streams(kinesis, make_stream):
    """[62]"""
    stream = make_stream(2)
    number = sequence.parse(put(kinesis, stream, ExplicitHashKey="0")["SequenceNumber"])
    here = f"used in GetShardIterator on shard shardId-000000000000 in stream {stream} under account 000000000000 is invalid"
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        with refused_exactly(kinesis, "Invalid StartingSequenceNumber. It encodes shardId-000000000000, while it was used in a call to a "
                                      "shard with shardId-000000000001"):
            iterator(kinesis, stream, "1", kind, StartingSequenceNumber=str(number))
        foreign = number.but(created=number.created - 1)
        with refused_exactly(kinesis, f"StartingSequenceNumber {foreign} {here} because it did not come from this stream."):
            iterator(kinesis, stream, "0", kind, StartingSequenceNumber=foreign)
        for value in (number.but(version=3), number.but(leader=3), number.but(index=2**63), "0"):
            with refused_exactly(kinesis, f"StartingSequenceNumber {value} {here}."):
                iterator(kinesis, stream, "0", kind, StartingSequenceNumber=value)


def from_time(raw, stream, milliseconds):
    """AT_TIMESTAMP with milliseconds, which botocore truncates."""
    return raw.call("GetShardIterator", {"StreamName": stream, "ShardId": "0", "ShardIteratorType": "AT_TIMESTAMP",
                                         "Timestamp": milliseconds / 1000})


def arrival_ms(record):
    return round(record["ApproximateArrivalTimestamp"].timestamp() * 1000)


def test_a_time_is_a_position_to_the_millisecond(kinesis, raw, make_stream):
    """[59] [63] [69]"""
    stream = make_stream()
    for i in range(20):
        put(kinesis, stream, str(i).encode())
    records = read_all(kinesis, stream)
    arrivals = [arrival_ms(record) for record in records]
    assert len(set(arrivals)) > 1 and any(at % 1000 for at in arrivals)
    assert arrivals == sorted(arrivals)
    for at, record in zip(arrivals, records):
        assert 0 <= at - sequence.parse(record["SequenceNumber"]).time * 1000 < 3000
    for at in sorted({0, 1, *arrivals, *(at + 1 for at in arrivals[:-1])}):
        start = from_time(raw, stream, at).json["ShardIterator"]
        expected = [record["Data"] for record, arrival in zip(records, arrivals) if arrival >= at]
        assert data_of(read_all(kinesis, stream, start=start)) == expected, at


def test_a_time_behind_the_last_record_is_the_tip(kinesis, raw, make_stream):
    """[63]"""
    stream = make_stream()
    put(kinesis, stream, b"old")
    last = arrival_ms(read_all(kinesis, stream)[0])
    while time.time() * 1000 <= last + 2:
        time.sleep(0.001)
    start = from_time(raw, stream, last + 1).json["ShardIterator"]
    assert read_all(kinesis, stream, start=start) == []
    put(kinesis, stream, b"new")
    assert data_of(read_all(kinesis, stream, start=start)) == [b"new"]


def test_positions_in_a_shard_without_records(kinesis, raw, make_stream):
    """[59] [63] Every position is answered, and waits for the first record."""
    stream = make_stream()
    start = starting_number(kinesis, stream)
    created = sequence.parse(start).time
    tokens = [iterator(kinesis, stream, kind=kind) for kind in ("TRIM_HORIZON", "LATEST")]
    tokens += [iterator(kinesis, stream, kind=kind, StartingSequenceNumber=start) for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")]
    tokens += [from_time(raw, stream, at).json["ShardIterator"] for at in (0, created * 1000, int(time.time() * 1000) - 1)]
    replies = [kinesis.get_records(ShardIterator=token) for token in tokens]
    assert all(reply["Records"] == [] and reply["MillisBehindLatest"] == 0 for reply in replies)
    put(kinesis, stream, b"first")
    for token in tokens + [reply["NextShardIterator"] for reply in replies]:
        assert data_of(read_all(kinesis, stream, start=token)) == [b"first"]


def test_times_that_are_refused(kinesis, raw, make_stream):
    """[63] The second value is sent by Java's SDK 1 without CBOR: milliseconds instead of seconds."""
    stream = make_stream()
    with refused_exactly(kinesis, "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no "
                                  "timestamp parameter."):
        iterator(kinesis, stream, kind="AT_TIMESTAMP")
    for at in (int(time.time() * 1000) + 3_600_000, int(time.time() * 1000) * 1000):
        reply = from_time(raw, stream, at)
        assert reply.status == 400 and reply.json["__type"] == "InvalidArgumentException"
        text = ("The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
                rf"timestampInMillis: {at}, currentTimestampInMillis: (\d+)")
        match = re.fullmatch(text, reply.json["message"])
        assert match and abs(int(match[1]) - time.time() * 1000) < 5000


def test_combinations_of_type_and_number(kinesis, make_stream):
    """[64]"""
    stream = make_stream()
    number = put(kinesis, stream)["SequenceNumber"]
    prefix = ("Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) TRIM_HORIZON or "
              "LATEST and no StartingSequenceNumber. Request specified ")
    for kind in ("TRIM_HORIZON", "LATEST"):
        with refused_exactly(kinesis, f"{prefix}{kind} and also a StartingSequenceNumber."):
            iterator(kinesis, stream, kind=kind, StartingSequenceNumber=number)
        with refused_exactly(kinesis, f"{prefix}{kind} and also a StartingSequenceNumber."):
            iterator(kinesis, stream, kind=kind, StartingSequenceNumber="7")
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        with refused_exactly(kinesis, f"{prefix}{kind} and no StartingSequenceNumber."):
            iterator(kinesis, stream, kind=kind)


def test_an_iterator_can_be_used_again(riacho_server, name):
    """[65] Every reply has another token; tokens survive a restart, and quotes around them."""
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    put_many(client, name, [b"1", b"2", b"3"])
    start = iterator(client, name)
    tokens = {start, iterator(client, name)}
    decoded = base64.b64decode(start, validate=True)
    assert decoded[:8] == bytes([0, 0, 0, 0, 0, 0, 0, 1]) and len(decoded) % 16 == 8
    for position in (start, start, f'"{start}"'):
        reply = client.get_records(ShardIterator=position)
        assert data_of(reply["Records"]) == [b"1", b"2", b"3"]
        tokens.add(reply["NextShardIterator"])
    position = reply["NextShardIterator"]
    for _ in range(2):
        reply = client.get_records(ShardIterator=position)
        assert reply["Records"] == []
        tokens.add(reply["NextShardIterator"])
    assert len(tokens) == 7
    put_many(client, name, [b"4"])
    server.kill()
    server.start()
    client = server.client()
    assert data_of(client.get_records(ShardIterator=start)["Records"]) == [b"1", b"2", b"3", b"4"]
    assert data_of(client.get_records(ShardIterator=position)["Records"]) == [b"4"]


def test_iterators_nobody_issued(kinesis, make_stream):
    """[65] One changed bit anywhere, a truncated token, a token from elsewhere."""
    stream = make_stream()
    start = iterator(kinesis, stream)
    decoded = base64.b64decode(start)
    forged = []
    for at in range(len(decoded)):
        changed = bytearray(decoded)
        changed[at] ^= 1 << at % 8
        forged.append(base64.b64encode(changed).decode())
    forged += [base64.b64encode(decoded[:-16]).decode(), base64.b64encode(decoded + bytes(16)).decode(), start[:-1], "a", "AAAA", '"', '""',
               f"'{start}'", f'""{start}""', "é" * 8, "AAAAAAAAAAE=", "A" * 512]
    for value in forged:
        with refused_exactly(kinesis, "Invalid ShardIterator."):
            kinesis.get_records(ShardIterator=value)
    assert kinesis.get_records(ShardIterator=start)["Records"] == []


def test_an_iterator_ends_with_its_stream(kinesis, make_stream):
    """[66]"""
    stream = make_stream()
    put(kinesis, stream, b"old")
    start = iterator(kinesis, stream)
    kinesis.delete_stream(StreamName=stream)
    gone = pytest.raises(kinesis.exceptions.ResourceNotFoundException,
                         match=f"Shard shardId-000000000000 in stream {stream} under account 000000000000 does not exist$")
    deadline = time.monotonic() + 5
    while stream in kinesis.list_streams(ExclusiveStartStreamName=stream[:-1])["StreamNames"]:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    with gone:
        kinesis.get_records(ShardIterator=start)
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    wait_active(kinesis, stream)
    put(kinesis, stream, b"new")
    with gone:
        kinesis.get_records(ShardIterator=start)
    assert data_of(read_all(kinesis, stream)) == [b"new"]


def test_pages_of_records(kinesis, make_stream):
    """[67]"""
    stream = make_stream()
    values = [str(i).encode() for i in range(10_250)]
    put_many(kinesis, stream, values)
    start = iterator(kinesis, stream)
    few = kinesis.get_records(ShardIterator=start, Limit=3)
    assert data_of(few["Records"]) == values[:3]
    assert data_of(kinesis.get_records(ShardIterator=few["NextShardIterator"], Limit=1)["Records"]) == values[3:4]
    full = kinesis.get_records(ShardIterator=start)
    assert data_of(full["Records"]) == values[:10_000]
    rest = kinesis.get_records(ShardIterator=full["NextShardIterator"])
    assert data_of(rest["Records"]) == values[10_000:]
    empty = kinesis.get_records(ShardIterator=rest["NextShardIterator"])
    assert empty["Records"] == [] and empty["MillisBehindLatest"] == 0 and empty["NextShardIterator"]


def test_a_page_holds_ten_mebibytes_or_one_record(kinesis, make_stream):
    """[67]"""
    stream = make_stream(MaxRecordSizeInKiB=10240)
    large = bytes(10 * MIB - 1)
    sizes = [MIB - 1] * 11 + [10 * MIB - 1, 5]
    for size in sizes:
        put(kinesis, stream, large[:size])
    pages = []
    position = iterator(kinesis, stream)
    while sum(len(page) for page in pages) < len(sizes):
        reply = kinesis.get_records(ShardIterator=position)
        pages.append([len(record["Data"]) for record in reply["Records"]])
        position = reply["NextShardIterator"]
    assert pages == [[MIB - 1] * 10, [MIB - 1], [10 * MIB - 1], [5]]


def test_how_far_a_reader_is_behind(kinesis, make_stream):
    """[68]"""
    stream = make_stream()
    put_many(kinesis, stream, [b"1", b"2"])
    start = iterator(kinesis, stream)
    first = kinesis.get_records(ShardIterator=start, Limit=1)
    arrived = first["Records"][0]["ApproximateArrivalTimestamp"]
    time.sleep(0.3)
    before = datetime.datetime.now(datetime.UTC)
    reply = kinesis.get_records(ShardIterator=start, Limit=1)
    behind = datetime.timedelta(milliseconds=reply["MillisBehindLatest"] + 1)
    assert before - arrived <= behind <= datetime.datetime.now(datetime.UTC) - arrived + datetime.timedelta(milliseconds=2)
    caught_up = kinesis.get_records(ShardIterator=reply["NextShardIterator"])
    assert data_of(caught_up["Records"]) == [b"2"]
    assert caught_up["MillisBehindLatest"] == 0
