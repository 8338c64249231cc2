"""The comparison of an offline graph with the real engine's."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.engine.compare import differences
from inferstack.engine.graph import Graph
from inferstack.resources import UNKNOWN, Resource, Secret

SAME = ("type", "name", "parent", "custom", "provider", "dependencies", "property_dependencies")
SAME_OPTIONS = (
    "protect",
    "retain_on_delete",
    "ignore_changes",
    "replace_on_changes",
    "additional_secret_outputs",
    "custom_timeouts",
    "deleted_with",
)
"""Not compared: delete_before_replace (no field in the engine's JSON) and aliases (the engine shows only the
ones that matched something in its state)."""


def disagreements(offline: Graph, real: Graph) -> list[str]:
    """Every difference, as a sentence; empty when the graphs agree.

    The one allowance: where the engine says "unknown", we may know the value (it asks no provider whose
    configuration is unknown, not even for what the program has just passed in). Never the other way round.
    """
    missing = [f"only offline: {urn}" for urn in sorted(offline.by_urn.keys() - real.by_urn.keys())]
    extra = [f"only in the engine: {urn}" for urn in sorted(real.by_urn.keys() - offline.by_urn.keys())]
    shared = [
        found for urn in sorted(offline.by_urn) if urn in real.by_urn for found in _pair(offline, real, urn)
    ]
    return missing + extra + shared


def _pair(offline: Graph, real: Graph, urn: str) -> Iterator[str]:
    ours, theirs = offline.by_urn[urn], real.by_urn[urn]
    for name in SAME:
        if getattr(ours, name) != getattr(theirs, name):
            yield f"{urn} {name}: {getattr(ours, name)!r} offline, {getattr(theirs, name)!r} in the engine"
    for name in SAME_OPTIONS:
        if getattr(ours.options, name) != getattr(theirs.options, name):
            yield f"{urn} {name}: {getattr(ours.options, name)!r}, {getattr(theirs.options, name)!r}"
    yield from _inputs(ours, theirs)


def _inputs(ours: Resource, theirs: Resource) -> Iterator[str]:
    for change in differences(ours.inputs, theirs.inputs):
        if change.new is not UNKNOWN and change.new != Secret(UNKNOWN):
            yield f"{ours.urn} {change.path}: {change.old!r} offline, {change.new!r} in the engine"
