"""The JSON Schema (draft 2020-12) of both kinds, as editors and our own error messages read it."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from pydantic import BaseModel

from inferstack.spec.environment import Environment
from inferstack.spec.workload import Workload

Kind = Literal["workload", "environment"]
MODELS: dict[Kind, type[BaseModel]] = {"workload": Workload, "environment": Environment}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


@cache
def schema_of(kind: Kind) -> dict[str, Any]:
    """The schema of one kind; do not change what is returned.

    ``$comment`` says in words what a patterned text accepts. Rules between fields (p95 below mean, region
    outside residency) are beyond JSON Schema and are checked by ``inferstack validate``.
    """
    schema = MODELS[kind].model_json_schema(by_alias=True, mode="validation")
    cleaned = _cleaned(schema)
    assert isinstance(cleaned, dict)
    return {"$schema": DIALECT, "title": f"inferstack {kind}", **cleaned}


def _cleaned(node: object) -> object:
    """Without the titles that pydantic makes from names; keys that fit no pattern are refused."""
    if isinstance(node, list):
        return [_cleaned(item) for item in node]
    if not isinstance(node, dict):
        return node
    cleaned = {
        key: _cleaned(value) for key, value in node.items() if not (key == "title" and isinstance(value, str))
    }
    return cleaned if "patternProperties" not in node else {**cleaned, "additionalProperties": False}
