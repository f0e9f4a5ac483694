#!/usr/bin/env python3
"""Writes crates/catalog/src/aws/services.txt from botocore's service descriptions.

Run again where a newer botocore (PyPI, Apache-2.0) is installed:

    python3 -m venv /tmp/botocore && /tmp/botocore/bin/pip install botocore
    /tmp/botocore/bin/python xtask/aws_services.py

Taken are facts only: names of services and operations, protocols, methods, addresses, and the
mark `readonly`. No text of the documentation.
"""

import pathlib
import re

import botocore
import botocore.loaders

OUT = pathlib.Path(__file__).parent.parent / "crates/catalog/src/aws/services.txt"

HEAD = f"""\
# What AWS services there are, and what their operations are called. Generated: do not edit.
# By xtask/aws_services.py from botocore {botocore.__version__} (https://pypi.org/project/botocore),
# Copyright Amazon.com, Inc. or its affiliates, licensed under the Apache License 2.0.
# `>name endpoint signing protocol target`, then an operation a line, in order; `!` marks what
# botocore says only reads. REST: method, path (`{{}}` a label, `{{+}}` the rest) and what the query
# must hold, then the name.
"""


def protocol(metadata):
    """`r`: method and path name the operation. `n`: the message names it itself."""
    return "r" if metadata["protocol"].startswith("rest") else "n"


def path_of(model, operation):
    """Path and required query of a REST operation."""
    uri, _, literal = operation["http"]["requestUri"].partition("?")
    path = re.sub(r"\{[^}]*\+\}", "{+}", uri)
    path = re.sub(r"\{[^}+]+\}", "{}", path)
    wanted = [part for part in literal.split("&") if part]
    shape = model["shapes"].get(operation.get("input", {}).get("shape"), {})
    for member in shape.get("required", []):
        fact = shape["members"][member]
        if fact.get("location") == "querystring":
            wanted.append(fact.get("locationName", member))
    return path + ("?" + "&".join(sorted(set(wanted))) if wanted else "")


def lines_of(model):
    """The operations of a service, a line each, in the order of bytes."""
    rest = protocol(model["metadata"]) == "r"
    for name, operation in model["operations"].items():
        mark = "!" if operation.get("readonly") else ""
        if rest:
            yield f"{operation['http']['method']} {path_of(model, operation)} {name}{mark}"
        else:
            yield name + mark


def main():
    loader = botocore.loaders.Loader()
    text = HEAD
    for service in sorted(loader.list_available_services("service-2")):
        model = loader.load_service_model(service, "service-2")
        metadata = model["metadata"]
        endpoint = metadata["endpointPrefix"]
        signing = metadata.get("signingName", endpoint)
        target = metadata.get("targetPrefix", "-")
        text += f">{service} {endpoint} {signing} {protocol(metadata)} {target}\n"
        lines = set(lines_of(model))
        text += "".join(line + "\n" for line in sorted(lines, key=str.encode))
    OUT.write_text(text)


if __name__ == "__main__":
    main()
