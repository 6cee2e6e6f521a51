"""Tests of a program that uses Kinesis, with a riacho in a container: pip install boto3 pytest testcontainers."""

import json
import os

import boto3
import pytest


@pytest.fixture(scope="session")
def endpoint():
    """The URL of a server that exists as long as the tests run."""
    if running := os.environ.get("KINESIS_ENDPOINT"):
        yield running
        return
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import HttpWaitStrategy

    container = (DockerContainer(os.environ.get("RIACHO_IMAGE", "riacho:0.1.0"))
                 .with_exposed_ports(4566)
                 .with_env("RIACHO_INSECURE", "true")  # any keys will do; Testcontainers publishes the port on this machine
                 .waiting_for(HttpWaitStrategy(4566, "/health/ready").for_status_code(200)))
    with container:
        yield f"http://{container.get_container_host_ip()}:{container.get_exposed_port(4566)}"


@pytest.fixture
def kinesis(endpoint):
    return boto3.client("kinesis", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any")


@pytest.fixture
def stream(kinesis, request):
    """A stream of the test's own, so that tests do not see each other's records."""
    name = request.node.name
    kinesis.create_stream(StreamName=name, ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    yield name
    kinesis.delete_stream(StreamName=name)


def read(kinesis, stream):
    """Every record of the stream, by shard in order."""
    records = []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        position = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while position:
            reply = kinesis.get_records(ShardIterator=position)
            records += [json.loads(record["Data"]) for record in reply["Records"]]
            position = reply.get("NextShardIterator") if reply["MillisBehindLatest"] else None
    return records


def test_orders_of_a_customer_keep_their_order(kinesis, stream):
    orders = [{"customer": customer, "order": number} for number in range(10) for customer in ("ana", "bia")]
    for order in orders:
        kinesis.put_record(StreamName=stream, Data=json.dumps(order), PartitionKey=order["customer"])
    stored = read(kinesis, stream)
    for customer in ("ana", "bia"):
        assert [order["order"] for order in stored if order["customer"] == customer] == list(range(10))
