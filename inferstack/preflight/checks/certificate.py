"""The gateway's certificate: usable when it exists; able to be validated when it is requested."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, Final

from inferstack.preflight.aws import ApiError
from inferstack.preflight.needs import GatewayNeeds
from inferstack.preflight.types import Check, Finding, Status, Subject

RENEW_DAYS: Final = 30
_Verdict = tuple[Status, str, str | None]


def _run(subject: Subject) -> Iterator[Finding]:
    for gateway in subject.needs.gateways:
        if gateway.tls == "none":
            continue
        if gateway.certificate_arn is None:
            verdicts = [_requested(gateway, subject)]
        else:
            verdicts = list(_existing(gateway, gateway.certificate_arn, subject))
        for status, what, fix in verdicts:
            yield Finding(check="certificate", status=status, what=what, where=gateway.host, fix=fix)


def _existing(gateway: GatewayNeeds, arn: str, subject: Subject) -> Iterator[_Verdict]:
    try:
        found = subject.account.call("acm", "describe_certificate", CertificateArn=arn)["Certificate"]
    except ApiError as error:
        if error.code != "ResourceNotFoundException":
            raise
        yield Status.FAIL, f"{arn} does not exist", "gateway.certificateArn of one that does, or none"
        return
    problems = [*_state(found), *_names(found, gateway.host), *_end(found, subject.today)]
    yield from problems or [(Status.OK, f"{arn} is issued for {gateway.host}", None)]


def _state(found: Mapping[str, Any]) -> Iterator[_Verdict]:
    if found["Status"] != "ISSUED":
        yield (
            Status.FAIL,
            f"the certificate is {found['Status']}",
            "validate it first (its DNS record), or another",
        )


def _names(found: Mapping[str, Any], host: str) -> Iterator[_Verdict]:
    names = {found.get("DomainName"), *found.get("SubjectAlternativeNames", [])}
    wildcard = f"*.{host.partition('.')[2]}"
    if not {host, wildcard} & names:
        held = ", ".join(sorted(name for name in names if name))
        yield Status.FAIL, f"the certificate is for {held}", f"a certificate for {host}"


def _end(found: Mapping[str, Any], today: dt.date) -> Iterator[_Verdict]:
    end = found.get("NotAfter")
    if end is None:
        return
    left = (end.date() - today).days
    fix = "ACM renews while its DNS record stands; import a new one if it was imported"
    if left < 0:
        yield Status.FAIL, f"the certificate expired {end:%Y-%m-%d}", fix
    elif left < RENEW_DAYS:
        yield Status.WARN, f"the certificate expires {end:%Y-%m-%d}", fix


def _requested(gateway: GatewayNeeds, subject: Subject) -> _Verdict:
    """`up` waits for the validation record: whoever holds the domain must set it meanwhile."""
    issued = _issued(gateway.host, subject)
    if issued is not None:
        return Status.OK, f"{issued} is issued for {gateway.host} already", None
    zone = _zone(gateway.host, subject)
    region = subject.needs.region
    record = (
        f"while `up` waits: aws acm list-certificates --region {region}, describe-certificate shows the CNAME"
    )
    if zone is None:
        what = "a certificate is requested, and no public hosted zone of this account holds the domain"
        return Status.WARN, what, f"{record}; set it where the domain is kept, or name gateway.certificateArn"
    what = f"a certificate is requested; its validation record belongs into hosted zone {zone}"
    return Status.WARN, what, f"{record}; set it there"


def _issued(host: str, subject: Subject) -> str | None:
    found = subject.account.pages(
        "acm", "list_certificates", "CertificateSummaryList", CertificateStatuses=["ISSUED"]
    )
    return next((one["CertificateArn"] for one in found if one["DomainName"] == host), None)


def _zone(host: str, subject: Subject) -> str | None:
    """The public hosted zone nearest to the host."""
    zones = subject.account.pages("route53", "list_hosted_zones", "HostedZones")
    public = [zone["Name"] for zone in zones if not zone.get("Config", {}).get("PrivateZone")]
    holding = [name for name in public if f"{host}.".endswith(f".{name}") or f"{host}." == name]
    return max(holding, key=len, default="").rstrip(".") or None


CERTIFICATE = Check(id="certificate", title="Certificate of the gateway", run=_run)
