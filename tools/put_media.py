"""Sends a Matroska file to a video stream, as a camera would: PutMedia in nothing but Python's standard library.

    python3 tools/put_media.py --endpoint http://127.0.0.1:4566 --stream front-door --create 24 film.mkv
    ffmpeg ... -f matroska -cluster_time_limit 20000 -cluster_size_limit 50000000 - | python3 tools/put_media.py --stream front-door -

Prints each acknowledgement as it comes. Credentials and region are those of the AWS SDKs' variables. `Client` and `Upload` can be
imported: tests and notebooks send with them.
"""

import argparse
import datetime
import hashlib
import hmac
import http.client
import json
import os
import ssl
import sys
import threading
import time
import urllib.parse

PIECE = 16 * 1024
EMPTY_HASH = hashlib.sha256(b"").hexdigest()


class Client:
    """The calls of Kinesis Video Streams that have a JSON body, signed with Signature Version 4."""

    def __init__(self, endpoint, key=None, secret=None, token=None, region=None, ca=None):
        self.endpoint = endpoint.rstrip("/")
        self.key = key or os.environ.get("AWS_ACCESS_KEY_ID", "local")
        self.secret = secret or os.environ.get("AWS_SECRET_ACCESS_KEY", "local")
        self.token = token or os.environ.get("AWS_SESSION_TOKEN")
        self.region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        self.ca = ca or os.environ.get("AWS_CA_BUNDLE")

    def signed(self, url, path, headers, payload_hash):
        """The headers with those of the signature."""
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        headers = {name.lower(): value for name, value in headers.items()}
        headers |= {"host": urllib.parse.urlsplit(url).netloc, "x-amz-date": stamp}
        if self.token:
            headers["x-amz-security-token"] = self.token
        names = ";".join(sorted(headers))
        canonical = "\n".join(["POST", path, "", *(f"{name}:{headers[name]}" for name in sorted(headers)), "", names, payload_hash])
        scope = f"{day}/{self.region}/kinesisvideo/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + self.secret).encode()
        for part in (*scope.split("/"), text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
        return headers

    def connect(self, url, timeout):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme == "https":
            return http.client.HTTPSConnection(parts.netloc, timeout=timeout, context=ssl.create_default_context(cafile=self.ca))
        return http.client.HTTPConnection(parts.netloc, timeout=timeout)

    def call(self, path, url=None, **members):
        """The answer of an operation by its path, such as "/createStream"; RuntimeError with the error's name and text."""
        url = url or self.endpoint
        body = json.dumps(members).encode()
        headers = self.signed(url, path, {"content-type": "application/json"}, hashlib.sha256(body).hexdigest())
        connection = self.connect(url, 20)
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            answer = json.loads(response.read() or b"{}")
            if response.status != 200:
                raise RuntimeError(f"{response.headers.get('x-amzn-ErrorType')}: {answer.get('Message') or answer.get('message')}")
            return answer
        finally:
            connection.close()

    def data_endpoint(self, stream, api):
        return self.call("/getDataEndpoint", StreamName=stream, APIName=api)["DataEndpoint"]

    def upload(self, stream, start=None, timecodes="RELATIVE", url=None, timeout=60, headers=None):
        """Begins a PutMedia call. start: seconds since 1970 that RELATIVE timecodes count from; now if not given."""
        return Upload(self, url or self.data_endpoint(stream, "PUT_MEDIA"), {
            "x-amzn-stream-name": stream, "x-amzn-fragment-timecode-type": timecodes,
            "x-amzn-producer-start-timestamp": f"{time.time() if start is None else start:.3f}"} | (headers or {}), timeout)


class Upload:
    """One PutMedia call: the body goes out in chunks while the acknowledgements come back."""

    def __init__(self, client, url, headers, timeout):
        self.connection = client.connect(url, timeout)
        self.connection.putrequest("POST", "/putMedia", skip_host=True, skip_accept_encoding=True)
        # As the SDKs in C do it: the signature covers the head, and the body is unsigned.
        for name, value in client.signed(url, "/putMedia", headers, EMPTY_HASH).items():
            self.connection.putheader(name, value)
        self.connection.putheader("transfer-encoding", "chunked")
        self.connection.endheaders()
        self.socket = self.connection.sock  # outlives the connection object's use of it
        # The server answers before it has seen any media.
        self.response = self.connection.getresponse()
        self.status = self.response.status
        if self.status != 200:
            text = self.response.read().decode()
            self.close()
            raise RuntimeError(f"{self.status} {self.response.headers.get('x-amzn-ErrorType')}: {text}")

    def send(self, data):
        for at in range(0, len(data), PIECE):
            piece = data[at:at + PIECE]
            self.socket.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")

    def finish(self):
        self.socket.sendall(b"0\r\n\r\n")

    def acknowledgements(self):
        """Each as a dict, until the server has sent all and ended the call."""
        while line := self.response.readline():
            if line.strip():
                yield json.loads(line)

    def send_all(self, pieces):
        """Sends in a thread of its own and gives the acknowledgements meanwhile. An ERROR is the last one."""
        def run():
            try:
                for piece in pieces:
                    self.send(piece)
                self.finish()
            except OSError:
                pass  # the server has ended the call, and said why in an acknowledgement
        sender = threading.Thread(target=run, daemon=True)
        sender.start()
        yield from self.acknowledgements()
        sender.join(1)
        self.close()

    def close(self):
        self.connection.close()
        if hasattr(self, "response"):
            self.response.close()


def pieces_of(file):
    while piece := file.read1(PIECE) if hasattr(file, "read1") else file.read(PIECE):
        yield piece


def main():
    parser = argparse.ArgumentParser(description="Sends a Matroska file to a video stream.")
    parser.add_argument("file", help="a Matroska file, or - for standard input")
    parser.add_argument("--endpoint", default=os.environ.get("AWS_ENDPOINT_URL_KINESIS_VIDEO") or
                        os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"))
    parser.add_argument("--stream", required=True)
    parser.add_argument("--create", type=int, metavar="HOURS", help="create the stream if it does not exist, with so much retention")
    parser.add_argument("--absolute", action="store_true", help="the timecodes of the file are times since 1970")
    parser.add_argument("--start", type=float, help="when the file begins, seconds since 1970; now if not given")
    options = parser.parse_args()
    client = Client(options.endpoint)
    if options.create is not None:
        try:
            client.call("/createStream", StreamName=options.stream, DataRetentionInHours=options.create)
        except RuntimeError as error:
            if "ResourceInUseException" not in str(error):
                raise
    failed = False
    with sys.stdin.buffer if options.file == "-" else open(options.file, "rb") as file:
        upload = client.upload(options.stream, options.start, "ABSOLUTE" if options.absolute else "RELATIVE")
        for acknowledgement in upload.send_all(pieces_of(file)):
            print(json.dumps(acknowledgement), flush=True)
            failed = failed or acknowledgement["EventType"] == "ERROR"
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
