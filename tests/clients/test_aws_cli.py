"""The AWS CLI, with the commands of docs/walkthrough-cli.md."""

import json
import os
import subprocess
import sys

import pytest
from walkthrough import check_cli_output, cli_script

AWS = os.path.join(os.path.dirname(sys.executable), "aws")


@pytest.fixture
def shell(riacho_server):
    server = riacho_server()
    environment = os.environ | {"AWS_ENDPOINT_URL_KINESIS": server.url, "AWS_ACCESS_KEY_ID": "my-key", "AWS_SECRET_ACCESS_KEY": "s",
                                "AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": "", "PATH": f"{os.path.dirname(AWS)}:{os.environ['PATH']}"}

    def run(script, status=0):
        done = subprocess.run(["bash", "-euc", script], env=environment, capture_output=True, text=True, timeout=110, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout if status == 0 else done.stderr

    return run


def test_the_walk_through(shell):
    # Version 1 of the CLI, from PyPI, takes the text unchanged, as the document states.
    check_cli_output(shell(cli_script().replace("--cli-binary-format raw-in-base64-out ", "")))


def test_errors_and_paging(shell):
    assert "ResourceNotFoundException" in shell("aws kinesis describe-stream --stream-name missing", status=255)
    shell("for i in 1 2 3; do aws kinesis create-stream --stream-name s$i --stream-mode-details StreamMode=ON_DEMAND; done")
    names = json.loads(shell("aws kinesis list-streams --page-size 1"))["StreamNames"]
    assert names == ["s1", "s2", "s3"]


def test_the_endpoint_as_a_flag(riacho):
    environment = os.environ | {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1"}
    for flags in (["--endpoint-url", riacho.url], ["--endpoint-url", riacho.tls_url, "--ca-bundle", riacho.certificate]):
        done = subprocess.run([AWS, *flags, "kinesis", "describe-limits"], env=environment, capture_output=True, text=True, timeout=60,
                              check=False)
        assert done.returncode == 0, done.stderr
        assert "OpenShardCount" in json.loads(done.stdout)
