"""Records in, files out: what Data Firehose writes into local buckets. Numbers are those of the conformance list of the reference."""

import concurrent.futures
import gzip
import io
import re
import signal
import time
import uuid
import zipfile

import pytest

import conftest
from firehose.streams import ROLE, create, describe, destination, figure, files, flush, hints, put, wait_files


@pytest.fixture(scope="module")
def server():
    """A server whose buckets no other test looks into."""
    made = conftest.Riacho().start()
    yield made
    made.close()


@pytest.fixture
def firehose(server):
    return server.client(service="firehose")


def s3(bucket, **members):
    return {"ExtendedS3DestinationConfiguration": destination(bucket, **{"BufferingHints": hints(), **members})}


def lines():
    return {"ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord"}]}}


def test_records_are_joined_and_the_key_is_as_documented(server, firehose, name):
    """35, 37."""
    create(firehose, name, **s3(name))
    put(firehose, name, b"abc", b"abc", b"abc")
    flush(server, name)
    ((key, body),) = files(server, name).items()
    assert body == b"abcabcabc"
    assert re.fullmatch(rf"\d{{4}}/\d\d/\d\d/\d\d/{name}-1-\d{{4}}(-\d\d){{5}}-[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}", key)


def test_a_delimiter_after_each_record(server, firehose, name):
    """35."""
    create(firehose, name, **s3(name, **lines()))
    put(firehose, name, b"abc", b"abc", b"abc")
    flush(server, name)
    assert list(files(server, name).values()) == [b"abc\nabc\nabc\n"]


def test_zero_buffering_and_size(server, firehose, name):
    """36."""
    create(firehose, name, **s3(name, BufferingHints=hints(1, 0)))
    started = time.monotonic()
    put(firehose, name, b"x")
    wait_files(server, 1, name)
    assert time.monotonic() - started < 4
    sized = name + "-sized"
    create(firehose, sized, **s3(sized))
    for i in range(25):
        put(firehose, sized, bytes([65 + i]) * 100_000)
    found = wait_files(server, 2, sized)
    assert [len(body) for body in found.values()] == [1_100_000, 1_100_000]
    flush(server, sized)
    assert sorted(len(body) for body in files(server, sized).values()) == [300_000, 1_100_000, 1_100_000]


def test_gzip(server, firehose, name):
    """43, for GZIP."""
    create(firehose, name, **s3(name, CompressionFormat="GZIP"))
    put(firehose, name, *[b"line %d\n" % i for i in range(500)])
    flush(server, name)
    ((key, body),) = files(server, name).items()
    assert key.endswith(".gz")
    assert gzip.decompress(body) == b"".join(b"line %d\n" % i for i in range(500))
    other = name + "-other"
    create(firehose, other, **s3(other, CompressionFormat="GZIP", FileExtension=".custom.log"))
    put(firehose, other, b"x")
    flush(server, other)
    ((key, body),) = files(server, other).items()
    assert key.endswith(".custom.log") and gzip.decompress(body) == b"x"


def snappy_block(block):
    """A block without framing, read by the description of the format."""
    size, shift, at = 0, 0, 0
    while True:
        byte = block[at]
        at += 1
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    out = bytearray()
    while at < len(block):
        tag = block[at]
        at += 1
        if tag & 3 == 0:
            length = (tag >> 2) + 1
            if length > 60:
                more = length - 60
                length = int.from_bytes(block[at:at + more], "little") + 1
                at += more
            out += block[at:at + length]
            at += length
            continue
        if tag & 3 == 1:
            length, offset = (tag >> 2 & 7) + 4, tag >> 5 << 8 | block[at]
            at += 1
        else:
            length, offset = (tag >> 2) + 1, int.from_bytes(block[at:at + 2], "little")
            at += 2
        for _ in range(length):
            out.append(out[-offset])
    assert len(out) == size
    return bytes(out)


def test_snappy_in_both_framings(server, firehose, name):
    """43, 44."""
    text = b"".join(b"line %d\n" % (i * 7919 % 1000) for i in range(26_000))[:200 << 10]
    for kind, encoding in (("Snappy", "snappy-java"), ("HADOOP_SNAPPY", "hadoop-snappy")):
        stream = f"{name}-{encoding}"
        create(firehose, stream, **s3(stream, CompressionFormat=kind))
        put(firehose, stream, *[text[i:i + 5000] for i in range(0, len(text), 5000)])
        flush(server, stream)
        ((key, body),) = files(server, stream).items()
        assert key.endswith(".snappy")
        if kind == "Snappy":
            assert body[:16] == b"\x82SNAPPY\0\0\0\0\1\0\0\0\1"
            body = body[16:]
        read, blocks = b"", []
        while body:
            if kind == "HADOOP_SNAPPY":
                blocks.append(int.from_bytes(body[:4], "big"))
                body = body[4:]
            size = int.from_bytes(body[:4], "big")
            read += snappy_block(body[4:4 + size])
            body = body[4 + size:]
            if kind == "Snappy":
                blocks.append(None)
        assert read == text and len(blocks) == 7
        assert kind == "Snappy" or blocks[:6] == [32768] * 6


def test_zip(server, firehose, name):
    """43, 44."""
    create(firehose, name, **s3(name, CompressionFormat="ZIP"))
    put(firehose, name, *[b"line %d\n" % i for i in range(500)])
    flush(server, name)
    ((key, body),) = files(server, name).items()
    assert key.endswith(".zip")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        (entry,) = archive.infolist()
        assert uuid.UUID(entry.filename) and entry.filename not in key
        assert entry.compress_type == zipfile.ZIP_DEFLATED and entry.flag_bits & 8
        assert archive.read(entry) == b"".join(b"line %d\n" % i for i in range(500))


def test_prefixes(server, firehose, name):
    """38, 39, 40."""
    create(firehose, name, **s3(name, Prefix="legacy"))
    put(firehose, name, b"x")
    flush(server, name)
    assert re.fullmatch(r"legacy\d{4}/\d\d/\d\d/\d\d/.*", list(files(server, name))[0])
    other = name + "-other"
    create(firehose, other, **s3(other, Prefix="!{timestamp:'year='yyyy'/month='MM}/!{firehose:random-string}/!{firehose:random-string}/",
                                 ErrorOutputPrefix="e/!{firehose:error-output-type}/", CustomTimeZone="Asia/Tokyo"))
    put(firehose, other, b"x")
    flush(server, other)
    found = re.fullmatch(r"year=\d{4}/month=\d\d/([A-Za-z0-9-]{11})/([A-Za-z0-9-]{11})/.*", list(files(server, other))[0])
    assert found and found[1] != found[2]


def test_an_update_while_data_flows(server, firehose, name):
    """42."""
    create(firehose, name, **s3(name, BufferingHints=hints(1, 0)))
    sent = []

    def produce():
        for i in range(60):
            data = b"%04d;" % i
            put(firehose, name, data)
            sent.append(data)
            time.sleep(0.05)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        producing = pool.submit(produce)
        time.sleep(1)
        firehose.update_destination(DeliveryStreamName=name, CurrentDeliveryStreamVersionId="1", DestinationId="destinationId-000000000001",
                                    ExtendedS3DestinationUpdate={"Prefix": "new/"})
        producing.result()
    flush(server, name)
    found = files(server, name)
    old = {key: body for key, body in found.items() if f"{name}-1-" in key}
    new = {key: body for key, body in found.items() if f"{name}-2-" in key}
    assert old and new and len(old) + len(new) == len(found)
    assert all(key.startswith("new/") for key in new) and not any(key.startswith("new/") for key in old)
    assert sorted(re.findall(rb"\d{4};", b"".join(found.values()))) == sent


def test_encrypted_records_are_delivered_open(server, firehose, name):
    """23."""
    create(firehose, name, DeliveryStreamEncryptionConfigurationInput={"KeyType": "AWS_OWNED_CMK"}, **s3(name))
    assert put(firehose, name, b"secret-of-" + name.encode())["Encrypted"] is True
    for path in server.data_dir.glob("*"):
        if path.is_file():
            assert b"secret-of-" + name.encode() not in path.read_bytes(), path
    flush(server, name)
    assert list(files(server, name).values()) == [b"secret-of-" + name.encode()]


def test_buffered_records_of_a_deleted_stream_are_dropped(server, firehose, name):
    """24."""
    create(firehose, name, **s3(name, BufferingHints=hints(1, 1)))
    put(firehose, name, b"x")
    firehose.delete_delivery_stream(DeliveryStreamName=name)
    time.sleep(2)
    assert files(server, name) == {}


def test_figures(server, firehose, name):
    """71."""
    create(firehose, name, **s3(name))
    put(firehose, name, b"12345", b"12345")
    firehose.put_record(DeliveryStreamName=name, Record={"Data": b"1234567890"})
    assert figure(server, "IncomingRecords_total", name) == 3
    assert figure(server, "IncomingBytes_total", name) == 20
    assert figure(server, "DeliveryToS3_DataFreshness", name) is not None
    flush(server, name)
    assert figure(server, "DeliveryToS3_Records_total", name) == 3
    assert figure(server, "DeliveryToS3_Bytes_total", name) == 20
    assert figure(server, "DeliveryToS3_DataFreshness", name) is None


def test_acknowledged_records_survive_kill_9(riacho_server, name):
    """34."""
    server = riacho_server()
    firehose = server.client(service="firehose")
    create(firehose, name, **s3(name, BufferingHints=hints(1, 0), **lines()))
    acknowledged = []
    for round_number in range(4):
        for i in range(30):
            data = b"%d-%d" % (round_number, i)
            put(firehose, name, data)
            acknowledged.append(data)
            time.sleep(0.01)
        time.sleep(0.4 * round_number)
        server.kill()
        server.start()
        firehose = server.client(service="firehose")
    flush(server, name)
    delivered = b"".join(files(server, name).values()).split(b"\n")
    assert sorted(filter(None, delivered)) == sorted(acknowledged)


def test_a_clean_stop_flushes_nothing_and_loses_nothing(riacho_server, name):
    server = riacho_server()
    firehose = server.client(service="firehose")
    create(firehose, name, **s3(name))
    put(firehose, name, b"kept")
    assert server.stop(signal.SIGTERM) == 0
    assert files(server, name) == {}
    server.start()
    flush(server, name)
    assert list(files(server, name).values()) == [b"kept"]


def test_a_kinesis_source(server, firehose, name):
    """69."""
    kinesis = server.client()
    kinesis.create_stream(StreamName=name, ShardCount=2)
    conftest.wait_active(kinesis, name)
    kinesis.put_record(StreamName=name, PartitionKey="k", Data=b"before;")
    create(firehose, name, DeliveryStreamType="KinesisStreamAsSource", KinesisStreamSourceConfiguration={
        "KinesisStreamARN": f"arn:aws:kinesis:us-east-1:000000000000:stream/{name}", "RoleARN": ROLE}, **s3(name))
    for i in range(20):
        kinesis.put_record(StreamName=name, PartitionKey=f"k{i}", Data=b"%02d;" % i)
    kinesis.update_shard_count(StreamName=name, TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    conftest.wait_active(kinesis, name)
    for i in range(20, 40):
        kinesis.put_record(StreamName=name, PartitionKey=f"k{i}", Data=b"%02d;" % i)
    flush(server, name)
    assert sorted(re.findall(rb"\d\d;", b"".join(files(server, name).values()))) == [b"%02d;" % i for i in range(40)]
    assert b"before" not in b"".join(files(server, name).values())
    assert figure(server, "DataReadFromKinesisStream_Records_total", name) == 40


def test_a_source_survives_restarts(riacho_server, name):
    """69."""
    server = riacho_server()
    kinesis, firehose = server.client(), server.client(service="firehose")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    conftest.wait_active(kinesis, name)
    create(firehose, name, DeliveryStreamType="KinesisStreamAsSource", KinesisStreamSourceConfiguration={
        "KinesisStreamARN": f"arn:aws:kinesis:us-east-1:000000000000:stream/{name}", "RoleARN": ROLE}, **s3(name, BufferingHints=hints(1, 0)))
    for i in range(30):
        kinesis.put_record(StreamName=name, PartitionKey="k", Data=b"%02d;" % i)
        if i % 10 == 9:
            server.kill()
            server.start()
            kinesis = server.client()
    flush(server, name)
    body = b"".join(files(server, name).values())
    assert sorted(re.findall(rb"\d\d;", body)) == [b"%02d;" % i for i in range(30)]


def test_a_day_passes_over_a_clock_that_jumps(riacho_server, name):
    """36, 41: intervals go by node time."""
    server = riacho_server("--test-clock")
    firehose = server.client(service="firehose")
    create(firehose, name, **s3(name, BufferingHints=hints(1, 900)))
    put(firehose, name, b"x")
    time.sleep(0.2)
    assert files(server, name) == {}
    server.advance_clock(901)
    wait_files(server, 1, name)


def test_flush_of_what_is_not_there(server, name):
    with pytest.raises(Exception):
        flush(server, name)


def test_a_thousand_streams_that_do_nothing_cost_nothing(riacho_server):
    """Figures of the issue: under 20 MiB, no CPU."""
    server = riacho_server()
    firehose = server.client(service="firehose")

    def resident():
        with open(f"/proc/{server.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) * 1024

    def cpu_ticks():
        with open(f"/proc/{server.pid}/stat", encoding="ascii") as stat:
            return sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13]))

    describe_all = [f"idle-{i}" for i in range(1000)]
    create(firehose, "warm")
    before = resident()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: create(firehose, one, wait=False), describe_all))
    describe(firehose, describe_all[-1])
    time.sleep(2)
    started = cpu_ticks()
    time.sleep(3)
    assert cpu_ticks() - started <= 15, "5 % of a core"
    assert resident() - before < 20 << 20
