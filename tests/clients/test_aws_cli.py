"""The AWS CLI, with the commands of docs/walkthrough-cli*.md: version 1 from PyPI, and version 2 as Debian packages it."""

import gzip
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from conftest import BINARY, ROOT
from walkthrough import ENDPOINT, check_cli_output, cli_script, commands

AWS = os.path.join(os.path.dirname(sys.executable), "aws")
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
pytestmark = pytest.mark.timeout(300)  # ten starts of the CLI, beside other tests


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


def bare(script, **environment):
    """Runs commands of a document in an environment that says nothing of AWS by itself."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(["bash", "-euc", script], env=kept | {"PATH": SYSTEM_PATH} | environment, cwd=ROOT, capture_output=True, text=True,
                          timeout=250, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def version_2():
    said = subprocess.run(["sh", "-c", "aws --version"], env=os.environ | {"PATH": SYSTEM_PATH}, capture_output=True, text=True, check=False)
    if not said.stdout.startswith("aws-cli/2."):
        pytest.skip("needs version 2 of the AWS CLI outside the Python environment")


def test_the_walk_through_with_version_1(riacho_server):
    check_cli_output(bare(cli_script("en", riacho_server().url, folder=os.path.dirname(AWS))))


@pytest.mark.parametrize("language,scheme", [("pt", "http"), ("en", "https")])
def test_the_walk_through_with_version_2(riacho_server, version_2, language, scheme):
    server = riacho_server()
    script = cli_script(language, server.tls_url if scheme == "https" else server.url)
    check_cli_output(bare(script, AWS_CA_BUNDLE=str(server.certificate)))


def test_the_commands_of_the_page_on_data_firehose(riacho_server, version_2):
    server = riacho_server()
    (script,) = re.findall(r"```sh\n(export.*?find riacho-data/buckets)\n```", (ROOT / "docs" / "firehose.md").read_text(), re.DOTALL)
    assert script.count(f"aws --endpoint-url {ENDPOINT} ") == script.count("aws ") == 2
    script = script.replace(ENDPOINT, server.url).replace("riacho-data", str(server.data_dir)).replace("build/riacho", BINARY)
    out = bare(script, RIACHO_DATA_DIR=str(server.data_dir))
    assert "RecordId" in out
    (file,) = re.findall(r"^\S+/buckets/files/sales/day=\S+\.gz$", out, re.MULTILINE)
    assert gzip.decompress(pathlib.Path(file).read_bytes()) == b'{"sale": 1}\n'


def test_both_languages_have_the_same_commands():
    words = {"iterador": "iterator", "ultimo": "last", "dados": "data", "minha-chave": "my-key", "meu-segredo": "my-secret"}
    portuguese = re.sub("|".join(words), lambda found: words[found[0]], commands("pt"))
    assert portuguese == commands("en")


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
