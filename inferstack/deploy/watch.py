"""Follows an operation of the engine: a line for each step, and what is left to say at the end."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pulumi.automation import EngineEvent
from pulumi.automation.events import DiagnosticEvent, OpType, StepEventMetadata

_COLOUR_TAG: Final = re.compile(r"<\{%[^%]*%\}>")
_QUIET: Final = frozenset({OpType.SAME, OpType.READ, OpType.REPLACE})
"""Nothing happens, or the steps that do it are told by themselves."""
_DOING: Final = {
    OpType.CREATE: "creating",
    OpType.UPDATE: "updating",
    OpType.DELETE: "deleting",
    OpType.CREATE_REPLACEMENT: "creating replacement",
    OpType.DELETE_REPLACED: "deleting replaced",
    OpType.REFRESH: "refreshing",
    OpType.IMPORT: "importing",
}
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing the engine does, or would do, to one resource."""

    operation: str
    type: str
    name: str
    urn: str
    changed: tuple[str, ...] = ()
    """Inputs that differ."""

    def __str__(self) -> str:
        return f"{self.type} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an operation did, or would do."""

    changes: Mapping[str, int]
    """Operation → how many resources; ``same`` are untouched."""
    steps: tuple[Step, ...]
    seconds: float
    errors: tuple[str, ...] = ()
    violations: tuple[str, ...] = ()
    """Mandatory policies that stopped it."""

    @property
    def changed(self) -> int:
        return sum(count for operation, count in self.changes.items() if operation != OpType.SAME.value)


@dataclass
class Watcher:
    """Receives the engine's events, from a thread of their own; ``say`` gets a line for each real step."""

    say: Say
    started: float = field(default_factory=time.monotonic)
    changes: dict[str, int] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    _begun: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: EngineEvent) -> None:
        with self._lock:
            if event.resource_pre_event is not None:
                self._begin(
                    event.resource_pre_event.metadata, planning=bool(event.resource_pre_event.planning)
                )
            elif event.res_outputs_event is not None:
                self._end(event.res_outputs_event.metadata, planning=bool(event.res_outputs_event.planning))
            elif event.res_op_failed_event is not None:
                self.say(f"failed    {step_of(event.res_op_failed_event.metadata)}")
            elif event.diagnostic_event is not None:
                self._diagnostic(event.diagnostic_event)
            elif event.policy_event is not None and event.policy_event.enforcement_level == "mandatory":
                self.violations.append(
                    f"{event.policy_event.policy_name}: {clean(event.policy_event.message)}"
                )
            elif event.summary_event is not None:
                changes = event.summary_event.resource_changes
                self.changes = {OpType(kind).value: count for kind, count in changes.items()}

    def _begin(self, metadata: StepEventMetadata, *, planning: bool) -> None:
        if metadata.op in _QUIET or metadata.type.startswith("pulumi:pulumi:Stack"):
            return
        step = step_of(metadata)
        if metadata.op is not OpType.REFRESH:
            self.steps.append(step)
        if not planning and metadata.op in _DOING and _is_custom(metadata):
            self._begun[metadata.urn] = time.monotonic()
            self.say(f"{_DOING[metadata.op]} {step}")

    def _end(self, metadata: StepEventMetadata, *, planning: bool) -> None:
        if metadata.op is OpType.REFRESH and metadata.diffs:
            self.steps.append(step_of(metadata))
        begun = self._begun.pop(metadata.urn, None)
        if begun is not None and not planning:
            self.say(f"done      {step_of(metadata)}  {time.monotonic() - begun:.0f} s")

    def _diagnostic(self, event: DiagnosticEvent) -> None:
        if event.severity == "error":
            message = clean(event.message)
            where = f"{event.urn.rpartition('::')[2]}: " if event.urn else ""
            if message and "update failed" not in message:
                self.errors.append(f"{where}{message}")
        elif event.severity == "warning" and not event.ephemeral:
            self.say(f"warning   {clean(event.message)}")

    def outcome(self) -> Outcome:
        with self._lock:
            return Outcome(
                changes=dict(sorted(self.changes.items())),
                steps=tuple(self.steps),
                seconds=round(time.monotonic() - self.started, 1),
                errors=tuple(dict.fromkeys(self.errors)),
                violations=tuple(dict.fromkeys(self.violations)),
            )


def step_of(metadata: StepEventMetadata) -> Step:
    return Step(
        operation=metadata.op.value,
        type=metadata.type,
        name=metadata.urn.rpartition("::")[2],
        urn=metadata.urn,
        changed=tuple(metadata.diffs or ()),
    )


def _is_custom(metadata: StepEventMetadata) -> bool:
    state = metadata.new or metadata.old
    return state is None or state.custom is not False


def clean(text: str) -> str:
    """A message of the engine on one line, without its colour marks and the frames of a traceback."""
    plain = _COLOUR_TAG.sub("", text)
    head, traceback, frames = plain.partition("Traceback (most recent call last):")
    if traceback:
        plain = f"{head} {([line for line in frames.splitlines() if line.strip()] or [''])[-1]}"
    return " ".join(plain.split())
