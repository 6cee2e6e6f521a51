"""The models of api/ as test data: every operation, and requests made from their shapes."""

import json
import pathlib
import re
import re._parser as regex
import sys

API = pathlib.Path(__file__).resolve().parents[2] / "api"


def merge(base, changes):
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value


def bound(namespace):
    """The operations that code answers: what the sources that include the model's header bind."""
    names = set()
    for path in [*API.parent.glob("src/*/operations.cc"), *API.parent.glob("src/*/ops/v*.cc")]:
        text = path.read_text()
        if f'"aws/gen/{namespace}/operations.gen.h"' in text:
            names |= set(re.findall(r"Bind\w*<(?:\w+::)*(\w+),", text))
    return names


class Model:
    def __init__(self, folder):
        facts = json.loads((folder / "operations.json").read_text())
        corrections = json.loads((folder / "corrections.json").read_text())
        self.folder = folder.name
        self.service = facts["service"]
        self.signing_name = facts["signing_name"]
        self.is_rest = facts["protocol"] == "rest-json"
        self.target_prefix = facts.get("target_prefix")
        self.operations = facts["operations"]
        self.shapes = json.loads((folder / "shapes.json").read_text())
        self.violations = corrections["violations"]
        self.bound = bound(corrections["namespace"])
        self.order = corrections.get("member_order", {})
        merge(self.operations, corrections.get("operations", {}))
        for name, changes in corrections.get("shapes", {}).items():
            merge(self.shapes.setdefault(name, {}), changes)

    def required(self, operation):
        """The required members, in the order in which violations list them."""
        shape = self.shapes[self.operations[operation]["input"]]
        first = self.order.get(self.operations[operation]["input"], [])
        names = first + [name for name in shape["members"] if name not in first]
        return [name for name in names if shape["members"][name].get("required")]

    def is_upload(self, operation):
        return "payload" in self.shapes[self.operations[operation]["input"]]

    def request(self, operation, whole=False):
        """A valid input: the required members, or (whole) every member."""
        return self.value(self.operations[operation]["input"], whole)

    def value(self, name, whole, depth=0):
        shape = self.shapes[name]
        kind = shape["type"]
        if kind == "structure":
            return {member: self.value(entry["shape"], whole, depth + 1) for member, entry in shape["members"].items()
                    if entry.get("required") or whole}
        if kind == "list":
            return [self.value(shape["member"], whole, depth + 1) for _ in range(max(shape.get("min", 0), 1))]
        if kind == "map":
            return {self.value(shape["key"], whole): self.value(shape["value"], whole)}
        if "enum" in shape:
            return shape["enum"][-1]
        if kind == "string":
            return text(shape.get("pattern", "[a-z]+"), shape.get("min", 0), shape.get("max", sys.maxsize))
        if kind == "blob":
            return b"data"
        return {"boolean": True, "timestamp": 1700000000.5, "double": 0.5, "float": 0.5}.get(
            kind, max(shape.get("min", 1), 1))


def models():
    return [Model(path.parent) for path in sorted(API.glob("*/operations.json"))]


def all_operations():
    return [(model, operation) for model in models() for operation in model.operations]


def text(pattern, least, most):
    """A short text of at least `least` characters that matches the pattern."""
    spelled = re.sub(r"\\p\{\w+\}", "a", re.sub(r"\\u([0-9A-Fa-f]{4})", lambda m: re.escape(chr(int(m[1], 16))), pattern))
    for repeats in (1, 2, least, least + 12, 64):
        candidate = sample(regex.parse(spelled), repeats)
        if least <= len(candidate) <= most and re.fullmatch(spelled, candidate):
            return candidate
    raise ValueError((pattern, least, most))


def sample(tree, repeats):
    return "".join(piece(kind, argument, repeats) for kind, argument in tree)


def piece(kind, argument, repeats):
    name = str(kind)
    if name == "LITERAL":
        return chr(argument)
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        low, high, inner = argument
        return "".join(sample(inner, 1) for _ in range(max(low, min(repeats, int(high)))))
    if name == "SUBPATTERN":
        return sample(argument[3], repeats)
    if name == "BRANCH":
        return sample(argument[1][-1], repeats)
    if name == "IN":
        return member(argument)
    if name in ("ANY", "NOT_LITERAL"):
        return "x"
    if name == "CATEGORY":
        return "7"
    assert name in ("AT", "ASSERT", "ASSERT_NOT"), name
    return "$" if name == "ASSERT" else ""


def member(choices):
    """A character of a class: a letter or a digit if possible."""
    negated = str(choices[0][0]) == "NEGATE"
    for character in "a7A$-/.:=\t":
        inside = any(in_class(choice, character) for choice in choices)
        if inside != negated:
            return character
    kind, argument = choices[0]
    return chr(argument if str(kind) == "LITERAL" else argument[0])


def in_class(choice, character):
    kind, argument = str(choice[0]), choice[1]
    if kind == "LITERAL":
        return ord(character) == argument
    if kind == "RANGE":
        return argument[0] <= ord(character) <= argument[1]
    if kind == "CATEGORY":
        matcher = {"CATEGORY_DIGIT": r"\d", "CATEGORY_WORD": r"\w", "CATEGORY_SPACE": r"\s", "CATEGORY_NOT_SPACE": r"\S"}
        return re.fullmatch(matcher[str(argument)], character) is not None
    return False
