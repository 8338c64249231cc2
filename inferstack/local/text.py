"""Documents as YAML with a head of comments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from inferstack.local.types import LocalModel


def yaml_text(documents: Iterable[Mapping[str, Any]], head: Iterable[str]) -> str:
    body = yaml.safe_dump_all([dict(document) for document in documents], sort_keys=False, width=110)
    return "".join(f"# {line}\n" for line in head) + body


def head(model: LocalModel, *commands: str) -> list[str]:
    """What this is, what differs, how it is started and called."""
    what = f"{model.workload} on one machine: {model.model_id}"
    if model.stands_in_for is not None:
        what += f", standing in for {model.stands_in_for}"
    return [what, *model.notes, *commands]
