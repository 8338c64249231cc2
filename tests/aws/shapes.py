"""From Pulumi's input names to those of the AWS API: the only translation, so that values pass untouched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inferstack.resources import Secret

SECRET_MARK = "4dabf18193072939515e22adb298388d"
"""How the engine marks a secret on the wire."""
BOOLEANS = {"true": True, "false": False}


def plain(value: Any) -> Any:
    """Values without secrets' wrappers; whole floats (numbers cross the engine as such) as integers."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, Mapping):
        if SECRET_MARK in value:
            return plain(value["value"])
        return {str(key): plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def pascal(value: Any, renamed: Mapping[str, str] | None = None) -> Any:
    """Keys in PascalCase at every depth; ``renamed`` gives the API's own name where it differs."""
    if isinstance(value, Mapping):
        names = renamed or {}
        return {
            names.get(key, key[:1].upper() + key[1:]): pascal(item, renamed) for key, item in value.items()
        }
    if isinstance(value, list):
        return [pascal(item, renamed) for item in value]
    return BOOLEANS.get(value, value) if isinstance(value, str) else value


def tags(values: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in (values or {}).items()]


def tagged(kind: str, values: Mapping[str, str] | None) -> dict[str, Any]:
    """How EC2 takes tags at creation."""
    found = tags(values)
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": found}]} if found else {}
