"""Clients of Video Streams for tests: boto3 for what it has, tools/put_media.py for uploads."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))

import put_media  # noqa: E402


class Video:
    """The five services of one server."""

    def __init__(self, server):
        self.server = server
        self.control = server.client(service="kinesisvideo")
        self.archive = server.client(service="kinesis-video-archived-media")
        self.media = server.client(service="kinesis-video-media")
        self.producer = put_media.Client(server.url, key="AKIDEXAMPLE", secret="secret", region="us-east-1")

    def create(self, name, hours=24, **options):
        return self.control.create_stream(StreamName=name, DataRetentionInHours=hours, **options)["StreamARN"]

    def upload(self, name, **options):
        return self.producer.upload(name, url=self.server.url, **options)

    def send(self, name, pieces, **options):
        """The acknowledgements of a whole upload."""
        return list(self.upload(name, **options).send_all(pieces))

    def fragments(self, name, kind="SERVER_TIMESTAMP", start=0, end=4_000_000_000, **options):
        """Every fragment of a stream, over all pages."""
        listed = []
        selector = {"FragmentSelectorType": kind, "TimestampRange": {"StartTimestamp": start, "EndTimestamp": end}}
        reply = self.archive.list_fragments(StreamName=name, FragmentSelector=selector, **options)
        while True:
            listed += reply["Fragments"]
            if "NextToken" not in reply:
                return listed
            reply = self.archive.list_fragments(StreamName=name, NextToken=reply["NextToken"], **options)
