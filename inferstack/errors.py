"""Every error a user can meet, in one place.

InferstackError                 never raised itself
├── InputError      exit 2      the user's files, options or names are wrong; carries every Problem at once
├── BlockedError    exit 1      a finding (policy, budget, SLO) refuses the work
└── OutsideError    exit 3      the world outside failed (disk, git, AWS, the Pulumi CLI)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with an input: where, what, and what would be accepted.

    ``line`` is 1-based; ``path`` is a dotted path inside the document (``traffic.inputTokens.mean``).
    """

    message: str
    file: str | None = None
    line: int | None = None
    path: str | None = None
    value: str | None = None
    accepted: str | None = None
    did_you_mean: str | None = None

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        head = " ".join(part for part in (where + ":" if where else "", self.path) if part)
        text = (
            f"{head}: {self.message}" if head and not head.endswith(":") else f"{head} {self.message}".strip()
        )
        if self.value is not None:
            text += f" (got {self.value})"
        if self.did_you_mean:
            text += f"; did you mean {self.did_you_mean}?"
        if self.accepted:
            text += f"; accepted: {self.accepted}"
        return text


class InferstackError(Exception):
    """Base of all designed errors; the CLI turns it into one message and ``exit_code``."""

    exit_code: ClassVar[int]


class InputError(InferstackError):
    """Bad input; ``problems`` holds everything found, in file order."""

    exit_code = 2

    def __init__(self, *problems: Problem | str) -> None:
        self.problems = tuple(p if isinstance(p, Problem) else Problem(message=p) for p in problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class BlockedError(InferstackError):
    """A policy, budget or SLO finding refuses the work."""

    exit_code = 1


class OutsideError(InferstackError):
    """Something outside this program failed: what, and what to do about it."""

    exit_code = 3
