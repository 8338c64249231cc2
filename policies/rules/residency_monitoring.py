"""INF-RES-010: metrics, logs and traces go to destinations whose place is known and allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from inferstack.policy.about import required_environment
from inferstack.policy.places import host_regions
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, indeterminate, not_applicable
from inferstack.resources import Resource
from inferstack.view import View, known_texts

DESTINATION: Final = re.compile(
    r"remote_?write|otlp|exporter|telemetry|traces?_?endpoint|webhook|log_?destination", re.I
)
URL: Final = re.compile(r"(?:https?|grpc)://([A-Za-z0-9.-]+)")
INSIDE: Final = re.compile(r"(?:localhost|127\.0\.0\.1|[a-z0-9-]+|.*\.(?:svc|local|internal))", re.I)
"""Hosts inside the cluster or the VPC: one word, or a name under svc, local or internal."""


def destinations(values: object) -> Iterator[tuple[str, str]]:
    """Path and host of every address that stands where telemetry is sent to."""
    for path, text in known_texts(values):
        for line in text.splitlines():
            for url in URL.finditer(line):
                if DESTINATION.search(path) or DESTINATION.search(line[: url.start()]):
                    yield path, url[1]


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    residency = required_environment(context, resource).residency
    if not residency:
        yield not_applicable("the environment states no residency")
        return
    for path, host in sorted(set(destinations(view.values))):
        if not INSIDE.fullmatch(host) and not tuple(host_regions(host)):
            yield indeterminate(f"{path} sends telemetry to {host}, whose place is not established")


RULE = ResourceRule(
    id="INF-RES-010",
    title="Telemetry goes to places that are known",
    severity=Severity.MEDIUM,
    rationale="Sampled requests and labels carry what users wrote; a hosted backend may be anywhere.",
    remediation=(
        "Send telemetry inside the cluster or to AWS in region, or waive the host after reviewing its "
        "contract."
    ),
    url="https://gdpr-info.eu/art-28-gdpr/",
    tags=("data", "monitoring"),
    frameworks=("GDPR Art. 28",),
    types=("kubernetes:*",),
    check=check,
)
