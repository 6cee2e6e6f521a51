"""The Kafka side of `make bench-peers`: one command for each measurement, run in the environment that has confluent-kafka.

    kafka_client.py ADDRESS create FLUSH_MESSAGES | fill RECORDS | read RECORDS | delay ROUNDS | put SECONDS | put-batches SECONDS

Prints one JSON object. The topic is called bench and has four partitions, as the stream has shards; another one, delay, has one.
Every producer asks for acks=all and compresses nothing."""

import json
import statistics
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

record = b"x" * 1024
# What one client of the HTTP servers has under way at most: 64 connections with a record each, 8 connections with 500.
records_in_flight = {"put": 64, "put-batches": 8 * 500}


def create(address, flush_messages):
    configuration = {"flush.messages": flush_messages} if int(flush_messages) else {}
    topics = [NewTopic("bench", num_partitions=4, replication_factor=1, config=configuration),
              NewTopic("delay", num_partitions=1, replication_factor=1, config=configuration)]
    admin = AdminClient({"bootstrap.servers": address})
    for future in admin.create_topics(topics).values():
        future.result(60)
    return {}


class Load:
    """A producer that keeps `in_flight` records under way, in at most five requests, as Kafka's own client has it: with more, each record is
    a request of its own, and the broker answers those of a connection one after the other."""

    def __init__(self, address, in_flight, linger_ms):
        self.producer = Producer({"bootstrap.servers": address, "acks": "all", "linger.ms": linger_ms,
                                  "max.in.flight.requests.per.connection": 5, "queue.buffering.max.messages": 1_000_000})
        self.in_flight = in_flight
        self.sent = self.acknowledged = 0
        self.keys = [f"key-{number}".encode() for number in range(500)]

    def delivered(self, error, _):
        if error is not None:
            raise KafkaException(error)
        self.acknowledged += 1

    def send_until(self, ended, records_max=sys.maxsize):
        while not ended():
            while self.sent - self.acknowledged < self.in_flight and self.sent < records_max:
                self.producer.produce("bench", record, self.keys[self.sent % 500], on_delivery=self.delivered)
                self.sent += 1
            self.producer.poll(0.01)

    def finish(self):
        if self.producer.flush(120):
            raise RuntimeError("records without an acknowledgement")


def put(address, seconds, in_flight, linger_ms):
    load = Load(address, in_flight, linger_ms)
    warm = time.monotonic() + 1
    load.send_until(lambda: time.monotonic() > warm)
    before, began = load.acknowledged, time.monotonic()
    load.send_until(lambda: time.monotonic() > began + seconds)
    rate = (load.acknowledged - before) / (time.monotonic() - began)
    load.finish()
    return {"records_per_s": rate}


def fill(address, records):
    load = Load(address, min(records, records_in_flight["put-batches"]), 5)
    load.send_until(lambda: load.sent >= records, records)
    load.finish()
    return {"records": load.acknowledged}


def read(address, records):
    consumer = Consumer({"bootstrap.servers": address, "group.id": "bench", "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    began = time.monotonic()
    consumer.assign([TopicPartition("bench", partition, 0) for partition in range(4)])
    count = 0
    while count < records:
        messages = consumer.consume(10_000, timeout=1)
        if time.monotonic() > began + 120:
            raise RuntimeError(f"{count} of {records} records were read")
        count += sum(message.error() is None for message in messages)
    seconds = time.monotonic() - began
    consumer.close()
    return {"records_per_s": count / seconds}


def delay(address, rounds):
    producer = Producer({"bootstrap.servers": address, "acks": "all", "linger.ms": 0})
    consumer = Consumer({"bootstrap.servers": address, "group.id": "delay", "enable.auto.commit": False})
    consumer.assign([TopicPartition("delay", 0, 0)])
    delays = []
    for _ in range(rounds + 10):
        began = time.monotonic()
        producer.produce("delay", record)
        producer.flush()
        while not consumer.consume(1, timeout=10):
            pass
        delays.append((time.monotonic() - began) * 1000)
    consumer.close()
    return {"ms": statistics.median(delays[10:])}  # the first ones open connections


def main():
    address, command, argument = sys.argv[1:4]
    results = {
        "create": lambda: create(address, argument),
        "fill": lambda: fill(address, int(argument)),
        "read": lambda: read(address, int(argument)),
        "delay": lambda: delay(address, int(argument)),
        "put": lambda: put(address, float(argument), records_in_flight["put"], 0),
        "put-batches": lambda: put(address, float(argument), records_in_flight["put-batches"], 5),
    }
    print(json.dumps(results[command]()))


if __name__ == "__main__":
    main()
