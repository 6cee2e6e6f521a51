"""Data Firehose through the AWS CLI and version 3 of the SDK for JavaScript. (The SDK for Go: tests/sdk.)"""

import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT

from firehose import stores
from firehose.delivery import content_of, wait_for_objects

AWS = os.path.join(os.path.dirname(sys.executable), "aws")


def check_files(store, prefixes, records):
    """All records are in files below the two prefixes, the one after the update below the second."""
    first, second = prefixes

    def whole(objects):
        return b"".join(content_of(key, body) for key, body in sorted(objects.items())).count(b"\n") >= records

    objects = wait_for_objects(store, whole)
    text = {prefix: b"".join(content_of(key, body) for key, body in sorted(objects.items()) if key.startswith(prefix)) for prefix in prefixes}
    assert b"after\n" not in text[first] and text[second] == b"after\n"
    return text[first]


def test_javascript(riacho_server, name):
    server = riacho_server()
    store = stores.LocalFolders().attach(server)
    done = subprocess.run(["node", "firehose.mjs"], cwd=ROOT / "tests" / "js", capture_output=True, text=True, timeout=60, check=False,
                          env=os.environ | {"RIACHO_ENDPOINT": server.url, "RIACHO_STREAM": name})
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen.pop("arn") == f"arn:aws:firehose:us-east-1:000000000000:deliverystream/{name}"
    assert seen.pop("refused") == ("Ths supplied prefix(es) do not satisfy the following constraint: ErrorOutputPrefix cannot be null or "
                                   "empty when Prefix contains expressions")
    assert seen == {"version": "1", "created": True, "listed": True, "tags": [{"Key": "team", "Value": "água"}], "failed": 0, "ids": 501,
                    "missing": True}
    delivered = check_files(store, ("js/", "js2/"), 502)
    assert delivered.startswith(bytes(range(256))) and delivered.endswith(b"r499\n")


# Two dozen commands, each of which loads the whole command line.
@pytest.mark.timeout(400)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_command_line(riacho_server, name, scheme):
    """[4] [16] [18] What a walk through the service types, over both schemes."""
    server = riacho_server()
    store = stores.LocalFolders().attach(server)
    url = server.url if scheme == "http" else server.tls_url
    environment = os.environ | {"AWS_ENDPOINT_URL_FIREHOSE": url, "AWS_CA_BUNDLE": server.certificate, "AWS_ACCESS_KEY_ID": "k",
                                "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": ""}

    def aws(command, *arguments, status=0):
        done = subprocess.run([AWS, "firehose", command, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return (json.loads(done.stdout) if done.stdout else None) if status == 0 else done.stderr

    configuration = {"RoleARN": "arn:aws:iam::000000000000:role/f", "BucketARN": f"arn:aws:s3:::{store.bucket}", "Prefix": "cli/",
                     "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0}}
    stream = ["--delivery-stream-name", name]
    aws("create-delivery-stream", *stream, "--extended-s3-destination-configuration", json.dumps(configuration))
    while True:
        description = aws("describe-delivery-stream", *stream)["DeliveryStreamDescription"]
        if description["DeliveryStreamStatus"] == "ACTIVE":
            break
    assert aws("list-delivery-streams") == {"DeliveryStreamNames": [name], "HasMoreDeliveryStreams": False}
    assert set(aws("put-record", *stream, "--record", '{"Data": "one\\n"}')) == {"RecordId", "Encrypted"}
    reply = aws("put-record-batch", *stream, "--records", '[{"Data": "two\\n"}, {"Data": "three\\n"}]')
    assert reply["FailedPutCount"] == 0 and len(reply["RequestResponses"]) == 2
    update = ["--destination-id", description["Destinations"][0]["DestinationId"], "--extended-s3-destination-update", '{"Prefix": "cli2/"}']
    aws("update-destination", *stream, "--current-delivery-stream-version-id", "1", *update)
    error = aws("update-destination", *stream, "--current-delivery-stream-version-id", "1", *update, status=255)
    assert "ConcurrentModificationException" in error
    assert aws("describe-delivery-stream", *stream)["DeliveryStreamDescription"]["VersionId"] == "2"
    aws("put-record", *stream, "--record", '{"Data": "after\\n"}')
    assert check_files(store, ("cli/", "cli2/"), 4) == b"one\ntwo\nthree\n"
    aws("delete-delivery-stream", *stream)
    assert "ResourceNotFoundException" in aws("put-record", "--delivery-stream-name", "missing", "--record", '{"Data": "x"}', status=255)
