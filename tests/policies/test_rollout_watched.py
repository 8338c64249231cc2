"""INF-REL-006: a new version shares production's callers only where it is watched."""

from __future__ import annotations

from typing import Any

import yaml
from gateway_graphs import ADDRESS, OWN, config, entry, gateway
from policy_graphs import ENVIRONMENT, SERVICE, STACK, compliant, messages, outcome, resource

from inferstack.policy.types import Outcome
from inferstack.resources import UNKNOWN, Resource
from tests.components import builders
from tests.components.running import build, preview

RULE = "INF-REL-006"
NEW = {"model": "hosted_vllm/next", "api_base": "http://model-next.llm-serving.svc.cluster.local:8000/v1"}
ALERTS = {
    "groups": [{"name": "next", "rules": [{"alert": "RolloutLimitBroken", "labels": {"workload": "next"}}]}]
}


def shared(alerts: Any = ALERTS, *, managed: bool = False, production: bool = True) -> dict[str, Resource]:
    """Callers of ``chat`` reach two versions."""
    resources = gateway(config(entry("chat", OWN), entry("chat", NEW), entry("next", NEW)))
    old = resources[SERVICE]
    service = resource(old.type, "next", {**old.inputs, "workload": "next"}, parent=ENVIRONMENT)
    address = resource(
        resources[ADDRESS].type,
        "model-next",
        {"metadata": {"name": "model-next", "namespace": "llm-serving"}},
        parent=f"{STACK}{old.type}::next",
    )
    made = [service, address]
    if managed:
        kind = "aws:amp/ruleGroupNamespace:RuleGroupNamespace"
        text = yaml.safe_dump(alerts) if isinstance(alerts, dict) else alerts
        made.append(resource(kind, "rules", {"data": text}, parent=ENVIRONMENT))
    elif alerts is not None:
        kind = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"
        made.append(resource(kind, "rules", {"spec": alerts}, parent=ENVIRONMENT))
    found = resources | {one.urn: one for one in made}
    if not production:
        place = found[ENVIRONMENT]
        inputs = {**place.inputs, "production": False}
        found[ENVIRONMENT] = resource(place.type, "prod-eu", inputs)
    return found


def test_without_a_gateway_there_is_nothing_to_judge() -> None:
    assert outcome(compliant(), RULE) is Outcome.NOT_APPLICABLE


def test_one_version_needs_no_alert() -> None:
    assert outcome(gateway(), RULE) is Outcome.PASS


def test_a_share_that_is_watched_passes_in_either_place() -> None:
    assert outcome(shared(), RULE) is Outcome.PASS
    assert outcome(shared(managed=True), RULE) is Outcome.PASS


def test_a_share_that_nobody_watches_fails() -> None:
    assert outcome(shared(None), RULE) is Outcome.FAIL
    assert "chat and next share its callers" in messages(shared(None), RULE)
    assert outcome(shared({"groups": []}), RULE) is Outcome.FAIL


def test_the_alert_of_another_workload_watches_nothing() -> None:
    other = yaml.safe_load(yaml.safe_dump(ALERTS).replace("workload: next", "workload: embed"))
    assert outcome(shared(other), RULE) is Outcome.FAIL


def test_development_may_try() -> None:
    assert outcome(shared(None, production=False), RULE) is Outcome.NOT_APPLICABLE


def test_what_is_not_known_is_undecided() -> None:
    assert outcome(shared(UNKNOWN), RULE) is Outcome.INDETERMINATE
    assert outcome(shared(UNKNOWN, managed=True), RULE) is Outcome.INDETERMINATE
    assert outcome(shared("{", managed=True), RULE) is Outcome.INDETERMINATE


def test_what_synth_makes_passes_and_without_monitoring_fails() -> None:
    """The alert is there whenever its version shares callers, under the name that the rule looks for."""
    from policies.rules import rollout_watched

    rollout = {"strategy": "canary", "replaces": "chat", "traffic": 25}
    for stack, wanted in (("prometheus", {"next"}), ("amp", {"next"}), ("none", set())):
        pairs = [builders.small_plan(workload=name, served_model_name=name) for name in ("chat", "next")]
        workloads = [
            builders.workload("chat", "Qwen/Qwen3-8B"),
            builders.workload("next", "Qwen/Qwen3-8B", rollout=rollout),
        ]
        spec = builders.environment(
            "prod",
            cloud={"account": "123456789012", "region": "us-west-2", "zones": 2},
            gateway={"host": "llm.example.com"},
            monitoring={"stack": stack},
        )
        made = preview(
            build(builders.arguments(spec, builders.US_ZONES, *zip(workloads, pairs, strict=True)))
        )
        assert rollout_watched.watched(made) == wanted, stack
