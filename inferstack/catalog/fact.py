"""The base of every catalog type."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Fact(BaseModel):
    """A frozen value with no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
