"""The commands of docs/walkthrough-cli.md, for the tests that run them."""

import re

from conftest import ROOT


def cli_script():
    """The commands of the document for version 2 of the CLI, as a script, without its environment settings."""
    text = (ROOT / "docs" / "walkthrough-cli.md").read_text()
    blocks = [block for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "export" not in block and "4968..." not in block]
    script = "".join(blocks)
    assert script.count("aws kinesis") >= 6
    return script


def check_cli_output(out):
    assert '"ShardId": "shardId-000000000000"' in out
    assert '{"id_vendedor": 1, "nome": "Ana"}' in out
    assert '"MillisBehindLatest": 0' in out
