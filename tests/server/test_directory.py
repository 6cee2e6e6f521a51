"""Compatibility of a data directory: with its keyring, and with older and newer versions."""

import base64
import json
import pathlib
import secrets
import sqlite3
import subprocess
import time

import pytest
from conftest import BINARY, iterator, put_many, read_all, wait_active

DAMAGED, KEYRING_REFUSED = 65, 66
GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
RECORDS_LAST_S = 8760 * 3600


def start_again(server):
    """Starts a server that is expected to exit; returns exit code and last log lines."""
    command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--data-dir", str(server.data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("ending", ["stopped", "killed"])
@pytest.mark.parametrize("what", ["user", "encryption", "stream"])
def test_a_valid_keyring_of_another_directory_is_refused(riacho_server, name, what, ending):
    server = riacho_server()
    client = server.client()
    client.create_stream(StreamName=name, ShardCount=1)
    wait_active(client, name)
    if what == "user":
        server.user("add", "ana")
    if what == "encryption":
        client.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId="alias/k")
        wait_active(client, name)
    put_many(client, name, [b"a", b"b"])
    if ending == "stopped":
        server.stop()
    else:
        server.kill()
    keyring = server.data_dir / "keyring"
    right = keyring.read_text()
    keyring.write_text(secrets.token_hex(32) + "\n")
    if what == "stream" and ending == "killed":
        return  # nothing is sealed, and the check value may not be on the disk yet
    code, words = start_again(server)
    assert code == KEYRING_REFUSED and str(keyring) in words
    keyring.write_text(right)
    server.start()
    assert [r["Data"] for r in read_all(server.client(), name)] == [b"a", b"b"]


def test_a_lost_keyring_is_not_replaced_while_the_journal_holds_secrets(riacho_server):
    """The user is only in the journal: the catalog's database does not exist yet when the server is killed."""
    server = riacho_server()
    server.user("add", "ana")
    server.kill()
    for file in server.data_dir.glob("catalog.sqlite*"):
        file.unlink()
    (server.data_dir / "keyring").unlink()
    code, _ = start_again(server)
    assert code == KEYRING_REFUSED
    assert not (server.data_dir / "keyring").exists()


def test_numbers_of_a_stream_created_again_are_its_own_across_restarts(riacho_server, name):
    """AWS: a number of the deleted stream "did not come from this stream"; here re-created within the same second, purged or not, restarted or not."""
    server = riacho_server("--transition-delay", "0")
    old_numbers, consumers, created = [], [], set()
    for round_ in range(6):
        client = server.client()
        client.create_stream(StreamName=name, ShardCount=1)
        summary = wait_active(client, name)
        created.add(summary["StreamCreationTimestamp"])
        arn = summary["StreamARN"]
        consumers.append(client.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"])
        for number in old_numbers:
            with pytest.raises(client.exceptions.InvalidArgumentException, match="did not come from this stream"):
                iterator(client, name, kind="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=number)
        old_numbers += put_many(client, name, [b"x"])
        client.delete_stream(StreamName=name, EnforceConsumerDeletion=True)
        if round_ % 2:
            server.kill()
            server.start()
    assert len(created) == len(set(consumers)) == 6


def unpack(name, directory):
    directory.mkdir(mode=0o700)
    subprocess.run(["tar", "-xJf", str(GOLDEN / f"{name}.tar.xz"), "-C", str(directory)], check=True)
    return json.loads((GOLDEN / f"{name}.json").read_text())


def database_of(server):
    return sqlite3.connect(server.data_dir / "catalog.sqlite")


def call(raw, operation, **body):
    reply = raw.call(operation, body)
    assert reply.status == 200, reply.body
    return reply.json if reply.body else {}


def receive_all(raw, queue, dead=""):
    """All records that a queue delivers, without acknowledging them."""
    data = []
    while records := call(raw, f"Receive{dead}QueueRecords", QueueARN=queue, Limit=10, VisibilityTimeoutSeconds=600)["QueueRecords"]:
        data += [base64.b64decode(record["Data"]).decode() for record in records]
    return sorted(data)


def check_golden(server, facts):
    client, raw = server.client(), server.raw()
    assert set(client.list_streams()["StreamNames"]) == {"plain", "sealed", "load", "last"}
    shards = client.list_shards(StreamName="plain")["Shards"]
    assert [shard.get("ParentShardId") for shard in shards] == [None, None, "shardId-000000000000", "shardId-000000000000"]
    tags = {tag["Key"]: tag["Value"] for tag in client.list_tags_for_stream(StreamName="plain")["Tags"]}
    assert tags == {"team": "a"}
    arn = client.describe_stream_summary(StreamName="plain")["StreamDescriptionSummary"]["StreamARN"]
    assert [c["ConsumerARN"] for c in client.list_stream_consumers(StreamARN=arn)["Consumers"]] == [facts["consumer"]]
    (user,) = server.user("list")
    assert user["user"] == "ana" and user["access_key_id"] == facts["user"]["access_key_id"]
    tags = {tag["Key"]: tag["Value"] for tag in call(raw, "ListTagsForResource", ResourceARN=facts["queue"])["Tags"]}
    assert tags == {"env": "golden", "late": "yes"}
    assert call(raw, "DescribeChannel", ChannelARN=facts["channel"])["ChannelDescription"]["ChannelName"] == "archive"
    if time.time() > facts["made_at"] + RECORDS_LAST_S:
        return  # the records have expired, as they should
    assert [r["Data"] for r in read_all(client, "sealed")] == [b"secret%d" % i for i in range(5)]
    found = sorted(r["Data"] for shard in shards for r in read_all(client, "plain", shard["ShardId"]))
    assert found == sorted([b"p%d" % i for i in range(20)] + [b"q%d" % i for i in range(20)])
    open_jobs = {f"job{i:02}" for i in range(30)} - set(facts["acknowledged"]) - set(facts["dead"])
    assert receive_all(raw, facts["queue"]) == sorted(open_jobs)
    assert receive_all(raw, facts["queue"], "DeadLetter") == facts["dead"]


def test_a_directory_of_version_1_is_opened_and_upgraded(riacho_server, tmp_path):
    facts = unpack("data-directory-v1", tmp_path / "data")
    verified = subprocess.run([BINARY, "verify", "--data-dir", str(tmp_path / "data")], capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout
    server = riacho_server(data_dir=tmp_path / "data")
    check_golden(server, facts)
    assert server.stop() == 0
    with database_of(server) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (2,)
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert tables == {"meta", "streams", "credentials", "objects", "progress"}
        assert database.execute("SELECT COUNT(*) FROM objects").fetchone() == (2,)
    server.start()
    check_golden(server, facts)


def test_an_upgrade_that_is_cut_short_begins_again(riacho_server, tmp_path):
    facts = unpack("data-directory-v1", tmp_path / "data")
    server = riacho_server(data_dir=tmp_path / "data")
    server.client().create_stream(StreamName="new", ShardCount=1)
    server.kill()
    server.start()
    server.client().delete_stream(StreamName="new")
    while "new" in server.client().list_streams()["StreamNames"]:
        time.sleep(0.01)
    check_golden(server, facts)


def test_a_directory_of_a_later_version_is_refused_with_both_versions(riacho_server, name):
    server = riacho_server()
    server.client().create_stream(StreamName=name, ShardCount=1)
    wait_active(server.client(), name)
    server.stop()
    with database_of(server) as database:
        database.execute("PRAGMA user_version = 9")
    code, words = start_again(server)
    assert code == DAMAGED and "format 9" in words and "1 to 2" in words
