#!/usr/bin/env python3
"""Derives api/<service>-<version>/{operations,shapes}.json from the models that the public AWS SDKs ship.

Only facts are taken (names, types, bounds, patterns, enumerations, errors), never documentation text. What the models
do not say, or say wrong, stands in corrections.json beside them, which this tool never touches.

    python3 -m venv venv && venv/bin/pip install botocore
    npm pack @aws-sdk/client-kinesis && tar xzf aws-sdk-client-kinesis-*.tgz
    venv/bin/python tools/import_api.py --service kinesis --version 2013-12-02 --npm package

With --npm the second model is compared with the first: an operation or a member that only it knows ends the import, so
that a newer model is never taken for the whole truth silently.
"""
import argparse
import gzip
import json
import pathlib
import re
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
SCALARS = {"string", "integer", "long", "boolean", "double", "float", "timestamp", "blob"}


def load_model(service, version):
    import botocore

    path = pathlib.Path(botocore.__file__).parent / "data" / service / version / "service-2.json.gz"
    return json.loads(gzip.decompress(path.read_bytes()))


def convert_shape(shape):
    kind = shape["type"]
    result = {"type": kind}
    if kind == "structure":
        required = set(shape.get("required", ()))
        members = {}
        for name, member in shape["members"].items():
            members[name] = {"shape": member["shape"]}
            if name in required:
                members[name]["required"] = True
        result["members"] = members
        for flag in ("exception", "fault", "event", "eventstream"):
            if shape.get(flag):
                result[flag] = True
        return result
    if kind == "list":
        result["member"] = shape["member"]["shape"]
    elif kind == "map":
        result["key"] = shape["key"]["shape"]
        result["value"] = shape["value"]["shape"]
    elif kind not in SCALARS:
        raise SystemExit(f"unknown type {kind}")
    for fact in ("min", "max", "pattern", "enum"):
        if fact in shape:
            result[fact] = shape[fact]
    return result


def convert_operation(operation):
    result = {"input": operation["input"]["shape"]} if "input" in operation else {}
    if "output" in operation:
        result["output"] = operation["output"]["shape"]
    result["errors"] = sorted(error["shape"] for error in operation.get("errors", ()))
    return result


def compare_with_npm(package, operations, shapes):
    """Names every member of the npm package's schemas that the imported model lacks."""
    text = (package / "dist-es" / "schemas" / "schemas_0.js").read_text()
    names = dict(re.findall(r'const (_\w+) = "([^"]*)";', text))
    missing = []
    for kind, name, members in re.findall(r"= \[([39]|-3), n0, (_\w+),\s*(?:\{[^}]*\}|0),\s*\[([^\]]*)\]", text):
        shape = names[name]
        if kind == "9":
            if shape not in operations:
                missing.append(shape)
            continue
        known = shapes.get(shape, {}).get("members", {})
        for member in re.findall(r"_\w+", members):
            if names[member] not in known:
                missing.append(f"{shape}.{names[member]}")
    for name in re.findall(r"= \[9, n0, (_\w+),", text):
        if names[name] not in operations:
            missing.append(names[name])
    return missing


def write(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--service", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--npm", type=pathlib.Path, help="unpacked npm package to compare with")
    arguments = parser.parse_args()

    model = load_model(arguments.service, arguments.version)
    operations = {name: convert_operation(entry) for name, entry in sorted(model["operations"].items())}
    shapes = {name: convert_shape(shape) for name, shape in sorted(model["shapes"].items())}
    if arguments.npm:
        missing = compare_with_npm(arguments.npm, operations, shapes)
        if missing:
            sys.exit("the npm model knows more: " + ", ".join(missing))
    folder = REPOSITORY / "api" / f"{arguments.service}-{arguments.version}"
    folder.mkdir(parents=True, exist_ok=True)
    metadata = model["metadata"]
    write(folder / "operations.json", {
        "service": arguments.service,
        "version": metadata["apiVersion"],
        "target_prefix": metadata["targetPrefix"],
        "operations": operations,
    })
    write(folder / "shapes.json", shapes)


if __name__ == "__main__":
    main()
