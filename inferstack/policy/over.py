"""For environment rules that judge several resources: one undecided resource does not hide the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from inferstack.policy.types import (
    Outcome,
    Verdict,
)
from inferstack.resources import Resource
from inferstack.view import Undecided


def over(resources: Iterable[Resource], judge: Callable[[Resource], Iterable[Verdict]]) -> Iterator[Verdict]:
    """Verdicts on each resource, carrying its URN; Undecided becomes an indeterminate of that resource."""
    for resource in resources:
        try:
            for verdict in judge(resource):
                yield Verdict(verdict.outcome, verdict.message, verdict.urn or resource.urn)
        except Undecided as undecided:
            yield Verdict(Outcome.INDETERMINATE, undecided.reason, resource.urn)
