"""What a data directory must fit to: its keyring, and the versions that wrote it."""

import secrets
import subprocess

import pytest
from conftest import BINARY, iterator, put_many, read_all, wait_active

KEYRING_REFUSED = 66


def start_again(server):
    """Starts a server that is expected to end by itself; returns exit code and last words."""
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
        return  # nothing is sealed, and the check value may not have reached the disk
    code, words = start_again(server)
    assert code == KEYRING_REFUSED and str(keyring) in words
    keyring.write_text(right)
    server.start()
    assert [r["Data"] for r in read_all(server.client(), name)] == [b"a", b"b"]


def test_a_lost_keyring_is_not_replaced_while_the_journal_holds_secrets(riacho_server):
    """The user is in the journal alone: the catalog's database does not exist yet when the server dies."""
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
    """AWS: a number of the deleted stream "did not come from this stream"; here within the same second, purged or not, restarted or not."""
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
