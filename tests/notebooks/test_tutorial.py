"""Executes the tutorial's notebooks as a reader would, each language against a server of its own."""

import ast
import json
import pathlib
import re

import nbclient.exceptions
import nbformat
import pytest
from conftest import ROOT, put_many, read_all, wait_active
from nbclient import NotebookClient

NOTEBOOKS = {"pt": ("produtor", "consumidor_1", "consumidor_2"), "en": ("producer", "consumer_1", "consumer_2")}
FOLDERS = {"pt": pathlib.Path(ROOT, "tutorial", "pt"), "en": pathlib.Path(ROOT, "tutorial", "en")}
ALL = sorted(path for folder in FOLDERS.values() for path in folder.glob("*.ipynb"))
pytestmark = pytest.mark.timeout(400)  # kernels start slowly beside other tests
SEQUENCE_NUMBER = re.compile(r"\b\d{56}\b")


def open_notebook(path, endpoint, monkeypatch):
    monkeypatch.setenv("RIACHO_ENDPOINT", endpoint)
    notebook = nbformat.read(path, as_version=4)
    return notebook, NotebookClient(notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}})


def replace(notebook, old, new):
    """Edits the code as a reader would."""
    (cell,) = (cell for cell in notebook.cells if cell["cell_type"] == "code" and old in cell["source"])
    cell["source"] = cell["source"].replace(old, new)


def execute(path, endpoint, monkeypatch, edit=None):
    notebook, client = open_notebook(path, endpoint, monkeypatch)
    if edit:
        replace(notebook, *edit)
    client.execute()
    return notebook


def refusal(path, endpoint, monkeypatch, edit=None):
    """What a reader sees of the error that ends the notebook."""
    notebook, client = open_notebook(path, endpoint, monkeypatch)
    if edit:
        replace(notebook, *edit)
    with pytest.raises(nbclient.exceptions.CellExecutionError):
        client.execute()
    (error,) = (output for cell in notebook.cells for output in cell.get("outputs", []) if output["output_type"] == "error")
    return "\n".join(error["traceback"])


def printed(notebook):
    """The printed output of all cells, as text."""
    texts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            texts.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(texts)


def records(text):
    """[(sequence number, seller)] of the lines with a record."""
    lines = (re.search(rf"({SEQUENCE_NUMBER.pattern}).*?(\{{.*\}})|(\{{.*\}}) .*({SEQUENCE_NUMBER.pattern})", line) for line in text.splitlines())
    return [(line[1] or line[4], ast.literal_eval(line[2] or line[3])) for line in lines if line]


@pytest.mark.parametrize("language", NOTEBOOKS)
def test_what_is_produced_reaches_both_consumers(riacho_server, monkeypatch, language):
    server = riacho_server()
    folder = FOLDERS[language]
    producer, first, second = (printed(execute(folder / f"{name}.ipynb", server.url, monkeypatch)) for name in NOTEBOOKS[language])
    stored = [record["Data"] for record in read_all(server.client(), "vendedores")]
    assert stored[2].decode() == '{"id_vendedor": 3, "nome": "Célia"}', "accents stay readable"
    assert "shardId-000000000000" in producer
    numbers = SEQUENCE_NUMBER.findall(producer)
    assert len(numbers) == 5 and sorted(numbers) == numbers
    assert len(records(producer)) == 4  # the first reply is printed without its record
    assert [number for number, _ in records(first)] == numbers
    assert records(first)[1:] == records(producer)
    assert [number for number, _ in records(second)] == numbers
    assert len({seller["id_vendedor"] for _, seller in records(first)}) == 5
    again = ("stream was already there", "Some sellers were written more than once") if language == "en" else ("stream já existia", "Há vendedores gravados mais de uma vez")
    for name, sentence in zip(NOTEBOOKS[language], again, strict=False):
        assert sentence not in producer + first
        assert sentence in printed(execute(folder / f"{name}.ipynb", server.url, monkeypatch))


@pytest.mark.parametrize("path", ALL, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_without_a_server_a_notebook_says_so_in_a_sentence(monkeypatch, path):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    said = refusal(path, "http://127.0.0.1:9", monkeypatch)
    assert "\n" not in said and "make run" in said and "127.0.0.1:9" in said and "Connection refused" in said


def test_a_proxy_in_the_way_is_named(riacho, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert "NO_PROXY" in refusal(FOLDERS["pt"] / "produtor.ipynb", riacho.url, monkeypatch)


@pytest.mark.parametrize("language", NOTEBOOKS)
def test_consumers_before_the_producer(riacho_server, monkeypatch, language):
    """Without the stream, and with one that is empty, on demand, and then has records in several shards."""
    server = riacho_server()
    kinesis = server.client()
    first, second = (FOLDERS[language] / f"{name}.ipynb" for name in NOTEBOOKS[language][1:])
    for path in (first, second):
        said = refusal(path, server.url, monkeypatch)
        assert "\n" not in said and f"{NOTEBOOKS[language][0]}.ipynb" in said
    kinesis.create_stream(StreamName="vendedores", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    wait_active(kinesis, "vendedores")
    for path in (first, second):
        text = printed(execute(path, server.url, monkeypatch))
        assert not records(text) and ("is empty" in text or "está vazio" in text)
    for number in range(40):
        data = json.dumps({"id_vendedor": number, "nome": "Célia"}, ensure_ascii=False)
        kinesis.put_record(StreamName="vendedores", Data=data, PartitionKey=str(number))
    for path in (first, second):
        text = printed(execute(path, server.url, monkeypatch))
        assert sorted(seller["id_vendedor"] for _, seller in records(text)) == list(range(40))
    assert len(set(re.findall(r"shardId-\d{12}(?= \d)", text))) == 4


def test_the_second_consumer_reads_what_was_resharded(riacho_server, monkeypatch):
    server = riacho_server()
    kinesis = server.client()
    kinesis.create_stream(StreamName="vendedores", ShardCount=1)
    wait_active(kinesis, "vendedores")
    put_many(kinesis, "vendedores", [json.dumps({"id_vendedor": number}) for number in range(3)])
    kinesis.split_shard(StreamName="vendedores", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    wait_active(kinesis, "vendedores")
    put_many(kinesis, "vendedores", [json.dumps({"id_vendedor": number}) for number in range(3, 9)])
    for name in ("consumidor_1", "consumidor_2"):
        text = printed(execute(FOLDERS["pt"] / f"{name}.ipynb", server.url, monkeypatch))
        assert [seller["id_vendedor"] for _, seller in records(text)] == list(range(9))


@pytest.mark.parametrize("language,name,folder", [("en", "files", "sales"), ("pt", "arquivos", "vendas")])
def test_sales_are_delivered_into_files_and_counted(riacho_server, monkeypatch, language, name, folder):
    server = riacho_server()
    monkeypatch.setenv("RIACHO_DATA_DIR", str(server.data_dir))
    files = set()
    for run in range(2):  # run again, it shows the new file alone, and counts each sale once
        text = printed(execute(FOLDERS[language] / f"{name}.ipynb", server.url, monkeypatch))
        assert "(0, 100)" in text
        assert ("already there" in text or "já existia" in text) == (run == 1)
        shown = set(re.findall(rf"buckets/tutorial/{folder}/d\w+=20\d\d-\d\d-\d\d/\S+\.gz(?= \d+ bytes)", text))
        assert shown and not shown & files
        files |= shown
        totals = {row[0]: row[1:] for row in re.findall(r"│ (\w+)\s+│\s+(\d+) │\s+(\d+) │", text)}
        assert set(totals) == {"Ana", "Bruno", "Célia", "Davi", "Eduarda"}
        days = len({path.split("/")[3] for path in files})  # two if midnight comes in between
        assert all(int(count) == 20 * days for count, _ in totals.values())
        assert sum(int(total) for _, total in totals.values()) == days * sum(10 + number % 7 for number in range(100))


@pytest.mark.parametrize("path", ["en/sales_per_seller.ipynb", "pt/vendas_por_vendedor.ipynb"])
def test_the_sales_are_counted(riacho_server, monkeypatch, path):
    server = riacho_server()
    # Run again, it goes on with what is there, and the application has the SQL that the notebook has then.
    for run, edit in enumerate([None, ('SUM("valor")', 'MAX("valor")')]):
        text = printed(execute(pathlib.Path(ROOT, "tutorial", path), server.url, monkeypatch, edit))
        assert ("already there: it has" in text or "já existia: agora" in text) == (run == 1)
        rows = [ast.literal_eval(line) for line in text.splitlines() if line.startswith("{'nome'")]
        assert sum(row["vendas"] for row in rows) == 50 and all(row["total"] > 0 for row in rows)
        assert {row["nome"] for row in rows} <= {"Ana", "Bruno", "Célia", "Davi", "Eduarda"}
        assert all(row["total"] * 4 == int(row["total"] * 4) for row in rows), "sums are printed without a tail of digits"
        assert run == 0 or all(row["total"] < 500 for row in rows)
        assert "50 " in text and "'RUNNING'" in text and "'READY'" in text
    said = refusal(pathlib.Path(ROOT, "tutorial", path), server.url, monkeypatch, ("SELECT STREAM", "SELEC STREAM"))
    assert 'Encountered "SELEC" at line 6' in said and "Traceback" not in said and said.count("\n") < 6
