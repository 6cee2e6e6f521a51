"""The first pages: links lead somewhere, both languages say the same, and the Portuguese keeps the words that Brazilians use."""

import json
import re
import subprocess
import sys

import pytest
from conftest import ROOT

PAGES = ["README.md", "README.pt-BR.md", "tutorial/README.md", "tutorial/README.pt-BR.md", "docs/walkthrough-cli.md",
         "docs/walkthrough-cli.pt-BR.md"]
PORTUGUESE = ["README.pt-BR.md", "tutorial/README.pt-BR.md", "docs/walkthrough-cli.pt-BR.md", "src/server/welcome.cc", "tools/tutorial.py", "tools/tutorial_sales.py",
              "tools/notebooks.py", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tutorial" / "pt").glob("*.ipynb"))]
# What a reader stumbled over, and what stands there now.
STUMBLES = {
    r"cadernos?\b": "notebook", r"testes de unidade": "testes unitários", r"ao acaso": "erros aleatórios", r"[Ii]teradores vencem": "expiram",
    r"[Rr]edivis": "Resharding", r"não começad": "ainda não iniciados", r"ninguém tentou": "ainda não foi testado", r"\bdiário:": "journal",
    r"fila/shard": "um arquivo/shard", r"descobre por si": "por conta própria", r"registro são bytes": "uma sequência de bytes",
    r"nenhum duas vezes": "nenhum repetido", r"registro tratado": "registro processado", r"Quando a chamada volta": "retorna",
    r"Ao lado dos outros": "Comparação com outras ferramentas", r"removidos no prazo": "ao fim da retenção", r"\bdevolve\b": "retorna",
    r"\bturnos\b": "rodadas", r"Os números de sequência só crescem": "Em cada shard", r"O que mais há": "E mais",
}


def text_of(path):
    text = (ROOT / path).read_text()
    if path.endswith(".ipynb"):
        return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return text


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text_of(page))
    assert links
    for link in links:
        assert link.startswith("http") or (ROOT / page).parent.joinpath(link).exists(), link


def test_both_first_pages_say_the_same():
    def shape(page):
        text = text_of(page)
        return {
            "headings": len(re.findall(r"^## ", text, re.MULTILINE)),
            "rows": [line.count("|") for line in text.splitlines() if line.startswith("|")],
            "blocks": len(re.findall(r"^```", text, re.MULTILINE)),
            "missing": len(re.findall(r"^- ", text, re.MULTILINE)),
        }

    assert shape("README.md") == shape("README.pt-BR.md")


@pytest.mark.parametrize("english,portuguese", [("README.md", "README.pt-BR.md"), ("docs/walkthrough-cli.md", "docs/walkthrough-cli.pt-BR.md")])
def test_both_languages_have_the_same_figures(english, portuguese):
    def figures(page):
        text = re.sub(r"```.*?```|\]\([^)]*\)|UTF-8", "", text_of(page), flags=re.DOTALL)
        return sorted(re.sub(r"[.,]", "", number) for number in re.findall(r"\d+(?:[.,]\d+)*", text))

    assert figures(english) == figures(portuguese)


def test_both_pages_of_the_tutorial_name_the_notebooks():
    notebooks = {str(path.relative_to(ROOT / "tutorial")) for path in (ROOT / "tutorial").glob("*/*.ipynb")}
    linked = {page: set(re.findall(r"\]\((\S+\.ipynb)\)", text_of(f"tutorial/{page}"))) for page in ("README.md", "README.pt-BR.md")}
    assert linked["README.md"] == notebooks
    assert linked["README.pt-BR.md"] == {name for name in notebooks if name.startswith("pt/")}


@pytest.mark.parametrize("page", ["README.md", "README.pt-BR.md"])
def test_the_python_of_the_first_page(riacho_server, page):
    """Twice: whoever has served with --create-stream, or has run it before, has the stream already."""
    server = riacho_server()
    (code,) = re.findall(r"```python\n(.*?)```", text_of(page), re.DOTALL)
    assert "http://127.0.0.1:4566" in code
    code = code.replace("http://127.0.0.1:4566", server.url)
    for run in (1, 2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("'Ana'") == run


def test_what_a_screen_shows_first():
    """What it is, `make run`, how long and how much disk, then the comparison."""
    for page, heading in (("README.md", "## Beside the others"), ("README.pt-BR.md", "## Comparação com outras ferramentas")):
        first = text_of(page).split("\n## ")[0]
        assert "$ make run" in first and re.search(r"\bGB\b", first) and re.search(r"minut", first)
        assert text_of(page)[len(first) + 1:].startswith(heading)


@pytest.mark.parametrize("path", PORTUGUESE)
def test_no_stumbling_stone_comes_back(path):
    text = text_of(path)
    assert not [f"{found[0]!r}: {better}" for stone, better in STUMBLES.items() if (found := re.search(stone, text))]
