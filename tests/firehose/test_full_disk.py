"""A delivery stream on a full disk: puts are refused, what was accepted is delivered, and that makes room again."""

import time

import botocore.exceptions
import pytest

from firehose import stores
from firehose.delivery import create, lines_of, wait_for_objects
from server.test_disk import SmallDisk, needs_mount

RECORD_SIZE = 900_000


def record(number):
    return f"{number:08}".encode() + b"x" * (RECORD_SIZE - 9) + b"\n"


@needs_mount
@pytest.mark.timeout(400)
def test_delivery_empties_a_full_disk(riacho_server, tmp_path, name):
    """Positions move, and space is given back, although nothing else can be written."""
    disk = SmallDisk(tmp_path, 200)
    with stores.running("s3rver") as store:
        server = riacho_server("--journal-mib", "64", "--cache-mib", "16", data_dir=disk.data_dir, prefix=disk.prefix,
                               environment=store.environment)
        client = server.client(service="firehose")
        create(client, name, store.bucket)
        store.stop()
        accepted = []
        refused = None
        for number in range(400):
            try:
                client.put_record(DeliveryStreamName=name, Record={"Data": record(number)})
                accepted.append(record(number).strip())
            except botocore.exceptions.ClientError as error:
                refused = error.response
                break
        assert refused["Error"]["Code"] == "ServiceUnavailableException", refused
        assert refused["Error"]["Message"] == "Slow down."
        store.start()
        objects = wait_for_objects(store, lambda objects: len(set(lines_of(objects))) >= len(accepted), timeout=90)
        assert set(lines_of(objects)) == set(accepted)
        number = 1_000
        deadline = time.monotonic() + 180
        while True:
            try:
                client.put_record(DeliveryStreamName=name, Record={"Data": record(number)})
                break
            except botocore.exceptions.ClientError:
                assert time.monotonic() < deadline, "there is no room again"
                time.sleep(0.2)
                number += 1
        wait_for_objects(store, lambda objects: record(number).strip() in set(lines_of(objects)), timeout=60)
