"""Delivery into folders and into real S3 servers."""

import gzip
import signal
import time

import pytest

from firehose import stores
from firehose.delivery import SUFFIX, create, lines_of, numbered, put_all, wait_for_lines, wait_for_log, wait_for_objects


@pytest.fixture(params=["local", "s3rver", "moto"])
def store(request):
    with stores.running(request.param) as store:
        yield store


@pytest.fixture
def server(store, riacho_server):
    server = riacho_server(environment=store.environment)
    store.attach(server)
    return server


@pytest.fixture
def firehose(server):
    return server.client(service="firehose")


def test_records_become_an_object(firehose, store, name):
    """[35][37] Records are joined as they are; with AppendDelimiterToRecord a newline follows each."""
    create(firehose, name, store.bucket)
    firehose.put_record_batch(DeliveryStreamName=name, Records=[{"Data": b"abc"}] * 3)
    objects = wait_for_objects(store, bool)
    assert list(objects.values()) == [b"abcabcabc"]
    [key] = objects
    assert key.startswith("20") and key.count("/") == 4 and SUFFIX.search(key), key
    assert key.split("/")[-1].startswith(f"{name}-1-")


def test_every_record_arrives_compressed_under_its_prefix(firehose, store, name):
    """[38][43] GZIP, several objects, keys with characters that have to be encoded."""
    create(firehose, name, store.bucket, CompressionFormat="GZIP", CustomTimeZone="Asia/Tokyo",
           Prefix="a b/year=!{timestamp:yyyy}/é+%/!{firehose:random-string}/", ErrorOutputPrefix="e/!{firehose:error-output-type}/",
           ProcessingConfiguration={"Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord", "Parameters": [
               {"ParameterName": "Delimiter", "ParameterValue": "\\n"}]}]})
    records = [record.rstrip(b"\n") for record in numbered(3_000)]
    put_all(firehose, name, records)
    objects = wait_for_objects(store, lambda objects: len(lines_of(objects)) >= len(records))
    assert sorted(lines_of(objects)) == sorted(records)
    for key, body in objects.items():
        assert body[:3] == b"\x1f\x8b\x08", key
        gzip.decompress(body)
        if store.name != "local":
            assert key.startswith("a b/year=2") and "/é+%/" in key and key.endswith(".gz"), key
            head = store.head(key)
            assert (head["ContentType"], head["ContentEncoding"]) == ("application/octet-stream", "gzip")


def test_a_store_that_was_down_gets_everything(riacho_server, name):
    """[45] Puts go on while the store is away; nothing is lost, and nothing is stored twice under two names."""
    with stores.running("s3rver") as store:
        server = riacho_server(environment=store.environment)
        firehose = server.client(service="firehose")
        create(firehose, name, store.bucket)
        put_all(firehose, name, numbered(100))
        wait_for_lines(store, 100)
        store.stop()
        put_all(firehose, name, numbered(400, start=100))
        server.kill()
        server.start()
        firehose = server.client(service="firehose")
        put_all(firehose, name, numbered(100, start=500))
        store.start()
        lines = wait_for_lines(store, 600, timeout=60)
        assert sorted(lines) == sorted(line.strip() for line in numbered(600))


def test_a_bucket_that_is_missing_is_waited_for(riacho_server, name):
    """An operator makes the bucket, or names another, and what was waiting arrives."""
    with stores.running("moto") as store:
        server = riacho_server(environment=store.environment)
        firehose = server.client(service="firehose")
        description = create(firehose, name, "missing")
        put_all(firehose, name, numbered(50))
        wait_for_log(server, "S3.NoSuchBucket")
        firehose.update_destination(
            DeliveryStreamName=name, CurrentDeliveryStreamVersionId=description["VersionId"],
            DestinationId=description["Destinations"][0]["DestinationId"],
            ExtendedS3DestinationUpdate={"BucketARN": f"arn:aws:s3:::{store.bucket}"})
        lines = wait_for_lines(store, 50, timeout=60)
        assert sorted(set(lines)) == sorted(line.strip() for line in numbered(50))


def test_keys_of_encryption_are_sent(riacho_server, name):
    """[46] KMSEncryptionConfig sends the two headers; without it none is sent."""
    key = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"
    with stores.running("moto") as store:
        server = riacho_server(environment=store.environment)
        firehose = server.client(service="firehose")
        create(firehose, name, store.bucket, Prefix="sealed/", EncryptionConfiguration={"KMSEncryptionConfig": {"AWSKMSKeyARN": key}})
        create(firehose, f"{name}-plain", store.bucket, Prefix="plain/")
        put_all(firehose, name, numbered(1))
        put_all(firehose, f"{name}-plain", numbered(1))
        sealed, plain = (next(key for key in wait_for_objects(store, lambda objects: len(objects) == 2) if key.startswith(prefix))
                         for prefix in ("sealed/", "plain/"))
        assert (store.head(sealed)["ServerSideEncryption"], store.head(sealed)["SSEKMSKeyId"]) == ("aws:kms", key)
        assert "SSEKMSKeyId" not in store.head(plain)


def test_a_store_that_hangs_holds_up_nobody(riacho_server, name):
    """Other delivery streams are accepted from, and the server ends in time; what hung is delivered by the next process."""
    with stores.running("s3rver") as store:
        server = riacho_server(environment=store.environment)
        firehose = server.client(service="firehose")
        create(firehose, name, store.bucket)
        store.process.send_signal(signal.SIGSTOP)
        put_all(firehose, name, numbered(50))
        time.sleep(2)
        began = time.monotonic()
        put_all(firehose, name, numbered(50, start=50))
        assert server.stop() == 0
        assert time.monotonic() - began < 10
        store.process.send_signal(signal.SIGCONT)
        server.start()
        lines = wait_for_lines(store, 100)
        assert sorted(lines) == sorted(line.strip() for line in numbered(100))
