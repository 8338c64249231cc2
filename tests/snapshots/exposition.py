"""Reads names, types and labels off a page of metrics, to compare them with ``metrics.yaml``.

``python tests/snapshots/exposition.py PAGE...`` prints one line a metric; PAGE is what a program answered to
``/metrics`` (the routing tier's Envoy, llm-d's endpoint picker), after requests: some appear with the first.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

TYPE = re.compile(r"# TYPE (\S+) (counter|gauge|histogram)")
SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? \S+$")
LABEL = re.compile(r'(\w+)="(?:[^"\\]|\\.)*"')
PART = re.compile(r"_(bucket|sum|count)$")


def metrics(page: str) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Name, type and the labels of all its series."""
    kinds, labels = dict(TYPE.findall(page)), dict[str, set[str]]()
    for line in page.splitlines():
        if match := SAMPLE.match(line):
            name = match["name"]
            whole = name if name in kinds else PART.sub("", name)
            labels.setdefault(whole, set()).update(LABEL.findall(match["labels"] or ""))
    for name, found in sorted(labels.items()):
        if name in kinds:
            yield name, kinds[name], frozenset(found - {"le"})


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        for name, kind, found in metrics(Path(argument).read_text(encoding="utf-8")):
            print(name, kind, ",".join(sorted(found)))
