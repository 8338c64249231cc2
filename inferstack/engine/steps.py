"""Changes as the steps of a preview document, and the changes that a document's steps describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from inferstack.engine import preview
from inferstack.engine.diff import Change, Diff
from inferstack.engine.graph import Graph

_KINDS: Final = {"add": "add", "update": "update", "delete": "delete"}


def to_document(diff: Diff) -> dict[str, Any]:
    """The differences in the shape of `pulumi preview --json`; a replacement is one `replace` step."""
    return preview.document([_step(change) for change in diff.changes], diff.new)


def first_deployment(graph: Graph) -> Diff:
    """Everything is created: the changes against nothing."""
    changes = tuple(
        Change(op="create", component=graph.components[resource.urn], new=resource) for resource in graph
    )
    return Diff(Graph(()), graph, changes)


def _step(change: Change) -> dict[str, Any]:
    found = preview.step(change.new, op=change.op, old=change.old)
    if not change.properties and not change.replace_reasons:
        return found
    forced = set(change.replace_reasons)
    detailed: Mapping[str, Any] = {
        changed.path: {
            "kind": _KINDS[changed.kind] + ("-replace" if changed.path in forced else ""),
            "inputDiff": True,
        }
        for changed in change.properties
    }
    tops = sorted({changed.top for changed in change.properties})
    reasons = sorted({changed.top for changed in change.properties if changed.path in forced}) or sorted(
        forced
    )
    return found | {
        "diffReasons": tops,
        "replaceReasons": reasons if change.op == "replace" else [],
        "detailedDiff": detailed,
    }
