"""INF-GOV-001: waivers are complete and none has expired."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.facts import environments
from inferstack.policy.types import (
    Context,
    EnvironmentRule,
    Severity,
    Verdict,
    fail,
    not_applicable,
)
from inferstack.policy.waivers import waiver
from inferstack.view import Undecided


def check(context: Context) -> Iterator[Verdict]:
    found = [(facts.urn, view) for facts in environments(context.resources) for view in facts.waivers]
    if not found:
        yield not_applicable("no waivers")
    for urn, view in found:
        try:
            accepted = waiver(view)
        except Undecided as undecided:
            yield fail(f"waiver is not usable: {undecided.reason}", urn=urn)
            continue
        if accepted.expired(context.today):
            yield fail(
                f"waiver of {accepted.rule} for {accepted.scope} expired on {accepted.expires}", urn=urn
            )


RULE = EnvironmentRule(
    id="INF-GOV-001",
    title="Waivers are complete and current",
    severity=Severity.HIGH,
    rationale="An exception without an end becomes the rule; an expired one was not looked at again.",
    remediation="Fix what was waived, or have the owner renew the waiver with a new date and reason.",
    url="https://www.iso.org/standard/27001",
    tags=("governance",),
    frameworks=("ISO 27001 A.5.36",),
    check=check,
)
