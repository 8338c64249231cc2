"""Graphs as `pulumi preview --json` documents, and such documents (ours or the real engine's) as graphs.

The shape is the engine's: ``steps`` of ``op``, ``urn`` and ``newState``, and a ``changeSummary``. A document
of the real engine may hold updates and deletions; its graph is what the stack would be afterwards.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from inferstack.engine import urns, wire
from inferstack.engine.durations import duration_of, seconds_of
from inferstack.engine.graph import Graph, in_apply_order
from inferstack.errors import InputError, Problem
from inferstack.resources import Options, Resource

Document = Mapping[str, Any]
"""A parsed preview document; only this module looks inside."""

_GONE: Final = frozenset({"delete", "delete-replaced", "discard", "discard-replaced", "read-discard"})
"""Steps after which the resource is no longer there."""
_ACCEPTED: Final = (
    "what `pulumi preview --json`, `pulumi stack export` or `inferstack synth` (preview.json) wrote"
)
_PLUGIN_KEYS: Final = frozenset({"version", "pluginDownloadURL", "pluginChecksums"})


def to_document(graph: Graph) -> dict[str, Any]:
    """The preview of a first deployment: every resource is created."""
    steps = [step(resource, op="create") for resource in graph]
    return document(steps, graph)


def document(steps: Sequence[Mapping[str, Any]], graph: Graph) -> dict[str, Any]:
    """A digest of ``steps`` with their summary and the stack's configuration."""
    return {
        "config": dict(sorted(graph.config.items())),
        "steps": list(steps),
        "diagnostics": [
            {"message": found.message, "severity": found.severity}
            | ({"urn": found.urn} if found.urn is not None else {})
            for found in graph.diagnostics
        ],
        "changeSummary": dict(sorted(Counter(str(found["op"]) for found in steps).items())),
    }


def step(new: Resource | None, *, op: str, old: Resource | None = None) -> dict[str, Any]:
    """One step; ``old`` and ``new`` as far as there is one."""
    shown = new or old
    assert shown is not None
    found: dict[str, Any] = {"op": op, "urn": shown.urn}
    if shown.provider:
        found["provider"] = _reference(shown.provider)
    if old is not None:
        found["oldState"] = state(old)
    if new is not None:
        found["newState"] = state(new)
    return found | {"detailedDiff": None}


def state(resource: Resource) -> dict[str, Any]:
    """A resource as the engine serialises it; what is not set is absent. Secrets are masked."""
    options = resource.options
    optional: dict[str, Any] = {
        "inputs": wire.to_json(resource.inputs),
        "parent": resource.parent,
        "protect": options.protect,
        "dependencies": list(resource.dependencies),
        "provider": _reference(resource.provider) if resource.provider else None,
        "propertyDependencies": {
            key: list(found) for key, found in sorted(resource.property_dependencies.items())
        },
        "additionalSecretOutputs": list(options.additional_secret_outputs),
        "aliases": list(options.aliases),
        "customTimeouts": {name: seconds_of(text) for name, text in options.custom_timeouts},
        "retainOnDelete": options.retain_on_delete,
        "deletedWith": options.deleted_with,
        "ignoreChanges": list(options.ignore_changes),
        "replaceOnChanges": list(options.replace_on_changes),
    }
    head = {"urn": resource.urn, "custom": resource.custom, "type": resource.type}
    return head | {key: value for key, value in optional.items() if value}


def dumps(found: Mapping[str, Any]) -> str:
    """The document as text: the engine's indentation, keys sorted inside states, newline at the end."""
    return json.dumps(found, indent=4, ensure_ascii=False, sort_keys=False) + "\n"


def read_preview(path: Path) -> Graph:
    """The graph of a preview file; InputError when it is none."""
    return from_document(load_document(path))


def load_document(path: Path) -> Document:
    """A preview document from a file; an exported stack becomes steps that change nothing."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(Problem(message=f"cannot be read: {error.strerror}", file=str(path))) from error
    except (RecursionError, ValueError) as error:
        message = f"not readable as JSON: {error}"
        raise InputError(Problem(message=message, file=str(path), accepted=_ACCEPTED)) from error
    if isinstance(found, dict) and isinstance(found.get("deployment"), dict):
        found = {
            "steps": [{"op": "same", "newState": one} for one in found["deployment"].get("resources") or []]
        }
    # without its steps any other JSON file would read as a stack without resources, in which nothing is wrong
    steps = found.get("steps") if isinstance(found, dict) else None
    if not isinstance(steps, list) or not all(isinstance(entry, dict) for entry in steps):
        raise InputError(Problem(message="not a preview document", file=str(path), accepted=_ACCEPTED))
    return found


def from_document(found: Document) -> Graph:
    """What the stack would be after the previewed changes."""
    resources: dict[str, Resource] = {}
    for number, entry in enumerate(found.get("steps", [])):
        after = entry.get("newState") if isinstance(entry, Mapping) else None
        if isinstance(after, Mapping) and entry.get("op") not in _GONE:
            resource = _resource(after, number)
            resources[resource.urn] = resource
    return _graph(resources, found)


def before_document(found: Document) -> Graph:
    """What the stack is before the previewed changes."""
    resources: dict[str, Resource] = {}
    for number, entry in enumerate(found.get("steps", [])):
        before = entry.get("oldState") if isinstance(entry, Mapping) else None
        if isinstance(before, Mapping):
            resource = _resource(before, number)
            resources[resource.urn] = resource
    return _graph(resources, found)


def _graph(resources: Mapping[str, Resource], found: Document) -> Graph:
    first = next(iter(resources.values()), None)
    urn = urns.parse(first.urn) if first else None
    return Graph(
        resources=in_apply_order(resources.values()),
        stack=urn.stack if urn else "",
        project=urn.project if urn else "",
        config={str(key): str(value) for key, value in sorted((found.get("config") or {}).items())},
    )


def _resource(after: Mapping[str, Any], number: int) -> Resource:
    """A serialised state; InputError with the step when a field is missing or of another type."""
    try:
        urn = urns.parse(str(after["urn"]))
        return Resource(
            urn=str(urn),
            type=str(after["type"]),
            name=urn.name,
            parent=after.get("parent") or None,
            custom=bool(after.get("custom", False)),
            inputs=_inputs(str(after["type"]), after.get("inputs") or {}),
            dependencies=tuple(sorted(after.get("dependencies") or ())),
            property_dependencies={
                key: tuple(sorted(found))
                for key, found in sorted((after.get("propertyDependencies") or {}).items())
                if found
            },
            provider=str(after.get("provider") or "").rpartition("::")[0] or None,
            options=_options(after),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            Problem(message=f"not a resource state ({error})", path=f"steps[{number}].newState")
        ) from error


def _options(after: Mapping[str, Any]) -> Options:
    timeouts = after.get("customTimeouts") or {}
    return Options(
        protect=bool(after.get("protect", False)),
        retain_on_delete=bool(after.get("retainOnDelete", False)),
        ignore_changes=tuple(after.get("ignoreChanges") or ()),
        replace_on_changes=tuple(after.get("replaceOnChanges") or ()),
        additional_secret_outputs=tuple(after.get("additionalSecretOutputs") or ()),
        aliases=tuple(after.get("aliases") or ()),
        custom_timeouts=tuple(
            (name, duration_of(float(timeouts[name])))
            for name in ("create", "update", "delete")
            if timeouts.get(name)
        ),
        deleted_with=after.get("deletedWith") or None,
    )


def _inputs(type_: str, found: Mapping[str, Any]) -> Mapping[str, object]:
    """Inputs as the program gave them: the engine adds a provider's plugin version to its inputs."""
    added = _PLUGIN_KEYS if type_.startswith("pulumi:providers:") else frozenset()
    inputs = wire.from_json({key: value for key, value in found.items() if key not in added})
    assert isinstance(inputs, Mapping)
    return inputs


def _reference(provider: str) -> str:
    """A provider as the engine refers to it: URN and id; the id is unknown before it exists."""
    return f"{provider}::{wire.UNKNOWN_STRING}"
