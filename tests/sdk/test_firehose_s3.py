"""Delivery to the Versity S3 gateway, which checks what s3rver and moto do not: signatures and the payload's hash."""

import pytest

import programs
from firehose import stores
from firehose.delivery import create, lines_of, numbered, put_all, wait_for_lines, wait_for_log, wait_for_objects


@pytest.fixture
def gateway():
    store = stores.VersityGateway(programs.build_versitygw())
    try:
        yield store.start().make_bucket()
    finally:
        store.close()


def test_objects_are_signed_and_whole(riacho_server, gateway, name):
    """Keys with what has to be encoded, compressed and not; a redo after a crash finds its object there."""
    server = riacho_server(environment=gateway.environment)
    firehose = server.client(service="firehose")
    create(firehose, name, gateway.bucket, CompressionFormat="GZIP", Prefix="a b/!{timestamp:'y='yyyy}/é+%~()/", ErrorOutputPrefix="e/!{firehose:error-output-type}/")
    create(firehose, f"{name}-plain", gateway.bucket)
    records = numbered(2_000)
    put_all(firehose, name, records[:1_000])
    put_all(firehose, f"{name}-plain", records[1_000:])
    assert sorted(wait_for_lines(gateway, 2_000)) == sorted(record.strip() for record in records)
    assert any(key.startswith("a b/y=20") and key.endswith(".gz") and "/é+%~()/" in key for key in gateway.objects())


def test_wrong_keys_are_refused_and_right_ones_from_a_file_are_found(riacho_server, gateway, name, tmp_path):
    credentials = tmp_path / "credentials"
    credentials.write_text(f"[default]\naws_access_key_id = {gateway.keys[0]}\naws_secret_access_key = wrong\n")
    environment = {"AWS_ENDPOINT_URL_S3": gateway.url, "AWS_SHARED_CREDENTIALS_FILE": str(credentials), "AWS_ACCESS_KEY_ID": "",
                   "AWS_SECRET_ACCESS_KEY": ""}
    server = riacho_server(environment=environment)
    firehose = server.client(service="firehose")
    create(firehose, name, gateway.bucket)
    put_all(firehose, name, numbered(10))
    wait_for_log(server, "SignatureDoesNotMatch")
    assert not gateway.objects()
    credentials.write_text(f"[default]\naws_access_key_id = {gateway.keys[0]}\naws_secret_access_key = {gateway.keys[1]}\n")
    objects = wait_for_objects(gateway, lambda objects: len(lines_of(objects)) >= 10, timeout=90)
    assert len(objects) == 1
