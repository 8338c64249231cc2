"""Reads which settings Helm charts have, to check the values that are given to them.

``python tests/snapshots/chart_values.py keda@2.20.2=keda/values.yaml stack@88.5.3=a.yaml,kube-state-metrics=b.yaml``
prints ``tests/components/chart_values.yaml``: by chart its version and its keys, two levels deep. ``*`` is
whatever a map without defaults, or a chart inside it whose values were not given, takes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ANYTHING = ["*"]
COMMENTED = re.compile(r"^(?P<indent> *)# ?(?P<key>[a-zA-Z][\w.-]*):(?: |$)", re.MULTILINE)


def keys(text: str) -> dict[str, list[str]]:
    """First-level keys and, below each, the second-level ones; those in comments count."""
    found = {key: _below(value) for key, value in yaml.safe_load(text).items()}
    for match in COMMENTED.finditer(text):
        if not match["indent"]:
            found.setdefault(match["key"], ANYTHING)
    for key, inner in _commented_inside(text):
        if key in found and found[key] != ANYTHING:
            found[key] = sorted({*found[key], inner})
    return dict(sorted(found.items()))


def _below(value: Any) -> list[str]:
    return sorted(map(str, value)) if isinstance(value, dict) and value else ANYTHING


def _commented_inside(text: str) -> Iterator[tuple[str, str]]:
    """Keys in comments two spaces deep, with the key they stand below."""
    parent = ""
    for line in text.splitlines():
        if top := re.match(r"([a-zA-Z][\w.-]*):", line):
            parent = top[1]
        elif (inner := COMMENTED.match(line)) and inner["indent"] == "  ":
            yield parent, inner["key"]


def main(arguments: list[str]) -> None:
    if not arguments:
        raise SystemExit(__doc__)
    lines = ["# Settings of the charts, written by tests/snapshots/chart_values.py; not edited by hand."]
    for argument in arguments:
        name, _, files = argument.partition("=")
        chart, _, version = name.partition("@")
        first, *inner = files.split(",")
        found = keys(Path(first).read_text(encoding="utf-8"))
        for part in inner:
            subchart, _, file = part.partition("=")
            found[subchart] = sorted(keys(Path(file).read_text(encoding="utf-8"))) if file else ANYTHING
        lines += [f"{chart}:", f"  version: {version}", "  keys:"]
        lines += [f"    {key}: [{', '.join(map(repr, below))}]" for key, below in found.items()]
    sys.stdout.writelines(f"{line}\n" for line in lines)


if __name__ == "__main__":
    main(sys.argv[1:])
