"""Version 2 of the AWS CLI, as packaged by Debian, runs the commands of docs/walkthrough-cli.md."""

import os
import subprocess

import pytest
from walkthrough import check_cli_output, cli_script

# The executable outside .venv: PyPI has only version 1.
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_walk_through(riacho_server, scheme):
    server = riacho_server()
    environment = os.environ | {"AWS_ACCESS_KEY_ID": "my-key", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1",
                                "AWS_PAGER": "", "PATH": SYSTEM_PATH}
    environment |= {"ENDPOINT": server.tls_url if scheme == "https" else server.url, "AWS_CA_BUNDLE": str(server.certificate)}
    version = subprocess.run(["aws", "--version"], env=environment, capture_output=True, text=True, check=True)
    assert version.stdout.startswith("aws-cli/2."), version.stdout
    # Debian's version is older than the environment variable for the endpoint.
    script = 'aws() { command aws --endpoint-url "$ENDPOINT" "$@"; }\n' + cli_script()
    done = subprocess.run(["bash", "-euc", script], env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    check_cli_output(done.stdout)
