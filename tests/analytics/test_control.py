"""The control plane of SQL applications, in both versions of the API. K numbers: items of the conformance list."""

import datetime
import json
import urllib.error
import urllib.request

import pytest
from applications import ACCOUNT, COLUMNS, COPY, ROLE, Api, api, app, error, schema, stream_arn, v1, v2  # noqa: F401 (fixtures)


def test_targets(riacho):
    """K1, K28: the target says which version is meant, on one endpoint."""
    def call(target, body):
        signed = "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/kinesisanalytics/aws4_request, SignedHeaders=host, Signature=00"
        request = urllib.request.Request(riacho.url, json.dumps(body).encode(), {
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target, "X-Amz-Date": "20260101T000000Z", "Authorization": signed})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        return caught.value.code, json.loads(caught.value.read())

    for version, member in (("KinesisAnalytics_20150814", "message"), ("KinesisAnalytics_20180523", "Message")):
        status, reply = call(f"{version}.DescribeApplication", {"ApplicationName": "nobody"})
        assert (status, reply["__type"]) == (400, "ResourceNotFoundException") and reply[member].startswith("Application nobody")
        status, reply = call(f"{version}.DoApplication", {})
        assert (status, reply["__type"]) == (400, "UnknownOperationException")
    # An operation that only version 2 has.
    assert call("KinesisAnalytics_20150814.RollbackApplication", {})[1]["__type"] == "UnknownOperationException"
    assert call("KinesisAnalytics_20180523.RollbackApplication", {"ApplicationName": "nobody", "CurrentApplicationVersionId": 1})[1]["__type"] == (
        "ResourceNotFoundException")


def test_create_and_describe(v1, v2, app):
    """K2, K13, K16, K27: what is created by one version is seen by the other."""
    summary = v1.create(app, COPY, [v1.input()], [v1.output()], ApplicationDescription="tickers")
    arn = f"arn:aws:kinesisanalytics:us-east-1:{ACCOUNT}:application/{app}"
    assert summary == {"ApplicationName": app, "ApplicationARN": arn, "ApplicationStatus": "READY"}
    one = v1.describe(app)
    assert one["ApplicationVersionId"] == 1 and one["ApplicationCode"] == COPY and one["ApplicationDescription"] == "tickers"
    assert abs((one["CreateTimestamp"] - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) < 60
    assert one["InputDescriptions"] == [{
        "InputId": "1.1", "NamePrefix": "SOURCE_SQL_STREAM", "InAppStreamNames": ["SOURCE_SQL_STREAM_001"],
        "KinesisStreamsInputDescription": {"ResourceARN": stream_arn("in"), "RoleARN": ROLE}, "InputSchema": schema(),
        "InputParallelism": {"Count": 1}, "InputStartingPositionConfiguration": {}}]
    assert one["OutputDescriptions"] == [{
        "OutputId": "1.1", "Name": "OUT", "KinesisStreamsOutputDescription": {"ResourceARN": stream_arn("out"), "RoleARN": ROLE},
        "DestinationSchema": {"RecordFormatType": "JSON"}}]
    two = v2.client.describe_application(ApplicationName=app)["ApplicationDetail"]
    assert (two["RuntimeEnvironment"], two["ApplicationMode"], two["ApplicationVersionId"]) == ("SQL-1_0", "STREAMING", 1)
    assert two["ConditionalToken"] and "ServiceExecutionRole" not in two
    assert v2.describe(app)["InputDescriptions"] == one["InputDescriptions"]
    assert v2.describe(app)["ApplicationCode"] == COPY


def test_create_with_version_2(v1, v2, app):
    """K2, K27"""
    detail = v2.create(app, COPY, [v2.input()], [v2.output()])
    assert (detail["ApplicationVersionId"], detail["ApplicationStatus"], detail["ServiceExecutionRole"]) == (1, "READY", ROLE)
    sql = detail["ApplicationConfigurationDescription"]["SqlApplicationConfigurationDescription"]
    assert sql["InputDescriptions"][0]["KinesisStreamsInputDescription"] == {"ResourceARN": stream_arn("in")}
    # Version 1 wants a role with each resource: the application's.
    assert v1.describe(app)["OutputDescriptions"][0]["KinesisStreamsOutputDescription"]["RoleARN"] == ROLE
    assert [s for s in v2.client.list_applications()["ApplicationSummaries"] if s["ApplicationName"] == app] == [
        {"ApplicationName": app, "ApplicationARN": detail["ApplicationARN"], "ApplicationStatus": "READY", "ApplicationVersionId": 1,
         "RuntimeEnvironment": "SQL-1_0", "ApplicationMode": "STREAMING"}]


def test_names(api, app):
    """K3, K4, K28"""
    api.create(app)
    code, text = error(api.create, app)
    assert code == "ResourceInUseException" and app in text
    for bad in ("", "a b", "ä", "x" * 129):
        assert error(api.create, bad)[0] == "InvalidArgumentException"
    assert error(api.describe, "nobody") == ("ResourceNotFoundException", f"Application nobody under account {ACCOUNT} not found.")


def test_code_is_validated(api, app):
    """K5, K6"""
    assert error(api.create, app, "x" * 102_401)[0] == "InvalidArgumentException"
    code, text = error(api.create, app, "CREATE STREAM S (A INTEGER);\nCREATE PUMP P AS INSERT INTO S SELEC", [api.input()])
    assert code == "CodeValidationException" and "line 2, column" in text
    # Without an input its names are not known, but the syntax is.
    assert error(api.create, app, "CREATE STREM S")[0] == "CodeValidationException"
    code, text = error(api.create, app, COPY.replace("PRICE > 0", "PRIZE > 0"), [api.input()])
    assert code == "CodeValidationException" and "'PRIZE' not found in any table" in text
    api.create(app, COPY, [api.input()])
    assert error(api.update_code, app, "nonsense")[0] == "CodeValidationException"
    assert api.version_of(app) == 1


def test_versions(api, app):
    """K7, K8, K13, K22"""
    api.create(app, COPY, [api.input()])
    added = api.client.add_application_output(ApplicationName=app, CurrentApplicationVersionId=1, Output=api.output())
    if api.version == 2:
        assert (added["ApplicationVersionId"], [o["OutputId"] for o in added["OutputDescriptions"]]) == (2, ["2.1"])
    else:
        assert added.keys() == {"ResponseMetadata"}
    stale = error(api.client.add_application_output, ApplicationName=app, CurrentApplicationVersionId=1, Output=api.output("other"))
    assert stale[0] == "ConcurrentModificationException" and api.version_of(app) == 2
    api.client.add_application_output(ApplicationName=app, CurrentApplicationVersionId=2, Output=api.output("other"))
    api.update_code(app, COPY + "\n-- changed")
    assert [o["OutputId"] for o in api.describe(app)["OutputDescriptions"]] == ["2.1", "3.1"]
    api.client.delete_application_output(ApplicationName=app, CurrentApplicationVersionId=4, OutputId="2.1")
    assert [o["OutputId"] for o in api.describe(app)["OutputDescriptions"]] == ["3.1"] and api.version_of(app) == 5
    assert error(api.client.delete_application_output, ApplicationName=app, CurrentApplicationVersionId=5, OutputId="2.1")[0] == (
        "InvalidArgumentException")
    assert api.version_of(app) == 5


def test_conditional_token(v2, app):
    """K9"""
    token = v2.create(app, COPY, [v2.input()])["ConditionalToken"]
    change = {"ApplicationName": app, "ServiceExecutionRoleUpdate": ROLE + "-2"}
    detail = v2.client.update_application(ConditionalToken=token, **change)["ApplicationDetail"]
    assert detail["ApplicationVersionId"] == 2 and detail["ServiceExecutionRole"] == ROLE + "-2" and detail["ConditionalToken"] != token
    assert error(v2.client.update_application, ConditionalToken=token, **change)[0] == "ConcurrentModificationException"
    assert error(v2.client.update_application, **change)[0] == "InvalidArgumentException"


def test_delete(api, app):
    """K12"""
    api.create(app)
    described = api.describe(app)["CreateTimestamp"]
    wrong = described + datetime.timedelta(seconds=5)
    assert error(api.client.delete_application, ApplicationName=app, CreateTimestamp=wrong)[0] == "ConcurrentModificationException"
    api.client.delete_application(ApplicationName=app, CreateTimestamp=described)
    api.wait_gone(app)
    api.create(app)
    assert api.describe(app)["CreateTimestamp"] > described


def test_how_many(api, app):
    """K14"""
    outputs = [api.output(f"out-{i}") for i in range(4)]
    assert error(api.create, app, COPY, [api.input()], outputs)[0] == "InvalidArgumentException"
    assert error(api.create, app, None, [api.input(), api.input()])[0] == "InvalidArgumentException"
    api.create(app, COPY, [api.input()], outputs[:3])
    add = {"ApplicationName": app, "CurrentApplicationVersionId": 1}
    assert error(api.client.add_application_output, Output=outputs[3], **add)[0] == "InvalidArgumentException"
    assert error(api.client.add_application_input, Input=api.input(), **add)[0] == "InvalidArgumentException"
    assert api.version_of(app) == 1


def test_parallelism(api, app):
    """K16"""
    api.create(app, None, [api.input(count=3, prefix="P")])
    assert api.describe(app)["InputDescriptions"][0]["InAppStreamNames"] == ["P_001", "P_002", "P_003"]
    assert error(api.create, app + "-2", None, [api.input(count=65)])[0] == "InvalidArgumentException"


def test_what_an_input_needs(api, app):
    """K15, K17, K18, K31"""
    both = api.input() | {"KinesisFirehoseInput": api.resource(f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/d")}
    none = {k: v for k, v in api.input().items() if k != "KinesisStreamsInput"}
    unmapped = api.input(columns=[{"Name": "A", "SqlType": "INTEGER"}])
    untyped = api.input(columns=[{"Name": "A", "Mapping": "$.A", "SqlType": "NUMBER"}])
    foreign = api.input() | {"KinesisStreamsInput": api.resource("arn:aws:sqs:us-east-1:000000000000:q")}
    twice = api.input(columns=[{"Name": "A", "Mapping": "$.a[0:].x", "SqlType": "INTEGER"}, {"Name": "B", "Mapping": "$.b[0:].x", "SqlType": "INTEGER"}])
    path = api.input()
    path["InputSchema"]["RecordFormat"]["MappingParameters"]["JSONMappingParameters"]["RecordRowPath"] = "no path"
    for wrong in (both, none, unmapped, untyped, foreign, twice, path):
        assert error(api.create, app, None, [wrong])[0] == "InvalidArgumentException", wrong
    # AWS closed inputs from Firehose in 2023.
    closed = none | {"KinesisFirehoseInput": api.resource(f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/d")}
    code, text = error(api.create, app, None, [closed])
    assert code == "UnsupportedOperationException" and "KinesisFirehoseInput is not allowed for SQL applications under account" in text


def test_what_an_output_needs(api, app):
    """K15"""
    both = api.output() | {"KinesisFirehoseOutput": api.resource(f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/d")}
    none = {k: v for k, v in api.output().items() if k != "KinesisStreamsOutput"}
    for wrong in (both, none):
        assert error(api.create, app, None, [], [wrong])[0] == "InvalidArgumentException"


def test_update_of_parts(api, app):
    """K7: sub-resources keep their ids."""
    api.create(app, COPY, [api.input()], [api.output()])
    columns = [*COLUMNS, {"Name": "MORE", "Mapping": "$.MORE", "SqlType": "DOUBLE"}]
    update = {"InputUpdates": [{"InputId": "1.1", "InputSchemaUpdate": {"RecordColumnUpdates": columns}}],
              "OutputUpdates": [{"OutputId": "1.1", "KinesisStreamsOutputUpdate": {"ResourceARNUpdate": stream_arn("elsewhere")}}]}
    if api.version == 1:
        change = {"ApplicationUpdate": update}
    else:
        change = {"ApplicationConfigurationUpdate": {"SqlApplicationConfigurationUpdate": update}}
    api.client.update_application(ApplicationName=app, CurrentApplicationVersionId=1, **change)
    after = api.describe(app)
    assert after["ApplicationVersionId"] == 2 and after["InputDescriptions"][0]["InputSchema"]["RecordColumns"] == columns
    assert after["OutputDescriptions"][0]["OutputId"] == "1.1"
    assert after["OutputDescriptions"][0]["KinesisStreamsOutputDescription"]["ResourceARN"] == stream_arn("elsewhere")


def test_listing(riacho_server):
    """K20"""
    server = riacho_server()
    v1, v2 = Api(server, 1), Api(server, 2)
    names = [f"app-{i:02}" for i in range(7)]
    for name in reversed(names):
        v2.create(name)
    seen, more = [], {}
    while True:
        page = v1.client.list_applications(Limit=3, **more)
        seen += [s["ApplicationName"] for s in page["ApplicationSummaries"]]
        if not page["HasMoreApplications"]:
            break
        more = {"ExclusiveStartApplicationName": seen[-1]}
    assert seen == names
    pages = v2.client.get_paginator("list_applications").paginate(PaginationConfig={"PageSize": 3})
    assert [s["ApplicationName"] for page in pages for s in page["ApplicationSummaries"]] == names
    for api in (v1, v2):
        for limit in (0, 51):
            assert error(api.client.list_applications, Limit=limit)[0] == "InvalidArgumentException"
    # What was made is there after a restart.
    server.stop()
    server.start()
    assert [s["ApplicationName"] for s in Api(server, 2).client.list_applications()["ApplicationSummaries"]] == names


def test_tags(api, app):
    """K21"""
    api.create(app, Tags=[{"Key": "team", "Value": "a"}, {"Key": "empty"}])
    arn = api.describe(app)["ApplicationARN"]
    tags = lambda: {t["Key"]: t.get("Value") for t in api.client.list_tags_for_resource(ResourceARN=arn)["Tags"]}
    assert tags() == {"team": "a", "empty": ""}
    api.client.tag_resource(ResourceARN=arn, Tags=[{"Key": "team", "Value": "b"}])
    api.client.untag_resource(ResourceARN=arn, TagKeys=["empty", "absent"])
    assert tags() == {"team": "b"} and api.version_of(app) == 1
    many = [{"Key": f"k{i}", "Value": ""} for i in range(50)]
    assert error(api.client.tag_resource, ResourceARN=arn, Tags=many)[0] == "TooManyTagsException"
    assert tags() == {"team": "b"}
    assert error(api.client.list_tags_for_resource, ResourceARN=arn + "x")[0] == "ResourceNotFoundException"


def test_logging_options(api, app):
    api.create(app)
    option = {"LogStreamARN": "arn:aws:logs:us-east-1:000000000000:log-group:g:log-stream:s"} | ({"RoleARN": ROLE} if api.version == 1 else {})
    api.client.add_application_cloud_watch_logging_option(ApplicationName=app, CurrentApplicationVersionId=1, CloudWatchLoggingOption=option)
    shown = api.describe(app)
    assert shown["ApplicationVersionId"] == 2 and shown["CloudWatchLoggingOptionDescriptions"] == [{"CloudWatchLoggingOptionId": "2.1"} | option]
    api.client.delete_application_cloud_watch_logging_option(ApplicationName=app, CurrentApplicationVersionId=2, CloudWatchLoggingOptionId="2.1")
    assert "CloudWatchLoggingOptionDescriptions" not in api.describe(app)


def test_what_only_flink_has(v2, app):
    """K26"""
    v2.create(app)
    assert error(v2.client.create_application_snapshot, ApplicationName=app, SnapshotName="s")[0] == "UnsupportedOperationException"
    assert error(v2.client.list_application_versions, ApplicationName=app)[0] == "UnsupportedOperationException"
    assert error(v2.client.create_application_presigned_url, ApplicationName=app, UrlType="FLINK_DASHBOARD_URL")[0] == (
        "InvalidArgumentException")
    assert error(v2.client.stop_application, ApplicationName=app, Force=True)[0] == "InvalidArgumentException"
    code, text = error(v2.client.create_application, ApplicationName="f", RuntimeEnvironment="FLINK-1_18", ServiceExecutionRole=ROLE)
    assert code == "UnsupportedOperationException" and "SQL-1_0 applications only" in text


@pytest.mark.parametrize("what", ["processor", "lambda", "reference"])
def test_what_is_not_there_yet_is_refused(v2, app, what):
    """Never accepted and ignored."""
    if what == "processor":
        wrong = v2.input() | {"InputProcessingConfiguration": {"InputLambdaProcessor": {"ResourceARN": "arn:aws:lambda:us-east-1:0:function:f"}}}
        code, text = error(v2.create, app, None, [wrong])
    elif what == "lambda":
        wrong = {"Name": "OUT", "LambdaOutput": {"ResourceARN": "arn:aws:lambda:us-east-1:0:function:f"}, "DestinationSchema": {"RecordFormatType": "JSON"}}
        code, text = error(v2.create, app, None, [], [wrong])
    else:
        sql = {"ReferenceDataSources": [{"TableName": "T", "S3ReferenceDataSource": {"BucketARN": "arn:aws:s3:::b", "FileKey": "k"},
                                         "ReferenceSchema": schema()}]}
        code, text = error(v2.client.create_application, ApplicationName=app, RuntimeEnvironment="SQL-1_0", ServiceExecutionRole=ROLE,
                           ApplicationConfiguration={"SqlApplicationConfiguration": sql})
    assert code == "InvalidArgumentException" and "not supported yet" in text


def test_starting_needs_something_to_run(api, app):
    """K10, K19"""
    api.create(app)
    assert error(api.start, app)[0] == "InvalidApplicationConfigurationException"
    assert error(api.stop, app)[0] == "ResourceInUseException"
    api.client.add_application_input(ApplicationName=app, CurrentApplicationVersionId=1, Input=api.input())
    assert error(api.start, app, input_id="2.1")[0] == "InvalidApplicationConfigurationException"
    api.update_code(app, COPY)
    assert error(api.start, app, input_id="9.9")[0] == "InvalidArgumentException"
    assert api.status(app) == "READY"
