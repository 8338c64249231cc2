"""Service quotas: what counts against one, its limit in the account, how to have it raised."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from inferstack.plain_yaml import read_yaml
from inferstack.preflight.aws import ApiError

if TYPE_CHECKING:
    from inferstack.preflight.aws import Account

DATA: Final = Path(__file__).parent / "data" / "quotas.yaml"
STANDARD: Final = {"on-demand": "L-1216C47A", "spot": "L-34B43A08"}
ELASTIC_IPS: Final = "L-0263D0A3"
VPCS: Final = "L-F678F1CE"
Kind = Literal["on-demand", "spot", "count"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    code: str
    service: str
    kind: Kind
    families: tuple[str, ...]
    name: str

    def __str__(self) -> str:
        return f'"{self.name}" ({self.code})'

    def counts(self, instance_type: str, kind: str) -> bool:
        """Whether a running instance of this type, bought this way, uses it."""
        series = re.match(r"([a-z]+)\d?", instance_type)
        return (
            kind == self.kind and series is not None and not {series[0], series[1]}.isdisjoint(self.families)
        )


@cache
def quotas() -> dict[str, Quota]:
    """All quotas known here, by code."""
    entries = read_yaml(DATA)["quotas"]
    found = (Quota(**{**entry, "families": tuple(entry["families"])}) for entry in entries)
    return {quota.code: quota for quota in found}


def limit(account: Account, quota: Quota) -> float:
    """The account's limit, or AWS's default where it never had another. ApiError when AWS is silent."""
    wanted = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    try:
        answer = account.call("service-quotas", "get_service_quota", **wanted)
    except ApiError as error:
        if error.code != "NoSuchResourceException":
            raise
        answer = account.call("service-quotas", "get_aws_default_service_quota", **wanted)
    return float(answer["Quota"]["Value"])


def request_line(quota: Quota, region: str, desired: float) -> str:
    """The command that asks AWS for more."""
    return (
        f"aws service-quotas request-service-quota-increase --service-code {quota.service}"
        f" --quota-code {quota.code} --desired-value {ceil(desired)} --region {region}"
    )
