"""WAF web ACLs: the ACL, its rules, the requests it inspects."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from inferstack.cost import traffic
from inferstack.cost.item import Item, Line, Pricing, known
from inferstack.resources import Resource
from inferstack.view import View

PER_MILLION = Decimal(1_000_000)


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    yield pricing.service("waf-web-acl-month", resource, Decimal(1))
    rules = known(lambda: Decimal(len(view.views("rules"))))
    yield pricing.service("waf-rule-month", resource, rules)
    volume = traffic.total(pricing.workloads)
    requests = None if volume is None else volume.requests / PER_MILLION
    yield pricing.service("waf-requests-1m", resource, requests, assumption="the workloads' traffic")


ITEM = Item(id="web-acl", title="Web ACL", service="WAF", types=("aws:wafv2/webAcl:WebAcl",), lines=lines)
