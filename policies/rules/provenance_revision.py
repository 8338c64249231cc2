"""INF-PRO-003: weights are pinned to a commit, so that what was evaluated is what is served."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inferstack.facts import WORKLOAD_TYPE, WorkloadFacts
from inferstack.policy.types import Context, Level, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View

COMMIT = re.compile(r"[0-9a-f]{40}")


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del resource, context
    facts = WorkloadFacts(view)
    if facts.revision is None:
        yield fail(f"{facts.checkpoint} has no revision: whatever its repository holds on the day is served")
    elif not COMMIT.fullmatch(facts.revision):
        yield fail(f"revision {facts.revision} is a name that can move, not a commit")


RULE = ResourceRule(
    id="INF-PRO-003",
    title="Model weights are pinned to a commit",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    rationale="A repository of weights can change under the same name, by its owner or by someone else.",
    remediation="Set model.revision to the commit that was evaluated.",
    url="https://huggingface.co/docs/huggingface_hub/guides/download",
    tags=("model", "supply-chain"),
    frameworks=("SLSA",),
    types=(WORKLOAD_TYPE,),
    check=check,
)
