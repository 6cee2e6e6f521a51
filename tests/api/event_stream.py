"""SubscribeToShard without a client library: frames of application/vnd.amazon.eventstream, data-streams specification 5.3."""

import dataclasses
import json
import struct
import zlib

import wire

STRING = 7


@dataclasses.dataclass
class Frame:
    headers: dict
    payload: bytes

    @property
    def kind(self):
        """The type of the event or exception."""
        return self.headers.get(":event-type") or self.headers.get(":exception-type")

    @property
    def json(self):
        return json.loads(self.payload)


def decode_headers(data):
    headers = {}
    while data:
        name = data[1:1 + data[0]].decode()
        kind, length = struct.unpack_from(">BH", data, 1 + data[0])
        assert kind == STRING and name not in headers
        start = 4 + data[0]
        headers[name] = data[start:start + length].decode()
        data = data[start + length:]
    return headers


def read_frame(read):
    """Reads the next frame with read(size); None at the end of the stream."""
    prelude = read(12)
    if not prelude:
        return None
    assert len(prelude) == 12
    total, headers_size, checksum = struct.unpack(">III", prelude)
    assert zlib.crc32(prelude[:8]) == checksum
    assert headers_size <= 128 * 1024 and 16 + headers_size <= total <= 16 * 1024 * 1024
    rest = read(total - 12)
    assert len(rest) == total - 12, "the stream ended inside a frame"
    assert zlib.crc32(prelude + rest[:-4]) == struct.unpack(">I", rest[-4:])[0]
    return Frame(decode_headers(rest[:headers_size]), rest[headers_size:-4])


def subscribe(server, body, content_type=wire.JSON, timeout=15):
    """A connection of its own and the response's head; no event has been read yet."""
    connection = server.raw()
    connection.http.timeout = timeout
    headers = {"X-Amz-Target": "Kinesis_20131202.SubscribeToShard", "Content-Type": content_type, "X-Amz-Date": "20260101T000000Z",
               "Authorization": wire.AUTHORIZATION}
    connection.http.request("POST", "/", json.dumps(body) if content_type == wire.JSON else wire.encode_cbor(body), headers)
    return connection, connection.http.getresponse()


class Subscription:
    """A subscription from its first frame on, or the error that refused it."""

    def __init__(self, server, consumer, kind="TRIM_HORIZON", shard="0", timeout=15, **position):
        body = {"ConsumerARN": consumer, "ShardId": shard, "StartingPosition": {"Type": kind} | position}
        self.connection, self.response = subscribe(server, body, timeout=timeout)
        self.error = None
        if self.response.status != 200:
            self.error = json.loads(self.response.read())
            self.close()
            return
        first = self.next()
        assert (first.kind, first.headers[":message-type"], first.payload) == ("initial-response", "event", b"{}")

    def next(self):
        return read_frame(self.response.read)

    def event(self):
        """The next event's content; the stream must not have ended."""
        frame = self.next()
        assert frame is not None and frame.kind == "SubscribeToShardEvent", frame
        return frame.json

    def records(self, count):
        """At least `count` further records, and the last event."""
        records = []
        while len(records) < count:
            event = self.event()
            records += event["Records"]
        return records, event

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
