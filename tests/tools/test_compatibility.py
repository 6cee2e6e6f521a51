"""docs/compatibility/ agrees with the code: every operation of every model, with its state."""

import json
import pathlib
import re

import pytest

repository = pathlib.Path(__file__).resolve().parents[2]
PAGES = {
    "data-streams.md": ["kinesis-2013-12-02"],
    "firehose.md": ["firehose-2015-08-04"],
    "analytics.md": ["kinesisanalytics-2015-08-14", "kinesisanalyticsv2-2018-05-23"],
    "video.md": ["kinesisvideo-2017-09-30", "kinesis-video-media-2017-09-30", "kinesis-video-archived-media-2017-09-30",
                 "kinesis-video-signaling-2019-12-04", "kinesis-video-webrtc-storage-2018-05-10"],
}


def operations(folder):
    model = json.loads((repository / "api" / folder / "operations.json").read_text())["operations"]
    corrections = json.loads((repository / "api" / folder / "corrections.json").read_text())
    return sorted({**model, **corrections.get("operations", {})})


def bound(folder):
    """The implemented operations: those that sources including the model's header bind."""
    namespace = json.loads((repository / "api" / folder / "corrections.json").read_text())["namespace"]
    names = set()
    for path in [*(repository / "src").glob("*/operations.cc"), *(repository / "src").glob("*/ops/v*.cc")]:
        text = path.read_text()
        if f'"aws/gen/{namespace}/operations.gen.h"' in text:
            names |= set(re.findall(r"Bind\w*<(?:\w+::)*(\w+),", text))
    return names & set(operations(folder))


@pytest.mark.parametrize("page", PAGES)
def test_the_tables_list_every_operation_with_its_state(page):
    text = (repository / "docs/compatibility" / page).read_text()
    stated = re.findall(r"^\| (\w+) \| (works|not yet) \|", text, re.MULTILINE)
    expected = [(name, "works" if name in bound(folder) else "not yet") for folder in PAGES[page] for name in operations(folder)]
    assert stated == expected


def test_the_numbers_are_right():
    def says(page, folders, form):
        text = " ".join((repository / "docs/compatibility" / page).read_text().split())
        total, done = sum(len(operations(f)) for f in folders), sum(len(bound(f)) for f in folders)
        assert form.format(total, done) in text, page

    says("data-streams.md", PAGES["data-streams.md"], "{} operations, of which {} work")
    says("firehose.md", PAGES["firehose.md"], "{} operations, of which {} work")
    says("video.md", PAGES["video.md"], "{} operations, of which {} work")
    for folder in PAGES["analytics.md"]:
        says("analytics.md", [folder], "({} operations, of which {} work;")


def test_every_model_has_a_page_and_every_page_a_link():
    models = {path.parent.name for path in (repository / "api").glob("*/operations.json")}
    assert models == {folder for folders in PAGES.values() for folder in folders}
    index = (repository / "docs/compatibility/README.md").read_text()
    assert set(re.findall(r"\((\S+\.md)\)", index)) == set(PAGES)
    assert {path.name for path in (repository / "docs/compatibility").glob("*.md")} == set(PAGES) | {"README.md"}


def test_the_conformance_list_of_applications_names_tests_that_exist():
    """All 98 items, each once."""
    table = (repository / "docs/compatibility/analytics.md").read_text().split("## Conformance")[1]
    items = []
    for numbers, tests in re.findall(r"^\| ([\d, to]+) \| [^|]+ \| ([^|]+) \|$", table, re.MULTILINE):
        for part in numbers.split(","):
            first, _, last = part.strip().partition(" to ")
            items += range(int(first), int(last or first) + 1)
        file = None
        for name in re.findall(r"`([^`]+)`", tests):
            path, _, test = name.partition("::")
            if path:
                folder = "tests/sql" if path.endswith((".test", "/")) else "" if path.startswith(("tests/", "src/")) else "tests/analytics"
                file = repository / folder / path
            assert file.exists(), name
            assert not test or f"def {test}(" in file.read_text(), name
    assert sorted(items) == list(range(1, 99))
