"""What `make run` shows and prints, as a reader would use it: every printed line is run."""

import os
import re
import signal
import subprocess
import sys
import urllib.request

import boto3
import pytest
from conftest import BINARY, ROOT

VENV = os.path.dirname(sys.executable)
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
# Nothing of AWS is set, and a proxy that does not answer stands between this machine and the world.
BARE = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RIACHO_", "LC_", "LANG"))}
BARE |= {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
LANGUAGES = {
    "en": ("C.UTF-8", "demo", {"demo", "demo_sales", "demo_totals"}, "was already there"),
    "pt": ("pt_BR.UTF-8", "demonstracao", {"demonstracao", "demonstracao_vendas", "demonstracao_totais"}, "já existia"),
}

pytestmark = pytest.mark.skipif(os.path.realpath(BINARY) != os.path.realpath(ROOT / "build" / "riacho"), reason="make run takes build/riacho")


class MakeRun:
    """A run of the script behind `make run`, up to its last words."""

    def __init__(self, locale, data_dir):
        environment = BARE | {"LC_ALL": locale, "RIACHO_LISTEN": "127.0.0.1:0", "RIACHO_DATA_DIR": str(data_dir), "PYTHONIOENCODING": "utf-8"}
        self.process = subprocess.Popen([sys.executable, "tools/tutorial.py"], cwd=ROOT, env=environment, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, encoding="utf-8")
        self.text = ""
        for line in self.process.stdout:
            self.text += line
            if "make notebooks" in line:
                break
        else:
            raise AssertionError(f"it ended with {self.process.wait()}:\n{self.text}")
        self.endpoint = re.search(r"http://127\.0\.0\.1:\d+", self.text)[0]
        # The indented lines of the closing words.
        closing = self.text[self.text.index(self.endpoint):]
        lines = re.findall(r"^  (\S.*)$", closing, re.MULTILINE)
        (self.film,) = (line for line in lines if line.startswith("http"))
        self.commands = [line for line in lines if not line.startswith("http")]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=40) == 0
        self.process.stdout.close()

    def streams(self):
        client = boto3.client("kinesis", endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
        return set(client.list_streams()["StreamNames"])


def run_lines(lines, path):
    (first,) = (line for line in lines if line.startswith("export NO_PROXY="))
    script = "\n".join([first, *(line for line in lines if line != first)])
    environment = BARE | {"PATH": path, "AWS_PAGER": "", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(["bash", "-euxc", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("language,path", [("en", f"{VENV}:{SYSTEM_PATH}"), ("pt", SYSTEM_PATH)], ids=["en-cli-1", "pt-cli-2"])
def test_every_printed_line_works(tmp_path, language, path):
    locale, stream, streams, already_there = LANGUAGES[language]
    version = subprocess.run(["sh", "-c", "aws --version"], env=BARE | {"PATH": path}, capture_output=True, text=True, check=False).stdout
    if not version.startswith("aws-cli/"):
        pytest.skip("needs version 2 of the AWS CLI outside the Python environment")
    with MakeRun(locale, tmp_path / "data") as run:
        assert run.streams() == streams, "the tutorial's streams are left to its reader"
        assert run.text.count("Célia") >= 3 and already_there not in run.text
        assert len(run.commands) == 6 and all(f"--endpoint-url {run.endpoint} " in line for line in run.commands if line.startswith("aws "))
        assert urllib.request.urlopen(run.film).read().startswith(b"#EXTM3U")
        out = run_lines(run.commands, path)
        assert f'"{stream}"' in out and "DeliveryStreamNames" in out
        assert '{"id_vendedor": 3, "nome": "Célia"}' in out, "riacho tail"
    with MakeRun(locale, tmp_path / "data") as run:
        assert already_there in run.text and run.streams() == streams
