"""What a stack's state says: resources, what is protected or kept, and what an interrupted run left open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

BUCKET_TYPE: Final = "aws:s3/bucket:Bucket"
DATABASE_TYPE: Final = "aws:rds/instance:Instance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One resource in the state."""

    urn: str
    type: str
    id: str | None
    custom: bool
    protect: bool
    retain: bool
    deletion_protection: bool = False
    """AWS itself refuses to delete it."""
    must_be_empty: bool = False
    """A bucket that is removed, and that AWS removes only without objects."""

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]

    def __str__(self) -> str:
        return f"{self.type} {self.name}" + (f" ({self.id})" if self.id else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An operation that was under way when a run was killed: whether it succeeded is not known."""

    operation: str
    """``creating``, ``updating``, ``deleting``, ``reading``."""
    urn: str
    type: str

    def __str__(self) -> str:
        return f"{self.operation} {self.type} {self.urn.rpartition('::')[2]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    resources: tuple[Held, ...]
    pending: tuple[Pending, ...]

    @property
    def managed(self) -> tuple[Held, ...]:
        """What a provider really made."""
        return tuple(one for one in self.resources if one.custom and not one.type.startswith("pulumi:"))

    @property
    def protected(self) -> tuple[Held, ...]:
        return tuple(one for one in self.managed if one.protect)

    @property
    def retained(self) -> tuple[Held, ...]:
        """What stays in AWS after `destroy`."""
        return tuple(one for one in self.managed if one.retain)

    @property
    def to_empty(self) -> tuple[Held, ...]:
        """Buckets that somebody has to empty before `destroy` can remove them."""
        return tuple(one for one in self.managed if one.must_be_empty)

    @property
    def guarded(self) -> tuple[Held, ...]:
        """What AWS refuses to delete, whatever Pulumi thinks."""
        return tuple(one for one in self.managed if one.deletion_protection)


def state_of(deployment: Mapping[str, Any] | None) -> State:
    """The state in an exported deployment; empty for a stack that was never deployed."""
    document = deployment or {}
    return State(
        resources=tuple(_held(one) for one in document.get("resources") or ()),
        pending=tuple(_pending(one) for one in document.get("pending_operations") or ()),
    )


def _held(entry: Mapping[str, Any]) -> Held:
    inputs, retain = entry.get("inputs") or {}, bool(entry.get("retainOnDelete"))
    full = entry["type"] == BUCKET_TYPE and not retain and inputs.get("forceDestroy") is not True
    return Held(
        urn=entry["urn"],
        type=entry["type"],
        id=entry.get("id") or None,
        custom=bool(entry.get("custom")),
        protect=bool(entry.get("protect")),
        retain=retain,
        deletion_protection=inputs.get("deletionProtection") is True,
        must_be_empty=full,
    )


def _pending(entry: Mapping[str, Any]) -> Pending:
    resource = entry["resource"]
    return Pending(operation=entry["type"], urn=resource["urn"], type=resource["type"])
