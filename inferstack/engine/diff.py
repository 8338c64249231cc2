"""What changes between two graphs of a stack, decided as the engine and its providers would decide it.

Resources are matched by URN, then by alias (also the alias a parent passes on). A matched resource is
updated or replaced according to ``replacement``; replacements are followed along property dependencies,
because an input that comes from a replaced resource gets a new value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from inferstack.engine import urns
from inferstack.engine.compare import PropertyChange, covers, differences, unknown_leaves
from inferstack.engine.graph import Graph
from inferstack.engine.replacement import Rules, load_rules
from inferstack.errors import InputError
from inferstack.resources import UNKNOWN, Resource, Secret, Unknown

Operation = Literal["create", "update", "replace", "delete", "same"]
DESTRUCTIVE: Final = frozenset({"replace", "delete"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happens to one resource."""

    op: Operation
    component: str
    old: Resource | None = None
    new: Resource | None = None
    properties: tuple[PropertyChange, ...] = ()
    replace_reasons: tuple[str, ...] = ()
    """Input paths that force the replacement, and URNs of replaced resources that do."""
    notes: tuple[str, ...] = ()

    @property
    def resource(self) -> Resource:
        found = self.new or self.old
        assert found is not None
        return found

    @property
    def refused(self) -> bool:
        """Would `pulumi up` refuse this, because the resource is protected?"""
        return self.op in DESTRUCTIVE and self.old is not None and self.old.options.protect


@dataclass(frozen=True)
class Diff:
    """All changes: those of the new graph in apply order, then deletions in reverse apply order."""

    old: Graph
    new: Graph
    changes: tuple[Change, ...]

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Operation → how many resources, providers' and components' own entries included."""
        return dict(sorted(Counter(change.op for change in self.changes).items()))

    def having(self, *operations: Operation) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.op in operations)


def compare(old: Graph, new: Graph, rules: Rules | None = None) -> Diff:
    """The changes that turn ``old`` into ``new``; InputError when they are different stacks."""
    if len(old) and len(new) and (old.stack, old.project) != (new.stack, new.project):
        raise InputError(
            f"cannot compare stack {new.project}/{new.stack} with {old.project}/{old.stack}; "
            "the baseline must be of the same stack"
        )
    return Diff(old, new, tuple(_Comparison(old, new, rules or load_rules()).changes()))


class _Comparison:
    """One pass over the new graph in apply order, so that what a resource depends on is decided before it."""

    def __init__(self, old: Graph, new: Graph, rules: Rules) -> None:
        self._old, self._new, self._rules = old, new, rules
        self._decided: dict[str, Change] = {}
        self._new_urn: dict[str, str] = {}  # old URN -> the new resource that continues it

    def changes(self) -> Iterator[Change]:
        for resource in self._new:
            change = self._change(resource)
            self._decided[resource.urn] = change
            yield change
        for resource in reversed(self._old.resources):
            if resource.urn not in self._new_urn:
                yield Change(
                    op="delete",
                    component=self._old.components[resource.urn],
                    old=resource,
                    notes=_deletion_notes(resource),
                )

    def _change(self, new: Resource) -> Change:
        component = self._new.components[new.urn]
        old = self._match(new)
        if old is None:
            return Change(op="create", component=component, new=new)
        self._new_urn[old.urn] = new.urn
        properties = tuple(self._properties(old, new))
        reasons = self._replace_reasons(old, new, properties) if new.custom else ()
        op: Operation = "replace" if reasons else "update" if properties else "same"
        return Change(
            op=op,
            component=component,
            old=old,
            new=new,
            properties=properties,
            replace_reasons=reasons,
            notes=tuple(self._notes(op, old, new)),
        )

    def _match(self, new: Resource) -> Resource | None:
        for urn in (new.urn, *self._aliases(new)):
            if urn in self._old.by_urn and urn not in self._new_urn:
                return self._old.by_urn[urn]
        return None

    def _aliases(self, new: Resource) -> Iterator[str]:
        """Own aliases, then where the resource lived under its parent's old name."""
        yield from new.options.aliases
        parent = self._decided.get(new.parent or "")
        if parent is None or parent.old is None or parent.old.urn == parent.resource.urn:
            return
        for urn in (new.urn, *new.options.aliases):
            yield urns.inherited_alias(
                child_urn=urn, parent_name=parent.resource.name, parent_alias=parent.old.urn
            )

    def _properties(self, old: Resource, new: Resource) -> Iterator[PropertyChange]:
        """Changed leaves, with those whose value is unknown judged by where the value comes from."""
        found = {change.path: change for change in differences(old.inputs, new.inputs)}
        for path in {*unknown_leaves(new.inputs), *(p for p, c in found.items() if _unknown(c))}:
            top = PropertyChange(path=path, kind="update").top
            if path in found and found[path].kind != "update":
                continue
            if self._moves(old, new, top, path):
                found.setdefault(path, PropertyChange(path=path, kind="update", old=UNKNOWN, new=UNKNOWN))
            elif self._same_source(old, new, top):
                found.pop(path, None)
        for path in sorted(found):
            if not any(covers(ignored, path) for ignored in new.options.ignore_changes):
                yield found[path]

    def _same_source(self, old: Resource, new: Resource, top: str) -> bool:
        before = {self._new_urn.get(urn, urn) for urn in old.property_dependencies.get(top, ())}
        return bool(before) and before == set(new.property_dependencies.get(top, ()))

    def _moves(self, old: Resource, new: Resource, top: str, path: str) -> bool:
        """Will an unknown leaf get another value: another source, or a source that is new or updated?"""
        sources = new.property_dependencies.get(top, ())
        if old.property_dependencies.get(top) and not self._same_source(old, new, top):
            return True
        for change in (self._decided[urn] for urn in sources if urn in self._decided):
            if change.op in {"create", "replace"} and change.resource.custom:
                return True
            if change.op == "update" and self._follows(change.resource, new, path):
                return True
        return False

    def _follows(self, source: Resource, new: Resource, path: str) -> bool:
        return any(covers(rule, path) for rule in self._rules.follows(source, new))

    def _replace_reasons(
        self, old: Resource, new: Resource, properties: tuple[PropertyChange, ...]
    ) -> tuple[str, ...]:
        paths = [change.path for change in properties]
        found = [*self._rules.forcing(new, paths), *self._rules.identity_lost(old, new, paths)]
        found += self._provider_reason(old, new)
        found += self._deleted_first(new)
        return tuple(dict.fromkeys(found))

    def _provider_reason(self, old: Resource, new: Resource) -> list[str]:
        """A replaced provider takes everything it manages along."""
        provider = self._decided.get(new.provider or "")
        if provider is None:
            return []
        if provider.op == "replace":
            return [provider.resource.urn]
        before = self._old.provider(old)
        if before is None or self._new_urn.get(before.urn) == provider.resource.urn:
            return []
        paths = [change.path for change in differences(before.inputs, provider.resource.inputs)]
        lost = self._rules.forcing(provider.resource, paths) + self._rules.identity_lost(
            before, provider.resource, paths
        )
        return [provider.resource.urn] if lost else []

    def _deleted_first(self, new: Resource) -> list[str]:
        """What is deleted before its replacement exists takes along all that cannot change an input of it."""
        found = []
        for top, sources in new.property_dependencies.items():
            for urn in sources:
                change = self._decided.get(urn)
                if change is None or change.op != "replace" or change.new is None:
                    continue
                if change.new.options.delete_before_replace and self._rules.forces_below(new, top):
                    found.append(urn)
        return found

    def _notes(self, op: Operation, old: Resource, new: Resource) -> Iterator[str]:
        if old.urn != new.urn:
            yield f"was {old.urn.rpartition('::')[2]} ({old.type})" if old.name != new.name else "moved"
        if op == "update" and new.custom and not self._rules.known(new.type):
            yield f"what replaces a {new.type} is not known here: this may be a replacement"
        if op == "replace" and old.options.protect:
            yield "protected: `pulumi up` will refuse"


def _deletion_notes(resource: Resource) -> tuple[str, ...]:
    notes = []
    if resource.options.protect:
        notes.append("protected: `pulumi up` will refuse")
    if resource.options.retain_on_delete:
        notes.append("kept in the cloud, only forgotten by Pulumi")
    return tuple(notes)


def _unknown(change: PropertyChange) -> bool:
    sides = (side.value if isinstance(side, Secret) else side for side in (change.old, change.new))
    return any(isinstance(side, Unknown) for side in sides)
