"""A web ACL for the gateway: bad reputations and floods out, prompts left alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import pulumi

from components import naming

if TYPE_CHECKING:
    from components.base import Component

REQUESTS_PER_FIVE_MINUTES: Final = 6000
"""Per source address: 20 a second."""


class WebAcl(pulumi.CustomResource):
    """``aws:wafv2/webAcl:WebAcl`` as a plain document.

    The generated module costs a second and 80 MB to import, for 2.8 MB of argument classes of which this
    uses five.
    """

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("aws:wafv2/webAcl:WebAcl", name, {**inputs, "arn": None}, opts)

    @property
    @pulumi.getter
    def arn(self) -> pulumi.Output[str]:
        arn: pulumi.Output[str] = pulumi.get(self, "arn")
        return arn


def web_acl(parent: Component) -> WebAcl:
    name = naming.logical(parent.name, "waf")
    return WebAcl(name, web_acl_inputs(name), parent.child())


def web_acl_inputs(name: str) -> dict[str, Any]:
    """Managed body rules are absent on purpose: prompts with code, SQL or long texts would be blocked."""
    return {
        "scope": "REGIONAL",
        "description": "inferstack gateway: reputation lists and rate limits",
        "defaultAction": {"allow": {}},
        "rules": [
            _rule(
                0,
                "ip-reputation",
                {"managedRuleGroupStatement": _managed("AWSManagedRulesAmazonIpReputationList")},
            )
            | {"overrideAction": {"none": {}}},
            _rule(1, "rate", {"rateBasedStatement": _rate()}) | {"action": {"block": {}}},
        ],
        "visibilityConfig": _visibility(name),
    }


def _rule(priority: int, name: str, statement: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "priority": priority,
        "statement": dict(statement),
        "visibilityConfig": _visibility(name),
    }


def _managed(name: str) -> dict[str, str]:
    return {"name": name, "vendorName": "AWS"}


def _rate() -> dict[str, Any]:
    return {"limit": REQUESTS_PER_FIVE_MINUTES, "aggregateKeyType": "IP", "evaluationWindowSec": 300}


def _visibility(metric: str) -> dict[str, Any]:
    # sampled requests would keep headers, API keys among them
    return {"metricName": metric, "cloudwatchMetricsEnabled": True, "sampledRequestsEnabled": False}
