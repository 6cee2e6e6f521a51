"""What the log tells an operator who looks for the reason of something."""

import json

import boto3
import botocore.config
import pytest
from conftest import iterator, wait_active


def lines_of(server, event=None):
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    return [line for line in lines if event in (None, line["event"])]


def client_of(server, service, region="us-east-1"):
    return boto3.client(service, region_name=region, endpoint_url=server.url, aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret",
                        config=botocore.config.Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}))


def test_log_calls_writes_a_line_a_call_at_level_info(riacho_server, name):
    quiet = riacho_server("--log-format", "json", "--create-stream", name)
    quiet.client().list_streams()
    server = riacho_server("--log-calls", "--log-format", "json", "--create-stream", name)
    client = server.client()
    wait_active(client, name)
    client.put_record(StreamName=name, PartitionKey="a-partition-key", Data=b"data")
    client.get_records(ShardIterator=iterator(client, name))
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_stream(StreamName="missing")
    assert lines_of(quiet, "call") == []
    calls = lines_of(server, "call")
    assert {call["level"] for call in calls} == {"info"} and all(call["ms"] >= 0 for call in calls)
    seen = {(call["operation"], call["stream"], call["status"], call["error"]) for call in calls}
    assert {("PutRecord", name, 200, ""), ("GetRecords", name, 200, ""), ("DescribeStream", "missing", 400, "ResourceNotFoundException")} <= seen
    assert "a-partition-key" not in server.log.read_text()
    assert lines_of(server, "created") == [], "lines of level debug are not written"


def test_log_calls_tells_why_a_signature_was_refused(riacho_server):
    server = riacho_server("--log-calls", "--log-format", "json", "--auth", "sigv4")
    user = server.user("add", "ana")
    client = server.client(key=user["access_key_id"], secret="wrong")
    with pytest.raises(client.exceptions.ClientError, match="InvalidSignatureException"):
        client.list_streams()
    (refused,) = lines_of(server, "signature refused")
    assert refused["level"] == "info" and refused["access_key"] == user["access_key_id"] and "does not match" in refused["reason"]
    assert user["secret_access_key"] not in server.log.read_text()


def test_calls_of_every_service_name_what_they_are_about(riacho_server):
    server = riacho_server("--log-calls", "--log-format", "json")
    firehose, video = client_of(server, "firehose"), client_of(server, "kinesisvideo")
    for call in (lambda: firehose.describe_delivery_stream(DeliveryStreamName="to-s3"), lambda: video.describe_stream(StreamName="camera"),
                 lambda: client_of(server, "kinesisanalyticsv2").describe_application(ApplicationName="sums")):
        with pytest.raises(botocore.exceptions.ClientError):
            call()
    assert [(call["operation"], call["stream"]) for call in lines_of(server, "call")] == [
        ("DescribeDeliveryStream", "to-s3"), ("DescribeStream", "camera"), ("DescribeApplication", "sums")]


def test_creations_and_deletions_are_debug_lines(riacho_server, name):
    server = riacho_server("--log-level", "debug", "--log-format", "json", "--create-stream", "first", "--transition-delay", "0")
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=2)
    wait_active(client, name)
    client_of(server, "kinesisvideo").create_stream(StreamName="camera", DataRetentionInHours=1)
    client.delete_stream(StreamName=name)
    made = [(line["kind"], line["name"]) for line in lines_of(server, "created")]
    assert made == [("stream", "first"), ("stream", name), ("video stream", "camera")]
    (deleted,) = lines_of(server, "deleted")
    assert (deleted["name"], deleted["arn"]) == (name, f"arn:aws:kinesis:us-east-1:000000000000:stream/{name}")
    server.stop()
    server.log.unlink()
    server.start()
    assert lines_of(server, "created") == [], "what was there before is not new"


def test_sigv4_without_a_user_says_how_to_make_one(riacho_server):
    server = riacho_server("--auth", "sigv4", "--log-format", "json")
    (told,) = [line for line in lines_of(server) if "no user" in line["event"]]
    assert told["level"] == "warn" and told["make_one_by"] == f"riacho user add NAME --data-dir {server.data_dir}"
    server.user("add", "ana")
    server.stop()
    server.log.unlink()
    server.start()
    assert [line for line in lines_of(server) if "no user" in line["event"]] == []


def test_a_stream_of_another_region_is_hinted_at(riacho_server, name):
    server = riacho_server("--log-format", "json", "--create-stream", name, "--region", "sa-east-1")
    wait_active(server.client(region="sa-east-1"), name)
    client = server.client(region="us-east-1")
    for _ in range(3):
        with pytest.raises(client.exceptions.ResourceNotFoundException) as refused:
            client.put_record(StreamName=name, PartitionKey="k", Data=b"")
    assert "sa-east-1" not in str(refused.value), "callers are not told"
    (hint,) = lines_of(server, "asked in the wrong region")
    assert (hint["level"], hint["kind"], hint["name"], hint["asked_in"], hint["exists_in"]) == ("warn", "stream", name, "us-east-1", "sa-east-1")


def test_a_resource_that_is_nowhere_is_not_hinted_at(riacho_server, name):
    server = riacho_server("--log-format", "json")
    client = server.client()
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_stream(StreamName=name)
    assert lines_of(server, "asked in the wrong region") == []


def test_a_video_stream_of_another_region_is_hinted_at(riacho_server):
    server = riacho_server("--log-format", "json")
    client_of(server, "kinesisvideo", "eu-west-1").create_stream(StreamName="camera", DataRetentionInHours=1)
    with pytest.raises(botocore.exceptions.ClientError, match="ResourceNotFoundException"):
        client_of(server, "kinesisvideo").describe_stream(StreamName="camera")
    (hint,) = lines_of(server, "asked in the wrong region")
    assert (hint["kind"], hint["exists_in"]) == ("video stream", "eu-west-1")


SERVED = "it serves kinesis, firehose, kinesisanalytics and kinesisvideo"


@pytest.mark.parametrize("service, call", [
    ("dynamodb", lambda client: client.list_tables()), ("sqs", lambda client: client.list_queues()), ("s3", lambda client: client.list_buckets()),
    ("s3", lambda client: client.put_object(Bucket="bucket", Key="a/key", Body=b"x")), ("sns", lambda client: client.list_topics()),
    ("lambda", lambda client: client.list_functions()), ("cloudwatch", lambda client: client.list_metrics())])
def test_a_call_of_another_service_is_told_what_is_served(riacho_server, service, call):
    server = riacho_server("--log-format", "json")
    for _ in range(3):
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            call(client_of(server, service))
    signed_as = {"cloudwatch": "monitoring"}.get(service, service)
    assert refused.value.response["Error"]["Code"].endswith("UnknownOperationException") or service == "lambda"
    assert f"does not serve {signed_as}; {SERVED}" in refused.value.response["Error"]["Message"]
    (told,) = lines_of(server, "call of another service")
    assert told["level"] == "warn" and told["service"] == signed_as and told["served"] == "kinesis, firehose, kinesisanalytics and kinesisvideo"


def test_services_that_do_not_run_are_not_named_as_served(riacho_server):
    server = riacho_server("--services", "data-streams", "--log-format", "json")
    with pytest.raises(botocore.exceptions.ClientError, match="it serves kinesis. Clients"):
        client_of(server, "dynamodb").list_tables()
    with pytest.raises(botocore.exceptions.ClientError, match="told not to run"):
        client_of(server, "firehose").list_delivery_streams()
