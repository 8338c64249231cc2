"""Reads the metric names of vLLM releases out of their wheels, to compare them with ``metrics.yaml``.

``python tests/snapshots/vllm_metrics.py vllm-0.32.0-*.whl vllm-0.33.0-*.whl`` prints one line a metric: type, labels
and the releases among those given that export it. ``pip download --no-deps vllm==0.33.0`` gets a wheel;
nothing of it is imported or run.
"""

from __future__ import annotations

import ast
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

SOURCES = ("vllm/v1/metrics/loggers.py", "vllm/v1/metrics/perf.py", "vllm/v1/spec_decode/metrics.py")
CLASSES = {"counter": "counter", "gauge": "gauge", "histogram": "histogram"}
BASE_LABELS = ("model_name", "engine")
OWN_NAMES = {
    "self.labelname_max_lora": "max_lora",
    "self.labelname_waiting_lora_adapters": "waiting_lora_adapters",
    "self.labelname_running_lora_adapters": "running_lora_adapters",
}


@dataclass(frozen=True, kw_only=True, order=True)
class Found:
    """A metric as Prometheus sees it: counters end in ``_total``."""

    name: str
    kind: str
    labels: tuple[str, ...]


def metrics(source: str) -> Iterator[Found]:
    """Every metric that a module makes: a call of a metric class with a literal name, or a table of names."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (kind := _kind(node.func)):
            given = {word.arg: word.value for word in node.keywords}
            name = given.get("name") or (node.args[0] if node.args else None)
            if isinstance(name, ast.Constant) and str(name.value).startswith("vllm:"):
                yield _found(str(name.value), kind, tuple(_labels(given.get("labelnames"))))
        elif isinstance(node, ast.Tuple) and node.elts:
            first = node.elts[0]
            if isinstance(first, ast.Constant) and re.match(r"vllm:\w+$", str(first.value)):
                yield _found(str(first.value), "counter", BASE_LABELS)


def _found(name: str, kind: str, labels: tuple[str, ...]) -> Found:
    name = name if kind != "counter" or name.endswith("_total") else f"{name}_total"
    return Found(name=name, kind=kind, labels=labels)


def _kind(function: ast.expr) -> str | None:
    text = ast.unparse(function).rpartition(".")[2].lower()
    return next((kind for word, kind in CLASSES.items() if word in text and "create" not in text), None)


def _labels(node: ast.expr | None) -> Iterator[str]:
    if node is None:
        return
    if isinstance(node, ast.BinOp):
        yield from _labels(node.left)
        yield from _labels(node.right)
    elif isinstance(node, ast.List):
        for item in node.elts:
            text = ast.unparse(item)
            yield str(item.value) if isinstance(item, ast.Constant) else OWN_NAMES.get(text, f"?{text}")
    elif ast.unparse(node) == "labelnames":
        yield from BASE_LABELS
    elif ast.unparse(node) == "pos_labelnames":
        yield from (*BASE_LABELS, "position")
    else:
        yield f"?{ast.unparse(node)}"


def of_wheel(path: str) -> tuple[str, set[Found]]:
    """Version and metrics of a wheel."""
    with zipfile.ZipFile(path) as wheel:
        here = [name for name in SOURCES if name in wheel.namelist()]
        texts = [wheel.read(name).decode() for name in here]
    version = re.search(r"vllm-([0-9.]+)-", path)
    return version[1] if version else path, {found for text in texts for found in metrics(text)}


def main(paths: list[str]) -> None:
    read = dict(of_wheel(path) for path in paths)
    for found in sorted(set().union(*read.values())):
        versions = " ".join(version for version, known in read.items() if found in known)
        print(f"{found.name}\t{found.kind}\t{','.join(found.labels)}\t{versions}")


if __name__ == "__main__":
    main(sys.argv[1:])
