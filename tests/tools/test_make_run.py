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

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
# Nothing of AWS is set, and a proxy that does not answer stands between this machine and the world.
BARE = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RIACHO_", "LC_", "LANG"))}
BARE |= {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
READMES = {"en": "README.md", "pt": "README.pt-BR.md"}
LANGUAGES = {
    "en": ("C.UTF-8", "demo", {"demo", "demo_sales", "demo_totals"}, "was already there"),
    "pt": ("pt_BR.UTF-8", "demonstracao", {"demonstracao", "demonstracao_vendas", "demonstracao_totais"}, "já existia"),
}

pytestmark = [
    pytest.mark.skipif(os.path.realpath(BINARY) != os.path.realpath(ROOT / "build" / "riacho"), reason="make run takes build/riacho"),
    pytest.mark.timeout(400),  # two runs and many programs, beside other tests
]


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


def assert_transcript(language, text):
    """The README shows lines of this output; numbers and who sold what differ."""

    def masked(line):
        return re.sub(r'"nome":"\w+"', '"nome":"-"', re.sub(r"\d+(\.\d+)?", "0", line.rstrip()))

    (block,) = re.findall(r"```\n\$ make run\n(.*?)```", (ROOT / READMES[language]).read_text(), re.DOTALL)
    shown = [line for line in block.splitlines() if line not in ("...", "")]
    assert len(shown) > 8
    printed = {masked(line) for line in text.splitlines()}
    assert not [line for line in shown if masked(line) not in printed]


def run_lines(lines, path, version):
    """Runs the lines as they stand; the one that gets `aws` only if that is the one to test."""
    script = "\n".join(line for line in lines if version == 1 or "awscli" not in line)
    environment = BARE | {"PATH": path, "AWS_PAGER": "", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(["bash", "-euxc", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("language,version", [("en", 1), ("pt", 2)])
def test_every_printed_line_works(tmp_path, language, version):
    locale, stream, streams, already_there = LANGUAGES[language]
    if version == 2:
        said = subprocess.run(["sh", "-c", "aws --version"], env=BARE | {"PATH": SYSTEM_PATH}, capture_output=True, text=True, check=False).stdout
        if not said.startswith("aws-cli/2."):
            pytest.skip("needs version 2 of the AWS CLI outside the Python environment")
    with MakeRun(locale, tmp_path / "data") as run:
        assert run.streams() == streams, "the tutorial's streams are left to its reader"
        assert run.text.count("Célia") >= 3 and already_there not in run.text
        assert len(run.commands) == 8 and all(f"--endpoint-url {run.endpoint} " in line for line in run.commands if line.startswith("aws "))
        assert urllib.request.urlopen(run.film).read().startswith(b"#EXTM3U")
        assert_transcript(language, run.text.replace(str(tmp_path / "data"), "./riacho-data"))
        out = run_lines(run.commands, SYSTEM_PATH, version)
        assert f'"{stream}"' in out and "DeliveryStreamNames" in out
        assert '{"id_vendedor": 3, "nome": "Célia"}' in out and '{"id_vendedor": 6, "nome": "Flávia"}' in out, "riacho tail"
    with MakeRun(locale, tmp_path / "data") as run:
        assert already_there in run.text and run.streams() == streams
