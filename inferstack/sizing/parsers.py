"""What vLLM must be told about a model: parsers (by spec, catalog or family), corrections of its config."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from inferstack.plain_yaml import read_yaml

if TYPE_CHECKING:
    from inferstack.sizing.subject import Subject
    from inferstack.spec.engine_settings import Serving

_DATA: Final = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsers:
    """Names of vLLM's parsers; None: answers are left as the model writes them."""

    tool_call: str | None = None
    reasoning: str | None = None


@functools.cache
def family_parsers() -> Mapping[str, Parsers]:
    """By ``model_type`` of the configuration."""
    return {family: Parsers(**entry) for family, entry in _families("parsers.yaml").items()}


def _families(file: str) -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, dict[str, Any]]] = read_yaml(_DATA / file)
    return table["families"]


@functools.cache
def hf_overrides(family: str) -> str | None:
    """JSON for ``--hf-overrides``; None where the model's own configuration is enough."""
    entry = _families("hf_overrides.yaml").get(family)
    return None if entry is None else json.dumps(entry, separators=(",", ":"), sort_keys=True)


def parsers_of(served: Subject, serving: Serving) -> Parsers:
    """``auto`` takes the catalog's word where it has an entry, even where that is "none"."""
    model = served.model
    known = (
        Parsers(tool_call=model.tool_call_parser, reasoning=model.reasoning_parser)
        if model is not None
        else family_parsers().get(served.architecture.model_type or "", Parsers())
    )
    return Parsers(
        tool_call=_chosen(serving.tool_calling, known.tool_call),
        reasoning=_chosen(serving.reasoning, known.reasoning),
    )


def _chosen(asked: str, known: str | None) -> str | None:
    return known if asked == "auto" else None if asked == "none" else asked
