"""The neutral view of a Pulumi resource that cost, policy and the engine share.

Plain values only: no Pulumi import, no I/O. ``inputs`` has the wire names (camelCase) and holds None, bool,
int, float, str, lists and mappings of these, plus ``UNKNOWN`` (decided only at deployment) and ``Secret``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NoReturn


class Unknown:
    """A value that is decided only at deployment. It has no truth: testing it is a bug, not a "no"."""

    _instance: Unknown | None = None

    def __new__(cls) -> Unknown:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __repr__(self) -> str:
        return "<unknown until deployed>"

    def __bool__(self) -> NoReturn:
        raise TypeError("a value unknown until deployment was tested for truth")

    def __copy__(self) -> Unknown:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Unknown:
        del memo
        return self

    def __reduce__(self) -> tuple[type[Unknown], tuple[()]]:
        return (Unknown, ())


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A value that must never be printed; ``value`` is the plain value (or UNKNOWN)."""

    value: object

    def __repr__(self) -> str:
        return "[secret]"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Resource options that show in a review; empty means: not set."""

    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool = False
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    custom_timeouts: tuple[tuple[str, str], ...] = ()
    """``("create", "45m")`` in the order create, update, delete."""
    deleted_with: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One registered resource. ``custom`` is False for components; ``provider`` is a provider's URN."""

    urn: str
    type: str
    name: str
    parent: str | None = None
    custom: bool = True
    inputs: Mapping[str, object] = field(default_factory=dict)
    dependencies: tuple[str, ...] = ()
    """URNs, sorted: explicit ones and those that an input comes from."""
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provider: str | None = None
    options: Options = field(default_factory=Options)


@dataclass(frozen=True)
class ResourceIndex:
    """Resources in registration order, with the look-ups everyone needs."""

    resources: tuple[Resource, ...]

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    def __len__(self) -> int:
        return len(self.resources)

    @cached_property
    def by_urn(self) -> Mapping[str, Resource]:
        return {resource.urn: resource for resource in self.resources}

    def of_type(self, *types: str) -> tuple[Resource, ...]:
        return tuple(resource for resource in self.resources if resource.type in types)

    def parent(self, resource: Resource) -> Resource | None:
        return self.by_urn.get(resource.parent) if resource.parent else None

    def ancestors(self, resource: Resource) -> Iterator[Resource]:
        """From the parent up to the root."""
        seen = {resource.urn}
        above = self.parent(resource)
        while above is not None and above.urn not in seen:
            yield above
            seen.add(above.urn)
            above = self.parent(above)

    def provider(self, resource: Resource) -> Resource | None:
        """The explicit provider resource; an engine reference (``urn::id``) is accepted too."""
        reference = resource.provider
        if not reference:
            return None
        return self.by_urn.get(reference) or self.by_urn.get(reference.rpartition("::")[0])

    def dependants(self, urn: str) -> tuple[Resource, ...]:
        return tuple(resource for resource in self.resources if urn in resource.dependencies)


def index(resources: Sequence[Resource]) -> ResourceIndex:
    return ResourceIndex(tuple(resources))
