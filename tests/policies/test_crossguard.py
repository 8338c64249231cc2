"""The CrossGuard adapter: the SDK's proxies become plain values, and both hosts give the same verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from policy_graphs import (
    BUCKET,
    CLUSTER,
    ENVIRONMENT,
    KNOWLEDGE,
    RULES,
    SERVICE,
    TODAY,
    changed,
    compliant,
    resource,
)
from pulumi_policy import (
    EnforcementLevel,
    PolicyCustomTimeouts,
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_OBJECT_VALUE, UNKNOWN_STRING_VALUE, unknown_checking_proxy
from test_waivers import waived

from inferstack.policy.run import evaluate
from inferstack.policy.types import Level, Status
from inferstack.resources import UNKNOWN, Resource
from policies.crossguard import MEMORY, NOTES, Memory, plain, policies

Reported = set[tuple[str, str | None]]


def wire(value: Any) -> Any:
    """A value as the engine sends it: unknown as its sentinel, numbers as floats."""
    if value is UNKNOWN:
        return UNKNOWN_STRING_VALUE
    if isinstance(value, Mapping):
        return {key: wire(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [wire(inner) for inner in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def options(found: Resource) -> PolicyResourceOptions:
    timeouts = PolicyCustomTimeouts(0, 0, 0)
    return PolicyResourceOptions(False, [], False, [], timeouts, [], found.parent)


def provider(found: Resource, by_urn: Mapping[str, Resource]) -> PolicyProviderResource | None:
    known = by_urn.get(found.provider or "")
    if known is None:
        return None
    return PolicyProviderResource(
        known.type, unknown_checking_proxy(wire(dict(known.inputs))), known.urn, known.name
    )


def run_pack(resources: Iterable[Resource], *, outputs: Mapping[str, Any] | None = None) -> Reported:
    """What the pack reports: each resource by itself, parents first, then all of them."""
    ordered = tuple(resources)
    by_urn = {found.urn: found for found in ordered}
    pack = policies(RULES, Memory(knowledge=KNOWLEDGE, today=TODAY))
    reported: Reported = set()
    for found in ordered:
        props = unknown_checking_proxy(wire(dict(found.inputs)))
        args = ResourceValidationArgs(
            found.type, props, found.urn, found.name, options(found), provider(found, by_urn), {}
        )
        for policy in pack:
            if isinstance(policy, ResourceValidationPolicy):
                _validate(policy, args, reported, found.urn)
    shown = {found.urn: _shown(found, by_urn, outputs) for found in ordered}
    for found in ordered:
        shown[found.urn].parent = shown.get(found.parent or "")
        links = found.property_dependencies.items()
        shown[found.urn].property_dependencies = {
            key: [shown[urn] for urn in urns if urn in shown] for key, urns in links
        }
    for policy in pack:
        if isinstance(policy, StackValidationPolicy):
            _validate(policy, StackValidationArgs(list(shown.values()), {}), reported, None)
    return reported


def _shown(
    found: Resource, by_urn: Mapping[str, Resource], outputs: Mapping[str, Any] | None
) -> PolicyResource:
    values = wire(dict(found.inputs)) if outputs is None else dict(outputs)
    return PolicyResource(
        found.type,
        unknown_checking_proxy(values),
        found.urn,
        found.name,
        options(found),
        provider(found, by_urn),
        None,
        [],
        {},
    )


def _validate(policy: Any, args: Any, reported: Reported, own: str | None) -> None:
    from pulumi_policy.policy import _NotApplicableError  # the SDK raises it through `not_applicable`

    def report(message: str, urn: str | None = None) -> None:
        assert message
        reported.add((policy.name, urn or own))

    try:
        policy.validate(args, report)
    except _NotApplicableError:
        return


def offline(resources: Iterable[Resource]) -> Reported:
    """The same from the offline runner: what blocks and what advisory rules warn of."""
    report = evaluate(tuple(resources), RULES, knowledge=KNOWLEDGE, today=TODAY)
    advisory = {rule.id for rule in RULES if rule.level is Level.ADVISORY}
    return {
        (finding.rule, finding.urn)
        for finding in report.findings
        if finding.status is Status.BLOCKED or (finding.status is Status.WARNED and finding.rule in advisory)
    }


REPLICA = resource("aws:s3/bucket:Bucket", "abroad", {"region": "us-east-1"}, parent=ENVIRONMENT)
CASES = {
    "compliant": compliant(),
    "licence": changed(SERVICE, {"model": "CohereLabs/c4ai-command-r-plus"}, without=("licence",)),
    "users": changed(SERVICE, {"usage.monthlyActiveUsers": 800_000_000}),
    "unknown users": changed(SERVICE, {"usage.monthlyActiveUsers": UNKNOWN}),
    "a bucket abroad": {**compliant(), REPLICA.urn: REPLICA},
    "an open cluster": changed(CLUSTER, {"vpcConfig.endpointPublicAccess": True}),
    "an open cluster, not strict": {
        **changed(SERVICE, {"usage.monthlyActiveUsers": UNKNOWN}),
        ENVIRONMENT: changed(ENVIRONMENT, {"policy.strict": False})[ENVIRONMENT],
    },
    "advisory": {
        **changed(SERVICE, {}, without=("owner",)),
        ENVIRONMENT: changed(ENVIRONMENT, {"policy.level": "advisory"})[ENVIRONMENT],
    },
    "waived": waived(),
    "outside any environment": {urn: found for urn, found in compliant().items() if urn == BUCKET},
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_both_hosts_report_the_same(case: str) -> None:
    resources = tuple(CASES[case].values())
    assert {found for found in run_pack(resources) if found[0] != NOTES} == offline(resources)


def test_the_case_with_a_violation_is_reported_at_all() -> None:
    assert ("INF-LIC-003", SERVICE) in run_pack(CASES["users"].values())
    assert ("INF-RES-002", REPLICA.urn) in run_pack(CASES["a bucket abroad"].values())


def test_rules_on_the_whole_judge_inputs_even_where_outputs_say_nothing() -> None:
    """Components have no outputs in the engine's final list."""
    resources = tuple(CASES["licence"].values())
    assert run_pack(resources, outputs={}) == run_pack(resources)


@pytest.mark.parametrize("case", ["an open cluster, not strict", "advisory", "waived"])
def test_what_does_not_block_is_still_reported_as_a_note(case: str) -> None:
    assert any(name == NOTES for name, _ in run_pack(CASES[case].values()))


def test_nothing_is_noted_where_everything_is_in_order() -> None:
    assert not any(name == NOTES for name, _ in run_pack(compliant().values()))


def test_proxies_become_plain_values_and_sentinels_unknown() -> None:
    props = unknown_checking_proxy(
        {
            "text": "a",
            "whole": 3.0,
            "part": 0.5,
            "flag": True,
            "nothing": None,
            "unknown": UNKNOWN_STRING_VALUE,
            "list": [{"deep": UNKNOWN_OBJECT_VALUE}, UNKNOWN_STRING_VALUE],
        }
    )
    assert plain(props) == {
        "text": "a",
        "whole": 3,
        "part": 0.5,
        "flag": True,
        "nothing": None,
        "unknown": UNKNOWN,
        "list": [{"deep": UNKNOWN}, UNKNOWN],
    }


def test_every_rule_is_a_policy_of_its_level_between_memory_and_notes() -> None:
    pack = policies(RULES, Memory(knowledge=KNOWLEDGE, today=TODAY))
    assert pack[0].name == MEMORY
    assert pack[-1].name == NOTES
    levels = {policy.name: policy.enforcement_level for policy in pack[1:-1]}
    assert set(levels) == {rule.id for rule in RULES}
    assert levels["INF-LIC-002"] is EnforcementLevel.MANDATORY
    assert levels["INF-LIC-008"] is EnforcementLevel.ADVISORY


def test_an_update_replaces_what_a_preview_left_unknown() -> None:
    memory = Memory(knowledge=KNOWLEDGE, today=TODAY)
    for value in (UNKNOWN_STRING_VALUE, "eu-west-1"):
        args = ResourceValidationArgs(
            "aws:s3/bucket:Bucket",
            unknown_checking_proxy({"region": value}),
            "urn",
            "b",
            options(compliant()[BUCKET]),
            None,
            {},
        )
        memory.remember(args)
    assert memory.recall(args).inputs == {"region": "eu-west-1"}
