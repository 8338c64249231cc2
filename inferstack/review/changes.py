"""Changes of a stack as text for people: what destroys first, then everything by component."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from inferstack.engine import wire
from inferstack.engine.compare import PropertyChange
from inferstack.engine.diff import DESTRUCTIVE, Change, Diff
from inferstack.engine.graph import Graph

SYMBOLS: Final = {"create": "+", "update": "~", "replace": "-/+", "delete": "-"}
_VERBS: Final = (("replace", "replaced"), ("delete", "deleted"), ("update", "changed"), ("create", "added"))
_VALUE_WIDTH: Final = 60
_PROPERTIES_SHOWN: Final = 12
_CONTEXT: Final = 20
"""Characters shown before the first difference of two long texts."""


def verdict(diff: Diff, label: str) -> str:
    """One line: ``prod-eu against HEAD~1: 2 replaced, 1 deleted, 3 added (120 unchanged)``."""
    parts = [f"{diff.counts[op]} {verb}" for op, verb in _VERBS if op in diff.counts]
    unchanged = diff.counts.get("same", 0)
    what = ", ".join(parts) or f"no changes in {unchanged} resources"
    rest = f" ({unchanged} unchanged)" if parts and unchanged else ""
    return f"{diff.new.stack} against {label}: {what}{rest}"


def change_lines(diff: Diff, label: str) -> Iterator[str]:
    """The whole report, line by line."""
    yield verdict(diff, label)
    destructive = [change for change in diff.changes if change.op in DESTRUCTIVE]
    if destructive:
        yield ""
        yield f"Destroyed or replaced ({len(destructive)})"
        for change in destructive:
            yield from _change(change, with_component=True)
    harmless = [change for change in diff.changes if change.op in {"create", "update"}]
    for component in sorted({change.component for change in harmless}):
        yield ""
        yield component or diff.new.stack
        for change in sorted(
            (one for one in harmless if one.component == component),
            key=lambda one: (one.op, one.resource.urn),
        ):
            yield from _change(change, with_component=False)


def first_lines(graph: Graph) -> Iterator[str]:
    """A first deployment: how many of what, by component."""
    compare = "--against compares with a folder or a git revision"
    yield f"{graph.stack}: {len(graph)} resources to create ({compare})"
    by_component: dict[str, list[str]] = {}
    for resource in graph:
        by_component.setdefault(graph.components[resource.urn], []).append(resource.type)
    for component in sorted(by_component):
        yield ""
        yield f"{component or graph.stack} ({len(by_component[component])})"
        for type_, count in sorted(Counter(by_component[component]).items()):
            yield f"  + {count:>3}  {type_}"


def shown(value: object) -> str:
    """A value on one line: secrets masked, unknowns in words, long ones cut."""
    plain = wire.mapped(value, unknown=lambda: "<known after deployment>", secret=lambda _: wire.MASK)
    text = json.dumps(plain, ensure_ascii=False, sort_keys=True)
    for words in ("<known after deployment>", wire.MASK):
        text = text.replace(f'"{words}"', words)
    return text if len(text) <= _VALUE_WIDTH else text[: _VALUE_WIDTH - 1] + "…"


def _change(change: Change, *, with_component: bool) -> Iterator[str]:
    resource = change.resource
    where = f"{change.component}  " if with_component and change.component else ""
    yield f"  {SYMBOLS[change.op]:<3} {where}{resource.name}  {resource.type}"
    forced = set(change.replace_reasons)
    yield from _properties(change.properties, forced)
    for reason in change.replace_reasons:
        if reason.startswith("urn:"):
            yield f"        because {reason.rpartition('::')[2]} is replaced"
    for note in change.notes:
        yield f"        ! {note}"


def _properties(properties: Iterable[PropertyChange], forced: set[str]) -> Iterator[str]:
    """What forces a replacement comes first; the tail is counted, not listed."""
    ordered = sorted(properties, key=lambda change: (change.path not in forced, change.path))
    for change in ordered[:_PROPERTIES_SHOWN]:
        reason = "  forces replacement" if change.path in forced else ""
        yield f"        {change.path}: {_sides(change)}{reason}"
    if len(ordered) > _PROPERTIES_SHOWN:
        yield f"        … and {len(ordered) - _PROPERTIES_SHOWN} more (--json has all)"


def _sides(change: PropertyChange) -> str:
    if change.kind == "add":
        return f"added {shown(change.new)}"
    if change.kind == "delete":
        return f"removed {shown(change.old)}"
    before, after = change.old, change.new
    if isinstance(before, str) and isinstance(after, str):
        before, after = _from_first_difference(before, after)
    if shown(before) == shown(after):
        return f"another {shown(after)}"
    return f"{shown(before)} → {shown(after)}"


def _from_first_difference(before: str, after: str) -> tuple[str, str]:
    """Two long texts without most of what they begin with alike."""
    if max(len(before), len(after)) <= _VALUE_WIDTH:
        return before, after
    pairs = zip(before, after, strict=False)
    alike = next(
        (place for place, (one, other) in enumerate(pairs) if one != other), min(len(before), len(after))
    )
    start = max(alike - _CONTEXT, 0)
    lead = "…" if start else ""
    return lead + before[start:], lead + after[start:]
