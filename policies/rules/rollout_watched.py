"""INF-REL-006: a new version shares production's callers only where its limits are watched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import yaml

from inferstack.plain_yaml import parse_yaml
from inferstack.policy.about import required_environment
from inferstack.policy.deployed_routes import GATEWAY_TYPE, deployed, workloads_behind
from inferstack.policy.over import over
from inferstack.policy.types import Context, EnvironmentRule, Severity, Verdict, fail, not_applicable
from inferstack.resources import Resource, ResourceIndex
from inferstack.view import Undecided, View

ALERT: Final = "RolloutLimitBroken"
RULES: Final = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"
MANAGED_RULES: Final = "aws:amp/ruleGroupNamespace:RuleGroupNamespace"


def watched(resources: ResourceIndex) -> set[str]:
    """Workloads whose limits some deployed rule compares."""
    found = [View(one.inputs).view("spec") for one in resources.of_type(RULES)]
    found += [_managed(View(one.inputs)) for one in resources.of_type(MANAGED_RULES)]
    alerts = (rule for spec in found for group in spec.views("groups") for rule in group.views("rules"))
    return {rule.view("labels").required_text("workload") for rule in alerts if rule.text("alert") == ALERT}


def _managed(inputs: View) -> View:
    try:
        return View(parse_yaml(inputs.required_text("data")), "data")
    except yaml.YAMLError:
        raise Undecided("data is not YAML, so its alerts are not known") from None


def check(context: Context) -> Iterator[Verdict]:
    gateways = context.resources.of_type(GATEWAY_TYPE)
    if not gateways:
        yield not_applicable("no gateway")

    def judged(gateway: Resource) -> Iterator[Verdict]:
        if not required_environment(context, gateway).production:
            yield not_applicable("the environment is not production")
            return
        config = deployed(context.resources, gateway)
        for group in config.entrances:
            members = [one for one in config.members if one.group == group and one.service]
            behind = (workloads_behind(context.resources, one) for one in members)
            versions = sorted({workload.name for found in behind for workload in found})
            if len(versions) > 1 and not watched(context.resources) & set(versions):
                yield fail(
                    f"{group}: {' and '.join(versions)} share its callers, and no {ALERT} watches either"
                )

    yield from over(gateways, judged)


RULE = EnvironmentRule(
    id="INF-REL-006",
    title="A new version's share is watched",
    severity=Severity.HIGH,
    rationale=(
        "A share of the callers is sent to a new version to find out whether it is good; without metrics, "
        "only they find out."
    ),
    remediation="Give the environment monitoring (not stack: none) before a new version gets traffic.",
    url="https://sre.google/workbook/canarying-releases/",
    tags=("availability", "gateway"),
    frameworks=("SOC2 A1.2",),
    check=check,
)
