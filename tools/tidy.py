"""Checks the repository's own rules in a second: includes between folders (tools/layers.toml), forbidden words, sizes.

Usage: tools/tidy.py            every file of the repository, those not yet committed included
Exit code 1 when a rule is broken; warnings do not count. Tests: tests/tools/test_tidy.py.
"""

import pathlib
import re
import subprocess
import sys
import tomllib
from typing import NamedTuple

columns_max = 120
source_lines_warned, source_lines_max, header_lines_max = 600, 1000, 300

# Time and randomness come through core/, so that tests can set them; the two headers cost a second in every file.
banned_outside_core = {
    "system_clock::now": "take a core::Clock",
    "steady_clock::now": "take a core::Clock",
    "std::rand": "take a core::Rng",
    "random_device": "take a core::Rng",
    "asio::detached": "use core's task groups: a detached child outlives its parent",
    "<regex>": "costs a second per file; tools/gen_pattern.py compiles the patterns of AWS",
    "<iostream>": "use core/log.h or fmt",
}

include_line = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
string_or_comment = re.compile(r'"(?:\\.|[^"\\])*"|//.*')
bare_todo = re.compile(r"\b(?:TO" r"DO|FIX" r"ME)\b(?!\(#\d+\))")
# At the beginning of a line: a definition, and either a type's name or the name of a function or a constant.
definition = re.compile(r"(?:(?:inline|static|constexpr|const|constinit|thread_local|\[\[\w+\]\]) )*"
                        r"(?:(?:struct|class|enum class) (?P<type>\w+)|[\w:<>,*&\s.]*?[\s*&>](?P<other>\w+)(?:\(| =|;|\[|\{))")
machine_path = re.compile(r"(?<![\w.$}>])/(?:home|root|work|Users)/\w")
text_suffixes = {".cc", ".h", ".py", ".sh", ".js", ".mjs", ".ts", ".cmake", ".txt", ".toml", ".json", ".md", ".ipynb", ".yml", ""}


class Problem(NamedTuple):
    path: str
    line: int
    text: str
    fatal: bool = True

    def __str__(self):
        return f"{self.path}:{self.line}: {'' if self.fatal else 'warning: '}{self.text}"


class Layers(NamedTuple):
    folders: dict
    doors: dict
    generated: dict
    third_party: dict

    @staticmethod
    def load(path):
        table = tomllib.loads(path.read_text())
        return Layers(table["folders"], table.get("doors", {}), table.get("generated", {}), table.get("third_party", {}))

    def folder_of(self, include):
        for prefix, folder in self.generated.items():
            if include.startswith(prefix):
                return folder
        return include.split("/")[0] if "/" in include else None


def find_cycle(edges):
    """One cycle of a graph {node: nodes}, as a list that begins and ends with the same node; None without one."""
    finished, path = set(), []

    def visit(node):
        if node in path:
            return path[path.index(node):] + [node]
        if node in finished:
            return None
        path.append(node)
        for following in sorted(edges.get(node, ())):
            if cycle := visit(following):
                return cycle
        finished.add(path.pop())
        return None

    for node in sorted(edges):
        if cycle := visit(node):
            return cycle
    return None


def is_test(path):
    return path.stem.endswith(("_test", "_fuzz")) or path.stem in ("test_support", "test_node")


def check_table(layers):
    """Checks the table itself: a folder may name only folders above it."""
    seen = set()
    for folder, allowed in layers.folders.items():
        for name in allowed:
            if name not in seen:
                yield Problem("tools/layers.toml", 1, f"{folder} may include {name}, which does not stand above it")
        seen.add(folder)


def check_includes(path, lines, layers, file_edges, folder_edges):
    folder = path.parts[1]
    if folder not in layers.folders:
        yield Problem(str(path), 1, f"the folder {folder} is missing from tools/layers.toml")
        return
    allowed = {folder, *layers.folders[folder]}
    if is_test(path):
        allowed |= {"base", "core"}
    for number, line in enumerate(lines, 1):
        match = include_line.match(line)
        if not match:
            continue
        ours, theirs = match.groups()
        if theirs:
            yield from check_third_party(path, number, theirs, layers)
            continue
        target = layers.folder_of(ours)
        if target is None:
            yield Problem(str(path), number, f'"{ours}": include by the path from src/')
            continue
        file_edges.setdefault(str(path), set()).add(f"src/{ours}")
        if ours in layers.doors.get(folder, ()):
            continue
        if target not in allowed:
            yield Problem(str(path), number, f'{folder} may not include {target} ("{ours}"); see tools/layers.toml')
        elif target != folder:
            if "/detail/" in ours:
                yield Problem(str(path), number, f'"{ours}" is private to {target}')
            if not is_test(path):
                folder_edges.setdefault(folder, set()).add(target)


def check_third_party(path, number, header, layers):
    for prefix, folders in layers.third_party.items():
        if not header.startswith(prefix):
            continue
        if path.parts[1] not in folders:
            yield Problem(str(path), number, f"{path.parts[1]} may not include <{header}>; see tools/layers.toml")
        elif path.suffix == ".h" and path.parts[1] != "core" and "detail" not in path.parts:
            yield Problem(str(path), number, f"<{header}> leaks out of this header; hide it behind a pimpl")


def local_names(lines):
    """(namespace, name, line) of what a source defines in anonymous namespaces."""
    namespace, depth = "", 0
    for number, line in enumerate(lines, 1):
        if line == "namespace {":
            depth += 1
        elif line == "}  // namespace":
            depth -= 1
        elif line.startswith("namespace ") and line.endswith("{"):
            namespace = line.split()[1]
        elif depth > 0 and line[:1].isalpha() and not line.startswith(("using ", "namespace ", "template", "static_assert")):
            if match := definition.match(line):
                yield namespace, match["type"] or match["other"], number


def alone(root, folder):
    """The sources of a folder of src/ that are compiled by themselves."""
    try:
        text = (root / "src" / folder / "CMakeLists.txt").read_text()
    except FileNotFoundError:
        return set()
    return {f"src/{folder}/{name}" for names in re.findall(r"ALONE ([^A-Z)]*)", text) for name in names.split()}


def check_unity(root, sources):
    """Sources of one folder are compiled together (cmake/riacho.cmake): a local name may be defined in one of them only. Overloads count,
    because a call could find a better one in another source."""
    skipped = {folder: alone(root, folder) for folder in {path.parts[1] for path in sources}}
    seen = {}
    for path, lines in sources.items():
        if path.name.endswith("_fuzz.cc") or path.name == "main.cc" or str(path) in skipped[path.parts[1]]:
            continue
        for namespace, name, number in local_names(lines):
            key = (path.parent, is_test(path), namespace, name)
            first = seen.setdefault(key, path)
            if first != path:
                yield Problem(str(path), number, f"{name} is defined in {first} as well: give it one home or another name")


def check_header(path, lines):
    if len(lines) > header_lines_max:
        yield Problem(str(path), len(lines), f"a header of {len(lines)} lines; at most {header_lines_max}")
    if "#pragma once" not in lines:
        yield Problem(str(path), 1, "#pragma once is missing")
    comment = []
    for line in lines:
        if not line.startswith("//"):
            break
        comment.append(line.removeprefix("//").strip())
    text = " ".join(comment).strip()
    if len(text.split()) < 3 or not re.search(r"[.:]", text):
        yield Problem(str(path), 1, "a header begins with a comment that says, in a sentence, what it is for")


def check_source_text(path, lines):
    if len(lines) > source_lines_max:
        yield Problem(str(path), len(lines), f"{len(lines)} lines; at most {source_lines_max}")
    elif path.suffix == ".cc" and len(lines) > source_lines_warned:
        yield Problem(str(path), len(lines), f"{len(lines)} lines; better below {source_lines_warned}", fatal=False)
    for number, line in enumerate(lines, 1):
        # A wire sample in a test may be longer, because it is easier to read in one piece.
        if len(line) > columns_max and not (is_test(path) and '"' in line):
            yield Problem(str(path), number, f"{len(line)} columns; at most {columns_max}")
        if path.parts[1] != "core":
            code = string_or_comment.sub(" ", line)
            for token, instead in banned_outside_core.items():
                if token in code:
                    yield Problem(str(path), number, f"{token} only in core/: {instead}")


def check_words(path, lines):
    """Words that no file of the repository may contain."""
    for number, line in enumerate(lines, 1):
        if machine_path.search(line):
            yield Problem(str(path), number, "a path of somebody's machine")
        if path.suffix != ".md" and bare_todo.search(line):
            yield Problem(str(path), number, "an open end without its issue: write it with the issue's number, as in (#12)")


def check(root, paths, layers):
    """Every problem of the files `paths` (relative to `root`), in the order of the paths."""
    problems = list(check_table(layers))
    file_edges, folder_edges, sources = {}, {}, {}
    for path in sorted(paths):
        if path.suffix not in text_suffixes or path.name == "package-lock.json":
            continue
        try:
            lines = (root / path).read_text(encoding="utf-8").splitlines()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue  # binary samples; files removed but still in the index
        problems += check_words(path, lines)
        if path.parts[0] != "src" or path.suffix not in (".cc", ".h") or path.name.endswith((".gen.h", ".gen.cc")):
            continue
        problems += check_includes(path, lines, layers, file_edges, folder_edges)
        problems += check_source_text(path, lines)
        if path.suffix == ".h":
            problems += check_header(path, lines)
        else:
            sources[path] = lines
    problems += check_unity(root, sources)
    for edges, what in ((folder_edges, "folders"), (file_edges, "files")):
        if cycle := find_cycle(edges):
            problems.append(Problem(cycle[0], 1, f"a cycle of {what}: {' -> '.join(cycle)}"))
    return problems


def repository_files(root):
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root,
                            capture_output=True, check=True).stdout.decode()
    return [pathlib.Path(name) for name in listed.split("\0") if name]


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    problems = check(root, repository_files(root), Layers.load(root / "tools" / "layers.toml"))
    for problem in problems:
        print(problem)
    return 1 if any(problem.fatal for problem in problems) else 0


if __name__ == "__main__":
    sys.exit(main())
