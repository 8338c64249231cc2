"""What the Pulumi CLI says when it stops, in our words and with what to do."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from typing import Final

from pulumi import automation

from inferstack.errors import InferstackError, InputError, OutsideError, Problem

INSTALL: Final = (
    "install the Pulumi CLI (https://www.pulumi.com/docs/install: `brew install pulumi` or"
    " `curl -fsSL https://get.pulumi.com | sh`) and have it on PATH, then try again"
)
_HINTS: Final = (
    ("PULUMI_CONFIG_PASSPHRASE", "set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE"),
    ("incorrect passphrase", "PULUMI_CONFIG_PASSPHRASE is not the one this stack was made with"),
    ("PULUMI_ACCESS_TOKEN must be set", "`pulumi login`, or PULUMI_ACCESS_TOKEN in CI"),
    ("invalid access token", "`pulumi login`, or a PULUMI_ACCESS_TOKEN that is valid"),
    (
        "failed to load checkpoint",
        "the state was cut off while it was written; the version before lies beside it: put"
        " .pulumi/stacks/PROJECT/STACK.json.bak (and .bak.attrs) in its place, then run this again",
    ),
    ("no Pulumi.yaml", "run it inside the project"),
    ("kms", "these credentials must be allowed to use the stack's KMS key"),
)
_HOLDER: Final = re.compile(r"created by (?P<user>\S+)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<at>\S+)")
_LAST: Final = 12
"""Lines of the CLI's own error that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose lock is on a stack in a bucket or a folder."""

    user: str
    host: str
    pid: int
    since: str

    @property
    def gone(self) -> bool:
        """Whether it was a process of this machine that no longer runs."""
        if self.host != socket.gethostname():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False

    def __str__(self) -> str:
        state = ", which no longer runs" if self.gone else ""
        return f"{self.user}@{self.host}, process {self.pid}{state}, since {self.since}"


class LockedError(OutsideError):
    """Another update holds the stack, or one that was killed never gave it back."""

    def __init__(self, stack: str, holders: tuple[Holder, ...]) -> None:
        self.holders = holders
        by = "; ".join(str(holder) for holder in holders) or "another update"
        super().__init__(
            f"stack {stack} is locked by {by}. Wait for it; if it was killed:"
            f" `pulumi cancel --stack {stack}`, then run this again, it goes on from where that stopped"
        )

    @property
    def abandoned(self) -> bool:
        return bool(self.holders) and all(holder.gone for holder in self.holders)


def holders(text: str) -> tuple[Holder, ...]:
    """Who holds the locks that an error message lists."""
    return tuple(
        Holder(user=found["user"], host=found["host"], pid=int(found["pid"]), since=found["at"])
        for found in _HOLDER.finditer(text)
    )


def explained(error: automation.CommandError, stack: str) -> InferstackError:
    """The error of the CLI as one of ours."""
    text = str(error)
    if isinstance(error, automation.StackNotFoundError):
        return InputError(
            Problem(
                message=f"no stack {stack!r} in the state backend",
                accepted=f"pulumi stack init {stack} (a bucket: --secrets-provider awskms://alias/KEY?region=REGION)",
            )
        )
    if isinstance(error, automation.ConcurrentUpdateError):
        return LockedError(stack, holders(text))
    hints = [hint for words, hint in _HINTS if words.casefold() in text.casefold()][:1]
    return OutsideError("\n".join([*last_lines(text), *hints]))


def last_lines(text: str) -> list[str]:
    """The end of what the CLI wrote on stderr, without its frame and empty lines."""
    _, _, stderr = text.rpartition("\n stderr: ")
    lines = [line.rstrip().removeprefix("error: ") for line in stderr.splitlines() if line.strip()]
    return lines[-_LAST:] or ["the Pulumi CLI failed and did not say why"]
