"""The AWS CLI and the SDK for JavaScript with SQL applications, in both versions of the API."""

import json
import os
import subprocess
import sys
import time

import pytest
from conftest import ROOT, read_all

AWS = os.path.join(os.path.dirname(sys.executable), "aws")
CODE = 'CREATE STREAM "OUT" (A INTEGER); CREATE PUMP "P" AS INSERT INTO "OUT" SELECT STREAM A FROM "IN_001";'


@pytest.mark.parametrize("version", [1, 2])
def test_the_aws_cli_runs_an_application(riacho, make_stream, kinesis, name, version):
    service = "kinesisanalytics" if version == 1 else "kinesisanalyticsv2"
    role = "arn:aws:iam::000000000000:role/r"
    source, sink = make_stream(), make_stream()
    resource = lambda stream: {"ResourceARN": f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}"} | ({"RoleARN": role} if version == 1 else {})
    inputs = [{"NamePrefix": "IN", "KinesisStreamsInput": resource(source), "InputSchema": {
        "RecordFormat": {"RecordFormatType": "JSON", "MappingParameters": {"JSONMappingParameters": {"RecordRowPath": "$"}}},
        "RecordColumns": [{"Name": "A", "Mapping": "$.A", "SqlType": "INTEGER"}]}}]
    outputs = [{"Name": "OUT", "KinesisStreamsOutput": resource(sink), "DestinationSchema": {"RecordFormatType": "JSON"}}]
    environment = os.environ | {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": ""}

    def aws(command, **options):
        flags = [text for key, value in options.items()
                 for text in (f"--{key.replace('_', '-')}", value if isinstance(value, str) else json.dumps(value))]
        done = subprocess.run([AWS, "--endpoint-url", riacho.url, service, command, "--application-name", name, *flags], env=environment,
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "{}")

    if version == 1:
        aws("create-application", inputs=inputs, outputs=outputs, application_code=CODE)
        aws("start-application", input_configurations=[{"Id": "1.1", "InputStartingPositionConfiguration": {"InputStartingPosition": "TRIM_HORIZON"}}])
    else:
        aws("create-application", runtime_environment="SQL-1_0", service_execution_role=role, application_configuration={
            "SqlApplicationConfiguration": {"Inputs": inputs, "Outputs": outputs},
            "ApplicationCodeConfiguration": {"CodeContentType": "PLAINTEXT", "CodeContent": {"TextContent": CODE}}})
        aws("start-application", run_configuration={"SqlRunConfigurations": [
            {"InputId": "1.1", "InputStartingPositionConfiguration": {"InputStartingPosition": "TRIM_HORIZON"}}]})
    kinesis.put_record(StreamName=source, Data=b'{"A":7}', PartitionKey="k")
    deadline = time.monotonic() + 20
    while not (records := read_all(kinesis, sink)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [record["Data"] for record in records] == [b'{"A":7}']
    while aws("describe-application")["ApplicationDetail"]["ApplicationStatus"] != "RUNNING":
        assert time.monotonic() < deadline
    aws("stop-application")
    while aws("describe-application")["ApplicationDetail"]["ApplicationStatus"] != "READY":
        assert time.monotonic() < deadline
    detail = riacho.client(service="kinesisanalyticsv2").describe_application(ApplicationName=name)["ApplicationDetail"]
    riacho.client(service="kinesisanalyticsv2").delete_application(ApplicationName=name, CreateTimestamp=detail["CreateTimestamp"])


def test_javascript(riacho, make_stream, name):
    done = subprocess.run(["node", "analytics.mjs"], cwd=ROOT / "tests" / "js", capture_output=True, text=True, timeout=60, check=False,
                          env=os.environ | {"RIACHO_ENDPOINT": riacho.url, "RIACHO_APPLICATION": name, "RIACHO_STREAM": make_stream()})
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "version": 1, "created": True, "tags": [{"Key": "team", "Value": "água"}], "invalid": True, "stale": True, "code": True, "listed": True,
        "taken": ["ResourceInUseException", True], "gone": True}
