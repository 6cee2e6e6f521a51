"""The API of Data Firehose through boto3. Numbers are those of the conformance list of the Firehose reference."""

import time

import pytest
from botocore.exceptions import ClientError

import conftest
from firehose.streams import ROLE, create, describe, destination, figure, hints, put, wait_status

ACCOUNT = "000000000000"


@pytest.fixture(scope="module")
def firehose(riacho):
    return riacho.client(service="firehose")


def refused(call, **members):
    """The code and the text of the error that a call gets."""
    with pytest.raises(ClientError) as caught:
        call(**members)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def create_refused(firehose, name, **members):
    return refused(firehose.create_delivery_stream, DeliveryStreamName=name, **members)


def test_create_returns_the_arn(firehose, name):
    """3."""
    arn = create(firehose, name)
    assert arn == f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/{name}"


def test_exactly_one_destination(firehose, name):
    """4."""
    expected = ("InvalidArgumentException", "Exactly one destination configuration is supported for a Firehose")
    assert create_refused(firehose, name) == expected
    assert create_refused(firehose, name, S3DestinationConfiguration=destination(),
                          ExtendedS3DestinationConfiguration=destination()) == expected


def test_a_name_is_given_once(firehose, name):
    """5."""
    create(firehose, name)
    assert create_refused(firehose, name, ExtendedS3DestinationConfiguration=destination()) == (
        "ResourceInUseException", f"Firehose {name} under accountId {ACCOUNT} already exists")


def test_constraints_of_the_model_come_first_and_together(firehose, name):
    """6 to 10."""
    for wrong in ("n" * 65, "with space"):
        code, text = create_refused(firehose, wrong, ExtendedS3DestinationConfiguration=destination())
        assert code == "ValidationException"
        assert text.startswith("1 validation error detected: Value at 'deliveryStreamName' failed to satisfy constraint: Member must ")
    code, text = create_refused(firehose, name, ExtendedS3DestinationConfiguration=destination(
        CompressionFormat="SNAPPY", FileExtension="gz"))
    assert code == "ValidationException" and text.startswith("2 validation errors detected: ")
    assert ("Value at 'extendedS3DestinationConfiguration.compressionFormat' failed to satisfy constraint: Member must satisfy enum "
            "value set: [ZIP, HADOOP_SNAPPY, Snappy, GZIP, UNCOMPRESSED]") in text
    assert "Member must satisfy regular expression pattern: ^(|\\.[0-9a-z!\\-_.*'()]+)$" in text
    for extension in (".GZ", "." + "x" * 128):
        assert create_refused(firehose, name, ExtendedS3DestinationConfiguration=destination(
            FileExtension=extension))[0] == "ValidationException"
    code, text = create_refused(firehose, name, ExtendedS3DestinationConfiguration={"RoleARN": ROLE})
    assert (code, text) == ("ValidationException", "1 validation error detected: Value at 'extendedS3DestinationConfiguration.bucketARN' "
                            "failed to satisfy constraint: Member must not be null")
    create(firehose, name, ExtendedS3DestinationConfiguration=destination(FileExtension=""))


def test_a_fresh_stream_shows_its_defaults(firehose, name):
    """11."""
    arn = create(firehose, name, S3DestinationConfiguration=destination())
    shown = describe(firehose, name)
    created = shown.pop("CreateTimestamp")
    assert created.year > 2000
    common = {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::bucket", "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 300},
              "CompressionFormat": "UNCOMPRESSED", "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
              "CloudWatchLoggingOptions": {"Enabled": False}}
    assert shown == {
        "DeliveryStreamName": name, "DeliveryStreamARN": arn, "DeliveryStreamStatus": "ACTIVE", "DeliveryStreamType": "DirectPut",
        "VersionId": "1", "DeliveryStreamEncryptionConfiguration": {"Status": "DISABLED"}, "HasMoreDestinations": False,
        "Destinations": [{"DestinationId": "destinationId-000000000001", "S3DestinationDescription": common,
                          "ExtendedS3DestinationDescription": {**common, "S3BackupMode": "Disabled"}}]}


def test_unknown_streams(firehose, name):
    """14."""
    expected = ("ResourceNotFoundException", f"Firehose {name} under account {ACCOUNT} not found.")
    for call, members in [(firehose.describe_delivery_stream, {}), (firehose.delete_delivery_stream, {}),
                          (firehose.put_record, {"Record": {"Data": b"x"}}),
                          (firehose.put_record_batch, {"Records": [{"Data": b"x"}]}),
                          (firehose.tag_delivery_stream, {"Tags": [{"Key": "k"}]}),
                          (firehose.untag_delivery_stream, {"TagKeys": ["k"]}), (firehose.list_tags_for_delivery_stream, {}),
                          (firehose.start_delivery_stream_encryption, {}), (firehose.stop_delivery_stream_encryption, {})]:
        assert refused(call, DeliveryStreamName=name, **members) == expected
    assert refused(firehose.update_destination, DeliveryStreamName=name, CurrentDeliveryStreamVersionId="1",
                   DestinationId="destinationId-000000000001", ExtendedS3DestinationUpdate={}) == (
        "ResourceNotFoundException", f"Firehose {name} under accountId {ACCOUNT} not found.")


def test_listing(riacho, name):
    """15."""
    client = riacho.client(service="firehose", region="eu-north-1")
    kinesis = riacho.client(region="eu-north-1")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    conftest.wait_active(kinesis, name)
    names = [f"{name}-{i:02}" for i in range(12)]
    for one in reversed(names[:11]):
        create(client, one, wait=False)
    create(client, names[11], DeliveryStreamType="KinesisStreamAsSource", KinesisStreamSourceConfiguration={
        "KinesisStreamARN": f"arn:aws:kinesis:eu-north-1:{ACCOUNT}:stream/{name}", "RoleARN": ROLE})
    first = client.list_delivery_streams()
    assert first["DeliveryStreamNames"] == names[:10] and first["HasMoreDeliveryStreams"] is True
    rest = client.list_delivery_streams(ExclusiveStartDeliveryStreamName=names[9])
    assert rest["DeliveryStreamNames"] == names[10:] and rest["HasMoreDeliveryStreams"] is False
    assert client.list_delivery_streams(DeliveryStreamType="KinesisStreamAsSource")["DeliveryStreamNames"] == names[11:]
    assert client.list_delivery_streams(Limit=3)["DeliveryStreamNames"] == names[:3]


def update(firehose, name, version="1", destination_id="destinationId-000000000001", **members):
    return firehose.update_destination(DeliveryStreamName=name, CurrentDeliveryStreamVersionId=version, DestinationId=destination_id,
                                       **members)


def test_updates(firehose, name):
    """16 to 19, 21."""
    create(firehose, name, ExtendedS3DestinationConfiguration=destination(BufferingHints=hints(7, 70), CompressionFormat="GZIP"))
    before = describe(firehose, name)
    assert refused(update, firehose=firehose, name=name, version="2", ExtendedS3DestinationUpdate={"Prefix": "p/"}) == (
        "ConcurrentModificationException",
        f"Cannot update firehose: {name} since the current version id: 1 and specified version id: 2 do not match")
    assert refused(update, firehose=firehose, name=name, destination_id="other", ExtendedS3DestinationUpdate={}) == (
        "InvalidArgumentException", "Destination Id other not found")
    assert refused(update, firehose=firehose, name=name) == (
        "InvalidArgumentException", "Exactly one destination configuration is supported for a Firehose")
    assert refused(update, firehose=firehose, name=name, HttpEndpointDestinationUpdate={}) == (
        "InvalidArgumentException", "Changing the destination type to or from HttpEndpoint is not supported at this time.")
    assert describe(firehose, name) == before
    update(firehose, name, ExtendedS3DestinationUpdate={"Prefix": "p/"})
    after = describe(firehose, name)
    assert after["VersionId"] == "2" and after["LastUpdateTimestamp"] >= after["CreateTimestamp"]
    expected = {**before["Destinations"][0]["ExtendedS3DestinationDescription"], "Prefix": "p/"}
    assert after["Destinations"][0]["ExtendedS3DestinationDescription"] == expected
    update(firehose, name, version="2", S3DestinationUpdate={"BufferingHints": hints(2, 60)})
    shown = describe(firehose, name)["Destinations"][0]["S3DestinationDescription"]
    assert shown["BufferingHints"] == hints(2, 60) and shown["CompressionFormat"] == "GZIP" and shown["Prefix"] == "p/"


def test_processing_is_replaced_as_a_whole(firehose, name):
    """20, for what is supported."""
    lines = {"Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord", "Parameters": []}]}
    create(firehose, name, ExtendedS3DestinationConfiguration=destination(ProcessingConfiguration=lines))
    shown = describe(firehose, name)["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert shown["ProcessingConfiguration"] == lines
    update(firehose, name, ExtendedS3DestinationUpdate={"ProcessingConfiguration": {"Enabled": False}})
    shown = describe(firehose, name)["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert shown["ProcessingConfiguration"] == {"Enabled": False}


def test_tags(firehose, name):
    """22."""
    create(firehose, name, Tags=[{"Key": "b", "Value": "1"}, {"Key": "a"}])

    def shown(**members):
        return firehose.list_tags_for_delivery_stream(DeliveryStreamName=name, **members)

    assert shown()["Tags"] == [{"Key": "a", "Value": ""}, {"Key": "b", "Value": "1"}]
    firehose.tag_delivery_stream(DeliveryStreamName=name, Tags=[{"Key": "b", "Value": "2"}, {"Key": "c", "Value": "3"}])
    firehose.untag_delivery_stream(DeliveryStreamName=name, TagKeys=["a", "unknown"])
    assert shown()["Tags"] == [{"Key": "b", "Value": "2"}, {"Key": "c", "Value": "3"}]
    page = shown(Limit=1)
    assert page["Tags"] == [{"Key": "b", "Value": "2"}] and page["HasMoreTags"] is True
    assert shown(ExclusiveStartTagKey="b")["Tags"] == [{"Key": "c", "Value": "3"}]
    assert refused(firehose.tag_delivery_stream, DeliveryStreamName=name, Tags=[{"Key": "aws:x"}])[0] == "ValidationException"
    many = [{"Key": f"k{i}"} for i in range(49)]
    assert refused(firehose.tag_delivery_stream, DeliveryStreamName=name, Tags=many)[0] == "LimitExceededException"
    assert len(shown()["Tags"]) == 2


def test_encryption(riacho_server, name):
    """23."""
    server = riacho_server("--test-clock", "--transition-delay", "600000")
    firehose = server.client(service="firehose")
    create(firehose, name, wait=False)
    server.advance_clock(601)
    wait_status(firehose, name, "ACTIVE")
    key = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"

    def encryption():
        return describe(firehose, name)["DeliveryStreamEncryptionConfiguration"]

    def wait(status):
        for _ in range(500):
            if encryption()["Status"] == status:
                return encryption()
        raise AssertionError(encryption())

    assert put(firehose, name, b"x")["Encrypted"] is False
    firehose.start_delivery_stream_encryption(DeliveryStreamName=name)
    assert wait("ENABLING")
    assert refused(firehose.start_delivery_stream_encryption, DeliveryStreamName=name)[0] == "ResourceInUseException"
    server.advance_clock(601)
    assert wait("ENABLED") == {"Status": "ENABLED", "KeyType": "AWS_OWNED_CMK"}
    assert firehose.put_record(DeliveryStreamName=name, Record={"Data": b"x"})["Encrypted"] is True
    firehose.start_delivery_stream_encryption(DeliveryStreamName=name, DeliveryStreamEncryptionConfigurationInput={
        "KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": key})
    server.advance_clock(601)
    assert wait("ENABLED") == {"Status": "ENABLED", "KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": key}
    assert refused(firehose.start_delivery_stream_encryption, DeliveryStreamName=name, DeliveryStreamEncryptionConfigurationInput={
        "KeyType": "CUSTOMER_MANAGED_CMK"})[0] == "InvalidArgumentException"
    assert refused(firehose.start_delivery_stream_encryption, DeliveryStreamName=name, DeliveryStreamEncryptionConfigurationInput={
        "KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": key.replace("key/", "alias/")})[0] == "ValidationException"
    firehose.stop_delivery_stream_encryption(DeliveryStreamName=name)
    server.advance_clock(601)
    wait("DISABLED")
    assert put(firehose, name, b"x")["Encrypted"] is False


def test_a_stream_with_a_source(riacho, firehose, kinesis, name):
    """23, 33, and what a source needs."""
    arn = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{name}"
    source = {"KinesisStreamARN": arn, "RoleARN": ROLE}
    s3 = {"ExtendedS3DestinationConfiguration": destination()}
    assert create_refused(firehose, name, KinesisStreamSourceConfiguration=source, **s3) == (
        "InvalidArgumentException", "KinesisSourceStreamConfig is only applicable for KinesisStreamAsSource stream type")
    assert create_refused(firehose, name, DeliveryStreamType="KinesisStreamAsSource", **s3)[0] == "InvalidArgumentException"
    assert create_refused(firehose, name, DeliveryStreamType="KinesisStreamAsSource", KinesisStreamSourceConfiguration=source,
                          DirectPutSourceConfiguration={"ThroughputHintInMBs": 1}, **s3) == (
        "InvalidArgumentException", "DirectPutSourceConfiguration is only applicable for DirectPut stream type")
    assert create_refused(firehose, name, DeliveryStreamType="KinesisStreamAsSource", KinesisStreamSourceConfiguration=source,
                          **s3)[0] == "InvalidArgumentException"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    conftest.wait_active(kinesis, name)
    create(firehose, name, DeliveryStreamType="KinesisStreamAsSource", KinesisStreamSourceConfiguration=source)
    shown = describe(firehose, name)
    assert shown["DeliveryStreamType"] == "KinesisStreamAsSource"
    assert "DeliveryStreamEncryptionConfiguration" not in shown
    start = shown["Source"]["KinesisStreamSourceDescription"].pop("DeliveryStartTimestamp")
    assert abs((start - shown["CreateTimestamp"]).total_seconds()) < 5
    assert shown["Source"] == {"KinesisStreamSourceDescription": source}
    refusal = ("InvalidArgumentException", "This operation is not permitted on KinesisStreamAsSource delivery stream type.")
    assert refused(firehose.put_record, DeliveryStreamName=name, Record={"Data": b"x"}) == refusal
    assert refused(firehose.put_record_batch, DeliveryStreamName=name, Records=[{"Data": b"x"}]) == refusal
    assert refused(firehose.start_delivery_stream_encryption, DeliveryStreamName=name)[0] == "InvalidArgumentException"


def test_deletion(riacho_server, name):
    """24."""
    server = riacho_server("--test-clock", "--transition-delay", "600000")
    firehose = server.client(service="firehose")
    create(firehose, name, wait=False)
    assert describe(firehose, name)["DeliveryStreamStatus"] == "CREATING"
    assert refused(firehose.delete_delivery_stream, DeliveryStreamName=name)[0] == "ResourceInUseException"
    assert refused(firehose.put_record, DeliveryStreamName=name, Record={"Data": b"x"})[0] == "ResourceNotFoundException"
    server.advance_clock(601)
    wait_status(firehose, name, "ACTIVE")
    firehose.delete_delivery_stream(DeliveryStreamName=name)
    assert describe(firehose, name)["DeliveryStreamStatus"] == "DELETING"
    server.advance_clock(601)
    for _ in range(1000):
        try:
            describe(firehose, name)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ResourceNotFoundException"
            break
    else:
        raise AssertionError("still there")
    create(firehose, name, wait=False)


@pytest.mark.parametrize("prefixes, text", [
    ({"Prefix": "!{timestamp:yyyy}/"}, "ErrorOutputPrefix cannot be null or empty when Prefix contains expressions"),
    ({"Prefix": "a/", "ErrorOutputPrefix": "e/!{timestamp:yyyy}/"}, None),
    ({"Prefix": "!{firehose:error-output-type}/", "ErrorOutputPrefix": "e/"}, None),
    ({"Prefix": "!{nothing:yyyy}/", "ErrorOutputPrefix": "e/"}, None),
    ({"Prefix": "!{timestamp:bbb}/", "ErrorOutputPrefix": "e/"}, None),
])
def test_prefixes_that_are_refused(firehose, name, prefixes, text):
    """25, 27."""
    code, message = create_refused(firehose, name, ExtendedS3DestinationConfiguration=destination(**prefixes))
    assert code == "InvalidArgumentException"
    assert message.startswith("Ths supplied prefix(es) do not satisfy the following constraint: ")
    if text:
        assert message.endswith(": " + text)


def test_prefixes_that_are_accepted(firehose, name):
    """27."""
    create(firehose, name, ExtendedS3DestinationConfiguration=destination(ErrorOutputPrefix="errors/"))
    assert create_refused(firehose, name + "2", ExtendedS3DestinationConfiguration=destination(
        Prefix="!{partitionKeyFromQuery:k}/", ErrorOutputPrefix="e/")) == (
        "InvalidArgumentException",
        "Dynamic Partitioning Namespaces can only be part of a prefix expression when Dynamic Partitioning is enabled.")


@pytest.mark.parametrize("members, feature", [
    ({"DynamicPartitioningConfiguration": {"Enabled": True}}, "DynamicPartitioningConfiguration"),
    ({"DataFormatConversionConfiguration": {"Enabled": True}}, "DataFormatConversionConfiguration"),
    ({"S3BackupMode": "Enabled", "S3BackupConfiguration": destination()}, "S3BackupMode Enabled"),
    ({"ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": []}]}}, "Processor Lambda"),
])
def test_what_is_not_there_yet_is_refused_by_name(firehose, name, members, feature):
    code, text = create_refused(firehose, name, ExtendedS3DestinationConfiguration=destination(**members))
    assert code == "InvalidArgumentException"
    assert text == f"{feature} is not supported yet by this server; docs/compatibility/firehose.md lists what is."


def test_other_destinations_are_refused_by_name(firehose, name):
    code, text = create_refused(firehose, name, HttpEndpointDestinationConfiguration={
        "EndpointConfiguration": {"Url": "https://example.com/"}, "S3Configuration": destination()})
    assert code == "InvalidArgumentException"
    assert text.startswith("HttpEndpointDestinationConfiguration is not supported yet by this server")


def test_sizes_of_records(firehose, name):
    """29, 30."""
    create(firehose, name)
    large = b"x" * 1_024_000
    firehose.put_record(DeliveryStreamName=name, Record={"Data": large})
    firehose.put_record(DeliveryStreamName=name, Record={"Data": b""})
    code, text = refused(firehose.put_record, DeliveryStreamName=name, Record={"Data": large + b"x"})
    assert code == "ValidationException" and "'record.data'" in text and "less than or equal to 1024000" in text
    put(firehose, name, *[b"x"] * 500)
    for wrong in (501, 0):
        assert refused(firehose.put_record_batch, DeliveryStreamName=name, Records=[{"Data": b"x"}] * wrong)[0] == "ValidationException"
    quarter = b"x" * 1_000_000
    rest = 4_194_304 - 4 * len(quarter)
    put(firehose, name, *[quarter] * 4, b"x" * rest)
    assert refused(firehose.put_record_batch, DeliveryStreamName=name, Records=[
        {"Data": data} for data in [quarter] * 4 + [b"x" * (rest + 1)]]) == (
        "InvalidArgumentException", "Records size exceeds 4 MB limit")


def test_answers_of_puts(firehose, name):
    """31."""
    create(firehose, name)
    reply = put(firehose, name, *[b"x"] * 100)
    single = firehose.put_record(DeliveryStreamName=name, Record={"Data": b"x"})
    ids = [entry["RecordId"] for entry in reply["RequestResponses"]] + [single["RecordId"]]
    assert len(set(ids)) == 101 and all(ids)
    assert reply["Encrypted"] is False and single["Encrypted"] is False


@pytest.mark.alone
def test_rates(riacho_server, name):
    """32, 71."""
    server = riacho_server("--limits=aws")
    firehose = server.client(service="firehose", region="eu-north-1")
    create(firehose, name, wait=False)
    time.sleep(0.3)  # polling would meet the limit of calls
    chunk = [{"Data": b"x" * 100_000}] * 15
    reply = firehose.put_record_batch(DeliveryStreamName=name, Records=chunk)
    refused_entries = [entry for entry in reply["RequestResponses"] if "RecordId" not in entry]
    assert 0 < len(refused_entries) < 15 and reply["FailedPutCount"] == len(refused_entries)
    assert all(entry == {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."} for entry in refused_entries)
    with pytest.raises(ClientError) as caught:
        firehose.put_record(DeliveryStreamName=name, Record={"Data": b"x" * 900_000})
    assert caught.value.response["Error"] == {"Code": "ServiceUnavailableException", "Message": "Slow down."}
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert figure(server, "ThrottledRecords_total", name) == len(refused_entries) + 1
    assert figure(server, "IncomingRecords_total", name) == 15 - len(refused_entries)
    assert figure(server, "BytesPerSecondLimit", name) == 1 << 20
    assert figure(server, "RecordsPerSecondLimit", name) == 100_000
    assert figure(server, "PutRequestsPerSecondLimit", name) == 1_000


def test_without_limits_none_are_shown(riacho, firehose, name):
    create(firehose, name)
    assert figure(riacho, "IncomingRecords_total", name) == 0
    assert figure(riacho, "BytesPerSecondLimit", name) is None
