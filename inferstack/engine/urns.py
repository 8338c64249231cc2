"""Pulumi URNs (``urn:pulumi:<stack>::<project>::<parent types$type>::<name>``), built as the engine does."""

from __future__ import annotations

from dataclasses import dataclass

ROOT_STACK_TYPE = "pulumi:pulumi:Stack"


@dataclass(frozen=True, slots=True)
class Urn:
    """The four parts; ``qualified_type`` is ``grandparent$parent$type`` without the root stack."""

    stack: str
    project: str
    qualified_type: str
    name: str

    @property
    def type(self) -> str:
        return self.qualified_type.rpartition("$")[2]

    def __str__(self) -> str:
        return f"urn:pulumi:{self.stack}::{self.project}::{self.qualified_type}::{self.name}"


def parse(text: str) -> Urn:
    """The parts of a URN; ValueError when it is none. Names may hold ``::``."""
    prefix, _, rest = text.partition("urn:pulumi:")
    parts = rest.split("::", 3)
    if prefix or len(parts) != 4:
        raise ValueError(f"not a URN: {text!r}")
    return Urn(*parts)


def child(*, stack: str, project: str, parent: str | None, type_: str, name: str) -> str:
    """The URN of a resource under ``parent`` (a URN; the root stack leaves no trace in the type)."""
    above = parse(parent).qualified_type if parent else ROOT_STACK_TYPE
    qualified = type_ if above == ROOT_STACK_TYPE else f"{above}${type_}"
    return str(Urn(stack, project, qualified, name))


def inherited_alias(*, child_urn: str, parent_name: str, parent_alias: str) -> str:
    """Where a child lived while its parent was still called ``parent_alias``.

    A child named after its parent (``<parent>-subnet``) was named after the parent's old name.
    """
    own = parse(child_urn)
    old_parent = parse(parent_alias)
    name = old_parent.name + own.name[len(parent_name) :] if own.name.startswith(parent_name) else own.name
    return child(stack=own.stack, project=own.project, parent=parent_alias, type_=own.type, name=name)
