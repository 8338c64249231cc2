"""Which changed properties make a provider replace a resource; the facts are in `data/replacement.yaml`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from inferstack.engine.compare import covers
from inferstack.plain_yaml import read_yaml
from inferstack.resources import Resource

_DATA: Final = Path(__file__).parent / "data" / "replacement.yaml"


@dataclass(frozen=True, slots=True)
class Identity:
    """A provider's identity: ``stable`` set and unchanged means no replacement, whatever is ``watched``."""

    stable: str
    watched: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    every: Mapping[str, tuple[str, ...]]
    types: Mapping[str, tuple[str, ...]]
    identity: Mapping[str, Identity]
    ripples: Mapping[str, Mapping[str, tuple[str, ...]]]

    def known(self, type_: str) -> bool:
        """Do we know what replaces a resource of this type? Custom Kubernetes resources: always."""
        return type_ in self.types or type_.startswith("kubernetes:") or not _package(type_)

    def forcing(self, resource: Resource, paths: Iterable[str]) -> tuple[str, ...]:
        """The changed paths that force a replacement, by our rules or by the resource's own options."""
        rules = self._rules(resource)
        return tuple(path for path in paths if any(rule == "*" or covers(rule, path) for rule in rules))

    def forces_below(self, resource: Resource, top: str) -> bool:
        """Is there any property in the input ``top`` whose change forces a replacement?"""
        return any(rule == "*" or rule.split(".", 1)[0] == top for rule in self._rules(resource))

    def _rules(self, resource: Resource) -> tuple[str, ...]:
        options = (rule.replace("[*]", "") for rule in resource.options.replace_on_changes)
        return (*self.every.get(_package(resource.type), ()), *self.types.get(resource.type, ()), *options)

    def identity_lost(self, old: Resource, new: Resource, paths: Iterable[str]) -> tuple[str, ...]:
        """The changed paths by which a provider may have come to mean another cluster."""
        identity = self.identity.get(new.type)
        if identity is None or (
            new.inputs.get(identity.stable) is not None
            and new.inputs.get(identity.stable) == old.inputs.get(identity.stable)
        ):
            return ()
        return tuple(path for path in paths if any(covers(watched, path) for watched in identity.watched))

    def follows(self, source: Resource, dependant: Resource) -> tuple[str, ...]:
        """Inputs of ``dependant`` that move whenever ``source`` is updated."""
        return self.ripples.get(source.type, {}).get(dependant.type, ())


@cache
def load_rules() -> Rules:
    document = read_yaml(_DATA)
    return Rules(
        every={package: tuple(names) for package, names in document["every"].items()},
        types={type_: tuple(names) for type_, names in document["types"].items()},
        identity={
            type_: Identity(found["stable"], tuple(found["watched"]))
            for type_, found in document["identity"].items()
        },
        ripples={
            source: {type_: tuple(names) for type_, names in found.items()}
            for source, found in document["ripples"].items()
        },
    )


def _package(type_: str) -> str:
    """``aws`` or ``kubernetes``; empty for components and Pulumi's own types."""
    package = type_.partition(":")[0]
    return package if package in {"aws", "kubernetes"} else ""
