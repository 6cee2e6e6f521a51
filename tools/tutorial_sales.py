"""The second part of `make run`: a SQL application counts the sales of each seller in windows of ten seconds."""

import json
import random
import time

import boto3

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


class Names:
    """Of what this part creates; the tutorial's notebook has others."""

    def __init__(self, demo, speaks_portuguese):
        self.application = demo
        self.source = f"{demo}_vendas" if speaks_portuguese else f"{demo}_sales"
        self.destination = f"{demo}_totais" if speaks_portuguese else f"{demo}_totals"
        self.bucket = self.destination.replace("_", "-")


def create_delivery(firehose, names):
    """A delivery stream for the counts, into files below the data directory."""
    try:
        firehose.create_delivery_stream(
            DeliveryStreamName=names.destination, DeliveryStreamType="DirectPut",
            ExtendedS3DestinationConfiguration={"RoleARN": "arn:aws:iam::000000000000:role/tutorial", "BucketARN": f"arn:aws:s3:::{names.bucket}",
                                                "BufferingHints": {"IntervalInSeconds": 1, "SizeInMBs": 1}})
    except firehose.exceptions.ResourceInUseException:
        pass
    while True:
        shown = firehose.describe_delivery_stream(DeliveryStreamName=names.destination)["DeliveryStreamDescription"]
        if shown["DeliveryStreamStatus"] == "ACTIVE":
            return shown["DeliveryStreamARN"]
        time.sleep(0.1)


def create(kinesis, analytics, firehose, names):
    arns = {"files": create_delivery(firehose, names)}
    for stream in (names.source, names.destination):
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
            ApplicationName=names.application, RuntimeEnvironment="SQL-1_0", ServiceExecutionRole="arn:aws:iam::000000000000:role/tutorial",
            ApplicationConfiguration={
                "SqlApplicationConfiguration": {
                    "Inputs": [{"NamePrefix": "ENTRADA", "KinesisStreamsInput": {"ResourceARN": arns[names.source]}, "InputSchema": schema}],
                    "Outputs": [{"Name": "VENDAS_POR_VENDEDOR", "KinesisStreamsOutput": {"ResourceARN": arns[names.destination]},
                                 "DestinationSchema": {"RecordFormatType": "JSON"}},
                                {"Name": "VENDAS_POR_VENDEDOR", "KinesisFirehoseOutput": {"ResourceARN": arns["files"]},
                                 "DestinationSchema": {"RecordFormatType": "JSON"}}]},
                "ApplicationCodeConfiguration": {"CodeContentType": "PLAINTEXT", "CodeContent": {"TextContent": SQL}}})
    except analytics.exceptions.ResourceInUseException:
        pass


def start(analytics, names):
    describe = lambda: analytics.describe_application(ApplicationName=names.application)["ApplicationDetail"]
    detail = describe()
    if detail["ApplicationStatus"] == "READY":
        inputs = detail["ApplicationConfigurationDescription"]["SqlApplicationConfigurationDescription"]["InputDescriptions"]
        analytics.start_application(ApplicationName=names.application, RunConfiguration={"SqlRunConfigurations": [{
            "InputId": inputs[0]["InputId"], "InputStartingPositionConfiguration": {"InputStartingPosition": "NOW"}}]})
    while describe()["ApplicationStatus"] != "RUNNING":
        time.sleep(0.1)


def show(endpoint, demo, speaks_portuguese):
    """Sells, and prints what the application has counted of it."""
    names = Names(demo, speaks_portuguese)
    kinesis, analytics = connect(endpoint, "kinesis"), connect(endpoint, "kinesisanalyticsv2")
    create(kinesis, analytics, connect(endpoint, "firehose"), names)
    start(analytics, names)
    iterator = kinesis.get_shard_iterator(StreamName=names.destination, ShardId="shardId-000000000000", ShardIteratorType="LATEST")["ShardIterator"]
    text = "{} vendas -> {} -> aplicação SQL {} -> {} e arquivos do bucket {} (até dez segundos)" if speaks_portuguese else \
        "{} sales -> {} -> SQL application {} -> {} and files of the bucket {} (up to ten seconds)"
    print("\n" + text.format(sales, names.source, names.application, names.destination, names.bucket), flush=True)
    for _ in range(sales):
        # Multiples of 0.25: their sums are exact, and short when they are printed.
        data = {"nome": random.choice(sellers), "valor": random.randrange(20, 2000) / 4}
        kinesis.put_record(StreamName=names.source, Data=json.dumps(data, ensure_ascii=False), PartitionKey=data["nome"])
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
