"""Quotas of VPCs and elastic addresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from inferstack.preflight.needs import OWN_TAG
from inferstack.preflight.quotas import ELASTIC_IPS, VPCS, limit, quotas, request_line
from inferstack.preflight.types import Check, Finding, Status, Subject


def _run(subject: Subject) -> Iterator[Finding]:
    needs, account = subject.needs, subject.account
    if needs.vpcs:
        vpcs = list(account.pages("ec2", "describe_vpcs", "Vpcs"))
        yield _judge(VPCS, needs.vpcs, _others(vpcs, needs.environment), subject)
    if needs.elastic_ips:
        addresses = account.call("ec2", "describe_addresses")["Addresses"]
        yield _judge(ELASTIC_IPS, needs.elastic_ips, _others(addresses, needs.environment), subject)


def _others(found: Sequence[Any], environment: str) -> int:
    """How many are not this environment's own."""
    tags = ({tag["Key"]: tag["Value"] for tag in one.get("Tags", [])} for one in found)
    return sum(own.get(OWN_TAG) != environment for own in tags)


def _judge(code: str, needed: int, used: int, subject: Subject) -> Finding:
    quota, region = quotas()[code], subject.needs.region
    allowed = limit(subject.account, quota)
    enough = allowed - used >= needed
    return Finding(
        check="network-quota",
        status=Status.OK if enough else Status.FAIL,
        what=f"{quota} is {allowed:,.0f}, {used:,} used by others; needed: {needed:,}",
        where=region,
        fix=None if enough else request_line(quota, region, used + needed),
    )


NETWORK_QUOTA = Check(id="network-quota", title="VPC and address quotas", run=_run)
