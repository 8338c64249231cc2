"""Grafana's own dashboard schema, as its typed SDK has it: unknown fields and wrong types are problems."""

from __future__ import annotations

import enum
import json
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard


def problems(document: Mapping[str, Any]) -> list[str]:
    plugins.register_default_plugins()  # panel and query types beyond the core
    try:
        board = Dashboard.from_json(dict(document))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return [f"does not load: {error!r}"]
    kept = json.loads(JSONEncoder(sort_keys=True).encode(board))
    return [*_lost(document, kept, ""), *_mistyped(board, "")]


def _lost(given: Any, kept: Any, path: str) -> Iterator[str]:
    """What the schema has no place for is dropped when a document is read and written."""
    if isinstance(given, Mapping):
        for key, value in given.items():
            if not isinstance(kept, Mapping) or key not in kept:
                yield f"{path}.{key} is not in the schema"
            else:
                yield from _lost(value, kept[key], f"{path}.{key}")
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for index, (one, other) in enumerate(zip(given, kept, strict=True)):
            yield from _lost(one, other, f"{path}[{index}]")
    elif given != kept:
        yield f"{path} is {given!r} and becomes {kept!r}"


def _mistyped(model: object, path: str) -> Iterator[str]:
    module = sys.modules[type(model).__module__]
    for name, hint in typing.get_type_hints(type(model), vars(module)).items():
        value = getattr(model, name, None)
        if not _fits(value, hint):
            yield f"{path}.{name} is {value!r}, not {hint}"
        for index, item in enumerate(value if isinstance(value, list) else [value]):
            if type(item).__module__.startswith("grafana_foundation_sdk.") and not isinstance(
                item, enum.Enum
            ):
                yield from _mistyped(item, f"{path}.{name}[{index}]")


def _fits(value: object, hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if hint is Any or hint is object:
        return True
    if origin in {typing.Union, types.UnionType}:
        return any(_fits(value, option) for option in typing.get_args(hint))
    if origin is typing.Literal:
        return value in typing.get_args(hint)
    if origin is list:
        (inner,) = typing.get_args(hint)
        return isinstance(value, list) and all(_fits(item, inner) for item in value)
    if origin is dict:
        return isinstance(value, dict)
    return _is(value, hint)


def _is(value: object, hint: Any) -> bool:
    if hint is type(None) or hint is None:
        return value is None
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return isinstance(value, hint) or value in [item.value for item in hint]
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint) if isinstance(hint, type) else True
