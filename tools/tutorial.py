"""Runs `make run` once riacho is built: starts a server, shows records flowing into consumers and files, and keeps serving.

What it shows is in resources of its own, whose names begin with `demo`, or `demonstracao` where the environment speaks Portuguese;
the tutorial's are left to its reader. The server's own settings (RIACHO_LISTEN, RIACHO_DATA_DIR and so on) apply. Ends with 0 after Ctrl-C, else
with the server's exit code.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import boto3

import put_media
import tutorial_sales
from surroundings import reach_this_machine_directly, speaks_portuguese

root = pathlib.Path(__file__).resolve().parent.parent
stream = "demonstracao" if speaks_portuguese else "demo"
sellers = ["Ana", "Bruno", "Célia", "Davi", "Eduarda"]
picture = root / "tutorial" / "media" / "picture.mkv"
start_seconds_max = 60
stop_seconds_max = 30
delivery_seconds_max = 30

closing = """
riacho serves Amazon Kinesis at {endpoint} (open it in a browser, too); its data is in {data_dir}.
The film plays in VLC, Safari or Chrome for twelve hours:

  {film}

In another terminal, in this folder. The first line if there is no `aws` yet, the second behind a proxy:

  .venv/bin/pip install awscli && export PATH="$PWD/.venv/bin:$PATH"
  export NO_PROXY=127.0.0.1,localhost

Then:

  export AWS_ACCESS_KEY_ID=my-key AWS_SECRET_ACCESS_KEY=my-secret AWS_DEFAULT_REGION=us-east-1
  aws --endpoint-url {endpoint} kinesis list-streams
  aws --endpoint-url {endpoint} firehose list-delivery-streams

or with riacho's own commands:

  build/riacho streams --endpoint {endpoint}
  build/riacho put {stream} '{{"id_vendedor": 6, "nome": "Flávia"}}' --endpoint {endpoint}
  build/riacho tail {stream} --endpoint {endpoint}

The tutorial's notebooks: `make notebooks` in another terminal. Ctrl-C stops riacho; the records stay.
"""
closing_portuguese = """
O riacho está no ar em {endpoint} (abra também no navegador); os dados ficam em {data_dir}.
O vídeo pode ser visto no VLC, no Safari ou no Chrome por doze horas:

  {film}

Em outro terminal, nesta pasta. A primeira linha é para quem ainda não tem o comando `aws`; a segunda, para quem usa proxy:

  .venv/bin/pip install awscli && export PATH="$PWD/.venv/bin:$PATH"
  export NO_PROXY=127.0.0.1,localhost

Para todos:

  export AWS_ACCESS_KEY_ID=minha-chave AWS_SECRET_ACCESS_KEY=meu-segredo AWS_DEFAULT_REGION=us-east-1
  aws --endpoint-url {endpoint} kinesis list-streams
  aws --endpoint-url {endpoint} firehose list-delivery-streams

ou com os comandos do próprio riacho:

  build/riacho streams --endpoint {endpoint}
  build/riacho put {stream} '{{"id_vendedor": 6, "nome": "Flávia"}}' --endpoint {endpoint}
  build/riacho tail {stream} --endpoint {endpoint}

Os notebooks do tutorial: `make notebooks` em outro terminal. Ctrl-C encerra o riacho; os registros continuam gravados.
"""


class Interrupted(Exception):
    pass


def interrupt(*_):
    raise Interrupted


def start_server():
    """The server's process and its endpoint; without an endpoint it has ended, and has printed the reason."""
    with tempfile.TemporaryDirectory() as directory:
        port_file = pathlib.Path(directory) / "port"
        server = subprocess.Popen([root / "build" / "riacho", "serve", "--port-file", port_file], cwd=root)
        try:
            deadline = time.monotonic() + start_seconds_max
            while server.poll() is None and time.monotonic() < deadline:
                text = port_file.read_text() if port_file.exists() else ""
                if text.strip():
                    return server, f"http://127.0.0.1:{int(text)}"
                time.sleep(0.01)
        except Interrupted:
            stop(server)
            raise
    return server, None


def stop(server):
    # Ctrl-C on a terminal has already sent the signal to the server; a second one is harmless.
    if server.poll() is None:
        server.terminate()
    try:
        return server.wait(stop_seconds_max)
    except subprocess.TimeoutExpired:
        server.kill()
        return server.wait()


def connect(endpoint, service="kinesis"):
    return boto3.client(service, aws_access_key_id="my-key", aws_secret_access_key="my-secret", region_name="us-east-1",
                        endpoint_url=endpoint)


def create_stream(kinesis):
    try:
        kinesis.create_stream(StreamName=stream, ShardCount=1)
    except kinesis.exceptions.ResourceInUseException:
        text = "o stream {} já existia: os registros desta execução entram depois dos que já estão nele" if speaks_portuguese else \
            "the stream {} was already there: the records of this run follow those that are in it"
        print("\n" + text.format(stream))
    kinesis.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1})


def produce(kinesis):
    """The sequence number of the first record in every shard that got one."""
    first = {}
    print(f"\n{'produtor' if speaks_portuguese else 'producer'} -> {stream}")
    for number, name in enumerate(sellers, 1):
        data = json.dumps({"id_vendedor": number, "nome": name}, ensure_ascii=False)
        reply = kinesis.put_record(StreamName=stream, Data=data, PartitionKey=str(number))
        first.setdefault(reply["ShardId"], reply["SequenceNumber"])
        print(f"  {data:<42} {reply['ShardId']}  {reply['SequenceNumber']}")
    return first


def consume(kinesis, title, first):
    """Reads from the first record of this run to the end of each shard; returns the number of records."""
    print(f"\n{title} <- {stream}")
    count = 0
    for shard_id, sequence_number in first.items():
        iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard_id, ShardIteratorType="AT_SEQUENCE_NUMBER",
                                              StartingSequenceNumber=sequence_number)["ShardIterator"]
        while iterator:
            reply = kinesis.get_records(ShardIterator=iterator, Limit=100)
            for record in reply["Records"]:
                count += 1
                print(f"  {record['Data'].decode():<42} {shard_id}  {record['SequenceNumber']}")
            if reply["MillisBehindLatest"] == 0:
                break
            iterator = reply["NextShardIterator"]
    return count


def delivery_configuration():
    newlines = {"Type": "AppendDelimiterToRecord", "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}]}
    return {"RoleARN": "arn:aws:iam::000000000000:role/firehose", "BucketARN": f"arn:aws:s3:::{stream}",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
            "ProcessingConfiguration": {"Enabled": True, "Processors": [newlines]}}


def create_delivery_stream(firehose):
    try:
        firehose.create_delivery_stream(DeliveryStreamName=stream, ExtendedS3DestinationConfiguration=delivery_configuration())
    except firehose.exceptions.ResourceInUseException:
        pass
    deadline = time.monotonic() + delivery_seconds_max
    while time.monotonic() < deadline:
        state = firehose.describe_delivery_stream(DeliveryStreamName=stream)["DeliveryStreamDescription"]["DeliveryStreamStatus"]
        if state == "ACTIVE":
            return
        time.sleep(0.05)
    raise RuntimeError(f"the delivery stream {stream} did not become active")


def deliver(endpoint, folder):
    """Puts the records into the delivery stream, and shows the files that come of them."""
    firehose = connect(endpoint, "firehose")
    create_delivery_stream(firehose)
    before = set(folder.rglob("*"))
    records = [{"Data": json.dumps({"id_vendedor": number, "nome": name}, ensure_ascii=False)} for number, name in enumerate(sellers, 1)]
    reply = firehose.put_record_batch(DeliveryStreamName=stream, Records=records)
    if reply["FailedPutCount"]:
        raise RuntimeError(f"{reply['FailedPutCount']} of {len(records)} records were refused")
    deadline = time.monotonic() + delivery_seconds_max
    lines = []
    while len(lines) < len(records):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(lines)} of {len(records)} records came to {folder}")
        time.sleep(0.05)
        files = sorted(path for path in set(folder.rglob("*")) - before if path.is_file())
        lines = [line for path in files for line in path.read_text().splitlines()]
    print(f"\n{'arquivos' if speaks_portuguese else 'files'} <- {stream}")
    for path in files:
        print(f"  {path}")
        for line in path.read_text().splitlines():
            print(f"    {line}")


def send_film(endpoint):
    """Sends the picture to a video stream; returns an address that plays it."""
    client = put_media.Client(endpoint, "my-key", "my-secret", region="us-east-1")
    try:
        client.call("/createStream", StreamName=stream, DataRetentionInHours=24)
    except RuntimeError as error:
        if "ResourceInUseException" not in str(error):
            raise
    print(f"\n{'câmera' if speaks_portuguese else 'camera'} -> {stream}")
    begin = int(time.time())
    for acknowledgement in client.upload(stream, start=begin).send_all(iter([picture.read_bytes()])):
        if acknowledgement["EventType"] == "ERROR":
            raise RuntimeError(f"the film was refused: {acknowledgement}")
        if acknowledgement["EventType"] == "PERSISTED":
            print(f"  PERSISTED  {acknowledgement['FragmentNumber']}")
    return client.call("/getHLSStreamingSessionURL", StreamName=stream, PlaybackMode="ON_DEMAND", Expires=43_200, HLSFragmentSelector={
        "FragmentSelectorType": "PRODUCER_TIMESTAMP",
        "TimestampRange": {"StartTimestamp": begin, "EndTimestamp": begin + 60}})["HLSStreamingSessionURL"]


def show(endpoint):
    kinesis = connect(endpoint)
    create_stream(kinesis)
    first = produce(kinesis)
    consumer = "consumidor" if speaks_portuguese else "consumer"
    for title in (f"{consumer} 1", f"{consumer} 2"):
        # Each consumer has its own connection and iterators, as two notebooks would.
        count = consume(connect(endpoint), title, first)
        if count < len(sellers):
            raise RuntimeError(f"{title} read {count} of {len(sellers)} records")
    tutorial_sales.show(endpoint, stream, speaks_portuguese)
    data_dir = os.environ.get("RIACHO_DATA_DIR", "./riacho-data")
    if not writes_elsewhere():
        deliver(endpoint, root / data_dir / "buckets" / stream)
    film = send_film(endpoint)
    text = closing_portuguese if speaks_portuguese else closing
    print(text.format(endpoint=endpoint, data_dir=data_dir, film=film, stream=stream), flush=True)


def writes_elsewhere():
    """Delivery streams write to an S3 server, whose files are not for us to show."""
    return bool(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("RIACHO_S3_ENDPOINT", "local") != "local")


def main():
    reach_this_machine_directly()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    server = None
    try:
        server, endpoint = start_server()
        if endpoint is None:
            return stop(server) or 1
        show(endpoint)
        return server.wait()
    except Interrupted:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        return stop(server) if server else 0
    except BaseException:
        if server:
            stop(server)
        raise


if __name__ == "__main__":
    sys.exit(main())
