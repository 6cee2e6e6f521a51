"""The control plane of Video Streams through boto3. Numbers are items of the specification's conformance list (section 10)."""

import re
import time

import botocore.exceptions
import pytest

ARN = re.compile(r"arn:aws:kinesisvideo:us-east-1:000000000000:stream/[a-zA-Z0-9_.-]+/\d{13}")


def refused(call, code, status=400, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code, caught.value
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    return caught.value.response["Error"]["Message"]


def info(video, name):
    return video.control.describe_stream(StreamName=name)["StreamInfo"]


def test_paths_are_compared_with_their_case(riacho):  # 1, 3
    connection = riacho.raw()
    reply = connection.request("POST", "/CreateStream", b"{}", {"Content-Type": "application/json"})
    assert reply.status == 404 and "UnknownOperationException" in reply.body.decode()


def test_a_stream_is_described_as_it_was_created(video, name):  # 13, 16
    before = time.time()
    arn = video.control.create_stream(StreamName=name)["StreamARN"]
    assert ARN.fullmatch(arn)
    by_name = info(video, name)
    by_arn = video.control.describe_stream(StreamARN=arn)["StreamInfo"]
    assert by_name == by_arn
    assert by_name["Status"] == "ACTIVE" and by_name["DataRetentionInHours"] == 0 and "MediaType" not in by_name
    assert by_name["KmsKeyId"] == "arn:aws:kms:us-east-1:000000000000:alias/aws/kinesisvideo"
    assert before - 1 <= by_name["CreationTime"].timestamp() <= time.time() + 1
    assert by_name["CreationTime"].timestamp() == pytest.approx(int(arn.rsplit("/", 1)[1]) / 1000)


def test_what_names_and_settings_may_be(video, name):  # 14, 15, 17
    create = video.control.create_stream
    create(StreamName=name, DeviceName="d1", MediaType="video/h264,audio/aac", DataRetentionInHours=2, KmsKeyId="k", Tags={"a": "b"})
    described = info(video, name)
    assert (described["DeviceName"], described["MediaType"], described["KmsKeyId"]) == ("d1", "video/h264,audio/aac", "k")
    refused(create, "ResourceInUseException", StreamName=name)
    for bad in ({"StreamName": "x" * 257}, {"StreamName": "a b"}, {"StreamName": ""}, {"StreamName": "x", "MediaType": "video"},
                {"StreamName": "x", "DataRetentionInHours": 87_601}, {"StreamName": "x", "DataRetentionInHours": -1}):
        refused(create, "InvalidArgumentException", **bad)
    for call in (video.control.describe_stream, video.control.list_tags_for_stream):
        refused(call, "InvalidArgumentException")
    refused(video.control.describe_stream, "ResourceNotFoundException", 404, StreamName="nobody")


def test_versions_guard_changes(video, name):  # 18, 30
    video.create(name, 0)
    first = info(video, name)["Version"]
    video.control.update_stream(StreamName=name, CurrentVersion=first, MediaType="video/h265")
    second = info(video, name)["Version"]
    assert second != first and re.fullmatch("[a-zA-Z0-9]{1,64}", second) and info(video, name)["MediaType"] == "video/h265"
    refused(video.control.update_stream, "VersionMismatchException", StreamName=name, CurrentVersion=first, DeviceName="d")
    storage = video.control.describe_stream_storage_configuration
    assert storage(StreamName=name)["StreamStorageConfiguration"] == {"DefaultStorageTier": "HOT"}
    warm = {"DefaultStorageTier": "WARM"}
    refused(video.control.update_stream_storage_configuration, "VersionMismatchException", StreamName=name, CurrentVersion=first,
            StreamStorageConfiguration=warm)
    video.control.update_stream_storage_configuration(StreamName=name, CurrentVersion=second, StreamStorageConfiguration=warm)
    assert storage(StreamName=name)["StreamStorageConfiguration"] == warm


def change_retention(video, name, operation, hours):
    video.control.update_data_retention(StreamName=name, CurrentVersion=info(video, name)["Version"],
                                        Operation=f"{operation}_DATA_RETENTION", DataRetentionChangeInHours=hours)
    return info(video, name)["DataRetentionInHours"]


def test_retention_is_changed_by_differences(video, name):  # 18, 19
    video.create(name, 0)
    version = info(video, name)["Version"]
    assert change_retention(video, name, "INCREASE", 24) == 24
    refused(video.control.update_data_retention, "VersionMismatchException", StreamName=name, CurrentVersion=version,
            Operation="INCREASE_DATA_RETENTION", DataRetentionChangeInHours=1)
    refused(video.control.update_data_retention, "InvalidArgumentException", StreamName=name, CurrentVersion=info(video, name)["Version"],
            Operation="DECREASE_DATA_RETENTION", DataRetentionChangeInHours=25)
    assert change_retention(video, name, "DECREASE", 24) == 0


def test_a_name_that_returns_is_another_stream(video, name):  # 21, 22
    arn = video.create(name)
    refused(video.control.delete_stream, "InvalidArgumentException")  # a name is not accepted
    refused(video.control.delete_stream, "VersionMismatchException", StreamARN=arn, CurrentVersion="A" * 20)
    video.control.delete_stream(StreamARN=arn)
    deadline = time.monotonic() + 10
    while True:
        try:
            again = video.create(name)
            break
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "ResourceInUseException" and time.monotonic() < deadline
    assert again != arn
    refused(video.control.describe_stream, "ResourceNotFoundException", 404, StreamARN=arn)


def test_streams_are_listed_in_pages(video, name):  # 23
    names = [f"{name}-{index}" for index in range(5)]
    for each in names:
        video.create(each, 0)
    condition = {"ComparisonOperator": "BEGINS_WITH", "ComparisonValue": name}
    reply = video.control.list_streams(MaxResults=1, StreamNameCondition=condition)
    assert re.fullmatch("[a-zA-Z0-9+/=]+", reply["NextToken"])
    pages = video.control.get_paginator("list_streams").paginate(StreamNameCondition=condition, PaginationConfig={"PageSize": 1})
    assert [stream["StreamName"] for page in pages for stream in page["StreamInfoList"]] == names
    refused(video.control.list_streams, "InvalidArgumentException", NextToken="AAAA")


def test_tags_merge_and_are_bounded(video, name):  # 2, 24
    arn = video.create(name, 0, Tags={"a": "1"})
    video.control.tag_stream(StreamName=name, Tags={"a": "2", "b": "3"})
    tags = lambda: video.control.list_tags_for_stream(StreamARN=arn)["Tags"]
    assert tags() == {"a": "2", "b": "3"}
    refused(video.control.tag_stream, "TagsPerResourceExceededLimitException", StreamName=name,
            Tags={f"k{index}": "v" for index in range(49)})
    assert tags() == {"a": "2", "b": "3"}
    video.control.untag_stream(StreamName=name, TagKeyList=["a", "nobody"])
    video.control.tag_resource(ResourceARN=arn, Tags=[{"Key": "c", "Value": "4"}])
    assert video.control.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"b": "3", "c": "4"}
    video.control.untag_resource(ResourceARN=arn, TagKeyList=["b", "c"])
    assert tags() == {}
    refused(video.control.tag_stream, "InvalidArgumentException", StreamName=name, Tags={"aws:x": "v"})


def test_the_data_endpoint_is_this_server_as_the_client_sees_it(video, riacho, name):  # 11
    video.create(name, 0)
    for api in ("PUT_MEDIA", "GET_MEDIA", "LIST_FRAGMENTS", "GET_MEDIA_FOR_FRAGMENT_LIST", "GET_HLS_STREAMING_SESSION_URL",
                "GET_DASH_STREAMING_SESSION_URL", "GET_CLIP", "GET_IMAGES"):
        assert video.control.get_data_endpoint(StreamName=name, APIName=api)["DataEndpoint"] == riacho.url
    refused(video.control.get_data_endpoint, "InvalidArgumentException", StreamName=name, APIName="PUT")
    connection = riacho.raw()
    body = f'{{"StreamName":"{name}","APIName":"PUT_MEDIA"}}'.encode()
    signature = {"Authorization": "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/kinesisvideo/aws4_request, SignedHeaders=host, "
                                  "Signature=" + "0" * 64, "X-Amz-Date": "20260101T000000Z"}
    said = lambda host: connection.request("POST", "/getDataEndpoint", body, signature | {"Host": host}).json["DataEndpoint"]
    assert said("cameras.example:80") == "http://cameras.example"
    assert said("[::1]:8080") == "http://[::1]:8080"


def test_replies_are_small_and_plain_for_clients_in_c(video, riacho, name):  # 6, 12
    """They read replies with at most 100 tokens and undo no escapes."""
    arn = video.create(name, MediaType="video/h264")
    signature = {"Authorization": "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/kinesisvideo/aws4_request, SignedHeaders=host, "
                                  "Signature=" + "0" * 64, "X-Amz-Date": "20260101T000000Z"}
    body = f'{{"StreamARN":"{arn}","StreamName":null,"Unheard":[1]}}'.encode()
    text = riacho.raw().request("POST", "/describeStream", body, signature).body.decode()
    assert arn in text and "\\" not in text and len(re.findall(r'"[^"]*"|[0-9.]+', text)) < 60


def test_what_is_not_there_is_refused_with_a_sentence(video):
    message = refused(video.control.create_signaling_channel, "UnsupportedOperationException", ChannelName="c")
    assert "CreateSignalingChannel is not supported yet" in message
