"""A web ACL for the gateway: bad reputations and floods out, prompts left alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from components import naming
from components.wire import WireResource, web_acl_resource

if TYPE_CHECKING:
    from components.base import Component

REQUESTS_PER_FIVE_MINUTES: Final = 6000
"""Per source address: 20 a second."""


def web_acl(parent: Component) -> WireResource:
    name = naming.logical(parent.name, "waf")
    return web_acl_resource(name, web_acl_inputs(name), parent.child())


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
