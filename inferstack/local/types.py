"""What runs on one machine instead of a workload's fleet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PORT: Final = 8000
"""Where callers reach it on the machine, whatever runs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModel:
    """One server for one workload; ``gpus`` 0 is the CPU image."""

    workload: str
    """Model name that callers ask for: the same as in the fleet."""
    model_id: str
    stands_in_for: str | None
    """The workload's own model, where a smaller one is served under its name."""
    image: str
    arguments: tuple[str, ...]
    """Of `vllm serve`, the model first."""
    context: int
    gated: bool
    """The Hub asks for a token."""
    weights_gib: float | None
    """In 16 bits; None: not known."""
    gpus: int
    notes: tuple[str, ...]
    """What differs from the fleet, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """One file of a target."""

    name: str
    text: str
