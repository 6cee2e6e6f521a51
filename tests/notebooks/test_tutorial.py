"""Executes the tutorial's notebooks as a reader would, each language against a server of its own."""

import ast
import pathlib
import re

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient

NOTEBOOKS = {"pt": ("produtor", "consumidor_1", "consumidor_2"), "en": ("producer", "consumer_1", "consumer_2")}
SEQUENCE_NUMBER = re.compile(r"\b\d{56}\b")


def execute(path, endpoint, monkeypatch):
    monkeypatch.setenv("RIACHO_ENDPOINT", endpoint)
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}).execute()
    return notebook


def printed(notebook):
    """The printed output of all cells, as text."""
    texts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            texts.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(texts)


def records(text):
    """[(sequence number, seller)] of the lines with a record."""
    return [(SEQUENCE_NUMBER.search(line)[0], ast.literal_eval(line[line.index("{"):line.rindex("}") + 1]))
            for line in text.splitlines() if SEQUENCE_NUMBER.search(line) and "{" in line]


@pytest.mark.parametrize("language", NOTEBOOKS)
def test_what_is_produced_reaches_both_consumers(riacho_server, monkeypatch, language):
    server = riacho_server()
    folder = pathlib.Path(ROOT, "tutorial", language)
    producer, first, second = (printed(execute(folder / f"{name}.ipynb", server.url, monkeypatch)) for name in NOTEBOOKS[language])
    assert "shardId-000000000000" in producer
    numbers = SEQUENCE_NUMBER.findall(producer)
    assert len(numbers) == 5 and sorted(numbers) == numbers
    assert len(records(producer)) == 4  # the first reply is printed without its record
    assert [number for number, _ in records(first)] == numbers
    assert records(first)[1:] == records(producer)
    seen_by_second = {number for number, _ in records(second)} or set(SEQUENCE_NUMBER.findall(second))
    assert seen_by_second == set(numbers)
    assert len({seller["id_vendedor"] if "id_vendedor" in seller else seller["seller_id"] for _, seller in records(first)}) == 5


@pytest.mark.parametrize("language,name,folder", [("en", "files", "sales"), ("pt", "arquivos", "vendas")])
def test_sales_are_delivered_into_files_and_counted(riacho_server, monkeypatch, language, name, folder):
    server = riacho_server()
    monkeypatch.setenv("RIACHO_DATA_DIR", str(server.data_dir))
    text = printed(execute(pathlib.Path(ROOT, "tutorial", language, f"{name}.ipynb"), server.url, monkeypatch))
    assert "(0, 100)" in text
    assert re.search(rf"buckets/tutorial/{folder}/d\w+=20\d\d-\d\d-\d\d/\S+\.gz \d+ bytes", text)
    totals = {row[0]: row[1:] for row in re.findall(r"│ (\w+)\s+│\s+(\d+) │\s+(\d+) │", text)}
    assert set(totals) == {"Ana", "Bruno", "Célia", "Davi", "Eduarda"}
    assert all(count == "20" for count, _ in totals.values())
    assert sum(int(total) for _, total in totals.values()) == sum(10 + number % 7 for number in range(100))


@pytest.mark.parametrize("path", ["en/sales_per_seller.ipynb", "pt/vendas_por_vendedor.ipynb"])
def test_the_sales_are_counted(riacho_server, monkeypatch, path):
    server = riacho_server()
    for _ in range(2):  # run again, it goes on with what is there
        text = printed(execute(pathlib.Path(ROOT, "tutorial", path), server.url, monkeypatch))
        rows = [ast.literal_eval(line) for line in text.splitlines() if line.startswith("{'nome'")]
        assert sum(row["vendas"] for row in rows) == 50 and all(row["total"] > 0 for row in rows)
        assert {row["nome"] for row in rows} <= {"Ana", "Bruno", "Célia", "Davi", "Eduarda"}
        assert "50 " in text and "'RUNNING'" in text and "'READY'" in text
