"""The commands of docs/walkthrough-cli*.md, for the tests that run them."""

import re

from conftest import ROOT

ENDPOINT = "http://127.0.0.1:4566"
DOCUMENTS = {"en": "docs/walkthrough-cli.md", "pt": "docs/walkthrough-cli.pt-BR.md"}


def commands(language):
    """All commands of the document, as a script."""
    script = "".join(re.findall(r"```sh\n(.*?)```", (ROOT / DOCUMENTS[language]).read_text(), re.DOTALL))
    assert script.count(" kinesis ") == 10
    return script


def cli_script(language, endpoint, folder=None):
    """The commands for a server at `endpoint`. folder: where `aws` is; if absent, the document's line for that is left out."""
    script = commands(language)
    path = 'export PATH="$PWD/.venv/bin:$PATH"\n'
    assert script.count(path) == 1
    script = script.replace(path, f'export PATH="{folder}:$PATH"\n' if folder else "")
    # Debian 12's CLI knows no variable for the endpoint: a call without the flag would go to AWS.
    assert script.count(f"aws --endpoint-url {ENDPOINT} ") == len(re.findall(r"\baws ", script))
    return script.replace(ENDPOINT, endpoint)


def check_cli_output(out):
    assert '"ShardId": "shardId-000000000000"' in out
    assert '{"id_vendedor": 1, "nome": "Ana"}' in out
    assert '"MillisBehindLatest": 0' in out
    assert out.rstrip().endswith("}"), "the last iterator"
