#!/usr/bin/env python3
"""Derives api/<service>-<version>/{operations,shapes}.json from the models that the public AWS SDKs ship.

Only facts are taken (names, types, bounds, patterns, enumerations, errors), never documentation text. Facts that the models
lack or have wrong are in corrections.json beside them, which this tool never changes.

    python3 -m venv venv && venv/bin/pip install botocore
    venv/bin/python tools/import_api.py --all                   # every folder of api/ that has an operations.json

or one model, compared with another SDK's:

    npm pack @aws-sdk/client-kinesis && tar xzf aws-sdk-client-kinesis-*.tgz
    venv/bin/python tools/import_api.py --service kinesis --version 2013-12-02 --npm package

With --npm (JSON 1.1 services) the second model is compared with the first: an operation or a member that only
the second has ends the import, so that a missing part of the first model is noticed.
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


def convert_member(member, required):
    """The members' properties that differ from the default: a member of the body under its own name."""
    result = {"shape": member["shape"]}
    if required:
        result["required"] = True
    for fact in ("location", "locationName"):
        if fact in member:
            result[fact] = member[fact]
    return result


def convert_shape(shape):
    kind = shape["type"]
    result = {"type": kind}
    if kind == "structure":
        required = set(shape.get("required", ()))
        result["members"] = {name: convert_member(member, name in required) for name, member in shape["members"].items()}
        for flag in ("exception", "fault", "event", "eventstream", "payload"):
            if shape.get(flag):
                result[flag] = shape[flag]
        if "httpStatusCode" in shape.get("error", {}):
            result["status"] = shape["error"]["httpStatusCode"]
        return result
    if kind == "list":
        result["member"] = shape["member"]["shape"]
    elif kind == "map":
        result["key"] = shape["key"]["shape"]
        result["value"] = shape["value"]["shape"]
    elif kind not in SCALARS:
        raise SystemExit(f"unknown type {kind}")
    for fact in ("min", "max", "pattern", "enum", "sensitive", "streaming"):
        if fact in shape:
            result[fact] = shape[fact]
    return result


def convert_operation(operation, protocol):
    result = {"input": operation["input"]["shape"]} if "input" in operation else {}
    if "output" in operation:
        result["output"] = operation["output"]["shape"]
    if protocol == "rest-json":
        result["method"] = operation["http"]["method"]
        result["path"] = operation["http"]["requestUri"]
    result["errors"] = sorted(error["shape"] for error in operation.get("errors", ()))
    return result


def compare_with_npm(package, operations, shapes):
    """Reports every member in the npm package's schemas that the imported model lacks."""
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


def import_model(service, version, npm):
    model = load_model(service, version)
    metadata = model["metadata"]
    protocol = metadata["protocol"]
    if protocol not in ("json", "rest-json"):
        sys.exit(f"{service}: unknown protocol {protocol}")
    operations = {name: convert_operation(entry, protocol) for name, entry in sorted(model["operations"].items())}
    shapes = {name: convert_shape(shape) for name, shape in sorted(model["shapes"].items())}
    if npm:
        missing = compare_with_npm(npm, operations, shapes)
        if missing:
            sys.exit("the npm model knows more: " + ", ".join(missing))
    folder = REPOSITORY / "api" / f"{service}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"service": service, "version": metadata["apiVersion"], "protocol": protocol}
    if protocol == "json":
        facts["target_prefix"] = metadata["targetPrefix"]
    facts["signing_name"] = metadata.get("signingName", metadata["endpointPrefix"])
    write(folder / "operations.json", facts | {"operations": operations})
    write(folder / "shapes.json", shapes)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="every model that api/ has")
    parser.add_argument("--service")
    parser.add_argument("--version")
    parser.add_argument("--npm", type=pathlib.Path, help="unpacked npm package to compare with")
    arguments = parser.parse_args()
    if not arguments.all:
        return import_model(arguments.service, arguments.version, arguments.npm)
    for path in sorted((REPOSITORY / "api").glob("*/operations.json")):
        facts = json.loads(path.read_text())
        import_model(facts["service"], facts["version"], None)


if __name__ == "__main__":
    main()
