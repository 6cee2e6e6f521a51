"""Breaks every rule of tools/tidy.py once; the same text without the fault passes."""

import pathlib
import sys

import pytest

repository = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(repository / "tools"))

import tidy  # noqa: E402

layers = tidy.Layers(
    folders={"base": [], "core": ["base"], "log": ["base", "core"], "api": ["base"], "aws": ["base", "core", "api"]},
    doors={"aws": ["log/types.h"]},
    generated={"aws/gen/": "api"},
    third_party={"sqlite3": ["log"]},
)
header = "// A header that says what it is for.\n#pragma once\n"


@pytest.fixture
def problems_of(tmp_path):
    def write_and_check(files, table=layers):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return [str(problem) for problem in tidy.check(tmp_path, [pathlib.Path(name) for name in files], table)]
    return write_and_check


# (the file, text that breaks the rule, text that keeps it, words of the report)
cases = {
    "include against the table": ("src/log/a.cc", '#include "aws/b.h"\n', '#include "core/b.h"\n', "log may not include aws"),
    "generated headers have a folder": ("src/log/a.cc", '#include "aws/gen/t.gen.h"\n', "", "log may not include api"),
    "a door is one header wide": ("src/aws/a.cc", '#include "log/log.h"\n', '#include "log/types.h"\n', "may not include log"),
    "detail is private": ("src/aws/a.cc", '#include "core/detail/b.h"\n', '#include "core/b.h"\n', "private to core"),
    "detail of one's own": ("src/aws/a.cc", '#include "base/detail/b.h"\n', '#include "aws/detail/b.h"\n', "private to base"),
    "includes by path": ("src/log/a.cc", '#include "b.h"\n', '#include "log/b.h"\n', "include by the path"),
    "folder missing from the table": ("src/attic/a.cc", "int a;\n", None, "missing from tools/layers.toml"),
    "third party elsewhere": ("src/aws/a.cc", "#include <sqlite3.h>\n", "#include <vector>\n", "may not include <sqlite3.h>"),
    "third party in a header": ("src/log/a.h", header + "#include <sqlite3.h>\n", header, "leaks out of this header"),
    "wall clock": ("src/log/a.cc", "auto t = std::chrono::system_clock::now();\n", "auto t = clock.now();\n", "core::Clock"),
    "steady clock": ("src/log/a.cc", "auto t = steady_clock::now();\n", '// not steady_clock::now()\nauto t = "steady_clock::now";\n',
                     "core::Clock"),
    "chance": ("src/log/a.cc", "int i = std::rand();\n", "int i = rng.next();\n", "core::Rng"),
    "random device": ("src/log/a.cc", "std::random_device d;\n", None, "core::Rng"),
    "detached tasks": ("src/log/a.cc", "co_spawn(e, f(), asio::detached);\n", None, "outlives its parent"),
    "regex": ("src/log/a.cc", "#include <regex>\n", None, "gen_pattern"),
    "iostream": ("src/log/a.cc", "#include <iostream>\n", None, "core/log.h"),
    "file too long": ("src/log/a.cc", "int a;\n" * 1001, "int a;\n" * 600, "1001 lines; at most 1000"),
    "header too long": ("src/log/a.h", header + "int a;\n" * 299, header + "int a;\n" * 298, "a header of 301 lines"),
    "line too long": ("src/log/a.cc", "int " + "a" * 116 + ";\n", "int " + "a" * 115 + ";\n", "121 columns"),
    "pragma once": ("src/log/a.h", "// A header that says what it is for.\n", header, "#pragma once is missing"),
    "header without a sentence": ("src/log/a.h", "#pragma once\n", header, "begins with a comment"),
    "open end": ("src/log/a.cc", "// TO" "DO: sort\n", "// TO" "DO(#12): sort\n", "issue's number"),
    "open end in a script": ("tools/a.sh", "# FIX" "ME\n", "# fixed\n", "issue's number"),
    "machine path": ("docs/a.md", "see /" "home/ana/riacho\n", "see ~/riacho and https://example.org/home/ana\n", "somebody's machine"),
}


@pytest.mark.parametrize("name", cases)
def test_rule(problems_of, name):
    path, broken, kept, words = cases[name]
    reports = problems_of({path: broken})
    assert [report for report in reports if words in report], reports
    if kept is not None:
        assert problems_of({path: kept}) == []


def test_core_may_read_the_clock(problems_of):
    assert problems_of({"src/core/clock.cc": "auto t = std::chrono::system_clock::now();\n"}) == []


def test_a_long_source_is_only_a_warning(problems_of):
    (report,) = problems_of({"src/log/a.cc": "int a;\n" * 601})
    assert "warning: 601 lines" in report


def test_unit_tests_may_use_base_and_core(problems_of):
    assert problems_of({"src/api/a_test.cc": '#include "core/task.h"\n'}) == []
    assert problems_of({"src/api/a.cc": '#include "core/task.h"\n'}) != []


def test_cycle_of_files(problems_of):
    reports = problems_of({"src/log/a.h": header + '#include "log/b.h"\n', "src/log/b.h": header + '#include "log/a.h"\n'})
    assert reports == ["src/log/a.h:1: a cycle of files: src/log/a.h -> src/log/b.h -> src/log/a.h"]


def test_cycle_of_folders(problems_of):
    # Exceptions for single headers do not hide a cycle: two folders that allow each other are a fault of the table as well.
    table = layers._replace(folders={"base": ["core"], "core": ["base"]})
    reports = problems_of({"src/base/a.cc": '#include "core/a.h"\n', "src/core/b.cc": '#include "base/b.h"\n'}, table)
    assert any("a cycle of folders: base -> core -> base" in report for report in reports)
    assert any("base may include core, which does not stand above it" in report for report in reports)


def local(text):
    return f"namespace riacho::log {{\nnamespace {{\n{text}\n}}  // namespace\n}}  // namespace riacho::log\n"


@pytest.mark.parametrize("text", ["constexpr int size_max = 1;", "struct Entry {};", "int size_of(Entry entry) {",
                                  "std::vector<int> sizes(int n) {"])
def test_local_names_are_unique_within_a_folder(problems_of, text):
    twice = {"src/log/a.cc": local(text), "src/log/b.cc": local(text)}
    (report,) = problems_of(twice)
    assert report.startswith("src/log/b.cc:3: ") and "is defined in src/log/a.cc as well" in report
    assert problems_of({"src/log/a.cc": local(text), "src/log/detail/b.cc": local(text)}) == []
    assert problems_of({"src/log/a.cc": local(text), "src/log/b_test.cc": local(text)}) == []
    assert problems_of(twice | {"src/log/b.cc": local(text.replace("(", "(long k, "))}) != []
    assert problems_of(twice | {"src/log/CMakeLists.txt": "riacho_library(NAME log ALONE b.cc PCH x)\n"}) == []


def test_generated_code_is_not_measured(problems_of):
    assert problems_of({"src/api/a.gen.cc": "int a;\n" * 2000}) == []
