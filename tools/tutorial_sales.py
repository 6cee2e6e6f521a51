"""The second part of `make run`: a SQL application counts the sales of each seller in windows of ten seconds."""

import json
import random
import time

import boto3

source, destination, application = "vendas", "vendas_por_vendedor", "vendas-por-vendedor"
bucket = "vendas-por-vendedor"
sellers = ["Ana", "Bruno", "Célia", "Davi", "Eduarda"]
sales = 40
wait_seconds_max = 30
SQL = """CREATE OR REPLACE STREAM "VENDAS_POR_VENDEDOR" ("nome" VARCHAR(16), "vendas" INTEGER, "total" DOUBLE);
CREATE OR REPLACE PUMP "CONTA" AS INSERT INTO "VENDAS_POR_VENDEDOR"
SELECT STREAM "nome", COUNT(*), SUM("valor") FROM "ENTRADA_001"
GROUP BY "nome", STEP("ENTRADA_001".ROWTIME BY INTERVAL '10' SECOND);"""


def connect(endpoint, service):
    return boto3.client(service, aws_access_key_id="my-key", aws_secret_access_key="my-secret", region_name="us-east-1",
                        endpoint_url=endpoint)


def create_delivery(firehose):
    """A delivery stream for the counts, into files below the data directory."""
    try:
        firehose.create_delivery_stream(
            DeliveryStreamName=destination, DeliveryStreamType="DirectPut",
            ExtendedS3DestinationConfiguration={"RoleARN": "arn:aws:iam::000000000000:role/tutorial", "BucketARN": f"arn:aws:s3:::{bucket}",
                                                "BufferingHints": {"IntervalInSeconds": 1, "SizeInMBs": 1}})
    except firehose.exceptions.ResourceInUseException:
        pass
    while True:
        shown = firehose.describe_delivery_stream(DeliveryStreamName=destination)["DeliveryStreamDescription"]
        if shown["DeliveryStreamStatus"] == "ACTIVE":
            return shown["DeliveryStreamARN"]
        time.sleep(0.1)


def create(kinesis, analytics, firehose):
    arns = {"files": create_delivery(firehose)}
    for stream in (source, destination):
        try:
            kinesis.create_stream(StreamName=stream, ShardCount=1)
        except kinesis.exceptions.ResourceInUseException:
            pass
        kinesis.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1})
        arns[stream] = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    columns = [{"Name": name, "Mapping": f"$.{name}", "SqlType": kind} for name, kind in (("nome", "VARCHAR(16)"), ("valor", "DOUBLE"))]
    schema = {"RecordFormat": {"RecordFormatType": "JSON", "MappingParameters": {"JSONMappingParameters": {"RecordRowPath": "$"}}},
              "RecordColumns": columns}
    try:
        analytics.create_application(
            ApplicationName=application, RuntimeEnvironment="SQL-1_0", ServiceExecutionRole="arn:aws:iam::000000000000:role/tutorial",
            ApplicationConfiguration={
                "SqlApplicationConfiguration": {
                    "Inputs": [{"NamePrefix": "ENTRADA", "KinesisStreamsInput": {"ResourceARN": arns[source]}, "InputSchema": schema}],
                    "Outputs": [{"Name": "VENDAS_POR_VENDEDOR", "KinesisStreamsOutput": {"ResourceARN": arns[destination]},
                                 "DestinationSchema": {"RecordFormatType": "JSON"}},
                                {"Name": "VENDAS_POR_VENDEDOR", "KinesisFirehoseOutput": {"ResourceARN": arns["files"]},
                                 "DestinationSchema": {"RecordFormatType": "JSON"}}]},
                "ApplicationCodeConfiguration": {"CodeContentType": "PLAINTEXT", "CodeContent": {"TextContent": SQL}}})
    except analytics.exceptions.ResourceInUseException:
        pass


def start(analytics):
    describe = lambda: analytics.describe_application(ApplicationName=application)["ApplicationDetail"]
    detail = describe()
    if detail["ApplicationStatus"] == "READY":
        inputs = detail["ApplicationConfigurationDescription"]["SqlApplicationConfigurationDescription"]["InputDescriptions"]
        analytics.start_application(ApplicationName=application, RunConfiguration={"SqlRunConfigurations": [{
            "InputId": inputs[0]["InputId"], "InputStartingPositionConfiguration": {"InputStartingPosition": "NOW"}}]})
    while describe()["ApplicationStatus"] != "RUNNING":
        time.sleep(0.1)


def show(endpoint):
    """Sells, and prints what the application has counted of it."""
    kinesis, analytics = connect(endpoint, "kinesis"), connect(endpoint, "kinesisanalyticsv2")
    create(kinesis, analytics, connect(endpoint, "firehose"))
    start(analytics)
    iterator = kinesis.get_shard_iterator(StreamName=destination, ShardId="shardId-000000000000", ShardIteratorType="LATEST")["ShardIterator"]
    print(f"\n{sales} sales -> {source} -> SQL application {application} -> {destination} and files of the bucket {bucket}")
    for _ in range(sales):
        data = {"nome": random.choice(sellers), "valor": round(random.uniform(5, 500), 2)}
        kinesis.put_record(StreamName=source, Data=json.dumps(data), PartitionKey=data["nome"])
    counted, deadline = 0, time.monotonic() + wait_seconds_max
    while counted < sales:
        reply = kinesis.get_records(ShardIterator=iterator)
        iterator = reply["NextShardIterator"]
        for record in reply["Records"]:
            counted += json.loads(record["Data"])["vendas"]
            print(f"  {record['Data'].decode()}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{counted} of {sales} sales were counted")
        time.sleep(0.1)
