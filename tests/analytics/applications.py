"""Applications for the tests: the same requests in both versions of the API."""

import contextlib
import json
import time
import uuid

import botocore.exceptions
import pytest
from conftest import read_all

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/analytics"
COLUMNS = [{"Name": "TICKER", "Mapping": "$.TICKER", "SqlType": "VARCHAR(4)"},
           {"Name": "PRICE", "Mapping": "$.PRICE", "SqlType": "INTEGER"}]
COPY = """CREATE OR REPLACE STREAM "OUT" (TICKER VARCHAR(4), PRICE INTEGER);
CREATE OR REPLACE PUMP "P" AS INSERT INTO "OUT" SELECT STREAM TICKER, PRICE FROM "SOURCE_SQL_STREAM_001" WHERE PRICE > 0;"""


def stream_arn(stream, region="us-east-1"):
    return f"arn:aws:kinesis:{region}:{ACCOUNT}:stream/{stream}"


def schema(columns=COLUMNS, kind="JSON"):
    mapping = {"JSONMappingParameters": {"RecordRowPath": "$"}}
    if kind == "CSV":
        mapping = {"CSVMappingParameters": {"RecordRowDelimiter": "\n", "RecordColumnDelimiter": ","}}
    return {"RecordFormat": {"RecordFormatType": kind, "MappingParameters": mapping}, "RecordEncoding": "UTF-8", "RecordColumns": columns}


class Api:
    """One version of the API over boto3."""

    def __init__(self, server, version):
        self.version = version
        self.client = server.client(service="kinesisanalytics" if version == 1 else "kinesisanalyticsv2")

    def resource(self, arn):
        return {"ResourceARN": arn} | ({"RoleARN": ROLE} if self.version == 1 else {})

    def input(self, stream="in", count=1, columns=COLUMNS, kind="JSON", prefix="SOURCE_SQL_STREAM"):
        return {"NamePrefix": prefix, "KinesisStreamsInput": self.resource(stream_arn(stream)), "InputParallelism": {"Count": count},
                "InputSchema": schema(columns, kind)}

    def output(self, stream="out", name="OUT", kind="JSON"):
        return {"Name": name, "KinesisStreamsOutput": self.resource(stream_arn(stream)), "DestinationSchema": {"RecordFormatType": kind}}

    def create(self, name, code=None, inputs=(), outputs=(), **options):
        if self.version == 1:
            sets = {"Inputs": list(inputs), "Outputs": list(outputs)} | ({"ApplicationCode": code} if code is not None else {})
            return self.client.create_application(ApplicationName=name, **sets, **options)["ApplicationSummary"]
        configuration = {"SqlApplicationConfiguration": {"Inputs": list(inputs), "Outputs": list(outputs)}}
        if code is not None:
            configuration["ApplicationCodeConfiguration"] = {"CodeContentType": "PLAINTEXT", "CodeContent": {"TextContent": code}}
        return self.client.create_application(ApplicationName=name, RuntimeEnvironment="SQL-1_0", ServiceExecutionRole=ROLE,
                                              ApplicationConfiguration=configuration, **options)["ApplicationDetail"]

    def describe(self, name):
        """The detail, flat as version 1 has it."""
        detail = self.client.describe_application(ApplicationName=name)["ApplicationDetail"]
        if self.version == 2:
            configuration = detail["ApplicationConfigurationDescription"]
            sql = configuration.get("SqlApplicationConfigurationDescription", {})
            code = configuration.get("ApplicationCodeConfigurationDescription", {}).get("CodeContentDescription", {})
            detail = detail | sql | ({"ApplicationCode": code["TextContent"]} if code else {})
        return detail

    def status(self, name):
        return self.describe(name)["ApplicationStatus"]

    def version_of(self, name):
        return self.describe(name)["ApplicationVersionId"]

    def start(self, name, position="NOW", input_id="1.1"):
        at = {"InputStartingPositionConfiguration": {"InputStartingPosition": position}}
        if self.version == 1:
            return self.client.start_application(ApplicationName=name, InputConfigurations=[{"Id": input_id} | at])
        return self.client.start_application(ApplicationName=name, RunConfiguration={"SqlRunConfigurations": [{"InputId": input_id} | at]})

    def stop(self, name):
        return self.client.stop_application(ApplicationName=name)

    def delete(self, name):
        self.client.delete_application(ApplicationName=name, CreateTimestamp=self.describe(name)["CreateTimestamp"])

    def wait(self, name, status, timeout=20):
        """Polls until the application has the status; returns all that were seen."""
        seen = []
        deadline = time.monotonic() + timeout
        while True:
            now = self.status(name)
            if not seen or seen[-1] != now:
                seen.append(now)
            if now == status:
                return seen
            assert time.monotonic() < deadline, f"{name} is still {now}, not {status}"
            time.sleep(0.01)

    def wait_gone(self, name, timeout=20):
        deadline = time.monotonic() + timeout
        while True:
            try:
                status = self.status(name)
            except self.client.exceptions.ResourceNotFoundException:
                return
            assert status == "DELETING" and time.monotonic() < deadline
            time.sleep(0.01)

    def run(self, name, position="NOW"):
        self.start(name, position)
        self.wait(name, "RUNNING")

    def halt(self, name):
        self.stop(name)
        self.wait(name, "READY")

    def update_code(self, name, code, version=None):
        version = version or self.version_of(name)
        if self.version == 1:
            update = {"ApplicationUpdate": {"ApplicationCodeUpdate": code}}
        else:
            update = {"ApplicationConfigurationUpdate": {"ApplicationCodeConfigurationUpdate": {"CodeContentUpdate": {"TextContentUpdate": code}}}}
        return self.client.update_application(ApplicationName=name, CurrentApplicationVersionId=version, **update)


def error(call, *arguments, **options):
    """(code, text) of the error that a call ends with."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(*arguments, **options)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


# Fixtures: tests import those that they use.


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def api(riacho, request):
    return Api(riacho, request.param)


@pytest.fixture
def v1(riacho):
    return Api(riacho, 1)


@pytest.fixture
def v2(riacho):
    return Api(riacho, 2)


@pytest.fixture
def app(riacho):
    """A name for an application, which is deleted afterwards."""
    name = f"a-{uuid.uuid4().hex[:12]}"
    yield name
    with contextlib.suppress(Exception):
        Api(riacho, 2).delete(name)


def records_of(client, stream):
    """Every record of a stream, of all its shards."""
    shards = client.list_shards(StreamName=stream)["Shards"]
    return [record for shard in shards for record in read_all(client, stream, shard["ShardId"])]


def rows_of(client, stream):
    """The rows that were sent to a stream, each once, by its partition key; whatever came twice must be the same twice."""
    rows = {}
    for record in records_of(client, stream):
        assert rows.setdefault(record["PartitionKey"], record["Data"]) == record["Data"]
    return [json.loads(data) for data in rows.values()]


def wait_rows(client, stream, done, timeout=30):
    """Polls until done(rows); returns the rows."""
    deadline = time.monotonic() + timeout
    while True:
        rows = rows_of(client, stream)
        if done(rows):
            return rows
        assert time.monotonic() < deadline, rows
        time.sleep(0.05)
