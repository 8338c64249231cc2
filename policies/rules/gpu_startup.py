"""INF-GPU-004: servers may take as long to start as loading takes before they are restarted."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from inferstack.policy.servers import SERVER_TYPES, gpu_containers, service_of
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import Undecided, View


def seconds(probe: View, key: str, default: int) -> Decimal:
    stated = probe.number(key)
    return Decimal(default) if stated is None else stated


def window_s(probe: View) -> Decimal:
    """What a probe allows before it gives up, with Kubernetes' defaults where it is silent."""
    tries = seconds(probe, "periodSeconds", 10) * seconds(probe, "failureThreshold", 3)
    return seconds(probe, "initialDelaySeconds", 0) + tries


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    service = service_of(context, resource)
    for container in gpu_containers(resource, view):
        probe = container.view.view("startupProbe")
        if not probe.names():
            if container.view.view("livenessProbe").names():
                yield fail(f"container {container.name} has a liveness probe and no startup probe")
            continue
        expected = service.number("coldStartS") if service is not None else None
        if expected is None:
            raise Undecided("the cold start is not stated")
        allowed = window_s(probe)
        if allowed < expected:
            yield fail(
                f"container {container.name} is restarted after {allowed} s, "
                f"and its cold start takes {expected} s"
            )


RULE = ResourceRule(
    id="INF-GPU-004",
    title="Startup probes outlast the cold start",
    severity=Severity.HIGH,
    rationale=(
        "A probe that gives up while weights load restarts the server, which loads them again: it never "
        "comes up, and looks like a crash."
    ),
    remediation="Give the startup probe failureThreshold periods that outlast the planned cold start.",
    url="https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/",
    tags=("gpu", "lifecycle"),
    types=SERVER_TYPES,
    check=check,
)
