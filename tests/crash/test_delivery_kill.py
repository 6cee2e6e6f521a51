"""Kills the server at random moments while it delivers, into folders and to an S3 server. RIACHO_SEED repeats a run's choices."""

import collections
import os
import random
import threading
import time

import botocore.exceptions
import pytest

from firehose import stores
from firehose.delivery import create, lines_of, wait_for_objects

KILLS = 30
EXPECTED = (botocore.exceptions.ClientError, botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError)


class Producer(threading.Thread):
    """Puts numbered records into both delivery streams; remembers what was acknowledged."""

    def __init__(self, server, names, seed):
        super().__init__(daemon=True)
        self.server, self.names, self.rng = server, names, random.Random(seed)
        self.stopping = threading.Event()
        self.acknowledged = set()
        self.sent = set()
        self.number = 0

    def run(self):
        client = self.server.client(service="firehose")
        while not self.stopping.is_set():
            batch = [self.next() for _ in range(self.rng.randint(1, 40))]
            self.sent |= set(batch)
            try:
                reply = client.put_record_batch(DeliveryStreamName=self.rng.choice(self.names),
                                                Records=[{"Data": record + b"\n"} for record in batch])
                self.acknowledged |= {record for record, entry in zip(batch, reply["RequestResponses"]) if "RecordId" in entry}
            except EXPECTED:
                time.sleep(0.002)
                client = self.server.client(service="firehose")
            time.sleep(0.005)

    def next(self):
        self.number += 1
        return f"{self.number}:".encode() + b"x" * self.rng.choice((0, 20, 300, 4_000))


@pytest.mark.parametrize("kind", ["local", "s3rver"])
def test_every_acknowledged_record_is_delivered(riacho_server, kind):
    """[34] Each is found, once or more; under one configuration once, and no file holds part of a record."""
    seed = int(os.environ.get("RIACHO_SEED", random.randrange(1 << 32)))
    print("RIACHO_SEED =", seed)
    rng = random.Random(seed)
    with stores.running(kind) as store:
        server = riacho_server(environment=store.environment)
        store.attach(server)
        client = server.client(service="firehose")
        names = ["plain", "packed"]
        create(client, names[0], store.bucket, Prefix="plain/")
        create(client, names[1], store.bucket, Prefix="packed/", CompressionFormat="GZIP")
        producer = Producer(server, names, seed)
        producer.start()
        for _ in range(KILLS):
            time.sleep(rng.uniform(0.05, 1.2))
            server.kill()
            server.start()
        producer.stopping.set()
        producer.join()
        expected = set(producer.acknowledged)
        assert len(expected) > 1_000
        objects = wait_for_objects(store, lambda objects: expected <= set(lines_of(objects)), timeout=60)
        found = collections.Counter(lines_of(objects))
        assert set(found) <= producer.sent, "nothing that was not sent, and no part of a record"
        repeated = [line for line, count in found.items() if count > 1]
        assert not repeated, f"{len(repeated)} records are there twice"
