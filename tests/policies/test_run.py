"""The runner: three outcomes, strictness, levels, redaction, order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from policy_graphs import (
    BUCKET,
    DEPLOYMENT,
    ENVIRONMENT,
    KNOWLEDGE,
    SERVICE,
    TODAY,
    changed,
    compliant,
    judge,
    resource,
)

from inferstack.policy.run import evaluate
from inferstack.policy.types import (
    Context,
    EnvironmentRule,
    Level,
    Outcome,
    ResourceRule,
    Severity,
    Status,
    Verdict,
    fail,
    indeterminate,
)
from inferstack.resources import UNKNOWN, Resource, Secret
from inferstack.view import View

UNDECIDED = changed(SERVICE, {"usage.monthlyActiveUsers": UNKNOWN})
CAP = "INF-LIC-003"
OWNERSHIP = "INF-CST-002"


def with_policy(resources: dict[str, Resource], **policy: object) -> dict[str, Resource]:
    found = changed(ENVIRONMENT, {f"policy.{key}": value for key, value in policy.items()})[ENVIRONMENT]
    return {**resources, ENVIRONMENT: found}


def status(resources: dict[str, Resource], rule: str) -> Status:
    (finding,) = judge(resources, rule).findings
    return finding.status


def test_an_undecided_mandatory_rule_blocks_a_strict_environment() -> None:
    assert status(UNDECIDED, CAP) is Status.BLOCKED


def test_an_undecided_rule_stays_open_where_the_environment_is_not_strict() -> None:
    assert status(with_policy(UNDECIDED, strict=False), CAP) is Status.OPEN
    assert not judge(with_policy(UNDECIDED, strict=False), CAP).blocked


@pytest.mark.parametrize("strict", [True, False])
def test_the_command_line_decides_strictness_when_it_says_so(strict: bool) -> None:
    report = judge(with_policy(UNDECIDED, strict=not strict), CAP, strict=strict)
    assert report.blocked is strict
    assert report.strict is strict


def test_an_environment_whose_strictness_is_unknown_is_strict() -> None:
    assert status(with_policy(UNDECIDED, strict=UNKNOWN), CAP) is Status.BLOCKED


def test_an_advisory_environment_only_warns() -> None:
    resources = with_policy(changed(SERVICE, {}, without=("owner",)), level="advisory")
    assert status(resources, OWNERSHIP) is Status.WARNED


def test_an_advisory_rule_never_blocks() -> None:
    assert status(compliant(), "INF-LIC-008") is Status.WARNED


def test_a_resource_outside_any_environment_is_judged_strictly_and_undecided_about_places() -> None:
    stray = resource("aws:s3/bucket:Bucket", "stray", {"region": "us-east-1"})
    report = judge({**compliant(), stray.urn: stray}, "INF-RES-002")
    (finding,) = report.findings
    assert finding.outcome is Outcome.INDETERMINATE
    assert finding.status is Status.BLOCKED
    assert "does not belong to an InferenceEnvironment" in finding.message


def rule(check: object, *, types: tuple[str, ...] = ("kubernetes:*",)) -> ResourceRule:
    return ResourceRule(
        id="INF-SEC-900",
        title="t",
        severity=Severity.LOW,
        rationale="r",
        remediation="m",
        url="https://x",
        types=types,
        check=check,  # type: ignore[arg-type]
    )


def run(check: object, resources: dict[str, Resource]) -> tuple[str, ...]:
    report = evaluate(tuple(resources.values()), (rule(check),), knowledge=KNOWLEDGE, today=TODAY)
    return tuple(finding.message for finding in report.findings)


def test_secrets_are_kept_out_of_messages() -> None:
    def leaky(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
        del resource, context
        yield fail(f"the value is {view.text('password')}")

    resources = changed(DEPLOYMENT, {"password": Secret("hunter2-and-more")})
    assert run(leaky, {DEPLOYMENT: resources[DEPLOYMENT]}) == ("the value is [secret]",)


def test_secrets_of_other_resources_are_kept_out_too() -> None:
    def leaky(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
        del view, resource, context
        yield fail("hunter2-and-more")

    holder = resource("aws:x/y:Z", "z", {"deep": [{"value": Secret({"inner": "hunter2-and-more"})}]})
    resources = {DEPLOYMENT: compliant()[DEPLOYMENT], holder.urn: holder}
    assert run(leaky, resources) == ("[secret]",)


def test_what_was_found_before_an_unknown_value_is_kept() -> None:
    def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
        del resource, context
        yield fail("first")
        view.text("metadata")

    messages = run(check, {DEPLOYMENT: compliant()[DEPLOYMENT]})
    assert messages[0] == "first"
    assert len(messages) == 2


def test_a_rule_may_name_another_resource() -> None:
    def check(context: Context) -> Iterator[Verdict]:
        del context
        yield indeterminate("about the bucket", urn=BUCKET)

    whole = EnvironmentRule(
        id="INF-SEC-901",
        title="t",
        severity=Severity.LOW,
        rationale="r",
        remediation="m",
        url="https://x",
        check=check,
    )
    report = evaluate(tuple(compliant().values()), (whole,), knowledge=KNOWLEDGE, today=TODAY)
    assert [(found.urn, found.name) for found in report.findings] == [(BUCKET, "weights")]


def test_findings_come_blocked_first_then_by_rule() -> None:
    resources = changed(SERVICE, {"revision": "main"}, without=("owner",))
    report = evaluate(tuple(resources.values()), tuple(reversed(_rules())), knowledge=KNOWLEDGE, today=TODAY)
    keys = [(finding.status is not Status.BLOCKED, finding.rule) for finding in report.findings]
    assert keys == sorted(keys)
    assert report.blocked


def _rules() -> tuple[object, ...]:
    from policies.rules import RULES

    return RULES


def test_the_same_input_gives_the_same_report() -> None:
    resources = tuple(compliant().values())
    first = evaluate(resources, _rules(), knowledge=KNOWLEDGE, today=TODAY)  # type: ignore[arg-type]
    again = evaluate(resources, _rules(), knowledge=KNOWLEDGE, today=TODAY)  # type: ignore[arg-type]
    assert first == again


def test_an_environment_level_that_means_nothing_counts_as_mandatory() -> None:
    resources = with_policy(changed(SERVICE, {}, without=("owner",)), level="whatever")
    (finding,) = judge(resources, OWNERSHIP).findings
    assert finding.level is Level.MANDATORY


def test_a_workload_owns_its_findings() -> None:
    stray = replace(compliant()[DEPLOYMENT], inputs={"spec": {}})
    assert stray.parent == SERVICE
    resources = changed(DEPLOYMENT, {"spec.template.spec.hostPID": True})
    (finding,) = judge(resources, "INF-SEC-009").findings
    assert finding.workload == "chat"
