"""Kinesis without a client library: requests that no SDK sends, and an independent CBOR codec."""

import http.client
import json
import math
import struct

JSON = "application/x-amz-json-1.1"
CBOR = "application/x-amz-cbor-1.1"
AUTHORIZATION = ("AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/kinesis/aws4_request, "
                 "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64)


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def cbor(self):
        return decode_cbor(self.body)


class Connection:
    """One keep-alive connection."""

    def __init__(self, host, port, timeout=30):
        self.http = http.client.HTTPConnection(host, port, timeout=timeout)

    def request(self, method="POST", path="/", body=b"", headers=None):
        self.http.request(method, path, body=body, headers=headers or {})
        return Reply(self.http.getresponse())

    def call(self, operation, body, content_type=JSON, target=None, authorization=AUTHORIZATION, path="/", **headers):
        """One API call; body is bytes, text, or an object to encode for the content type."""
        if not isinstance(body, (bytes, str)):
            body = encode_cbor(body) if content_type == CBOR else json.dumps(body)
        fields = {"X-Amz-Target": target or f"Kinesis_20131202.{operation}", "X-Amz-Date": "20260101T000000Z",
                  "Authorization": authorization, "Content-Type": content_type} | headers
        return self.request("POST", path, body, {name: value for name, value in fields.items() if value is not None})

    def close(self):
        self.http.close()


def _head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    for code, form, limit in ((24, ">B", 1 << 8), (25, ">H", 1 << 16), (26, ">I", 1 << 32), (27, ">Q", 1 << 64)):
        if value < limit:
            return bytes([major << 5 | code]) + struct.pack(form, value)
    raise ValueError(value)


class Milliseconds(int):
    """A time in AWS's CBOR form: tag 1 and milliseconds."""


def encode_cbor(value, indefinite=True):
    """Encodes like the Java SDKs: indefinite-length maps and lists."""
    if value is None:
        return b"\xf6"
    if value is True or value is False:
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, Milliseconds):
        return b"\xc1\x1b" + struct.pack(">Q", value)
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        items = b"".join(encode_cbor(item, indefinite) for item in value)
        return b"\x9f" + items + b"\xff" if indefinite else _head(4, len(value)) + items
    items = b"".join(encode_cbor(k, indefinite) + encode_cbor(v, indefinite) for k, v in value.items())
    return b"\xbf" + items + b"\xff" if indefinite else _head(5, len(value)) + items


def decode_cbor(data):
    value, rest = _decode(data)
    assert rest == b"", f"{len(rest)} bytes behind the value"
    return value


def _decode(data):
    major, low = data[0] >> 5, data[0] & 31
    data = data[1:]
    if major == 7:
        if low in (20, 21, 22):
            return {20: False, 21: True, 22: None}[low], data
        size, form = {25: (2, ">e"), 26: (4, ">f"), 27: (8, ">d")}[low]
        number = struct.unpack(form, data[:size])[0]
        assert not math.isnan(number)
        return number, data[size:]
    if low == 31:
        return _decode_indefinite(major, data)
    value = low
    if low >= 24:
        size = 1 << (low - 24)
        value = int.from_bytes(data[:size], "big")
        data = data[size:]
    if major == 0:
        return value, data
    if major == 1:
        return -1 - value, data
    if major == 2:
        return data[:value], data[value:]
    if major == 3:
        return data[:value].decode(), data[value:]
    if major == 6:
        inner, data = _decode(data)
        assert value == 1 and isinstance(inner, int), "Java reads tag 1 as integer milliseconds"
        return Milliseconds(inner), data
    items = []
    for _ in range(value * (2 if major == 5 else 1)):
        item, data = _decode(data)
        items.append(item)
    return (dict(zip(items[::2], items[1::2])) if major == 5 else items), data


def _decode_indefinite(major, data):
    items = []
    while data[0] != 0xFF:
        item, data = _decode(data)
        items.append(item)
    data = data[1:]
    if major == 2:
        return b"".join(items), data
    if major == 3:
        return "".join(items), data
    return (dict(zip(items[::2], items[1::2])) if major == 5 else items), data
