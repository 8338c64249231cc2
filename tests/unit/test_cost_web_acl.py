"""WAF web ACLs: the ACL, its rules, the requests it inspects."""

from __future__ import annotations

from cost_graphs import ENVIRONMENT, amounts, resource, workload

from inferstack.resources import UNKNOWN, Resource


def acl(rules: object) -> Resource:
    return resource("aws:wafv2/webAcl:WebAcl", "waf", {"rules": rules}, parent=ENVIRONMENT)


def test_the_list_its_rules_and_requests_by_hand() -> None:
    # $5, 2 rules x $1, 0.73 M requests x $0.60
    assert amounts(acl([{"name": "a"}, {"name": "b"}]), workload()) == ["5.00", "2.00", "0.44"]


def test_unknown_rules_and_traffic_are_gaps() -> None:
    assert amounts(acl(UNKNOWN), workload(requestsPerDay=UNKNOWN)) == ["5.00", None, None]
