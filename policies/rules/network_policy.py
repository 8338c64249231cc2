"""INF-SEC-008: every model server has a NetworkPolicy that limits who may call it."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.facts import WORKLOAD_TYPE
from inferstack.policy.over import over
from inferstack.policy.types import Context, EnvironmentRule, Severity, Verdict, fail, not_applicable
from inferstack.resources import Resource
from inferstack.view import View

POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"


def limits_ingress(policy: Resource) -> bool:
    """Restricts ingress and does not then allow it from everywhere."""
    spec = View(policy.inputs).view("spec")
    types = spec.texts("policyTypes")
    if types and "Ingress" not in types:
        return False
    return all(rule.views("from") for rule in spec.views("ingress"))


def check(context: Context) -> Iterator[Verdict]:
    services = context.resources.of_type(WORKLOAD_TYPE)
    if not services:
        yield not_applicable("no model server in the stack")

    def judge(service: Resource) -> Iterator[Verdict]:
        own = [p for p in context.resources.of_type(POLICY) if service in context.resources.ancestors(p)]
        if not any(limits_ingress(policy) for policy in own):
            yield fail("has no NetworkPolicy that limits ingress")

    yield from over(services, judge)


RULE = EnvironmentRule(
    id="INF-SEC-008",
    title="Model servers are behind a NetworkPolicy",
    severity=Severity.HIGH,
    rationale=(
        "vLLM's API key covers few paths; pause, tokenize, metrics and the like answer anyone who can "
        "connect."
    ),
    remediation="Allow ingress from the gateway and the monitoring namespace only.",
    url="https://docs.vllm.ai/en/latest/usage/security.html",
    tags=("vllm", "network"),
    frameworks=("CIS Kubernetes 5.3.2",),
    check=check,
)
