"""docs/compatibility.md promises what the code does: every operation of the model, with its state."""

import json
import pathlib
import re

repository = pathlib.Path(__file__).resolve().parents[2]


def test_the_table_lists_every_operation_with_its_state():
    model = json.loads((repository / "api/kinesis-2013-12-02/operations.json").read_text())["operations"]
    bound = set(re.findall(r"Bind(?:Stream)?<api::(\w+)", (repository / "src/streams/operations.cc").read_text()))
    text = (repository / "docs/compatibility.md").read_text()
    stated = dict(re.findall(r"^\| (\w+) \| (works|not yet) \|", text, re.MULTILINE))
    assert stated == {operation: "works" if operation in bound else "not yet" for operation in model}
    assert f"{len(model)} operations, of which {len(bound)} work" in text
