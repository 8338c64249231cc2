"""Rewrites the definition of InferencePool from the extension's Go module: the schema without its prose.

``python tests/snapshots/inference_pool.py FILE`` prints the document; FILE is
``config/crd/bases/inference.networking.k8s.io_inferencepools.yaml`` of the module
``sigs.k8s.io/gateway-api-inference-extension`` (``go mod download -json`` says where it lies).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml


def terse(node: Any, *, named: bool = False) -> Any:
    """Without descriptions; a property of that name (``named``) stays."""
    if isinstance(node, list):
        return [terse(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: terse(value, named=key == "properties")
        for key, value in node.items()
        if named or key != "description"
    }


def definition(text: str) -> dict[str, Any]:
    document = dict(terse(yaml.safe_load(text)))
    document.pop("status", None)
    return document


if __name__ == "__main__":
    found = definition(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(yaml.safe_dump(found, sort_keys=False, width=110), end="")
